# SPDX-License-Identifier: GPL-3.0-or-later
"""A key for Generate and one for the pie menu of takes, over the 3D View; both may be changed in the preferences."""

import bpy

from ..preview.stage import STAGE

_KEYMAP = "3D View"
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
    keymap = keys.keymaps.get(_KEYMAP) if keys else None
    if keymap is None:
        return
    import rna_keymap_ui  # Blender's own, which a Blender without a window may not have

    column = layout.column()
    column.label(text="Shortcuts over the 3D View")
    own = {(item.idname, getattr(item.properties, "name", "")) for _, item in _made}
    for item in keymap.keymap_items:
        if (item.idname, getattr(item.properties, "name", "")) in own:
            column.context_pointer_set("keymap", keymap)
            rna_keymap_ui.draw_kmi([], keys, keymap, item, column, 0)


def attach() -> None:
    keys = bpy.context.window_manager.keyconfigs.addon
    if keys is None:
        return  # Blender runs without a window
    keymap = keys.keymaps.new(name=_KEYMAP, space_type="VIEW_3D")
    _made.append((keymap, keymap.keymap_items.new("moclip.generate", "M", "PRESS", ctrl=True, alt=True)))
    pie = keymap.keymap_items.new("wm.call_menu_pie", "M", "PRESS", shift=True, alt=True)
    pie.properties.name = MOCLIP_MT_takes_pie.bl_idname
    _made.append((keymap, pie))


def detach() -> None:
    for keymap, item in _made:
        keymap.keymap_items.remove(item)
    _made.clear()
