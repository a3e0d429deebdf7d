# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..settings import PACKAGE


class MOCLIP_OT_open_preferences(bpy.types.Operator):
    """Open the preferences where the backend is chosen, or where Blender is allowed to go online"""

    bl_idname = "moclip.open_preferences"
    bl_label = "Open Preferences"
    bl_options = {"REGISTER"}

    section: bpy.props.EnumProperty(
        items=(
            ("ADDON", "MoCLIP", "The preferences of this add-on"),
            ("SYSTEM", "System", "Where Network > Allow Online Access is"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if bpy.app.background:
            cls.poll_message_set("Blender runs without a window.")
        return not bpy.app.background

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if self.section == "SYSTEM":
            bpy.ops.screen.userpref_show(section="SYSTEM")
        else:
            bpy.ops.preferences.addon_show(module=PACKAGE)
        return {"FINISHED"}
