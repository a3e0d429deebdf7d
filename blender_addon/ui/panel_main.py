# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in which a prompt becomes a motion. It has always the same rows, so that nothing moves under the mouse."""

import bpy

from ..backend import status
from ..backend.session import SESSION
from ..editing.kept import filled
from ..keying import history
from ..keying.scene import scene_fps
from ..preview.stage import STAGE
from ..rig.target import character_of, target_of, told
from . import bars, mending
from .sidebar import Sidebar, draw_lines, wrapped

MESSAGE_LINES = 4
_ICONS = {"INFO": "INFO", "WARNING": "ERROR", "ERROR": "CANCEL"}
_LARGE = 1.4


class MOCLIP_PT_main(Sidebar, bpy.types.Panel):
    bl_idname = "MOCLIP_PT_main"
    bl_label = "Text to Motion"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.moclip
        row = layout.row(align=True)
        row.prop(settings, "prompt", text="", icon="TEXT", placeholder="What does the character do?")
        row.menu("MOCLIP_MT_prompts", text="", icon="DOWNARROW_HLT")
        row = layout.row(align=True)
        row.prop(settings, "use_auto_seconds", toggle=True)
        length = row.row(align=True)
        length.enabled = not settings.use_auto_seconds
        length.prop(settings, "seconds")
        row = layout.row(align=True)
        row.prop(settings, "seed")
        row.prop(settings, "variations")
        row.prop(settings, "use_preview", text="", icon="GHOST_ENABLED" if settings.use_preview else "GHOST_DISABLED")
        draw_target(layout, context)
        _draw_job(layout)
        _draw_takes(layout, context)
        _draw_message(layout, context)


def draw_target(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Whom it will key, or the field to choose them."""
    settings = context.scene.moclip
    row = layout.row(align=True)
    if settings.pin_target:
        row.prop(settings, "target", text="", icon="ARMATURE_DATA", placeholder="A new character")
    else:
        row.label(text=told(context) + _told_of_kept(context), icon="ARMATURE_DATA")
    row.operator("moclip.pin_target", text="", icon="PINNED" if settings.pin_target else "UNPINNED")
    row.operator("moclip.create_mannequin", text="", icon="ADD")


def _told_of_kept(context: bpy.types.Context) -> str:
    """What it will meet of the action that the target has."""
    settings, rig = context.scene.moclip, target_of(context)
    if not settings.kept or rig is None or rig.animation_data is None or rig.animation_data.action is None:
        return ""
    length = None if settings.use_auto_seconds else round(settings.seconds * scene_fps(context.scene))
    span = filled((one.frame for one in settings.kept), context.scene.frame_current, length)
    if span is None:
        return ""
    met = sum(span[0] <= one.frame < span[1] for one in settings.kept)
    return f", meets {met} frame{'s' if met > 1 else ''}"


def _draw_job(layout: bpy.types.UILayout) -> None:
    job, row = SESSION.job, layout.row(align=True)
    row.scale_y = _LARGE
    if job is None and not SESSION.retargeting:
        row.operator("moclip.generate", icon="PLAY")
        return
    text = status.of_job(job.stage, 0.0, job.cancelling) if job else status.stage("retargeting")
    bars.draw(row, "job", text[:1].upper() + text[1:])
    row.operator("moclip.cancel", text="", icon="X")


def _draw_takes(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Of the takes as ghosts while they are shown, else of the motion that plays: as many rows."""
    rig = character_of(context)
    action = rig.animation_data.action if rig is not None and rig.animation_data else None
    row = layout.row(align=True)
    several = SESSION.done is not None and len(SESSION.takes) > 1
    for step, icon in ((-1, "TRIA_LEFT"), (1, "TRIA_RIGHT")):
        arrow = row.row(align=True)
        arrow.enabled = several
        arrow.operator("moclip.choose_ghost" if STAGE.is_on else "moclip.show_take", text="", icon=icon).step = step
    row.label(text=_told_of_ghost() if STAGE.is_on else told_of(action))
    row = layout.row(align=True)
    if STAGE.is_on:
        row.operator("moclip.pick_take", icon="CHECKMARK").take = 0
        row.operator(
            "screen.animation_play", text="Play", icon="PAUSE" if context.screen.is_animation_playing else "PLAY"
        )
        row.operator("moclip.dismiss_ghosts", icon="X")
    else:
        keep = row.row(align=True)
        keep.enabled = history.is_new(action)
        keep.operator("moclip.accept", icon="CHECKMARK").as_strip = False
        row.operator("moclip.accept", text="To NLA", icon="NLA").as_strip = True
        row.operator("moclip.reject", icon="X")
    column = layout.column(align=True)
    column.operator("moclip.try_again", icon="FILE_REFRESH")
    again = column.row(align=True)
    again.operator("moclip.apply_motion", icon="ACTION")
    again.operator("moclip.preview_takes", text="", icon="GHOST_ENABLED")


def _told_of_ghost() -> str:
    of_all = f" of {STAGE.count}" if STAGE.count > 1 else ""
    return f"Ghost {STAGE.chosen + 1}{of_all}, variant {SESSION.takes[STAGE.chosen].seed}"


def told_of(action: bpy.types.Action | None) -> str:
    """What an action shows: which take, or which motion, by what seed."""
    if not history.is_ours(action):
        return "No motion is shown"
    seed, take = action[history.KEY].get("seed", "?"), SESSION.take_of(action)
    return f"{action.name}, {seed}" if take is None else f"Take {take + 1} of {len(SESSION.takes)}, variant {seed}"


def hint(context: bpy.types.Context) -> str:
    """What to do next, where there is nothing to tell."""
    if not context.scene.moclip.prompt.strip():
        return "Write what the character does, or take a sentence from the menu beside the prompt."
    if target_of(context) is None:
        return "Select a character to key it; with none, a new one is made."
    return ""


def told_now(context: bpy.types.Context) -> tuple[str, str]:
    """Level and text of the message area. What is told of a prompt while it is typed hides no error."""
    if SESSION.job is None and SESSION.level != "ERROR":
        if of_prompt := SESSION.hint.of(context.scene.moclip.prompt, SESSION.message):
            return "WARNING", of_prompt
    return (SESSION.level, SESSION.message) if SESSION.message else ("INFO", hint(context))


def _draw_message(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """So many lines, whatever there is to say; a row with what mends it, and what shows the rest."""
    level, told = told_now(context)
    lines = wrapped(told, context.region.width, with_icon=True)
    shown = (*lines, *[""] * MESSAGE_LINES)[:MESSAGE_LINES]
    draw_lines(layout, shown, _ICONS[level] if lines else "BLANK1")
    row = layout.row(align=True)
    if SESSION.action in mending.BUTTONS:
        mending.draw_button(row, SESSION.action)
    else:
        row.label(text="")
    if len(lines) > MESSAGE_LINES:
        row.operator("moclip.show_message", text="" if SESSION.action else "More", icon="TEXT")
