# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels of the MoCLIP tab below the first one."""

import bpy

from ..backend import repertoire
from ..backend.session import SESSION
from ..keying import history
from ..rig import table
from ..rig.target import character_of
from ..rig.words import told
from ..shared.licences import in_words
from . import bars
from .sidebar import Sidebar, draw_text

_LONGEST_HISTORY = 20
_MOST_TOLD = 3


class MOCLIP_PT_history(Sidebar, bpy.types.Panel):
    """The motions in this file; a click gives one to the target."""

    bl_idname = "MOCLIP_PT_history"
    bl_label = "History"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, rig = self.layout, character_of(context)
        active = rig.animation_data.action if rig is not None and rig.animation_data else None
        made = history.motions()
        if not made:
            draw_text(layout, "No motion has been made in this file yet.", context.region.width)
        column = layout.column(align=True)
        for action in made[:_LONGEST_HISTORY]:
            icon = "RADIOBUT_ON" if action == active else "RADIOBUT_OFF"
            named = f"{action.name}, {action[history.KEY].get('seed', '?')}"
            column.operator("moclip.recall", text=named, icon=icon).action = action.name
        layout.operator_menu_enum("moclip.lay_over", "limbs", text="Lay Over What Was Before", icon="NLA_PUSHDOWN")
        layout.operator_menu_enum("moclip.export_motions", "format", icon="EXPORT")
        if len(made) > _LONGEST_HISTORY:
            column.label(text=f"and {len(made) - _LONGEST_HISTORY} older ones")


_STATE_ICONS = {"": "DOT", "waiting": "TIME", "running": "PLAY", "done": "CHECKMARK", "failed": "ERROR"}


class MOCLIP_UL_rows(bpy.types.UIList):
    """A row of the batch and what became of it: who and when, and below it what."""

    bl_idname = "MOCLIP_UL_rows"

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _property, _index=0, _flags=0) -> None:
        state, _why = SESSION.batch.states.get(item.name, ("", ""))
        column = layout.column(align=True)
        row = column.row(align=True)
        row.label(text=item.armature.name if item.armature else "A new character", icon=_STATE_ICONS[state])
        when = row.row(align=True)
        when.ui_units_x, when.alignment = 3.0, "RIGHT"
        when.label(text=str(item.start))  # a number field would show the half of it beside its arrows
        column.prop(item, "prompt", text="", emboss=False, icon="BLANK1")


class MOCLIP_PT_batch(Sidebar, bpy.types.Panel):
    """Many prompts for many characters."""

    bl_idname = "MOCLIP_PT_batch"
    bl_label = "Batch"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.moclip
        row = layout.row()
        row.template_list(MOCLIP_UL_rows.bl_idname, "", settings, "rows", settings, "active_row", rows=4)
        column = row.column(align=True)
        column.operator("moclip.add_row", text="", icon="ADD")
        column.operator("moclip.remove_row", text="", icon="REMOVE").all_rows = False
        column.separator()
        column.operator("moclip.import_rows", text="", icon="IMPORT")
        column.operator("moclip.export_rows", text="", icon="EXPORT")
        if 0 <= settings.active_row < len(settings.rows):
            self._draw_row(layout, context, settings.rows[settings.active_row])
        if SESSION.batch.running:
            counts = SESSION.batch.counts()
            over = counts["done"] + counts["failed"]
            row = layout.row(align=True)
            bars.draw(row, "batch", f"{over} of {sum(counts.values())} rows")
            row.operator("moclip.cancel", text="", icon="X")
        else:
            layout.operator("moclip.run_batch", icon="RENDER_ANIMATION")

    @staticmethod
    def _draw_row(layout: bpy.types.UILayout, context: bpy.types.Context, item: bpy.types.PropertyGroup) -> None:
        column = layout.column(align=True)
        column.use_property_split, column.use_property_decorate = True, False
        for name in ("armature", "prompt", "start", "seconds", "seed"):
            column.prop(item, name)
        state, why = SESSION.batch.states.get(item.name, ("", ""))
        if why:
            draw_text(layout, why, context.region.width, _STATE_ICONS[state])


