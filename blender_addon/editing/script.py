# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a script, as the scene holds them."""

from collections.abc import Sequence

import bpy


def bounds_of(settings: bpy.types.PropertyGroup) -> tuple[int, ...]:
    """Where each line begins, and where the last one ends: one more than there are lines."""
    return settings.script_start, *(line.end for line in settings.lines)


def set_bounds(settings: bpy.types.PropertyGroup, bounds: Sequence[int]) -> None:
    """Give lines other bounds, as many as they have."""
    settings.script_start = bounds[0]
    for line, end in zip(settings.lines, bounds[1:], strict=True):
        line.end = end


def ranges(settings: bpy.types.PropertyGroup) -> list[tuple[int, int]]:
    """First frame and end of each line."""
    bounds = bounds_of(settings)
    return list(zip(bounds, bounds[1:], strict=False))
