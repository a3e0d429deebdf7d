# SPDX-License-Identifier: GPL-3.0-or-later
"""What several operators need before they can run; each tells what is missing."""

import bpy

from ..backend.delivery import MODES_TO_APPLY_IN
from ..rig.target import character_of

Kind = type[bpy.types.Operator]


def has_target(operator: Kind, context: bpy.types.Context) -> bool:
    rig = character_of(context)
    if rig is None or rig.type != "ARMATURE":
        operator.poll_message_set("Select an armature first, or choose one as the target in the MoCLIP panel.")
        return False
    return True


def may_apply(operator: Kind, context: bpy.types.Context) -> bool:
    """Undo steps made in Edit Mode do not cover actions."""
    if context.mode not in MODES_TO_APPLY_IN:
        operator.poll_message_set("Go back to Object or Pose Mode first.")
        return False
    return True


def are_several(operator: Kind, takes: int) -> bool:
    """Is there another take to go on to?"""
    if takes < 2:
        operator.poll_message_set("There is one take alone. Set Takes to 2 or more and press Generate.")
        return False
    return True
