# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.gpu_backend import GPU
from .set_up_backend import is_at_rest


class MOCLIP_OT_remove_backend(bpy.types.Operator):
    """Delete the GPU backend's environment from the disk"""

    bl_idname = "moclip.remove_backend"
    bl_label = "Remove GPU Backend"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not is_at_rest(cls):
            return False
        if not GPU.there.content:
            cls.poll_message_set("No GPU backend is set up.")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title="Remove GPU Backend", message=f"Delete it from '{GPU.folder}'?", confirm_text="Remove"
        )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        GPU.remove()
        timer.wake()
        return {"FINISHED"}
