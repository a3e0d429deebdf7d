# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's clock."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


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
