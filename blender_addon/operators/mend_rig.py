# SPDX-License-Identifier: GPL-3.0-or-later
"""Take away what keeps a rig from showing a motion, then go on with what was asked."""

import bpy

from ..errors import MoclipError
from ..rig import obstacles
from ..rig.mapping import map_rig
from ..session import SESSION
from . import reporting
from .polls import may_apply
from .reporting import fail, tell


class MOCLIP_OT_mend_rig(bpy.types.Operator):
    """Change the rig so that it shows what is keyed, then go on with what was asked. Ctrl+Z takes the change back"""

    bl_idname = "moclip.mend_rig"
    bl_label = "Mend"
    bl_options = {"REGISTER"}

    kind: bpy.props.StringProperty(name="Kind", description="What to mend: the action of the error that was told")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return may_apply(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        rigs, mended, going_on = _rigs(context), [], reporting.failed
        try:
            for rig in rigs:
                mended += _mend(rig, self.kind, context.scene.moclip.root)
        except MoclipError as error:
            return fail(self, error)
        if not mended:
            return tell(self, "There is nothing to mend.")
        context.view_layer.update()
        bpy.ops.ed.undo_push(message=self.bl_label)
        tell(self, f"Mended '{mended[0]}'.")
        if going_on is not None:
            _go_on(*going_on)
        return {"FINISHED"}


def _rigs(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The target, and the one that the held motion was made for."""
    rigs = [context.scene.moclip.target]
    if SESSION.held is not None and SESSION.held[0].target is not None:
        rigs.append(SESSION.held[0].target.find())
    return [rig for rig in dict.fromkeys(rigs) if rig is not None and rig.type == "ARMATURE"]


def _mend(rig: bpy.types.Object, kind: str, root: str) -> list[str]:
    """Names of the rig for each obstacle that was mended. Raises MoclipError for what may not be changed here."""
    mended = []
    for obstacle in list(obstacles.found(rig, map_rig(rig), root)):
        if obstacle.action == kind and obstacle.mend is not None:
            try:
                obstacle.mend()
            except (AttributeError, RuntimeError) as error:  # what Blender answers where it lets nobody change it
                raise MoclipError(
                    f"'{rig.name}' cannot be changed here: {str(error).strip().splitlines()[-1]}",
                    hint="Change it by hand, then try again.",
                    code="obstacle",
                ) from error
            mended.append(rig.name)
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
