# SPDX-License-Identifier: GPL-3.0-or-later
"""Take away what keeps a rig from showing a motion, then go on with what was asked."""

import bpy

from ..backend.session import SESSION
from ..rig import obstacles
from ..rig.mapping import map_rig
from ..rig.obstacle import Obstacle
from ..rig.target import character_of
from ..shared.errors import MoclipError
from . import reporting
from .polls import may_apply
from .reporting import fail, tell


class MOCLIP_OT_mend_rig(bpy.types.Operator):
    """Mute, clear or disconnect what keeps the target from showing a motion, then go on with what was asked"""

    bl_idname = "moclip.mend_rig"
    bl_label = "Mend Rig"
    bl_options = {"REGISTER"}

    kind: bpy.props.StringProperty(
        name="Kind", description="What to mend: the action of the error that was told. Empty is all that stops a motion"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return may_apply(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        going_on = reporting.failed if self.kind else None
        rig, mended = _rig(context, going_on), []
        try:
            if rig is not None and rig.type == "ARMATURE":
                mended = _mend(rig, self.kind, context.scene.moclip.root)
        except MoclipError as error:
            return fail(self, error)
        if not mended:
            return tell(self, "There is nothing to mend.")
        context.view_layer.update()
        bpy.ops.ed.undo_push(message=self.bl_label)
        tell(self, f"Mended '{rig.name}'.")
        if going_on is not None:
            _go_on(*going_on)
        return {"FINISHED"}


def _rig(context: bpy.types.Context, going_on: tuple[str, dict] | None) -> bpy.types.Object | None:
    """The rig that is spoken of: the one that the held motion was made for, if that is what failed, or the target."""
    operator = going_on[0] if going_on else ""
    of_held = operator in ("moclip.apply_motion", "moclip.show_take")
    if (of_held or (operator == "moclip.try_again" and SESSION.done)) and SESSION.held is not None:
        job = SESSION.held[0]
        if job.target is not None and (found := job.target.find()) is not None:
            return found
    return character_of(context)


def _mend(rig: bpy.types.Object, kind: str, root: str) -> list[Obstacle]:
    """The obstacles that were mended; kind: "" for all that stop a motion.

    Raises MoclipError for what may not be changed here.
    """
    mended = []
    for obstacle in list(obstacles.found(rig, map_rig(rig), root)):
        chosen = obstacle.action == kind if kind else obstacle.stops
        if chosen and obstacle.mend is not None:
            try:
                obstacle.mend()
            except (AttributeError, RuntimeError) as error:  # what Blender answers where it lets nobody change it
                raise MoclipError(
                    f"'{rig.name}' cannot be changed here: {str(error).strip().splitlines()[-1]}",
                    hint="Change it by hand, then try again.",
                    code="obstacle",
                ) from error
            mended.append(obstacle)
    return mended


def _go_on(operator: str, settings: dict) -> None:
    """Do again what failed; what it tells is in the panel."""
    module, name = operator.split(".")
    call = getattr(getattr(bpy.ops, module), name)
    if call.poll():
        try:
            # With its own undo step: one Ctrl+Z takes the motion back, the next one the mending.
            call("EXEC_DEFAULT", True, **settings)
        except RuntimeError as error:  # reported as an error, which it has told in the panel
            print(f"MoCLIP: {str(error).strip()}")
