# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay some limbs of the new motion over what the target did before."""

import bpy

from ..keying import history, layers
from ..rig.target import character_of
from ..shared.errors import MoclipError
from .history import OfMotion
from .reporting import fail, tell


class MOCLIP_OT_lay_over(OfMotion, bpy.types.Operator):
    """Keep only some limbs of the new motion, as a strip over what the character did before: keep the walk, make the
    arms wave"""

    wanted = staticmethod(history.new_motion)

    bl_idname = "moclip.lay_over"
    bl_label = "Lay Over"

    limbs: bpy.props.EnumProperty(name="Limbs", description="What is laid over", items=layers.ITEMS)
    additive: bpy.props.BoolProperty(
        name="Add", description="Add the limbs' movement to what is below, instead of replacing it", default=False
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            strip = layers.lay_over(character_of(context), self.limbs, self.additive)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Laid the {self.limbs.replace('_', ' ')} of '{strip.name}' over what was before.")
