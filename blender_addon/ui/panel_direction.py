# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Direction: a script of several prompts, and ranges that are made anew."""

import bpy

from ..editing.script import ranges
from ..settings import preferences
from .sidebar import Sidebar, units_of

_MOST_LISTED = 4


def _told(frames: tuple[int, int]) -> str:
    return f"{frames[0]} - {frames[1]}"


class MOCLIP_UL_lines(bpy.types.UIList):
    """A line of the script: its frames and its prompt."""

    bl_idname = "MOCLIP_UL_lines"

    def draw_item(self, _context, layout, data, item, _icon, _active_data, _property, index=0, _flags=0) -> None:
        of_lines = ranges(data)
        row = layout.row(align=True)
        when = row.row(align=True)
        when.ui_units_x, when.alignment = units_of(_told(of_lines[-1])), "LEFT"  # the last one has the most digits
        when.label(text=_told(of_lines[index]))
        row.prop(item, "prompt", text="", emboss=False)


class MOCLIP_PT_direction(Sidebar, bpy.types.Panel):
    """Several prompts in turn; parts of a motion made anew, continued, led to."""

    bl_idname = "MOCLIP_PT_direction"
    bl_label = "Direction"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.moclip
        self._draw_script(self.layout, settings)
        self.layout.separator()
        self._draw_range(self.layout, settings)

    @staticmethod
    def _draw_script(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        row = layout.row(align=True)
        row.label(text="Script")
        row.operator("moclip.lines_from_markers", text="", icon="MARKER_HLT")
        row.operator("moclip.range_from_keys", text="", icon="KEYFRAME_HLT").to = "LINE"
        row.operator("moclip.range_from_markers", text="", icon="MARKER").to = "LINE"
        row.prop(preferences(), "show_bars", text="", icon="ACTION")
        row = layout.row()
        row.template_list(MOCLIP_UL_lines.bl_idname, "", settings, "lines", settings, "active_line", rows=3)
        column = row.column(align=True)
        column.operator("moclip.add_line", text="", icon="ADD")
        column.operator("moclip.remove_line", text="", icon="REMOVE")
        column.operator("moclip.move_line", text="", icon="TRIA_UP").step = -1
        column.operator("moclip.move_line", text="", icon="TRIA_DOWN").step = 1
        row = layout.row(align=True)
        row.prop(settings, "script_start")
        if 0 <= settings.active_line < len(settings.lines):
            row.prop(settings.lines[settings.active_line], "end", text="Line Ends")
        row = layout.row(align=True)
        row.operator("moclip.generate_script", icon="PLAY")
        row.operator("moclip.regenerate_line", icon="FILE_REFRESH")

    @staticmethod
    def _draw_range(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
        layout.label(text="By the prompt above")
        row = layout.row(align=True)
        row.prop(settings, "range_start")
        row.prop(settings, "range_end")
        row.operator("moclip.range_from_preview", text="", icon="PREVIEW_RANGE")
        row.operator("moclip.range_from_keys", text="", icon="KEYFRAME_HLT").to = "RANGE"
        row = layout.row(align=True)
        frames = [one.frame for one in settings.kept]
        row.label(text=f"Keeps {_listed(frames)}" if frames else "Keeps no frame")
        row.operator("moclip.keep_frame", text="", icon="PINNED")
        row.operator("moclip.keep_keys", text="", icon="KEYFRAME_HLT")
        row.operator("moclip.keep_none", text="", icon="X")
        layout.operator("moclip.edit_range", icon="FILE_REFRESH")
        row = layout.row(align=True)
        row.operator("moclip.lead_in", icon="BACK")
        row.operator("moclip.continue_motion", icon="FORWARD")


def _listed(frames: list[int]) -> str:
    """Some frames, in the room that a panel has."""
    shown = ", ".join(str(frame) for frame in frames[:_MOST_LISTED])
    return shown if len(frames) <= _MOST_LISTED else f"{shown} and {len(frames) - _MOST_LISTED} more"
