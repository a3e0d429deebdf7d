# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Backend, and the set-up of the GPU backend as panel and preferences show it."""

import time

import bpy

from .. import bundled
from ..backend import status, timer
from ..backend.gpu_backend import GPU
from ..backend.session import SESSION
from ..gpu.pip_output import title
from ..settings import preferences
from ..shared.licences import in_words
from . import bars, mending
from .sidebar import Sidebar, draw_text

_LAST_LINES = 5
_LOG_LINES = 4


class MOCLIP_PT_backend(Sidebar, bpy.types.Panel):
    bl_idname = "MOCLIP_PT_backend"
    bl_label = "Backend"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, width = self.layout, context.region.width
        layout.label(text=status.of_backend(SESSION.state, time.monotonic() - SESSION.started))
        if SESSION.welcome:
            told = SESSION.welcome
            draw_text(layout, f"Model {told.get('model')}, {told.get('runtime')} on {told.get('device')}", width)
        draw_model(layout, width)
        row = layout.row(align=True)
        row.operator("moclip.start_backend", text="Start")
        row.operator("moclip.stop_backend", text="Stop")
        row.operator("moclip.restart_backend", text="Restart")
        if SESSION.errors and SESSION.state == "off":
            _draw_last_words(layout, width)
        if preferences().kind == "ENVIRONMENT" or GPU.is_running or GPU.is_removing:
            draw_gpu_backend(layout, width)


def draw_model(layout: bpy.types.UILayout, width: int) -> None:
    """The choice among the models that came with the add-on, and what the licence of the chosen one allows; backends
    that are started or reached otherwise have their own."""
    if preferences().kind not in ("BUILTIN", "ENVIRONMENT"):
        return
    layout.prop(preferences(), "model")
    licence = bundled.licence_of(bundled.models().get(preferences().model, {}))
    draw_text(layout, f"{licence}. {in_words(licence)}", width)


def _draw_last_words(layout: bpy.types.UILayout, width: int) -> None:
    box = layout.box()
    box.label(text="It last said:")
    for line in SESSION.errors[-_LAST_LINES:]:
        draw_text(box, line, width)
    box.operator("moclip.copy_log", icon="COPYDOWN")


def draw_gpu_backend(layout: bpy.types.UILayout, width: int) -> None:
    """What is set up, what runs, and the buttons for it. width: of the region, in pixels."""
    box = layout.box()
    if GPU.is_removing:
        return box.label(text="Removing the GPU backend", icon="TRASH")
    if GPU.is_running:
        return _draw_progress(box, width)
    if GPU.set_up is not None and GPU.set_up.error is not None:
        _draw_failure(box, width)
    elif GPU.there.is_complete:
        draw_text(box, f"The GPU backend is set up: {GPU.there.told()}.", width, "CHECKMARK")
    else:
        if GPU.look():
            timer.wake()
        draw_sizes(box, width)
    if GPU.is_outdated:
        draw_text(box, "It is of another version than this add-on.", width, "ERROR")
    started = bool(GPU.there.content) and not GPU.there.is_complete
    row = box.row(align=True)
    if GPU.is_outdated or not GPU.there.is_complete:
        name = "Update GPU Backend" if GPU.is_outdated else "Continue Set-Up" if started else "Set Up GPU Backend"
        row.operator("moclip.set_up_backend", text=name, icon="IMPORT")
    row.operator("moclip.remove_backend", icon="TRASH")


def _draw_progress(layout: bpy.types.UILayout, width: int) -> None:
    row = layout.row(align=True)
    bars.draw(row, "set_up", "Set-Up")
    row.operator("moclip.cancel_set_up", text="", icon="X")
    draw_text(layout, title(GPU.set_up.told), width)
    for line in list(GPU.set_up.tail)[-_LOG_LINES:]:
        draw_text(layout, line[:200], width)


def _draw_failure(layout: bpy.types.UILayout, width: int) -> None:
    error = GPU.set_up.error
    draw_text(layout, str(error), width, "INFO" if error.code == "cancelled" else "CANCEL")
    for line in list(GPU.set_up.tail)[-_LOG_LINES:]:
        draw_text(layout, line[:200], width)
    if error.action != "set_up_backend":
        mending.draw_button(layout, error.action)
    if GPU.set_up.log is not None:
        layout.operator("moclip.open_set_up_log", icon="TEXT")


def draw_sizes(layout: bpy.types.UILayout, width: int) -> None:
    """What the set-up would fetch for this machine."""
    if GPU.problem is not None:
        return draw_text(layout, str(GPU.problem), width, "ERROR")
    if GPU.machine is None:
        return layout.label(text="Looking at this machine")
    download, disk = GPU.sizes
    text = f"{GPU.machine.name}: about {download:.1f} GB to download, {disk:.1f} GB in '{GPU.folder}'."
    draw_text(layout, text, width)
    if GPU.machine.note:
        draw_text(layout, GPU.machine.note, width, "ERROR")
