# SPDX-License-Identifier: Apache-2.0
"""The demo's set: a jointed figure (left orange, right blue), a floor, light."""

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

_COLOURS = {
    "left": (0.86, 0.34, 0.10, 1.0),
    "right": (0.10, 0.30, 0.72, 1.0),
    "middle": (0.50, 0.52, 0.55, 1.0),
    "light": (0.93, 0.93, 0.92, 1.0),
    "dark": (0.78, 0.79, 0.80, 1.0),
}
FLOOR = "Floor"
USUAL_HEIGHT_M = 1.7
"""Of a person; the figure's radii are for this height."""
_SIDES = ("left", "right", "middle")
# Radii in metres at a bone's head and tail.
_LIMBS = {
    "hip": (0.098, 0.070), "knee": (0.070, 0.046), "ankle": (0.050, 0.045), "foot": (0.045, 0.036),
    "collar": (0.062, 0.064), "shoulder": (0.062, 0.048), "elbow": (0.048, 0.034), "wrist": (0.040, 0.030),
    "neck": (0.054, 0.050),
}  # fmt: skip
# Centre along the bone (0 head, 1 tail) and half sizes left-right, front-back, up-down.
_BLOBS = {
    "pelvis": (0.2, (0.175, 0.125, 0.130)),
    "spine1": (0.3, (0.150, 0.112, 0.150)),
    "spine2": (0.6, (0.160, 0.118, 0.160)),
    "spine3": (0.40, (0.185, 0.125, 0.150)),
    "head": (0.50, (0.092, 0.112, 0.135)),
}


def _material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.get(name) or bpy.data.materials.new(name)
    material.diffuse_color = _COLOURS[name]
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    shader = material.node_tree.nodes.get("Principled BSDF")
    shader.inputs["Base Color"].default_value = _COLOURS[name]
    shader.inputs["Roughness"].default_value = 0.6
    return material


def _capsule(mesh: bmesh.types.BMesh, head: Vector, tail: Vector, radii: tuple[float, float]) -> list:
    """A rounded limb from head to tail."""
    along = tail - head
    made = bmesh.ops.create_uvsphere(mesh, u_segments=20, v_segments=14, radius=1.0)["verts"]
    turn = Vector((0, 0, 1)).rotation_difference(along).to_matrix()
    for vertex in made:
        radius, start = (radii[1], tail) if vertex.co.z > 0 else (radii[0], head)
        vertex.co = start + turn @ (vertex.co * radius)
    return made


def _blob(mesh: bmesh.types.BMesh, centre: Vector, shape: Matrix) -> list:
    return bmesh.ops.create_uvsphere(
        mesh, u_segments=24, v_segments=16, radius=1.0, matrix=Matrix.Translation(centre) @ shape
    )["verts"]


def add_body(
    rig: bpy.types.Object, bone_of: dict[str, str] | None = None, height: float = USUAL_HEIGHT_M
) -> bpy.types.Object:
    """One mesh; each part follows one bone. bone_of: joint -> bone, where the bones have other names than the joints.

    height: the rig's own in metres; it stands in the world's axes.
    """
    joint_of = {bone: joint for joint, bone in (bone_of or {name: name for name in rig.data.bones.keys()}).items()}
    to_rig = rig.matrix_world.to_3x3().inverted() @ Matrix.Scale(height / USUAL_HEIGHT_M, 3)
    size = to_rig.to_scale().x
    shape = bmesh.new()
    group_layer = shape.verts.layers.deform.verify()
    for bone in rig.data.bones:
        if (joint := joint_of.get(bone.name)) is None:
            continue
        follows = _deforming(rig, bone)
        side, _, part = joint.rpartition("_")
        if joint in _BLOBS:
            where, sizes = _BLOBS[joint]
            inner = rig.data.bones[follows]  # a control may point anywhere
            centre = inner.head_local.lerp(inner.tail_local, where)
            vertices = _blob(shape, centre, (to_rig @ Matrix.Diagonal(sizes)).to_4x4())
        else:
            radii = tuple(size * radius for radius in _LIMBS[part or joint])
            vertices = _capsule(shape, bone.head_local, bone.tail_local, radii)
        for vertex in vertices:
            vertex[group_layer][follows] = 1.0
            for face in vertex.link_faces:
                face.material_index, face.smooth = _SIDES.index(side or "middle"), True
    mesh = bpy.data.meshes.new("Figure")
    shape.to_mesh(mesh)
    shape.free()
    for name in _SIDES:
        mesh.materials.append(_material(name))
    body = bpy.data.objects.new("Figure", mesh)
    rig.users_collection[0].objects.link(body)
    for bone in rig.data.bones:
        body.vertex_groups.new(name=bone.name)
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig
    return body


def new_collection(name: str) -> bpy.types.Collection:
    made = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(made)
    return made


def _deforming(rig: bpy.types.Object, bone: bpy.types.Bone) -> int:
    """Number of the bone that bends a mesh for this one: itself, or for a control the nearest that does."""
    bones = rig.data.bones
    if bone.use_deform:
        return bones.find(bone.name)
    able = [index for index, other in enumerate(bones) if other.use_deform]
    return min(able, key=lambda i: (bones[i].head_local - bone.head_local).length, default=bones.find(bone.name))


def add_floor(where: bpy.types.Collection | None = None, half_size: int = 12) -> bpy.types.Object:
    """A chequered floor of one-metre tiles, so that travel can be seen. where: its collection, else the scene's."""
    mesh, side = bpy.data.meshes.new("Floor"), 2 * half_size
    grid = np.arange(side + 1) - half_size
    x, y = np.meshgrid(grid, grid)
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)[None]).ravel()
    faces = np.stack([corner, corner + 1, corner + side + 2, corner + side + 1], axis=1)
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    for name in ("light", "dark"):
        mesh.materials.append(_material(name))
    mesh.polygons.foreach_set("material_index", (np.indices((side, side)).sum(axis=0) % 2).ravel().tolist())
    floor = bpy.data.objects.new("Floor", mesh)
    (where or bpy.context.scene.collection).objects.link(floor)
    return floor


def add_ground_edge(collection: bpy.types.Collection) -> bpy.types.Object:
    """What a level camera sees of the ground: an upright plane whose upper edge is the floor's line, at its origin."""
    mesh = bpy.data.meshes.new("Ground")
    mesh.from_pydata([(-60, -9, 0), (60, -9, 0), (60, 0, 0), (-60, 0, 0)], [], [(0, 1, 2, 3)])
    mesh.materials.append(_material("dark"))
    ground = bpy.data.objects.new("Ground", mesh)
    collection.objects.link(ground)
    return ground


def add_light() -> None:
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 3.0, 0.2
    sun.rotation_euler = (0.7, 0.2, 0.6)
    bpy.context.scene.collection.objects.link(sun)
    world = bpy.context.scene.world or bpy.data.worlds.new("World")
    bpy.context.scene.world = world
    world.color = (0.86, 0.87, 0.88)
    if bpy.app.version < (5, 0, 0):
        world.use_nodes = True
    background = world.node_tree.nodes.get("Background") if world.node_tree else None
    if background is not None:
        background.inputs["Color"].default_value = (0.86, 0.87, 0.88, 1.0)
        background.inputs["Strength"].default_value = 0.7
