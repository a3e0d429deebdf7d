# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's clock."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ..settings import preferences


def scene_fps(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


@contextmanager
def at_frame(scene: bpy.types.Scene, frame: int) -> Iterator[None]:
    """With the scene at another frame, if it is; back at its own afterwards, whatever happens."""
    now, subframe = scene.frame_current, scene.frame_subframe
    elsewhere = frame != now or subframe != 0.0
    if elsewhere:
        scene.frame_set(frame)
    try:
        yield
    finally:
        if elsewhere:
            scene.frame_set(now, subframe=subframe)


def hold_motion(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Let the scene's range grow to hold the frames of a new motion, if that is wanted; it never gets shorter."""
    if preferences().follow_motion:
        scene.frame_start = min(scene.frame_start, max(0, first))
        scene.frame_end = max(scene.frame_end, last)


def go_to_motion(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Move the playhead to where a new motion begins, if that is wanted and it shows nothing of the motion."""
    if preferences().follow_motion and not first <= scene.frame_current <= last:
        scene.frame_set(first)
