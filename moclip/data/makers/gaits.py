# SPDX-License-Identifier: Apache-2.0
"""Walks in another manner than they were recorded: aslant, marching, limping. Feet that stand go on standing."""

from dataclasses import replace

import numpy as np

from moclip.data.makers.legs import with_ankles
from moclip.data.makers.together import ARMS
from moclip.data.posture import smoothed, spans
from moclip.data.sequences import heading, take
from moclip.motion import rotations as rot
from moclip.motion.feet import toe_contacts
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import JOINT_INDEX

_UP = np.array([0.0, 1.0, 0.0])
_AHEAD = np.array([0.0, 0.0, 1.0])
_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]
_SHORTEST = 3
"""Frames of a foot in the air that make a step."""


def _feet(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Ankles (T, 2, 3) in metres and their rotations (T, 2, 4), both in the world."""
    places = motion.joints().astype(np.float64)[:, _ANKLES]
    return places, world_rotations(motion.rotations.astype(np.float64))[:, _ANKLES]


def _steady_heading(motion: Motion) -> np.ndarray:
    """(T, 4) where the body faces, without what its hips sway in a step."""
    yaw = np.unwrap(heading(motion.rotations[:, 0].astype(np.float64)))
    return rot.from_axis_angle(_UP, smoothed(yaw[:, None], round(motion.fps))[:, 0])


def slanted(motion: Motion, angle: float) -> Motion:
    """A walk that faces `angle` radians to the right of where it goes: it goes ahead and to its left."""
    places, feet = _feet(motion)
    rotations = motion.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(rot.from_axis_angle(_UP, np.asarray(-angle)), rotations[:, 0])
    # Toes point a little more to where one goes than the body does.
    toes = rot.multiply(rot.from_axis_angle(_UP, np.asarray(-0.75 * angle)), feet)
    return with_ankles(replace(motion, rotations=rot.continuous(rotations)), places, toes)


def _steps(motion: Motion) -> np.ndarray:
    """(T, 2) where each foot is in its step: 0 while it stands, 0 to 1 while it is in the air."""
    stands = toe_contacts(motion.joints(), motion.fps)
    phase = np.zeros((motion.frames, 2))
    for column in (0, 1):
        for first, end in spans(~stands[:, column], _SHORTEST):
            phase[first:end, column] = (np.arange(end - first) + 1) / (end - first + 1)
    return phase


def marched(motion: Motion, thigh: float, swing: float) -> Motion:
    """A walk whose knees come up until the thighs are lifted by `thigh` radians, with arms that swing `swing` times as
    far."""
    places, feet = _feet(motion)
    joints = motion.joints().astype(np.float64)
    facing = _steady_heading(motion)
    shin = np.linalg.norm(joints[0, _ANKLES[0]] - joints[0, JOINT_INDEX["left_knee"]])
    upper = np.linalg.norm(joints[0, JOINT_INDEX["left_knee"]] - joints[0, _HIPS[0]])
    # Where an ankle hangs under a lifted knee.
    hung = np.array([0.0, -upper * np.cos(thigh) - 0.97 * shin, upper * np.sin(thigh) - 0.05])
    phase = _steps(motion)
    # Nobody flies: one foot stands while the other is up.
    share = smoothed(np.sin(np.pi * phase) ** 1.5 * (phase[:, ::-1] == 0), 3)
    for column in (0, 1):
        high = joints[:, _HIPS[column]] + rot.rotate(facing, np.broadcast_to(hung, (motion.frames, 3)))
        weight = share[:, column, None]
        places[:, column] += weight * np.maximum(high - places[:, column], (-np.inf, 0.0, -np.inf))
        feet[:, column] = rot.slerp(feet[:, column], facing, 0.8 * share[:, column])
    made = with_ankles(motion, places, feet)
    rotations = made.rotations.astype(np.float64)
    for side in ("left", "right"):
        shoulder = ARMS[side][1]
        middle = rot.normalize(rotations[:, shoulder].mean(axis=0))
        away = rot.to_vector(rot.multiply(rot.conjugate(middle), rotations[:, shoulder]))
        rotations[:, shoulder] = rot.multiply(middle, rot.from_vector(swing * away))
    return replace(made, rotations=rot.continuous(rotations))


def limped(motion: Motion, side: str, behind: float, dip: float, hurry: float) -> Motion:
    """A walk that spares the leg of `side`: it is set down `behind` metres too early, hardly bent, and stood upon for
    a `hurry`-th of the time, while the body sinks `dip` metres on it."""
    bad = ("left", "right").index(side)
    places, feet = _feet(motion)
    facing, phase = _steady_heading(motion), _steps(motion)
    on_bad = (phase[:, bad] == 0) & (phase[:, 1 - bad] > 0)
    sinking = smoothed(on_bad[:, None].astype(np.float64), round(0.25 * motion.fps))[:, 0]
    places[:, bad] -= rot.rotate(facing, np.broadcast_to(behind * _AHEAD, (motion.frames, 3)))
    rest = np.percentile(places[:, bad, 1], 10)
    places[:, bad, 1] = rest + 0.45 * (places[:, bad, 1] - rest)
    feet[:, bad] = rot.slerp(feet[:, bad], facing, np.full(motion.frames, 0.55))
    root = motion.root_translation.astype(np.float64)
    root[:, 1] -= dip * sinking
    rotations = motion.rotations.astype(np.float64)
    roll = (1.0 if side == "right" else -1.0) * 2.2 * dip * sinking
    spine = JOINT_INDEX["spine1"]
    rotations[:, spine] = rot.multiply(rotations[:, spine], rot.from_axis_angle(_AHEAD, -roll))
    made = with_ankles(Motion(motion.fps, rot.continuous(rotations), root), places, feet)
    pace = 1.0 + (hurry - 1.0) * sinking - 0.25 * (hurry - 1.0) * (1.0 - sinking)
    time = np.concatenate([[0.0], np.cumsum(pace)])
    return take(made, time[time <= made.frames - 1])
