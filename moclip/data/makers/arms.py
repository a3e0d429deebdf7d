# SPDX-License-Identifier: Apache-2.0
"""Arms that reach for where their wrists should be, and trunks that bend and twist: gestures drawn onto a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from moclip.data.makers.together import ARMS, TRUNK
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, forward_kinematics, world_rotations
from moclip.motion.skeleton import BONE_LENGTHS, JOINT_INDEX

SIDES = ("left", "right")
OTHER = {"left": "right", "right": "left"}
ASIDE, UP, AHEAD = np.eye(3)
"""Axes of the chest: to the left, up, ahead."""
_CHEST = JOINT_INDEX["spine3"]
_SHOULDERS = [JOINT_INDEX[f"{side}_shoulder"] for side in SIDES]
_ELBOWS_OUT = np.array([0.55, -0.8, -0.25])
"""Where an elbow points, of the left arm."""
_REACH = 0.985
_OUTWARDS = {"left": 1.0, "right": -1.0}


def either(rng: np.random.Generator, right: float = 0.65) -> str:
    """A side; most people's right one is the better."""
    return "right" if rng.random() < right else "left"


def of_side(places: np.ndarray, side: str) -> np.ndarray:
    """A way (T, 3) of the left wrist as the wrist of a side goes it."""
    way: np.ndarray = places * (_OUTWARDS[side], 1.0, 1.0)
    return way


def track(frames: int, keys: Sequence[tuple[float, Sequence[float]]]) -> np.ndarray:
    """(T, D) a smooth way (Catmull-Rom) through keys (frame, D numbers); it stays at both ends."""
    at, values = np.array([k for k, _ in keys]), np.array([value for _, value in keys], dtype=np.float64)
    slopes = np.gradient(values, at, axis=0)
    slopes[[0, -1]] = 0.0
    time = np.clip(np.arange(frames, dtype=np.float64), at[0], at[-1])
    place = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(at) - 2)
    span = (at[place + 1] - at[place])[:, None]
    t = (time - at[place])[:, None] / span
    way: np.ndarray = (
        (2 * t**3 - 3 * t**2 + 1) * values[place] + (t**3 - 2 * t**2 + t) * span * slopes[place]
        + (3 * t**2 - 2 * t**3) * values[place + 1] + (t**3 - t**2) * span * slopes[place + 1]
    )  # fmt: skip
    return way


def eased(frames: int, first: int, end: int, rise: int) -> np.ndarray:
    """(T,) 0 before `first` and from `end` on, 1 between, with soft ways of `rise` frames inside."""
    time = np.arange(frames, dtype=np.float64)
    t = np.clip(np.minimum((time - first) / rise, (end - 1 - time) / rise), 0.0, 1.0)
    softly: np.ndarray = t * t * (3 - 2 * t)
    return softly


def reaching(
    motion: Motion, wrists: Mapping[str, np.ndarray], weight: np.ndarray, elbows: np.ndarray = _ELBOWS_OUT
) -> Motion:
    """The arms of these sides with their wrists at (T, 3) metres from the middle of the shoulders, as the chest sees
    it, or as near as they reach. weight: (T,) 0 leaves them as they are. elbows: where they point, of the left arm.
    """
    rotations = motion.rotations.astype(np.float64)
    world = world_rotations(rotations)
    joints = forward_kinematics(rotations, motion.root_translation, motion.offsets).astype(np.float64)
    chest, middle = world[:, _CHEST], joints[:, _SHOULDERS].mean(axis=1)
    for side, places in wrists.items():
        _, shoulder, elbow, wrist = ARMS[side]
        upper, lower = BONE_LENGTHS[elbow], BONE_LENGTHS[wrist]
        away = middle + rot.rotate(chest, places) - joints[:, shoulder]
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        reach = np.clip(distance, 1.02 * abs(upper - lower), _REACH * (upper + lower))
        axis = away / np.maximum(distance, 1e-9)
        pole = rot.rotate(chest, np.broadcast_to(elbows * (_OUTWARDS[side], 1.0, 1.0), places.shape))
        pole = rot.normalize(pole - axis * (pole * axis).sum(axis=1, keepdims=True))
        along = (upper**2 - lower**2 + reach**2) / (2 * reach)
        bend = axis * along + pole * np.sqrt(np.maximum(upper**2 - along**2, 0.0))
        hinge = rot.normalize(rot.cross(bend, axis * reach - bend))
        parent = world[:, ARMS[side][0]]
        for joint, bone in ((shoulder, bend), (elbow, axis * reach - bend)):
            turned = _along(rot.normalize(bone), hinge, _OUTWARDS[side])
            local = rot.multiply(rot.conjugate(parent), turned)
            rotations[:, joint] = rot.slerp(rotations[:, joint], local, weight)
            parent = turned
    return replace(motion, rotations=rot.continuous(rotations))


def _along(bone: np.ndarray, hinge: np.ndarray, outwards: float) -> np.ndarray:
    """(T, 4) rotations that take a bone of an arm of the T-pose to a direction, and its elbow's hinge to another."""
    x, y = outwards * bone, -outwards * hinge
    return rot.from_matrix(np.stack([x, y, rot.cross(x, y)], axis=-1))


def leaning(motion: Motion, axis: np.ndarray, angles: np.ndarray) -> Motion:
    """The trunk turned about an axis by radians (T,), each of its three joints by a third."""
    rotations = motion.rotations.astype(np.float64)
    third = rot.from_axis_angle(axis, angles / len(TRUNK))
    for joint in TRUNK:
        rotations[:, joint] = rot.multiply(rotations[:, joint], third)
    return replace(motion, rotations=rot.continuous(rotations))


def shoulders_raised(motion: Motion, angles: np.ndarray) -> Motion:
    """Both shoulders lifted by radians (T,), with arms that stay as they were."""
    rotations = motion.rotations.astype(np.float64)
    for side in SIDES:
        collar, shoulder = ARMS[side][:2]
        lift = rot.from_axis_angle(AHEAD, _OUTWARDS[side] * angles)
        rotations[:, collar] = rot.multiply(lift, rotations[:, collar])
        rotations[:, shoulder] = rot.multiply(rot.conjugate(lift), rotations[:, shoulder])
    return replace(motion, rotations=rot.continuous(rotations))
