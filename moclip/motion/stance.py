# SPDX-License-Identifier: Apache-2.0
"""How the feet of a motion are where they stand flat on the floor.

A foot is the line from the ankle joint to the toe joint, and where in the foot these lie is a convention of whoever
made the skeleton: the lines of people who stand flat slope by 4 degrees in CMU's recordings, 18 in HumanML3D's, 36 to
40 in most of Bandai-Namco's. Only what a foot does beside that slope says how its sole is turned. `REST_OFFSETS` has
none: its feet are horizontal, as no foot stands.
"""

from dataclasses import dataclass

import numpy as np

from .footing import standing
from .skeleton import BONE_LENGTHS, JOINT_INDEX

_SIDES = ("left", "right")
_ANKLES, _TOES = ([JOINT_INDEX[f"{side}_{joint}"] for side in _SIDES] for joint in ("ankle", "foot"))
_SLOPE = np.radians(38.0)
_TOE_SLOPE = np.radians(22.0)
_LOWEST, _STEEPEST = np.radians((-12.0, 58.0))
"""Of slopes that a flat foot may have: beyond, it stands on its toes or on its heel."""
_STILL_M_S = 0.3
"""An ankle that is slower over standing toes belongs to a foot that is flat: it neither lands nor rises."""
_FEWEST_S = 0.1
"""That a foot must be flat for its slope to be known."""
_MOST_OFF_M = 0.1
"""A foot whose ankle is this far from where its slope over the floor has it says nothing of the floor."""
_NEAR = np.radians(6.0)


@dataclass(frozen=True)
class Stance:
    """slopes, toe_slopes: (left, right) radians by which the line from ankle to toe joint, and the toes, point below
    the horizontal where the sole is flat. ankle: metres over the motion's y = 0 of the ankles there."""

    slopes: tuple[float, float] = (_SLOPE, _SLOPE)
    toe_slopes: tuple[float, float] = (_TOE_SLOPE, _TOE_SLOPE)
    ankle: float = float(BONE_LENGTHS[_TOES].mean() * np.sin(_SLOPE))


USUAL = Stance()
"""Of a motion that nothing is known of: what most of the embedded model's motions are near to."""


def slope(directions: np.ndarray) -> np.ndarray:
    """(...) radians by which directions (..., 3), Y up, point below the horizontal; 0 for those of no length."""
    length = np.linalg.norm(directions, axis=-1)
    angle: np.ndarray = np.arcsin(np.clip(-directions[..., 1] / np.maximum(length, 1e-9), -1.0, 1.0))
    return angle


def flat(ankles: np.ndarray, stands: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) 0 to 1: is the sole of a foot flat? ankles: (T, 2, 3) metres; stands: (T, 2) whether its toes stand.

    1 for ankles that rest over toes that stand, 0 for those that move by twice `_STILL_M_S`.
    """
    if len(ankles) < 2:
        return np.ones((len(ankles), 2))
    speed = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * fps
    flatness: np.ndarray = stands * np.clip(2.0 - speed / _STILL_M_S, 0.0, 1.0)
    return flatness


def stance_of(joints: np.ndarray, fps: float, toe_directions: np.ndarray | None = None) -> Stance:
    """The stance of a motion with joints (T, 22, 3) metres, Y up: medians over the frames in which a foot is flat.

    toe_directions: (T, 2, 3) where the left and the right toes point; without, they go on as the foot does. A foot that
    is never flat is taken to be as the other one, and `USUAL` where neither is.
    """
    joints = np.asarray(joints, dtype=np.float64)
    ankles, toes = joints[:, _ANKLES], joints[:, _TOES]
    slopes = slope(toes - ankles)
    toe_slopes = slopes if toe_directions is None else slope(toe_directions)
    # In so few frames nothing moves: a pose.
    stands = standing(toes, joints[:, 0], fps) if len(joints) > 2 else np.ones((len(joints), 2), dtype=bool)
    sure = (flat(ankles, stands, fps) >= 1.0) & (slopes > _LOWEST) & (slopes < _STEEPEST)
    known = [k for k in range(2) if sure[:, k].sum() >= min(len(joints), max(2, _FEWEST_S * fps))]
    if not known:
        return USUAL
    of = [k if k in known else known[0] for k in range(2)]

    def median(values: np.ndarray) -> tuple[float, float]:
        left, right = (float(np.median(values[sure[:, k], k])) for k in of)
        return left, right

    found, toe = median(slopes), median(toe_slopes)
    heights = [float(np.median(ankles[sure[:, k], k, 1])) for k in known]
    expected = float(np.mean([np.median(np.linalg.norm(toes[:, k] - ankles[:, k], axis=-1)) * np.sin(found[k])
                              for k in known]))  # fmt: skip
    ankle = float(np.mean(heights))
    return Stance(found, toe, ankle if abs(ankle - expected) < _MOST_OFF_M else expected)


def usual_if_near(stance: Stance) -> Stance:
    """`USUAL` for a stance whose slopes are within 6 degrees of it.

    Motions that were read from a rig were read by it: there somebody's feet that are not quite flat stay so.
    """
    return USUAL if np.abs(np.subtract(stance.slopes, USUAL.slopes)).max() < _NEAR else stance
