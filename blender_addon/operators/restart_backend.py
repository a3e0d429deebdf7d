# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.session import SESSION
from ..shared.errors import MoclipError
from .reporting import fail
from .start_backend import start


class MOCLIP_OT_restart_backend(bpy.types.Operator):
    """Stop the backend, if it runs, and start it anew; a motion that is being generated is cancelled"""

    bl_idname = "moclip.restart_backend"
    bl_label = "Restart Backend"
    bl_options = {"REGISTER"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if SESSION.state != "off":
            SESSION.stop()
        try:
            start()
        except MoclipError as error:
            return fail(self, error)
        timer.wake()
        return {"FINISHED"}


class MOCLIP_OT_copy_log(bpy.types.Operator):
    """Copy the last lines of the backend's error output"""

    bl_idname = "moclip.copy_log"
    bl_label = "Copy Log"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not SESSION.errors:
            cls.poll_message_set("The backend has said nothing.")
        return bool(SESSION.errors)

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = "\n".join(SESSION.errors) + "\n"
        return {"FINISHED"}
