# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the MoCLIP tab share."""

import functools

import blf
import bpy

_BESIDE = 56
"""Units that a region is wider than the text in its panels: margins and the tabs."""
_ICON = 24
_UNIT, _LABEL = 20, 16
"""A button's height, and what a label has beside its text, in pixels at a scale of 1."""


class Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "MoCLIP"


def draw_text(layout: bpy.types.UILayout, text: str, width: int, icon: str = "NONE") -> None:
    """Wrapped to the panel: labels do not wrap by themselves. width: of the region, in pixels."""
    draw_lines(layout, wrapped(text, width, icon != "NONE"), icon)


def draw_lines(layout: bpy.types.UILayout, lines: tuple[str, ...], icon: str = "NONE") -> None:
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


def wrapped(text: str, width: int, with_icon: bool = False) -> tuple[str, ...]:
    """The lines of a text as a panel of a region so wide has room for."""
    preferences = bpy.context.preferences
    scale = preferences.system.ui_scale
    room = width - scale * (_BESIDE + (_ICON if with_icon else 0))
    return _wrapped(text, max(room, 60.0), preferences.ui_styles[0].widget.points * scale)


@functools.lru_cache(maxsize=256)
def _wrapped(text: str, room: float, size: float) -> tuple[str, ...]:
    blf.size(0, size)
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and blf.dimensions(0, longer)[0] > room:
            lines.append(line)
            longer = word
        line = longer
    return (*lines, line) if line else tuple(lines)


def units_of(text: str) -> float:
    """How wide a label is that shows all of a text, in Blender's units of a button's height."""
    return _units_of(text, bpy.context.preferences.ui_styles[0].widget.points)


@functools.lru_cache(maxsize=256)
def _units_of(text: str, size: float) -> float:
    # At a scale of 1, as letters and buttons grow alike; a Blender without a window has none.
    blf.size(0, size)
    return (blf.dimensions(0, text)[0] + _LABEL) / _UNIT
