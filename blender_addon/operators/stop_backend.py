# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.session import SESSION


class MOCLIP_OT_stop_backend(bpy.types.Operator):
    """Stop the backend; the next motion starts it again"""

    bl_idname = "moclip.stop_backend"
    bl_label = "Stop Backend"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.state == "off":
            cls.poll_message_set("The backend does not run.")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        SESSION.stop()
        timer.wake()
        return {"FINISHED"}
