# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet whose controls stay in one place, to the last digit, from where they are put down to where they leave.

A foot lock leaves millimetres that nobody sees; whoever moves the foot's control wants one place for all of a step.
"""

from collections.abc import Mapping

import numpy as np

from ..shared import rotations
from ..shared.footing import bend_leg
from .foot_lock import swing
from .planted import held
from .pose import Pose
from .rolled import Pivots, rolling

_SIDES = ("left", "right")
_REACH_M, _DEGREES = 0.008, 3.0
_ROOM = 4
"""Frames over which the body sinks and rises for a leg that is too short."""
_SINKS = 1.2
_STRETCHED = 0.9995


def stand_still(pose: Pose, stands: np.ndarray, fps: float, pivots: Mapping[str, Pivots]) -> None:
    """Hold the feet of a pose where they stand. stands: (T, 2) bool, of the left and the right.

    pivots: side -> about what the foot rolls by controls of its own; without, only the ankle can be held, as long as
    the foot is flat. By at most 8 mm and 3 degrees; legs bend for it, and where one cannot reach the body comes down.
    """
    legs = [tuple(pose.rest.bone_of[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")) for side in _SIDES]
    heads, targets = pose.heads(), []
    reach = _REACH_M * pose.rest.ratio
    for column, (side, leg) in enumerate(zip(_SIDES, legs, strict=True)):
        ankle = leg[2]
        place = np.broadcast_to(heads[ankle], (len(pose), 3))
        if side in pivots:
            rest = rotations.from_matrix(pose.rest.matrices[ankle][:3, :3])
            since_rest = rotations.continuous(rotations.multiply(pose.turned[ankle], rotations.conjugate(rest)))
            found = rolling(since_rest, place, stands[:, column], fps, pivots[side], reach)
            pose.turned[ankle], pose.rolls[side] = rotations.multiply(found.turn, rest), found.roll
            targets.append(found.place)
            continue
        kept = held(pose.turned[ankle], place, stands[:, column], reach, _DEGREES)
        pose.turned[ankle] = kept.turn
        targets.append(kept.location)
    lack = np.max([_lack(heads, leg, target) for leg, target in zip(legs, targets, strict=True)], axis=0)
    if lack.max() > 0:
        pose.hips = pose.hips - pose.rest.up * (_SINKS * _spread(lack))[:, None]
        heads = pose.heads()
    for leg, target in zip(legs, targets, strict=True):
        hip, knee, ankle = (pose.rest.to_motion(np.broadcast_to(heads[bone], (len(pose), 3))) for bone in leg)
        new_knee, new_ankle = bend_leg(hip, knee, ankle, pose.rest.to_motion(target))
        moved = np.ones(len(pose), dtype=bool)
        swing(pose, leg[0], moved, knee - hip, new_knee - hip)
        swing(pose, leg[1], moved, ankle - knee, new_ankle - new_knee)


def _lack(heads: dict[str, np.ndarray], leg: tuple[str, ...], target: np.ndarray) -> np.ndarray:
    """(T,) by how much a stretched leg would be too short, in armature units."""
    hip, knee, ankle = (heads[bone] for bone in leg)
    length = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
    own = np.linalg.norm(ankle - hip, axis=-1)
    return np.maximum(np.linalg.norm(target - hip, axis=-1) - np.maximum(_STRETCHED * length, own), 0.0)


def _spread(values: np.ndarray) -> np.ndarray:
    """(T,) no less than values (T,), rising and falling softly beside them."""
    padded = np.pad(values, 2 * _ROOM, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _ROOM + 1).max(axis=1)
    window = np.hanning(2 * _ROOM + 3)[1:-1]
    return np.convolve(highest, window / window.sum(), "valid")
