# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu Object > MoCLIP and Pose > MoCLIP: Blender's search (F3) finds what is in a menu."""

import bpy


class MOCLIP_MT_menu(bpy.types.Menu):
    bl_idname = "MOCLIP_MT_menu"
    bl_label = "MoCLIP"
    groups: tuple[tuple[type[bpy.types.Operator], ...], ...] = ()
    """What it shows, with a line between groups."""

    def draw(self, _context: bpy.types.Context) -> None:
        # Those that read or write a file ask which.
        self.layout.operator_context = "INVOKE_DEFAULT"
        for number, group in enumerate(self.groups):
            if number:
                self.layout.separator()
            for operator in group:
                self.layout.operator(operator.bl_idname)


def _draw_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu(MOCLIP_MT_menu.bl_idname)


def attach() -> None:
    bpy.types.VIEW3D_MT_object.append(_draw_entry)
    bpy.types.VIEW3D_MT_pose.append(_draw_entry)


def detach() -> None:
    bpy.types.VIEW3D_MT_pose.remove(_draw_entry)
    bpy.types.VIEW3D_MT_object.remove(_draw_entry)
