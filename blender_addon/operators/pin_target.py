# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..rig.target import target_of


class MOCLIP_OT_pin_target(bpy.types.Operator):
    """Keep the character on whom motions are keyed, whatever is selected, or let it be the selected one again"""

    bl_idname = "moclip.pin_target"
    bl_label = "Pin Target"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        if settings.pin_target:
            settings.pin_target = False
        else:
            settings.target = target_of(context)  # which pins it
        return {"FINISHED"}
