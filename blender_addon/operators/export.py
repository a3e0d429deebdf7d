# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the target's motions to files for other programs: FBX, GLB or BVH, one file each."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import addon_utils
import bpy

from .. import compat
from ..keying import history
from ..keying.before import bones_of
from ..rig.target import character_of
from ..shared.errors import MoclipError
from .polls import has_target
from .reporting import fail, tell


def _fbx(path: str) -> None:
    bpy.ops.export_scene.fbx(
        filepath=path,
        use_selection=True,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,
        bake_anim_use_nla_strips=False,
        bake_anim_use_all_actions=False,
        bake_anim_simplify_factor=0.0,
    )


def _glb(path: str) -> None:
    # The scene as it plays: 4.2 takes other actions of the rig for its active one.
    bpy.ops.export_scene.gltf(filepath=path, export_format="GLB", use_selection=True, export_animation_mode="SCENE")


def _bvh(path: str) -> None:
    scene = bpy.context.scene
    bpy.ops.export_anim.bvh(filepath=path, frame_start=scene.frame_start, frame_end=scene.frame_end)


_FORMATS: dict[str, tuple[str, Callable[[str], None]]] = {
    "FBX": ("io_scene_fbx", _fbx),
    "GLB": ("io_scene_gltf2", _glb),
    "BVH": ("io_anim_bvh", _bvh),
}


class MOCLIP_OT_export_motions(bpy.types.Operator):
    """Write the accepted motions of the target to a folder, one file each, with the meshes that it moves"""

    bl_idname = "moclip.export_motions"
    bl_label = "Export Motions"
    bl_options = {"REGISTER"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH")
    format: bpy.props.EnumProperty(
        name="Format",
        items=(
            ("FBX", "FBX", "For game engines and other programs"),
            ("GLB", "GLB", "glTF in one file"),
            ("BVH", "BVH", "The bones alone"),
        ),
    )
    only_accepted: bpy.props.BoolProperty(
        name="Only Accepted", description="Leave out motions that were not accepted", default=True
    )
    replace: bpy.props.BoolProperty(
        name="Replace Files", description="Write over files that have the names of the motions", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_target(cls, context):
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Go back to Object Mode first.")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig, folder = character_of(context), Path(bpy.path.abspath(self.directory))
        try:
            if not self.directory:
                raise MoclipError("No folder was chosen to export to.", hint="Give a `directory`.", code="bad_folder")
            written = _export(context, rig, folder, self.format, self.only_accepted, self.replace)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Wrote {len(written)} {self.format} file{'s' if len(written) > 1 else ''} to {folder}.")


def _export(
    context: bpy.types.Context, rig: bpy.types.Object, folder: Path, kind: str, only_accepted: bool, replace: bool
) -> list[Path]:
    """Raises MoclipError when there is nothing to write, or it cannot be written."""
    bones = set(rig.data.bones.keys())
    actions = [
        action
        for action in reversed(history.motions())
        if bones_of(action) <= bones and (action[history.KEY].get("accepted") or not only_accepted)
    ]
    if not actions:
        raise MoclipError(
            f"'{rig.name}' has no accepted motion." if only_accepted else f"'{rig.name}' has no motion.",
            hint="Press Accept on the motions to export.",
            code="no_motion",
        )
    if not folder.is_dir():
        raise MoclipError(f"There is no folder '{folder}'.", hint="Choose another one.", code="bad_folder")
    paths = _paths(folder, [action.name for action in actions], f".{kind.lower()}")
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise MoclipError(
            f"'{there[0]}' is there already.", hint="Choose another folder, or tick Replace Files.", code="file_exists"
        )
    module, write = _FORMATS[kind]
    addon_utils.enable(module)
    with _only_rig(context, rig):
        for action, path in zip(actions, paths, strict=True):
            first, last = action.frame_range
            context.scene.frame_start, context.scene.frame_end = round(first), round(last)
            compat.use(rig.animation_data, action)
            try:
                write(str(path))
            except RuntimeError as error:
                why = str(error).removeprefix("Error: ").strip().splitlines()[0]
                raise MoclipError(f"'{path}' was not written: {why}", code="bad_file") from error
    return paths


def _paths(folder: Path, names: list[str], suffix: str) -> list[Path]:
    """A file for each action; names that differ only in what a file's name cannot tell get numbers."""
    paths, taken = [], set()
    for clean in map(bpy.path.clean_name, names):
        numbered = (f"{clean}_{number}" if number > 1 else clean for number in itertools.count(1))
        stem = next(stem for stem in numbered if stem.lower() not in taken)
        taken.add(stem.lower())
        paths.append(folder / f"{stem}{suffix}")
    return paths


@contextmanager
def _only_rig(context: bpy.types.Context, rig: bpy.types.Object) -> Iterator[None]:
    """The rig and what it moves selected, its NLA and action to be changed at will; all as it was afterwards."""
    scene, layer = context.scene, context.view_layer
    data = rig.animation_data_create() if rig.animation_data is None else rig.animation_data
    kept = data.action, compat.slot_of(data), data.use_nla, scene.frame_start, scene.frame_end
    frame, subframe = scene.frame_current, scene.frame_subframe
    selected, active = list(context.selected_objects), layer.objects.active
    moved = {rig, *(obj for obj in scene.objects if obj.type == "MESH" and obj.find_armature() == rig)}
    try:
        data.use_nla = False
        for obj in scene.objects:
            if obj.name in layer.objects:
                obj.select_set(obj in moved)
        layer.objects.active = rig
        yield
    finally:
        action, slot, data.use_nla, scene.frame_start, scene.frame_end = kept
        compat.use(data, action, slot)
        for obj in scene.objects:
            if obj.name in layer.objects:
                obj.select_set(obj in selected)
        layer.objects.active = active
        scene.frame_set(frame, subframe=subframe)
