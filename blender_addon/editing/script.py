# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a script, as the scene holds them."""

import bpy


def ranges(settings: bpy.types.PropertyGroup) -> list[tuple[int, int]]:
    """First frame and end of each line."""
    ends = [line.end for line in settings.lines]
    return list(zip([settings.script_start, *ends[:-1]], ends, strict=True)) if ends else []
