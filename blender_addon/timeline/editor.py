# SPDX-License-Identifier: GPL-3.0-or-later
"""The script's bars in one of Blender's editors of time: whether it shows them, where, and what the mouse is over."""

import bpy

from ..backend.session import SESSION
from ..editing.script import bounds_of
from ..keying.scene import scene_fps
from ..settings import preferences
from .bars import Lane, View, hit
from .dragging import Grip, Lasts

_ELSEWHERE = {"GPENCIL", "MASK", "CACHEFILE"}
"""Modes of the Dope Sheet that show nothing of a character."""


def shows_bars(context: bpy.types.Context) -> bool:
    scene, space = context.scene, context.space_data
    if scene is None or space is None or space.type != "DOPESHEET_EDITOR" or space.mode in _ELSEWHERE:
        return False
    if not scene.moclip.lines or not preferences().show_bars:
        return False
    # As low as Blender makes its Timeline at first, bars would lie on the ruler, and take its clicks.
    return lane_of(context).fits(context.region.height)


def view_of(region: bpy.types.Region) -> View:
    (left, _), (right, _) = (region.view2d.region_to_view(x, 0) for x in (0, region.width))
    return View(left, right, region.width)


def lane_of(context: bpy.types.Context) -> Lane:
    markers = context.space_data.show_markers and len(context.scene.timeline_markers) > 0
    return Lane.at(context.preferences.system.ui_scale, markers)


def lasts_of(scene: bpy.types.Scene) -> Lasts:
    """How long the backend lets a line be, at the scene's frame rate."""
    limits = SESSION.limits
    return Lasts.of((limits.shortest_seconds, limits.longest_seconds), scene_fps(scene), scene.frame_start)


def grip_at(context: bpy.types.Context, event: bpy.types.Event) -> Grip | None:
    """What of which bar is under the mouse."""
    if context.region is None or context.region.type != "WINDOW" or not shows_bars(context):
        return None
    bounds = bounds_of(context.scene.moclip)
    return hit(bounds, view_of(context.region), lane_of(context), event.mouse_region_x, event.mouse_region_y)
