# SPDX-License-Identifier: GPL-3.0-or-later
"""The script in the Dope Sheet and the Timeline: its menus, the field in which a bar's text is written, its keys."""

import bpy

from ..settings import preferences


class MOCLIP_PT_line(bpy.types.Panel):
    """The chosen line, written under the mouse."""

    bl_idname = "MOCLIP_PT_line"
    bl_label = "Line"
    bl_space_type, bl_region_type = "DOPESHEET_EDITOR", "HEADER"
    bl_ui_units_x = 18

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.moclip
        if 0 <= settings.active_line < len(settings.lines):
            layout.activate_init = True
            layout.prop(settings.lines[settings.active_line], "prompt", text="")


class MOCLIP_MT_line(bpy.types.Menu):
    """What can be done with the line whose bar was clicked."""

    bl_idname = "MOCLIP_MT_line"
    bl_label = "Line"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("moclip.edit_line", icon="GREASEPENCIL")
        layout.operator("moclip.regenerate_line", icon="FILE_REFRESH")
        layout.separator()
        _draw_ranges(layout)
        layout.separator()
        layout.operator("moclip.move_line", text="Move before the Line Before", icon="TRIA_LEFT").step = -1
        layout.operator("moclip.move_line", text="Move after the Next Line", icon="TRIA_RIGHT").step = 1
        layout.operator("moclip.remove_line", icon="REMOVE")


class MOCLIP_MT_timeline(bpy.types.Menu):
    """The script, in the editors of time."""

    bl_idname = "MOCLIP_MT_timeline"
    bl_label = "MoCLIP"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("moclip.generate_script", icon="PLAY")
        layout.operator("moclip.regenerate_line", icon="FILE_REFRESH")
        layout.operator("moclip.edit_range")
        layout.separator()
        layout.operator("moclip.add_line", icon="ADD")
        layout.operator("moclip.edit_line", icon="GREASEPENCIL")
        layout.operator("moclip.lines_from_markers", text="Lines from All Markers", icon="MARKER_HLT")
        _draw_ranges(layout)
        layout.separator()
        for name in ("show_bars", "follow_motion"):
            layout.prop(preferences(), name)


def _draw_ranges(layout: bpy.types.UILayout) -> None:
    layout.operator("moclip.range_from_keys", icon="KEYFRAME_HLT").to = "LINE"
    layout.operator("moclip.range_from_markers", icon="MARKER").to = "LINE"


def _draw_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.menu(MOCLIP_MT_timeline.bl_idname)


# Blender 5 draws the Timeline's menus with those of the Dope Sheet.
_HEADERS = ("DOPESHEET_MT_editor_menus", "TIME_MT_editor_menus")


def _headers() -> list[type[bpy.types.Menu]]:
    return [getattr(bpy.types, name) for name in _HEADERS if hasattr(bpy.types, name)]


def attach() -> None:
    for header in _headers():
        header.append(_draw_entry)


def detach() -> None:
    for header in _headers():
        header.remove(_draw_entry)
