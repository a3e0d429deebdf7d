# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend import timer
from ..backend.gpu_backend import GPU
from ..backend.session import SESSION
from ..settings import preferences
from ..shared.errors import MoclipError
from ..ui.panel_backend import draw_sizes
from .reporting import fail, tell


class MOCLIP_OT_set_up_backend(bpy.types.Operator):
    """Make a Python environment with PyTorch for this computer's GPU, or go on where the last set-up ended"""

    bl_idname = "moclip.set_up_backend"
    bl_label = "Set Up GPU Backend"
    bl_options = {"REGISTER"}

    torch: bpy.props.StringProperty(
        name="PyTorch",
        description="What to install as PyTorch; empty leaves it out, for a backend on the processor",
        default="torch torchvision",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return is_at_rest(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        GPU.look(again=True)
        timer.wake()
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, _context: bpy.types.Context) -> None:
        draw_sizes(self.layout, 420)
        self.layout.prop(self, "torch")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            GPU.start(tuple(self.torch.split()))
        except MoclipError as error:
            return fail(self, error)
        timer.wake()
        return tell(self, "Setting up the GPU backend.")


class MOCLIP_OT_cancel_set_up(bpy.types.Operator):
    """Stop setting up; what has been done and downloaded is kept for the next time"""

    bl_idname = "moclip.cancel_set_up"
    bl_label = "Cancel Set-Up"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not GPU.is_running:
            cls.poll_message_set("Nothing is being set up.")
        return GPU.is_running

    def execute(self, _context: bpy.types.Context) -> set[str]:
        GPU.cancel()
        timer.wake()
        return {"FINISHED"}


class MOCLIP_OT_open_set_up_log(bpy.types.Operator):
    """Open the file that holds all that the set-up of the GPU backend said"""

    bl_idname = "moclip.open_set_up_log"
    bl_label = "Open Log"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        is_there = GPU.set_up is not None and GPU.set_up.log is not None
        if not is_there:
            cls.poll_message_set("There is no log of a set-up.")
        return is_there

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.path_open(filepath=str(GPU.set_up.log))
        return {"FINISHED"}


def is_at_rest(operator: type[bpy.types.Operator]) -> bool:
    """For polls: is nothing set up or removed, and does no backend run from what would be?"""
    why = ""
    if GPU.is_running or GPU.is_removing:
        why = "The GPU backend is being set up." if GPU.is_running else "The GPU backend is being removed."
    elif preferences().kind == "ENVIRONMENT" and SESSION.state != "off":
        why = "Stop the backend first."
    if why:
        operator.poll_message_set(why)
    return not why
