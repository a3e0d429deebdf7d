# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as ghosts before anything is keyed: show them, choose one, key it, or let them go."""

import bpy

from ..backend import timer
from ..backend.session import SESSION
from ..preview.ghost import Ghost, ghost_of
from ..preview.posing import figure_alone, figure_on
from ..preview.stage import STAGE
from ..shared.errors import MoclipError
from .apply_motion import OfHeldMotion, apply_held, destination_of, how_of
from .pins import pins_of
from .polls import are_several
from .reporting import fail, tell


class MOCLIP_OT_preview_takes(bpy.types.Operator):
    """Show the takes of the last prompt as ghosts in the 3D View, by what Fit says now; nothing is keyed"""

    bl_idname = "moclip.preview_takes"
    bl_label = "Show Takes as Ghosts"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.held is None:
            cls.poll_message_set("Generate a motion first.")
            return False
        if SESSION.held[0].edit is not None:
            cls.poll_message_set("A range that was made anew is part of an action, and is seen there.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        return show_held(self, context)


def show_held(operator: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
    """Show the takes of the last job as ghosts."""
    job, takes = SESSION.held[0], list(SESSION.takes)
    to = destination_of(context)
    rig, scene, start = to.rig, to.scene, to.start
    try:
        if rig is None:
            how = how_of(scene.moclip, None, job, ())
        else:
            how = how_of(scene.moclip, to.place, job, pins_of(rig, scene))

        def make(take: int) -> Ghost:
            try:
                if rig is None:
                    return ghost_of(figure_alone(takes[take], scene, start, how))
                return ghost_of(figure_on(rig, takes[take], scene, start, how))
            except ReferenceError as error:
                raise MoclipError(
                    "What the takes were made for was deleted.", hint="Show them as ghosts again.", code="gone"
                ) from error

        STAGE.show(scene.name, start, len(takes), rig is not None, make)
    except MoclipError as error:
        return fail(operator, error)
    STAGE.choose(SESSION.shown)
    timer.wake()
    return tell(operator, _told(takes[0].text, len(takes)))


def _told(text: str, takes: int) -> str:
    if takes == 1:
        return f"'{text}' is shown as a ghost, and nothing is keyed. Play it, then press Key It or Dismiss."
    return f"{takes} takes of '{text}' are shown as ghosts, and nothing is keyed. Choose one, then press Key It."


class _OfGhosts:
    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not STAGE.is_on:
            cls.poll_message_set("No take is shown as a ghost.")
            return False
        return True


class MOCLIP_OT_choose_ghost(_OfGhosts, bpy.types.Operator):
    """Choose another of the takes that are shown as ghosts; nothing is keyed"""

    bl_idname = "moclip.choose_ghost"
    bl_label = "Choose Ghost"
    bl_options = {"REGISTER"}

    step: bpy.props.IntProperty(name="Step", description="How many takes to go on", default=1)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and are_several(cls, STAGE.count)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        STAGE.choose(STAGE.chosen + self.step)
        timer.redraw()
        return {"FINISHED"}


class MOCLIP_OT_pick_take(OfHeldMotion, bpy.types.Operator):
    """Key the take that is chosen among the ghosts; the ghosts go"""

    bl_idname = "moclip.pick_take"
    bl_label = "Key It"

    take: bpy.props.IntProperty(
        name="Take", description="Which take, counted from 1; 0 is the one that is chosen", default=0, min=0
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.take:
            # Kept in the operator: who changes it afterwards does not have the ghosts any more.
            self.take = 1 + (STAGE.chosen if STAGE.is_on else SESSION.shown)
        return apply_held(self, context, min(self.take, len(SESSION.takes)) - 1)


class MOCLIP_OT_dismiss_ghosts(_OfGhosts, bpy.types.Operator):
    """Let the ghosts go and key nothing; until the next motion, Show Takes as Ghosts brings them back"""

    bl_idname = "moclip.dismiss_ghosts"
    bl_label = "Dismiss"
    bl_options = {"REGISTER"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        STAGE.clear()
        return tell(self, "Nothing was keyed. Show Takes as Ghosts brings the takes back until the next motion.")
