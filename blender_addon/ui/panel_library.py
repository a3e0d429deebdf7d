# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Library: motions that are kept across files."""

import bpy

from ..library.folder import Folder, is_registered
from ..library.shelf import SHELF
from ..settings import preferences
from . import library_list
from .sidebar import Sidebar, draw_text


class MOCLIP_PT_library(Sidebar, bpy.types.Panel):
    """Motions of all files; Use puts one on the target."""

    bl_idname = "MOCLIP_PT_library"
    bl_label = "Library"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, library, width = self.layout, context.window_manager.moclip_library, context.region.width
        if not library_list.is_current(context):
            library_list.wake()
        row = layout.row(align=True)
        row.prop(library, "search", text="", icon="VIEWZOOM")
        row.prop(library, "only_favourites", text="", icon="SOLO_ON" if library.only_favourites else "SOLO_OFF")
        row.operator("moclip.refresh_library", text="", icon="FILE_REFRESH")
        layout.template_list(library_list.MOCLIP_UL_library.bl_idname, "", library, "rows", library, "active", rows=4)
        chosen = library_list.chosen(context)
        row = layout.row(align=True)
        button = row.row(align=True)
        button.enabled = chosen is not None
        button.operator("moclip.use_from_library", icon="IMPORT")
        row.operator("moclip.save_to_library", icon="ASSET_MANAGER")
        button = row.row(align=True)
        button.enabled = chosen is not None
        button.operator("moclip.delete_from_library", text="", icon="TRASH")
        _draw_state(layout, width)


def _draw_state(layout: bpy.types.UILayout, width: int) -> None:
    if SHELF.waiting:
        return draw_text(layout, f"Reading {len(SHELF.waiting)} files of the library.", width, "TIME")
    troubles = SHELF.troubles
    if troubles:
        more = f" And {len(troubles) - 1} more." if len(troubles) > 1 else ""
        draw_text(layout, troubles[0] + more, width, "ERROR")
    place = Folder.of(preferences().library_folder).path
    if place.is_dir() and not is_registered(place):
        layout.operator("moclip.show_library")
