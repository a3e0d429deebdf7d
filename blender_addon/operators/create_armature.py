# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..rig.create import create_armature
from ..rig.target import choose


class MOCLIP_OT_create_armature(bpy.types.Operator):
    """Make a 22-bone armature that motions fit exactly, and choose it as the target"""

    bl_idname = "moclip.create_armature"
    bl_label = "Create Armature"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        choose(context.scene, create_armature(context))
        return {"FINISHED"}
