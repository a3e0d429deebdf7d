# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences as Blender shows them."""

import bpy

from ..settings import PACKAGE, Settings
from . import shortcuts
from .panel_backend import draw_gpu_backend, draw_model


class MoclipPreferences(Settings, bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        draw_model(layout, context.region.width)
        if self.kind == "COMMAND":
            layout.prop(self, "command")
        elif self.kind == "ADDRESS":
            layout.prop(self, "address")
            layout.prop(self, "key_file")
        if self.kind != "ADDRESS":
            layout.prop(self, "idle_minutes")
        layout.prop(self, "library_folder")
        layout.operator("moclip.show_library", icon="ASSET_MANAGER")
        draw_gpu_backend(layout, context.region.width)
        column = layout.column(heading="Timeline")
        for name in ("show_bars", "follow_motion"):
            column.prop(self, name)
        column = layout.column()
        for name in ("environment_folder", "environment_python", "package_index"):
            column.prop(self, name)
        shortcuts.draw(layout, context)
