# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu Object > MoCLIP and Pose > MoCLIP: Blender's search (F3) finds what is in a menu or in one below it."""

from collections.abc import Sequence

import bpy

Operators = Sequence[type[bpy.types.Operator]]


class _Below:
    """A sub-menu. operators: what it shows."""

    operators: Operators = ()

    def draw(self, _context: bpy.types.Context) -> None:
        draw_operators(self.layout, self.operators)


class MOCLIP_MT_script(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_script"
    bl_label = "Script"


class MOCLIP_MT_ranges(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_ranges"
    bl_label = "Range"


class MOCLIP_MT_pins(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_pins"
    bl_label = "Pins and Layers"


class MOCLIP_MT_batch(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_batch"
    bl_label = "Batch and Export"


class MOCLIP_MT_character(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_character"
    bl_label = "Character"


class MOCLIP_MT_backend(_Below, bpy.types.Menu):
    bl_idname = "MOCLIP_MT_backend"
    bl_label = "Backend"


SUBMENUS = (
    MOCLIP_MT_script,
    MOCLIP_MT_ranges,
    MOCLIP_MT_pins,
    MOCLIP_MT_batch,
    MOCLIP_MT_character,
    MOCLIP_MT_backend,
)


class MOCLIP_MT_menu(bpy.types.Menu):
    bl_idname = "MOCLIP_MT_menu"
    bl_label = "MoCLIP"
    operators: Operators = ()

    def draw(self, _context: bpy.types.Context) -> None:
        draw_operators(self.layout, self.operators)
        self.layout.separator()
        for submenu in SUBMENUS:
            self.layout.menu(submenu.bl_idname)


def fill(groups: Sequence[Operators]) -> None:
    """The first group stands in the menu itself, each of the others in a sub-menu of its own."""
    MOCLIP_MT_menu.operators = groups[0]
    for submenu, group in zip(SUBMENUS, groups[1:], strict=True):
        submenu.operators = group


def draw_operators(layout: bpy.types.UILayout, operators: Operators) -> None:
    # Those that read or write a file ask which.
    layout.operator_context = "INVOKE_DEFAULT"
    for operator in operators:
        layout.operator(operator.bl_idname)


def _draw_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu(MOCLIP_MT_menu.bl_idname)


def attach() -> None:
    bpy.types.VIEW3D_MT_object.append(_draw_entry)
    bpy.types.VIEW3D_MT_pose.append(_draw_entry)


def detach() -> None:
    bpy.types.VIEW3D_MT_pose.remove(_draw_entry)
    bpy.types.VIEW3D_MT_object.remove(_draw_entry)
