# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys over the 3D View, for Generate and the pie menu of takes, and clicks on the script's bars in the Dope Sheet and
the Timeline; all may be changed in the preferences."""

import bpy

from ..preview.stage import STAGE

_KEYMAPS = {"3D View": "VIEW_3D", "Dopesheet": "DOPESHEET_EDITOR", "Markers": "EMPTY"}
"""Blender's names -> the editors that they are for. Before Blender 5 the markers' keys come first at the bottom of the
Dope Sheet, also where there is no marker: a double click there would ask for a marker's name."""
_made: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


class MOCLIP_MT_takes_pie(bpy.types.Menu):
    """What is done with a motion that has come, without the sidebar."""

    bl_idname = "MOCLIP_MT_takes_pie"
    bl_label = "MoCLIP"

    def draw(self, _context: bpy.types.Context) -> None:
        pie = self.layout.menu_pie()
        # In Blender's order: left, right, below, above, then the corners.
        other = "moclip.choose_ghost" if STAGE.is_on else "moclip.show_take"
        pie.operator(other, text="Previous Take", icon="TRIA_LEFT").step = -1
        pie.operator(other, text="Next Take", icon="TRIA_RIGHT").step = 1
        pie.operator("moclip.dismiss_ghosts" if STAGE.is_on else "moclip.reject", icon="X")
        if STAGE.is_on:
            pie.operator("moclip.pick_take", icon="CHECKMARK").take = 0
        else:
            pie.operator("moclip.accept", icon="CHECKMARK").as_strip = False
        pie.operator("moclip.try_again", icon="FILE_REFRESH")
        pie.operator("moclip.accept", text="To NLA", icon="NLA").as_strip = True
        pie.operator("moclip.generate", icon="PLAY")
        pie.operator("moclip.random_prompt", icon="QUESTION")


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The keys as the user has them now, to be changed."""
    keys = context.window_manager.keyconfigs.user
    for name, where in (
        ("3D View", "Shortcuts over the 3D View"),
        ("Dopesheet", "Clicks on Bars in the Timeline"),
        ("Markers", "Clicks on Bars where Markers Would Be"),
    ):
        keymap = keys.keymaps.get(name) if keys else None
        if keymap is not None:
            _draw_keymap(layout.column(), keys, keymap, where)


def _draw_keymap(column: bpy.types.UILayout, keys: bpy.types.KeyConfig, keymap: bpy.types.KeyMap, where: str) -> None:
    import rna_keymap_ui  # Blender's own, which a Blender without a window may not have

    column.label(text=where)
    own = {(item.idname, getattr(item.properties, "name", "")) for made, item in _made if made.name == keymap.name}
    for item in keymap.keymap_items:
        if (item.idname, getattr(item.properties, "name", "")) in own:
            column.context_pointer_set("keymap", keymap)
            rna_keymap_ui.draw_kmi([], keys, keymap, item, column, 0)


def attach() -> None:
    keys = bpy.context.window_manager.keyconfigs.addon
    if keys is None:
        return  # Blender runs without a window
    view, sheet, markers = (keys.keymaps.new(name=name, space_type=space) for name, space in _KEYMAPS.items())
    _made.append((view, view.keymap_items.new("moclip.generate", "M", "PRESS", ctrl=True, alt=True)))
    pie = view.keymap_items.new("wm.call_menu_pie", "M", "PRESS", shift=True, alt=True)
    pie.properties.name = MOCLIP_MT_takes_pie.bl_idname
    _made.append((view, pie))
    _made.append((sheet, sheet.keymap_items.new("moclip.drag_line", "LEFTMOUSE", "PRESS", shift=-1)))
    for operator, button, how in (
        ("moclip.edit_line", "LEFTMOUSE", "DOUBLE_CLICK"),
        ("moclip.line_menu", "RIGHTMOUSE", "PRESS"),
    ):
        for keymap in (sheet, markers):
            item = keymap.keymap_items.new(operator, button, how)
            item.properties.under_mouse = True
            _made.append((keymap, item))


def detach() -> None:
    for keymap, item in _made:
        keymap.keymap_items.remove(item)
    _made.clear()
