# SPDX-License-Identifier: Apache-2.0
"""Characters from files, by Blender's own importers: the armature, its meshes, colours that Workbench can show."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
import stage_set
from in_blender import Failed, call
from mathutils import Matrix, Vector

_OWN_SIZE_M = (1.2, 2.5)
"""A character between these heights keeps its own; others are brought to the usual one."""
# For what brings no colours of its own.
_TINTS = ((0.62, 0.40, 0.28), (0.30, 0.45, 0.62), (0.42, 0.55, 0.32), (0.62, 0.52, 0.25), (0.50, 0.36, 0.56))


class NoArmature(Failed):
    """There is no character in the file."""


@dataclass(frozen=True)
class Character:
    """name: also its collection's. stand: an empty that carries it all. meshes: what is seen of it."""

    name: str
    stand: bpy.types.Object
    rig: bpy.types.Object
    meshes: tuple[bpy.types.Object, ...]

    @property
    def collection(self) -> bpy.types.Collection:
        return self.stand.users_collection[0]

    def points(self) -> np.ndarray:
        """(N, 3) the meshes' vertices at the current frame, in the world."""
        return np.concatenate([_vertices(mesh) for mesh in self.meshes])

    def bone_ends(self, bones: Iterable[str]) -> np.ndarray:
        """(N, 3) heads and tails at the current frame, in the world."""
        posed = [self.rig.pose.bones[bone] for bone in bones]
        return np.array([self.rig.matrix_world @ end for bone in posed for end in (bone.head, bone.tail)])

    def discard(self) -> None:
        collection = self.collection
        for obj in list(collection.objects):
            bpy.data.objects.remove(obj)
        bpy.data.collections.remove(collection)


def bring_in(path: str, number: int) -> Character:
    """Import a file's character into a collection of its own, without its animation, on a stand at the origin.

    Raises NoArmature, and Failed for what Blender cannot import.
    """
    name = Path(path).stem
    before, actions, collections = set(bpy.data.objects), set(bpy.data.actions), set(bpy.data.collections)
    try:
        call(lambda: _IMPORTERS[Path(path).suffix.lower()](path), "Blender's importer")
    except Failed as error:
        for half_made in set(bpy.data.objects) - before:
            bpy.data.objects.remove(half_made)
        raise Failed(f"'{Path(path).name}' cannot be imported: {error}") from error
    new = [obj for obj in bpy.data.objects if obj not in before]
    rig = _main_armature(new)
    if rig is None:
        raise NoArmature(
            f"There is no armature in '{Path(path).name}'. Use a character with a skeleton.", "no_armature"
        )
    members = _members(rig, new)
    _take_animation(members, set(bpy.data.actions) - actions)
    character = _put_on_stand(name, rig, members, new)
    for emptied in set(bpy.data.collections) - collections - {character.collection}:
        bpy.data.collections.remove(emptied)
    _colour(character.meshes, _TINTS[number % len(_TINTS)])
    return character


def as_character(rig: bpy.types.Object) -> Character:
    """An armature of the scene."""
    return _put_on_stand(rig.name, rig, [rig], [rig])


def _put_on_stand(
    name: str, rig: bpy.types.Object, members: list[bpy.types.Object], new: list[bpy.types.Object]
) -> Character:
    collection = stage_set.new_collection(name)
    _move(members, new, collection)
    stand = bpy.data.objects.new(name, None)
    collection.objects.link(stand)
    for obj in members:
        if obj.parent is None:
            obj.parent = stand
    return Character(collection.name, stand, rig, tuple(obj for obj in members if obj.type == "MESH"))


def stand_up(character: Character, bone_of: dict[str, str]) -> None:
    """Let it face -Y, at a size that goes with others, its lowest point on the floor. bone_of: joint -> bone."""
    rig, stand = character.rig, character.stand
    rig.data.pose_position = "REST"
    bpy.context.view_layer.update()
    at = {joint: _head(rig, bone_of[joint]) for joint in ("left_hip", "right_hip", "left_ankle", "right_ankle", "head")}
    up = (at["head"] - (at["left_ankle"] + at["right_ankle"]) / 2).normalized()

    def outline() -> np.ndarray:
        return character.points() if character.meshes else character.bone_ends(bone_of.values())

    height = float(np.ptp(outline() @ np.array(up)))
    if not _OWN_SIZE_M[0] <= height <= _OWN_SIZE_M[1]:
        stand.scale *= stage_set.USUAL_HEIGHT_M / height
    ahead = (at["left_hip"] - at["right_hip"]).cross(Vector((0, 0, 1)))
    stand.rotation_euler.z += -math.pi / 2 - math.atan2(ahead.y, ahead.x)
    bpy.context.view_layer.update()
    stand.location.z -= outline()[:, 2].min()
    rig.data.pose_position = "POSE"
    bpy.context.view_layer.update()


def _head(rig: bpy.types.Object, bone: str) -> Vector:
    return rig.matrix_world @ rig.data.bones[bone].head_local


def _vertices(mesh: bpy.types.Object) -> np.ndarray:
    """(N, 3) a mesh as it is deformed now, in the world."""
    shown = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    local = np.empty(3 * len(shown.data.vertices), dtype=np.float32)
    shown.data.vertices.foreach_get("co", local)
    world = np.array(shown.matrix_world)
    return local.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def _enable(addon: str) -> None:
    if addon not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=addon)


def _gltf(path: str) -> None:
    _enable("io_scene_gltf2")
    bpy.ops.import_scene.gltf(filepath=path)


