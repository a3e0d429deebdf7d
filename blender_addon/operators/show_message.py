# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..ui.panel_main import told_now
from ..ui.sidebar import draw_text

_WIDTH = 400


class MOCLIP_OT_show_message(bpy.types.Operator):
    """Show all of a message that is longer than the panel has room for"""

    bl_idname = "moclip.show_message"
    bl_label = "Show Message"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        _, told = told_now(context)
        if not told:
            cls.poll_message_set("There is no message.")
        return bool(told)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_popup(self, width=_WIDTH)

    def draw(self, context: bpy.types.Context) -> None:
        draw_text(self.layout, told_now(context)[1], round(_WIDTH * context.preferences.system.ui_scale))

    def execute(self, context: bpy.types.Context) -> set[str]:
        level, told = told_now(context)
        self.report({level}, told)
        return {"FINISHED"}
