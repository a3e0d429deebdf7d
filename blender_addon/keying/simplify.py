# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys: those without which linear interpolation would leave the curves by more than an error bound.

The method of Ramer (1972) and of Douglas and Peucker (1973), on all channels of a bone at once, so that they share
their keys.
"""

from collections.abc import Callable

import numpy as np


def kept_keys(
    values: np.ndarray,
    as_quaternions: Callable[[np.ndarray], np.ndarray],
    degrees: float,
    location: np.ndarray | None = None,
    reach: float = 0.0,
) -> np.ndarray:
    """(K,) ascending frames to keep, the first and the last among them.

    values: (T, D) rotation channels, each of which Blender interpolates by itself; as_quaternions says which rotations
    they stand for, and those are kept within `degrees`. location: (T, 3), kept within `reach`.
    """
    wanted = as_quaternions(values)
    kept = np.unique([0, len(values) - 1])
    while len(kept) > 1:
        error = _angles(as_quaternions(_played(values, kept)), wanted) / degrees
        if location is not None:
            error = np.maximum(error, np.linalg.norm(_played(location, kept) - location, axis=1) / reach)
        worst = np.maximum.reduceat(error, kept[:-1])
        spans = np.flatnonzero(worst > 1.0)
        if not len(spans):
            break
        more = [kept[k] + int(np.argmax(error[kept[k] : kept[k + 1]])) for k in spans]
        kept = np.sort(np.concatenate([kept, more]))
    return kept


def _played(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(T, D) what linear interpolation between the keys shows."""
    frames = np.arange(len(values))
    span = np.clip(np.searchsorted(kept, frames, side="right") - 1, 0, len(kept) - 2)
    first, last = kept[span], kept[span + 1]
    weight = ((frames - first) / (last - first))[:, None]
    return values[first] + (values[last] - values[first]) * weight


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T,) degrees between unit quaternions (T, 4); quicker than `rotations.angle_between`, exact enough for bounds."""
    return np.degrees(2 * np.arccos(np.abs((a * b).sum(axis=1)).clip(0.0, 1.0)))