def _fbx(path: str) -> None:
    """By what the menu offers: an importer of Blender's own since 4.5, before it an add-on."""
    if "fbx_import" in dir(bpy.ops.wm):
        bpy.ops.wm.fbx_import(filepath=path)
    else:
        _enable("io_scene_fbx")
        bpy.ops.import_scene.fbx(filepath=path)


def _bvh(path: str) -> None:
    _enable("io_anim_bvh")
    bpy.ops.import_anim.bvh(filepath=path)


def _blend(path: str) -> None:
    try:
        with bpy.data.libraries.load(path) as (there, here):
            here.objects = list(there.objects)
    except OSError as error:
        raise Failed(f"it is damaged, or was saved by a newer Blender than {bpy.app.version_string}.") from error
    for obj in here.objects:
        if obj.name not in bpy.context.scene.objects:
            bpy.context.scene.collection.objects.link(obj)


_IMPORTERS: dict[str, Callable[[str], None]] = {
    ".glb": _gltf, ".gltf": _gltf, ".vrm": _gltf, ".fbx": _fbx, ".bvh": _bvh, ".blend": _blend
}  # fmt: skip


def _follows(mesh: bpy.types.Object, rig: bpy.types.Object) -> bool:
    return any(modifier.type == "ARMATURE" and modifier.object == rig for modifier in mesh.modifiers)


def _main_armature(objects: list[bpy.types.Object]) -> bpy.types.Object | None:
    """The armature that moves most vertices; where none does, that with most bones."""

    def weight(rig: bpy.types.Object) -> tuple[int, int]:
        skinned = sum(len(o.data.vertices) for o in objects if o.type == "MESH" and _follows(o, rig))
        return skinned, len(rig.data.bones)

    return max((o for o in objects if o.type == "ARMATURE" and o.data.bones), key=weight, default=None)


def _members(rig: bpy.types.Object, objects: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The armature, what carries it, what hangs on it, and what it bends; no bones' shapes, cameras or lights."""
    shapes = {bone.custom_shape for o in objects if o.type == "ARMATURE" for bone in o.pose.bones}
    carriers = _ancestors(rig)
    return [
        obj
        for obj in objects
        if obj in (rig, *carriers)
        or obj.type in ("MESH", "EMPTY") and obj not in shapes
        and (rig in _ancestors(obj) or obj.type == "MESH" and _follows(obj, rig))
    ]  # fmt: skip


def _ancestors(obj: bpy.types.Object) -> list[bpy.types.Object]:
    found = []
    while (obj := obj.parent) is not None:
        found.append(obj)
    return found


def _take_animation(members: list[bpy.types.Object], actions: set[bpy.types.Action]) -> None:
    """Leave out the motions that came along; who was in the middle of one comes to rest."""
    for obj in members:
        data = obj.animation_data
        if data is None or (data.action is None and not data.nla_tracks):
            continue
        data.action = None
        for track in list(data.nla_tracks):
            data.nla_tracks.remove(track)
        for bone in obj.pose.bones if obj.type == "ARMATURE" else ():
            bone.matrix_basis = Matrix()
    for action in actions:
        bpy.data.actions.remove(action)


def _move(members: list[bpy.types.Object], new: list[bpy.types.Object], collection: bpy.types.Collection) -> None:
    """Members to their collection; of the rest only what their bones are drawn as stays in the file."""
    bpy.context.view_layer.update()
    kept = {bone.custom_shape for o in members if o.type == "ARMATURE" for bone in o.pose.bones}
    for obj in new:
        for owner in list(obj.users_collection):
            owner.objects.unlink(obj)
        if obj in members:
            if obj.parent is not None and obj.parent not in members:
                world, obj.parent = obj.matrix_world.copy(), None
                obj.matrix_world = world
            collection.objects.link(obj)
    for obj in new:
        if obj not in members and obj not in kept:
            bpy.data.objects.remove(obj)


def _colour(meshes: tuple[bpy.types.Object, ...], tint: tuple[float, float, float]) -> None:
    """Let Workbench show a material's picture or plain colour, and what has neither in a tint of its own."""
    for mesh in meshes:
        if not any(slot.material for slot in mesh.material_slots):
            plain = bpy.data.materials.new(mesh.name)
            plain.diffuse_color = (*tint, 1.0)
            mesh.data.materials.append(plain)
        for slot in mesh.material_slots:
            if slot.material is not None and slot.material.node_tree is not None:
                _show(slot.material, tint)


def _show(material: bpy.types.Material, tint: tuple[float, float, float]) -> None:
    nodes = material.node_tree.nodes
    shader = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        return
    base = shader.inputs["Base Color"]
    pictures = {node for node in nodes if node.type == "TEX_IMAGE" and node.image is not None}
    # A file's pictures often stayed on somebody else's disk.
    for node in [node for node in pictures if not node.image.size[0]]:
        nodes.remove(node)
    if not base.is_linked:
        lost = bool(pictures) and not any(node.type == "TEX_IMAGE" for node in nodes)
        colour = tint if lost or _is_default(base.default_value) else tuple(base.default_value)[:3]
        material.diffuse_color = base.default_value = (*colour, 1.0)
        nodes.active = shader
    elif (source := base.links[0].from_node).type == "TEX_IMAGE":
        nodes.active = source


def _is_default(colour) -> bool:
    return np.allclose(tuple(colour)[:3], 0.8, atol=1e-3) or np.allclose(tuple(colour)[:3], 1.0)
