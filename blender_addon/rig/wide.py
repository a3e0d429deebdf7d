# SPDX-License-Identifier: GPL-3.0-or-later
"""Hips that are wide to short legs, as of cartoon characters: they tilt and turn less than a person's.

At the angles of a person's hips theirs would rise, sink and swing by more than their legs reach, over feet that stand.
"""

import numpy as np

from ..shared import rotations
from ..shared.skeleton import JOINT_INDEX, REST_OFFSETS
from .rest import RigRest

_PEOPLES = 2.2
"""How many times as wide as the motion's hips may be, to legs of the same length, and still move as they do."""
_LEAST = 0.15
"""Share of its angle that is left to a pelvis: what is read from a rig is divided by it."""
_FULLY, _UNCHANGED = np.radians((20.0, 50.0))
"""Angles up to the first are lessened by the whole share, those from the second on not at all: somebody lies."""
_UP = np.array([0.0, 1.0, 0.0])
_LEFT = np.array([1.0, 0.0, 0.0])


def steadied(rest: RigRest, pelvis: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """World rotations (T, 4) of a motion's pelvis, Y up -> of the rig's. ankles: (T, 2, 4) of left and right."""
    share = _share(rest)
    if share >= 1.0:
        return pelvis
    tilt, turn = _tilt(pelvis), _turn(pelvis, ankles)
    pelvis = _about_up(pelvis, (_mapped(turn, _FULLY, _FULLY * share) - turn) * _certain(tilt, ankles))
    return _tilted(pelvis, _mapped(tilt, _FULLY, _FULLY * share) - tilt)


def as_a_persons(rest: RigRest, pelvis: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """The inverse of `steadied`."""
    share = _share(rest)
    if share >= 1.0:
        return pelvis
    tilt = _tilt(pelvis)
    pelvis = _tilted(pelvis, _mapped(tilt, _FULLY * share, _FULLY) - tilt)
    certain, turn = _certain(_tilt(pelvis), ankles), _turn(pelvis, ankles)
    # What was lessened in part only was mapped by a blend, which is straight up to `_FULLY` and from there on as well.
    return _about_up(pelvis, _mapped(turn, _FULLY + (_FULLY * share - _FULLY) * certain, _FULLY) - turn)


def _share(rest: RigRest) -> float:
    """Of its angles that the rig's pelvis keeps; 1 for people."""
    own = np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_hip"]] - REST_OFFSETS[JOINT_INDEX["right_hip"]])
    across = np.linalg.norm(rest.head("left_hip") - rest.head("right_hip"))
    return float(np.clip(_PEOPLES * own * rest.ratio / max(across, 1e-9), _LEAST, 1.0))


def _left(turns: np.ndarray) -> np.ndarray:
    return rotations.rotate(turns, np.broadcast_to(_LEFT, (*turns.shape[:-1], 3)))


def _tilt(pelvis: np.ndarray) -> np.ndarray:
    """(T,) radians by which the left hip is over the right one."""
    return np.arcsin(np.clip(_left(pelvis)[:, 1], -1.0, 1.0))


def _turn(pelvis: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """(T,) radians by which hips are turned against the feet, which do not swing with them."""
    across, feet = _left(pelvis), _left(ankles).sum(axis=1)
    turn = np.arctan2(feet[:, 2], feet[:, 0]) - np.arctan2(across[:, 2], across[:, 0])
    return (turn + np.pi) % (2 * np.pi) - np.pi


def _certain(tilt: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """(T,) 0 to 1: do hips and feet tell a heading?"""
    feet = np.linalg.norm(_left(ankles).sum(axis=1)[:, [0, 2]], axis=1)
    return np.clip((_UNCHANGED - np.abs(tilt)) / (_UNCHANGED - _FULLY), 0.0, 1.0) * np.clip(2 * feet - 1.5, 0.0, 1.0)


def _mapped(angles: np.ndarray, before: np.ndarray | float, after: float) -> np.ndarray:
    """(T,) angles with those up to `before` in the proportion that makes it `after`, and the others up to `_UNCHANGED`
    in between. before: () or (T,)."""
    size = np.abs(angles)
    beyond = after + (size - before) * (_UNCHANGED - after) / (_UNCHANGED - before)
    wanted = np.where(size < before, size * after / before, beyond)
    return np.where(size < _UNCHANGED, np.sign(angles) * wanted, angles)


def _about_up(pelvis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return rotations.multiply(rotations.from_axis_angle(np.broadcast_to(_UP, (len(angle), 3)), angle), pelvis)


def _tilted(pelvis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Raise the left hip by an angle, about the level axis square to the hips."""
    axis = np.cross(_left(pelvis), _UP)
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    axis = np.where(length > 1e-9, axis / np.maximum(length, 1e-9), _LEFT)
    return rotations.multiply(rotations.from_axis_angle(axis, angle), pelvis)
