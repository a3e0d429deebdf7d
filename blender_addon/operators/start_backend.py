# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.gpu_backend import GPU
from ..backend.session import SESSION
from ..settings import preferences
from ..shared.errors import MoclipError
from .reporting import fail


def start() -> None:
    """Start or reach the backend that the preferences name. Raises MoclipError."""
    chosen = preferences()
    command = str(GPU.folder) if chosen.kind == "ENVIRONMENT" else chosen.command
    SESSION.start(chosen.kind, command, chosen.address, bpy.path.abspath(chosen.key_file), chosen.model)


class MOCLIP_OT_start_backend(bpy.types.Operator):
    """Start the backend now, so that the first motion comes sooner"""

    bl_idname = "moclip.start_backend"
    bl_label = "Start Backend"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.state != "off":
            cls.poll_message_set("The backend runs already.")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            start()
        except MoclipError as error:
            return fail(self, error)
        timer.wake()
        return {"FINISHED"}
