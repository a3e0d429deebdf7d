# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit a motion into a scene before it meets a rig: where it starts, whether it travels, whether it repeats.

Motions are in MoCLIP's axes: rotations (T, 22, 4) wxyz local to the parents, root (T, 3) metres, +Y up, +Z ahead.
"""

from dataclasses import dataclass

import numpy as np

from ..shared import rotations

_UP = np.array([0.0, 1.0, 0.0])
_GROUND = [0, 2]
_LOOP_SHARE, _LOOP_SECONDS = 0.3, 1.0
"""The part at the end of a motion that is bent towards its beginning: this share of it, at most so long."""


@dataclass(frozen=True)
class Place:
    """Where somebody stands: yaw in radians about +Y, 0 facing +Z; ground (2,) metres along x and z."""

    yaw: float
    ground: np.ndarray


def heading(root_rotations: np.ndarray) -> np.ndarray:
    """Yaw (...) in radians of root rotations (..., 4)."""
    ahead = rotations.rotate(root_rotations, np.array([0.0, 0.0, 1.0]))
    return np.arctan2(ahead[..., 0], ahead[..., 2])


def placed(turns: np.ndarray, root: np.ndarray, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """The motion with its first frame at a place and facing as it says; its heights stay."""
    turn = rotations.from_axis_angle(_UP, np.asarray(place.yaw - heading(turns[0, 0])))
    moved = rotations.rotate(turn[None], root)
    moved[:, _GROUND] += place.ground - moved[0, _GROUND]
    turned = turns.copy()
    turned[:, 0] = rotations.multiply(turn[None], turns[:, 0])
    return turned, moved


def path_of(ground: np.ndarray, fps: float, seconds: float = 0.8) -> np.ndarray:
    """(T, D) the way behind a sway: `ground` (T, D) averaged over about one double step, the ends carried on."""
    width = max(1, round(seconds * fps)) | 1
    if len(ground) <= 2:
        return ground.copy()
    half = min(width // 2, len(ground) - 1)
    before = 2 * ground[:1] - ground[half:0:-1]
    after = 2 * ground[-1:] - ground[-2 : -2 - half : -1]
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.concatenate([before, ground, after])
    return np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], axis=1)


def looped(turns: np.ndarray, root: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The motion and one frame more, which has the first one's pose and heading where the motion has come to.

    The last second bends towards that pose; what the heading lacks to whole turns is spread over the motion.
    """
    count = len(turns)
    if count < 4:
        return turns, root
    turned, moved = np.concatenate([turns, turns[-1:]]), np.concatenate([root, root[-1:]])
    moved[-1, _GROUND] += root[-1, _GROUND] - root[-2, _GROUND]
    gained = heading(turned[-1, 0]) - heading(turned[0, 0])
    turned, moved = _wound(turned, moved, -np.arctan2(np.sin(gained), np.cos(gained)))
    bent = max(2, min(round(_LOOP_SHARE * count), round(_LOOP_SECONDS * fps)))
    share = np.linspace(0.0, 1.0, bent + 1)[1:]
    weight = share * share * (3 - 2 * share)
    # Of what the last frame lacks, each frame before takes its share.
    lack = rotations.multiply(turned[0], rotations.conjugate(turned[-1]))
    still = np.broadcast_to(np.array([1.0, 0.0, 0.0, 0.0]), lack.shape)
    part = rotations.slerp(still[None], lack[None], weight[:, None])
    turned[-bent:] = rotations.multiply(part, turned[-bent:])
    moved[-bent:, 1] += weight * (root[0, 1] - moved[-1, 1])
    return rotations.continuous(turned), moved


def _wound(turns: np.ndarray, root: np.ndarray, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """The motion turned by more and more, by `yaw` in the end, its way bent with it."""
    turn = rotations.from_axis_angle(_UP, np.linspace(0.0, yaw, len(turns)))
    turned = turns.copy()
    turned[:, 0] = rotations.multiply(turn, turns[:, 0])
    step = np.diff(root, axis=0)
    step = rotations.rotate(turn[:-1], step)
    return turned, np.concatenate([root[:1], root[:1] + np.cumsum(step, axis=0)])
