# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..rig.mannequin import create_mannequin
from ..rig.target import choose


class MOCLIP_OT_create_mannequin(bpy.types.Operator):
    """Make a plain human body, ready for motions, and choose it as the target"""

    bl_idname = "moclip.create_mannequin"
    bl_label = "Create Mannequin"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        choose(context.scene, create_mannequin(context))
        return {"FINISHED"}
