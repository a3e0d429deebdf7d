# SPDX-License-Identifier: GPL-3.0-or-later
"""The Bones panel's buttons: detect, clear, export, import."""

from pathlib import Path

import bpy

from ..rig.mapping import detect_bones, find_oddities, map_rig, mark
from ..rig.table import empty, fill, is_filled, load_preset, save_preset, swap
from ..rig.target import character_of
from ..shared.bone_names import REQUIRED
from ..shared.errors import MoclipError
from .polls import has_target
from .reporting import fail, tell


class _OfTarget:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_target(cls, context):
            return False
        if character_of(context).library is not None:
            cls.poll_message_set("The target is linked from another file: make a library override of it first.")
            return False
        return True


class MOCLIP_OT_detect_bones(_OfTarget, bpy.types.Operator):
    """Find which bone of the target follows which joint, by known names, else by shape, and fill the table with it"""

    bl_idname = "moclip.detect_bones"
    bl_label = "Detect"

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig = character_of(context)
        try:
            found = detect_bones(rig)
        except MoclipError as error:
            return fail(self, error)
        fill(rig, found)
        missing = [joint for joint in REQUIRED if joint not in found]
        if missing:
            shown = f"{', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}"
            return tell(self, f"Choose the bones of '{rig.name}' that were not found: {shown}.", level="WARNING")
        if odd := find_oddities(rig, found):
            told = mark(rig, found, odd)
            return tell(self, str(told), level="WARNING")
        return tell(self, f"Found {len(found)} of 22 joints on '{rig.name}'.")


class MOCLIP_OT_clear_bones(_OfTarget, bpy.types.Operator):
    """Empty the table: the bones are detected anew for every motion"""

    bl_idname = "moclip.clear_bones"
    bl_label = "Clear"

    def execute(self, context: bpy.types.Context) -> set[str]:
        empty(character_of(context))
        return tell(self, "")


class MOCLIP_OT_swap_bones(_OfTarget, bpy.types.Operator):
    """Swap the bones of left and right in the table, for a rig whose sides are named the other way round"""

    bl_idname = "moclip.swap_bones"
    bl_label = "Swap Left and Right"

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig = character_of(context)
        if not is_filled(rig):
            return tell(self, "Press Detect first: there are no bones to swap.", level="WARNING")
        swap(rig)
        return tell(self, "Left and right are swapped.")


class MOCLIP_OT_export_bones(_OfTarget, bpy.types.Operator):
    """Write the target's bones to a file, for other characters with the same rig"""

    bl_idname = "moclip.export_bones"
    bl_label = "Export Bones"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # Blender warns of a file that is there
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.filepath = f"{bpy.path.clean_name(character_of(context).name)}.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig = character_of(context)
        try:
            save_preset(rig, map_rig(rig), Path(bpy.path.abspath(self.filepath)))
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Wrote {self.filepath}.")


class MOCLIP_OT_import_bones(_OfTarget, bpy.types.Operator):
    """Read a file of Export Bones into the target's table; bones that the target does not have stay empty"""

    bl_idname = "moclip.import_bones"
    bl_label = "Import Bones"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig = character_of(context)
        try:
            preset = load_preset(Path(bpy.path.abspath(self.filepath)))
        except MoclipError as error:
            return fail(self, error)
        known = {joint: bone for joint, bone in preset.items() if bone in rig.data.bones}
        fill(rig, known)
        lost = sorted(set(preset.values()) - set(known.values()))
        if lost:
            shown = f"{', '.join(lost[:4])}{' ...' if len(lost) > 4 else ''}"
            return tell(self, f"'{rig.name}' has no {shown}: choose other bones for them.", level="WARNING")
        return tell(self, f"Read {len(known)} bones.")
