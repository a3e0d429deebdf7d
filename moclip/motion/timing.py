# SPDX-License-Identifier: Apache-2.0
"""A motion that is led through poses does best when it is about to strike them anyway: a little sooner or later.

For each pose the frame near its time is sought at which the motion is most like it, and time is bent to bring it there.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from . import rotations as rot
from .motion import Motion
from .skeleton import JOINT_NAMES
from .way import heading

_AWAY_S = 0.4
"""How far from its time a pose is sought."""
_SPEED = 0.35
"""By how much time may run faster or slower between two poses."""
_LATE = 0.25
"""What a second of shift weighs against a metre that joints are away from the pose, in the mean."""
_STEP = 0.5
"""Of the search, in frames."""
_LEGS = 3.0
"""How much more a leg's joints count than others: feet that are elsewhere in their stride would have to slide."""


def _weights() -> np.ndarray:
    legs = [name.endswith(("knee", "ankle", "foot")) for name in JOINT_NAMES]
    weights = np.where(legs, _LEGS, 1.0)
    share: np.ndarray = weights / weights.sum()
    return share


_WEIGHTS = _weights()


def retimed(motion: Motion, poses: Mapping[float, np.ndarray], first: int, end: int) -> Motion:
    """The motion with time bent between frames first and end - 1.

    poses: by moment in frames, joints (22, 3) of a pose that stands at the origin and faces +Z.
    """
    moments = sorted(poses)
    begin, last = float(max(first - 1, 0)), float(min(end, motion.frames - 1))
    found, _ = _sought(motion.joints(), motion.fps, poses, begin, last)
    knots = [(begin, begin), *((m, s) for m, s in zip(moments, found, strict=True) if begin < m < last), (last, last)]
    at = np.arange(motion.frames, dtype=np.float64)
    inside = (at > begin) & (at < last)
    at[inside] = _between(np.array([m for m, _ in knots]), np.array([s for _, s in knots]), at[inside])
    return _resampled(motion, at)


def strangeness(joints: np.ndarray, fps: float, poses: Mapping[float, np.ndarray]) -> float:
    """How unlike the poses a motion of joints (T, 22, 3) is where it is most like them, in metres a pose."""
    _, cost = _sought(joints, fps, poses, 0.0, float(len(joints) - 1))
    return cost / len(poses)


def standing_at_origin(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Joints (..., 22, 3) that face yaw (...) -> over the origin, facing +Z."""
    up = np.broadcast_to(np.array([0.0, 1.0, 0.0]), (*np.shape(yaw), 3))
    moved: np.ndarray = rot.rotate(
        rot.from_axis_angle(up, -np.asarray(yaw))[..., None, :], joints - joints[..., :1, :] * (1.0, 0.0, 1.0)
    )
    return moved


def _sought(
    joints: np.ndarray, fps: float, poses: Mapping[float, np.ndarray], begin: float, last: float
) -> tuple[list[float], float]:
    """For each moment that of the motion which is to come there: the cheapest sequence (dynamic programming), and its
    cost."""
    joints = joints.astype(np.float64)
    stood = standing_at_origin(joints, heading(joints))
    away = np.arange(-_AWAY_S * fps, _AWAY_S * fps + _STEP / 2, _STEP)
    moments = np.array(sorted(poses))
    places = moments[:, None] + away
    far = np.stack([
        np.linalg.norm(_sampled(stood, np.clip(row, begin, last)) - poses[moment], axis=-1) @ _WEIGHTS
        for row, moment in zip(places, moments, strict=True)
    ])  # fmt: skip
    costs = far + _LATE * np.abs(away) / fps
    costs[(places < begin) | (places > last)] = np.inf
    # A pose at either end stays there.
    for row, moment in enumerate(moments):
        if not begin < moment < last:
            costs[row, np.abs(away) > 1e-6] = np.inf
    total, before = costs[0] + _hurry(moments[0] - begin, places[0] - begin), []
    for row in range(1, len(moments)):
        steps = total[:, None] + _hurry(moments[row] - moments[row - 1], places[row][None] - places[row - 1][:, None])
        before.append(steps.argmin(axis=0))
        total = costs[row] + steps.min(axis=0)
    total = total + _hurry(last - moments[-1], last - places[-1])
    middle = int(np.abs(away).argmin())
    if not np.isfinite(total).any():
        return moments.tolist(), float(far[:, middle].sum())
    chosen = [int(total.argmin())]
    for row in reversed(before):
        chosen.append(int(row[chosen[-1]]))
    return [float(places[row, column]) for row, column in enumerate(reversed(chosen))], float(total.min())


def _hurry(wanted: float, given: np.ndarray) -> np.ndarray:
    """What it costs to show `given` frames in the time of `wanted`: nothing or everything."""
    if wanted < 1e-6:
        return np.where(np.abs(given) < 1e-6, 0.0, np.inf)
    speed = given / wanted
    cost: np.ndarray = np.where(np.abs(speed - 1) <= _SPEED, 0.0, np.inf)
    return cost


def _between(knots: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A rising curve through knots without corners (Fritsch and Butland, 1984)."""
    width, slope = np.diff(knots), np.diff(values) / np.maximum(np.diff(knots), 1e-9)
    tangent = np.concatenate([slope[:1], np.zeros(len(knots) - 2), slope[-1:]])
    if len(slope) > 1:
        a, b = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
        tangent[1:-1] = (a + b) / (a / np.maximum(slope[:-1], 1e-9) + b / np.maximum(slope[1:], 1e-9))
    piece = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(width) - 1)
    h, s = width[piece], (at - knots[piece]) / width[piece]
    curve: np.ndarray = (
        values[piece] * (1 + 2 * s) * (1 - s) ** 2 + h * tangent[piece] * s * (1 - s) ** 2
        + values[piece + 1] * s * s * (3 - 2 * s) + h * tangent[piece + 1] * s * s * (s - 1)
    )  # fmt: skip
    return curve


def _sampled(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    first = np.clip(np.floor(at).astype(int), 0, len(values) - 1)
    second, share = np.minimum(first + 1, len(values) - 1), (at - first).reshape(-1, *([1] * (values.ndim - 1)))
    sampled: np.ndarray = values[first] + share * (values[second] - values[first])
    return sampled


def _resampled(motion: Motion, at: np.ndarray) -> Motion:
    first = np.clip(np.floor(at).astype(int), 0, motion.frames - 1)
    second, share = np.minimum(first + 1, motion.frames - 1), at - first
    turns = motion.rotations.astype(np.float64)
    made = rot.slerp(turns[first], turns[second], np.repeat(share[:, None], turns.shape[1], axis=1))
    kept = share == 0
    made[kept] = turns[first[kept]]
    return replace(
        motion, rotations=rot.continuous(made), root_translation=_sampled(motion.root_translation.astype(float), at)
    )
