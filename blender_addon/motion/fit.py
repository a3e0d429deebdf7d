# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit a motion into a scene before it meets a rig: where it starts, whether it travels.

Motions are in MoCLIP's axes: rotations (T, 22, 4) wxyz local to the parents, root (T, 3) metres, +Y up, +Z ahead.
"""

from dataclasses import dataclass

import numpy as np

from ..shared import rotations

_UP = np.array([0.0, 1.0, 0.0])
_GROUND = [0, 2]


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
