# SPDX-License-Identifier: Apache-2.0
"""Legs that reach for where their ankles should be, and bodies that go lower on them."""

from dataclasses import replace

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.footing import bend_leg
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import JOINT_INDEX, PARENTS

_SIDES = ("left", "right")
_X = np.array([1.0, 0.0, 0.0])


def with_ankles(motion: Motion, ankles: np.ndarray, feet: np.ndarray) -> Motion:
    """The motion with its ankles at (T, 2, 3), as near as legs reach, and its feet turned as (T, 2, 4) in the world."""
    joints, world = motion.joints().astype(np.float64), world_rotations(motion.rotations.astype(np.float64))
    rotations = motion.rotations.astype(np.float64)
    for column, side in enumerate(_SIDES):
        hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        new_knee, new_ankle = bend_leg(joints[:, hip], joints[:, knee], joints[:, ankle], ankles[:, column])
        thigh = rot.multiply(rot.between(joints[:, knee] - joints[:, hip], new_knee - joints[:, hip]), world[:, hip])
        shin = rot.multiply(rot.between(joints[:, ankle] - joints[:, knee], new_ankle - new_knee), world[:, knee])
        parent = world[:, PARENTS[hip]]
        for joint, turned in ((hip, thigh), (knee, shin), (ankle, feet[:, column])):
            rotations[:, joint] = rot.multiply(rot.conjugate(parent), turned)
            parent = turned
    return replace(motion, rotations=rot.continuous(rotations))


def lowered(motion: Motion, drop: float, lean: float) -> Motion:
    """A gait whose pelvis goes `drop` metres lower, its feet where they were, its trunk bent forward by `lean`
    radians."""
    ankles = [JOINT_INDEX[f"{side}_ankle"] for side in _SIDES]
    places = motion.joints().astype(np.float64)[:, ankles]
    feet = world_rotations(motion.rotations.astype(np.float64))[:, ankles]
    root = motion.root_translation.copy()
    root[:, 1] -= drop
    rotations = motion.rotations.astype(np.float64)
    spine, neck = JOINT_INDEX["spine1"], JOINT_INDEX["neck"]
    rotations[:, spine] = rot.multiply(rotations[:, spine], rot.from_axis_angle(_X, np.asarray(lean)))
    rotations[:, neck] = rot.multiply(rotations[:, neck], rot.from_axis_angle(_X, np.asarray(-0.7 * lean)))
    return with_ankles(Motion(motion.fps, rotations, root), places, feet)
