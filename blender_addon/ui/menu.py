# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu Object > MoCLIP and Pose > MoCLIP: Blender's search (F3) finds what is in a menu."""

import bpy

_ENTRIES = (
    "generate", "cancel", "try_again", "apply_motion", "show_take", "accept", "reject", "recall", "",
    "generate_script", "regenerate_line", "add_line", "remove_line", "move_line", "lines_from_markers", "",
    "edit_range", "range_from_preview", "continue_motion", "lead_in", "",
    "run_batch", "add_row", "remove_row", "import_rows", "export_rows", "export_motions", "",
    "create_armature", "detect_bones", "clear_bones", "swap_bones", "import_bones", "export_bones", "mend_rig", "",
    "start_backend", "stop_backend", "restart_backend", "set_up_backend", "cancel_set_up", "remove_backend",
    "open_set_up_log", "copy_log", "open_preferences",
)  # fmt: skip
"""Operators in the order of the menu, "" between groups."""


class MOCLIP_MT_menu(bpy.types.Menu):
    bl_idname = "MOCLIP_MT_menu"
    bl_label = "MoCLIP"

    def draw(self, _context: bpy.types.Context) -> None:
        # Those that read or write a file ask which.
        self.layout.operator_context = "INVOKE_DEFAULT"
        for entry in _ENTRIES:
            if entry:
                self.layout.operator(f"moclip.{entry}")
            else:
                self.layout.separator()


def _draw_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu(MOCLIP_MT_menu.bl_idname)


def register() -> None:
    bpy.utils.register_class(MOCLIP_MT_menu)
    bpy.types.VIEW3D_MT_object.append(_draw_entry)
    bpy.types.VIEW3D_MT_pose.append(_draw_entry)


def unregister() -> None:
    bpy.types.VIEW3D_MT_pose.remove(_draw_entry)
    bpy.types.VIEW3D_MT_object.remove(_draw_entry)
    bpy.utils.unregister_class(MOCLIP_MT_menu)
