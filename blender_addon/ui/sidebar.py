# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the MoCLIP tab share."""

import textwrap

import bpy


class Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "MoCLIP"


def draw_text(layout: bpy.types.UILayout, text: str, width: int, icon: str = "NONE") -> None:
    """Wrapped to the panel: labels do not wrap by themselves."""
    characters = max(20, int(width / (7.5 * bpy.context.preferences.system.ui_scale)) - (4 if icon != "NONE" else 0))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")
