# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls `Session.pump` while there is something to wait for, and lets the panels show it."""

import time

import bpy

from ..preview.stage import STAGE
from ..settings import preferences
from .gpu_backend import GPU
from .session import SESSION

_drawn: tuple = ()
"""What was to be seen after the last step. Threads and operators change it between two steps."""


def pump() -> float | None:
    """One step; also what tests call, as a Blender without a window runs no timers."""
    global _drawn
    intervals = SESSION.pump(idle_minutes=preferences().idle_minutes), GPU.pump()
    if (visible := _visible_state()) != _drawn:
        _drawn = visible
        redraw()
    return min((seconds for seconds in intervals if seconds is not None), default=None)


def wake() -> None:
    """See that the timer runs; persistent, as jobs outlive the opening of another file."""
    if not bpy.app.timers.is_registered(pump):
        bpy.app.timers.register(pump, first_interval=0.0, persistent=True)


def _visible_state() -> tuple:
    job = SESSION.job
    shown = job and (job.stage, job.progress, job.cancelling)
    # While it starts, the seconds that it takes are told.
    seconds = int(time.monotonic() - SESSION.started) if SESSION.state in ("starting", "connecting") else 0
    return (
        SESSION.state,
        SESSION.message,
        SESSION.retargeting,
        shown,
        seconds,
        len(STAGE.ghosts),
        SESSION.hint.sentence,
        GPU.visible_state(),
    )


def redraw() -> None:
    """Where the add-on shows something: a message of an operator that was called elsewhere is seen only then."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()


@bpy.app.handlers.persistent
def _file_loaded(*_arguments) -> None:
    SESSION.file_loaded()


@bpy.app.handlers.persistent
def _undone(*_arguments) -> None:
    SESSION.undone()


@bpy.app.handlers.persistent
def _redone(*_arguments) -> None:
    STAGE.clear()


def attach() -> None:
    bpy.app.handlers.undo_post.append(_undone)
    bpy.app.handlers.redo_post.append(_redone)
    bpy.app.handlers.load_post.append(_file_loaded)


def detach() -> None:
    bpy.app.handlers.undo_post.remove(_undone)
    bpy.app.handlers.redo_post.remove(_redone)
    bpy.app.handlers.load_post.remove(_file_loaded)
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    GPU.shut_down()
    SESSION.shut_down()
