# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from .. import timer
from ..session import SESSION


class MOCLIP_OT_cancel(bpy.types.Operator):
    """Stop generating; nothing in the file has been changed"""

    bl_idname = "moclip.cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return SESSION.job is not None or SESSION.batch.running

    def execute(self, _context: bpy.types.Context) -> set[str]:
        SESSION.cancel()
        timer.wake()
        return {"FINISHED"}
