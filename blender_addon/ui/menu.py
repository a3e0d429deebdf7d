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


def _below(name: str, label: str) -> type[bpy.types.Menu]:
    known = {"bl_idname": f"MOCLIP_MT_{name}", "bl_label": label}
    return type(known["bl_idname"], (_Below, bpy.types.Menu), known)


SUBMENUS = (
    _below("ghosts", "Takes as Ghosts"),
    _below("script", "Script"),
    _below("ranges", "Range"),
    _below("pins", "Pins and Layers"),
    _below("batch", "Library, Batch and Export"),
    _below("character", "Character"),
    _below("backend", "Backend"),
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
