# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of a rig by which its feet roll: about which points they do, and their keys."""

import bpy
import numpy as np

from ..shared import rotations
from .controls import LEG, ControlRig, FootRoll, IkLimb
from .planted import held
from .pose import BoneCurves
from .rest import RigRest
from .rolled import Pivots, Roll

_SAME_DEGREES = 0.1
_SAME_AXIS = 0.9
"""Cosine to the axis across a foot, up to which a control's X axis is not what the foot rolls about."""


def pivots_of(rest: RigRest, kind: ControlRig) -> dict[str, Pivots]:
    """Side -> about what a foot rolls, of the feet that can be rolled."""
    found = {}
    for limb in kind.limbs:
        for s, side in zip(kind.letters, ("left", "right"), strict=True):
            if limb.name == LEG and limb.roll and _moves_the_leg(rest.rig, limb, limb.roll, s):
                own = _pivots(rest, limb.roll, s, side)
                if own.axis @ _across(own.ankle, own.ball, own.up) > _SAME_AXIS:
                    found[side] = own
    return found


def roll_curves(rig: bpy.types.Object, kind: FootRoll, s: str, roll: Roll) -> list[BoneCurves]:
    """Keys of the controls by which a foot rolls, with as few as a foot that does not needs."""
    turned, rolled = roll.turned, roll.rolled
    if not kind.turn:
        return [_curves(rig.pose.bones[kind.roll.format(s=s)], rotations.multiply(turned, rolled))]
    bones = rig.pose.bones[kind.turn.format(s=s)], rig.pose.bones[kind.roll.format(s=s)]
    return [_curves(bone, turn) for bone, turn in zip(bones, (turned, rolled), strict=True)]


def _curves(bone: bpy.types.PoseBone, turn: np.ndarray) -> BoneCurves:
    """Keys of a bone that turns by (T, 4) in armature space from rest on."""
    rest = rotations.from_matrix(np.array(bone.bone.matrix_local, dtype=np.float64)[:3, :3])
    own = rotations.continuous(rotations.multiply(rotations.multiply(rotations.conjugate(rest), turn), rest))
    still = np.zeros((len(own), 3))
    kept = held(own, still, np.ones(len(own), dtype=bool), 1.0, _SAME_DEGREES)
    return BoneCurves(bone.name, kept.turn, idle=kept.idle)


def _moves_the_leg(rig: bpy.types.Object, limb: IkLimb, kind: FootRoll, s: str) -> bool:
    """Whether a rig has the controls, and its leg ends where they take it."""
    bones = rig.data.bones
    names = [name.format(s=s) for name in (limb.control, kind.roll, kind.ball, kind.heel, kind.turn) if name]
    if not all(name in bones for name in names):
        return False
    control, ball = bones[names[0]], bones[kind.ball.format(s=s)]
    if control not in ball.parent_recursive:
        return False
    ends = [c.subtarget for bone in rig.pose.bones for c in bone.constraints if c.type == "IK" and c.target == rig]
    return any(end in bones and ball in (bones[end], *bones[end].parent_recursive) for end in ends)


def _pivots(rest: RigRest, kind: FootRoll, s: str, side: str) -> Pivots:
    bones = rest.rig.data.bones

    def head(name: str) -> np.ndarray:
        return np.array(bones[name.format(s=s)].head_local, dtype=np.float64)

    # The rest pose that stands may be another than the rig's own.
    up = rest.upright[:3, :3].T @ rest.up
    ankle, ball = rest.matrices[rest.bone_of[f"{side}_ankle"]][:3, 3], head(kind.ball)
    if kind.turn:
        axis = np.array(bones[kind.roll.format(s=s)].matrix_local, dtype=np.float64)[:3, 0]
    else:
        axis = _across(ankle, ball, up)
    return Pivots(ankle, ball, head(kind.heel) if kind.heel else None, axis, up, rest.up)


def _across(ankle: np.ndarray, ball: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3,) unit, about which a foot turns whose heel rises."""
    return rotations.normalize(np.cross(ankle - ball, up))
