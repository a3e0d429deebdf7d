# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Pins: where hands, feet, head and hips of the target are at some frames."""

import bpy

from ..rig.target import character_of
from .sidebar import Sidebar


class MOCLIP_UL_pins(bpy.types.UIList):
    """A pin: its frame, its part and its object."""

    bl_idname = "MOCLIP_UL_pins"

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _property, _index=0, _flags=0) -> None:
        row = layout.split(factor=0.25, align=True)
        row.prop(item, "frame", text="", emboss=False)
        row.prop(item, "effector", text="", emboss=False)


class MOCLIP_PT_pins(Sidebar, bpy.types.Panel):
    """What a motion of the target meets, the body following."""

    bl_idname = "MOCLIP_PT_pins"
    bl_label = "Pins"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, rig = self.layout, character_of(context)
        row = layout.row(align=True)
        row.prop(context.scene, "moclip_pinned", text="")
        row.operator("moclip.add_pin", icon="PINNED")
        if rig is None or rig.type != "ARMATURE":
            layout.label(text="Select an armature first.")
            return
        row = layout.row()
        row.template_list(MOCLIP_UL_pins.bl_idname, "", rig, "moclip_pins", rig, "moclip_active_pin", rows=3)
        row.operator("moclip.remove_pin", text="", icon="REMOVE")
        if 0 <= rig.moclip_active_pin < len(rig.moclip_pins):
            pin = rig.moclip_pins[rig.moclip_active_pin]
            layout.prop(pin, "at", text="")
            row = layout.row(align=True)
            row.prop(pin, "hold")
            row.prop(pin, "turns")
        layout.operator("moclip.apply_motion", text="Apply Again", icon="FILE_REFRESH")