class MOCLIP_PT_fit(Sidebar, bpy.types.Panel):
    """How motions meet the scene and the rig; Apply Last Motion takes changes over."""

    bl_idname = "MOCLIP_PT_fit"
    bl_label = "Fit"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.moclip
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "new_character")
        layout.prop(settings, "start_at")
        layout.prop(settings, "path")
        way = layout.column()
        way.active = settings.path is not None
        way.prop(settings, "path_pace")
        way.prop(settings, "path_facing")
        layout.prop(settings, "root")
        layout.prop(settings, "foot_lock", slider=True)
        layout.prop(settings, "limbs_by")
        layout.prop(settings, "use_loop")
        row = layout.row(heading="Fewer Keys", align=True)
        row.prop(settings, "use_fewer_keys", text="")
        error = row.row()
        error.enabled = settings.use_fewer_keys
        error.prop(settings, "key_error", text="Degrees")


class MOCLIP_PT_preview(Sidebar, bpy.types.Panel):
    """How takes are seen before they are keyed."""

    bl_idname = "MOCLIP_PT_preview"
    bl_label = "Preview"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(context.scene.moclip, "use_preview", text="")

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.moclip
        layout.row().prop(settings, "preview_at", expand=True)
        layout.prop(settings, "preview_trails")
        layout.operator("moclip.preview_takes", icon="GHOST_ENABLED")


class MOCLIP_PT_bones(Sidebar, bpy.types.Panel):
    """Which bone follows which joint; an empty table stands for "found anew each time"."""

    bl_idname = "MOCLIP_PT_bones"
    bl_label = "Bones"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, rig = self.layout, character_of(context)
        if rig is None or rig.type != "ARMATURE":
            draw_text(layout, "Select a character first.", context.region.width)
            return
        row = layout.row(align=True)
        row.operator("moclip.detect_bones", icon="VIEWZOOM")
        row.operator("moclip.clear_bones", text="", icon="X")
        row.operator("moclip.import_bones", text="", icon="IMPORT")
        row.operator("moclip.export_bones", text="", icon="EXPORT")
        if not table.is_filled(rig):
            draw_text(layout, "Found by name or shape for every motion. Detect shows them.", context.region.width)
        _draw_rows(layout, rig, table.in_order(rig))
        if rig.moclip_bones_as_they_are:
            layout.prop(rig, "moclip_bones_as_they_are")


def _draw_rows(layout: bpy.types.UILayout, rig: bpy.types.Object, rows: list[table.MoclipBone]) -> None:
    """Name over bone: beside each other the sidebar has no room for both."""
    for joint in rows:
        column = layout.column(align=True)
        column.alert = bool(joint.trouble)
        name = column.row()
        name.scale_y = 0.7
        name.label(text=told(joint.name).title())
        column.prop_search(joint, "bone", rig.data, "bones", text="")


class MOCLIP_PT_odd_bones(Sidebar, bpy.types.Panel):
    """The rows that want a look before anything is keyed: panels cannot be opened by a program, so this one is open."""

    bl_idname = "MOCLIP_PT_odd_bones"
    bl_label = "Bones to Check"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        rig = character_of(context)
        return rig is not None and rig.type == "ARMATURE" and any(row.trouble for row in rig.moclip_bones)

    def draw(self, context: bpy.types.Context) -> None:
        layout, rig = self.layout, character_of(context)
        odd = [row for row in table.in_order(rig) if row.trouble]
        for row in odd[:_MOST_TOLD]:
            draw_text(layout, row.trouble, context.region.width, "ERROR")
        _draw_rows(layout, rig, odd)
        layout.operator("moclip.swap_bones", icon="ARROW_LEFTRIGHT")
        layout.prop(rig, "moclip_bones_as_they_are")


class MOCLIP_PT_licence(Sidebar, bpy.types.Panel):
    bl_idname = "MOCLIP_PT_licence"
    bl_label = "Licence of the Weights"

    def draw(self, context: bpy.types.Context) -> None:
        licence = repertoire.licence(SESSION.welcome)
        draw_text(self.layout, f"{licence}. {in_words(licence)}", context.region.width)
