# SPDX-License-Identifier: Apache-2.0
"""Joint positions to motions."""

import numpy as np

from moclip.errors import MoclipError
from moclip.files.reading import Given, told_up
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT, REST_OFFSETS
from moclip.motion.solver import fit_offsets, solve_rotations

FEATURES_FPS = 20.0
OUR_LEG = 0.8258
_OWN_SKELETON_METRES = 0.003  # a fitted skeleton this near to the standard one is the standard one
_LEGS = ((1, 4), (4, 7), (2, 5), (5, 8))
_HEAD = 15
_SOMA = (0, 67, 72, 1, 68, 73, 2, 69, 74, 3, 70, 75, 4, 11, 39, 6, 12, 40, 13, 41, 14, 42)
"""Of the 77 joints of the SOMA body (Kimodo), which are our 22."""


def no_legs() -> MoclipError:
    return MoclipError("The legs of the skeleton have no length.", hint="Check the file.", code="damaged_file")


def leg_length(joints: np.ndarray) -> float:
    return float(sum(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1).mean() for a, b in _LEGS)) / 2


def motion_of_joints(joints: np.ndarray, given: Given) -> tuple[Motion, tuple[str, ...]]:
    """Of joints (T, J, 3) in any unit, with any axis up that the body tells; and what was guessed."""
    order = _SOMA if joints.shape[1] == 77 else range(JOINT_COUNT)
    joints, notes = joints[:, list(order)].astype(np.float64), []
    if not leg_length(joints) > 0:
        raise no_legs()
    turn = _turn_up(joints, given)
    if given.up is None:
        notes += told_up(turn)
    joints = rot.rotate(turn, joints)
    if given.scale is not None:
        joints = joints * given.scale
    elif not 0.5 < leg_length(joints) / OUR_LEG < 1.8:
        joints = joints * OUR_LEG / leg_length(joints)
        notes.append("By the length of its legs, its joints are not in metres; they are taken to our size.")
    if given.fps is None:
        notes.append(f"It does not say its frame rate; {FEATURES_FPS:g} frames a second are taken.")
    return solved(joints, given.fps or FEATURES_FPS), tuple(notes)


def _turn_up(joints: np.ndarray, given: Given) -> np.ndarray:
    """What turns the joints upright: legs and trunk of somebody who mostly stands say what is up."""
    if given.up_axis is not None:
        return rot.between(given.up_axis, np.array([0.0, 1.0, 0.0]))
    standing = (joints[:, _HEAD] - (joints[:, 7] + joints[:, 8]) / 2).mean(axis=0)
    height = float(np.linalg.norm(standing))
    axis = int(np.argmax(np.abs(standing)))
    body = 1.2 * leg_length(joints)
    # Somebody who lies in a file with Y up has the floor just below; who stands along Z has the path around.
    if axis != 1 and abs(standing[axis]) > 0.9 * height and height > body:
        low = joints[..., axis].min() if standing[axis] > 0 else -joints[..., axis].max()
        on_floor, lies = abs(low) < 0.12 * body, -0.05 * body < joints[..., 1].min() < 0.12 * body
        if on_floor and not lies:
            return rot.between(np.sign(standing[axis]) * np.eye(3)[axis], np.array([0.0, 1.0, 0.0]))
    return rot.IDENTITY


def solved(joints: np.ndarray, fps: float) -> Motion:
    offsets = fit_offsets(joints)
    if np.abs(offsets - REST_OFFSETS).max() < _OWN_SKELETON_METRES:
        offsets = REST_OFFSETS
    return solve_rotations(joints, offsets=offsets, fps=fps)
