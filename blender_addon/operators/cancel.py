# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.session import SESSION


class MOCLIP_OT_cancel(bpy.types.Operator):
    """Stop generating; nothing in the file has been changed"""

    bl_idname = "moclip.cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.job is None and not SESSION.batch.running:
            cls.poll_message_set("Nothing is being generated.")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        SESSION.cancel()
        timer.wake()
        return {"FINISHED"}
