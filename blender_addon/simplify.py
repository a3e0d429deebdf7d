# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys: those without which linear interpolation would leave the curves by more than an error bound.

The method of Ramer (1972) and of Douglas and Peucker (1973), on all channels of a bone at once, so that they share
their keys.
"""

import numpy as np

from . import rotations


def kept_keys(
    rotation: np.ndarray, degrees: float, location: np.ndarray | None = None, reach: float = 0.0
) -> np.ndarray:
    """(K,) ascending frames to keep, the first and the last among them.

    rotation: (T, 4) continuous quaternions, kept within `degrees`. location: (T, 3), kept within `reach`.
    """
    kept = np.unique([0, len(rotation) - 1])
    while len(kept) > 1:
        error = _errors(rotation, kept, degrees)
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


def _errors(rotation: np.ndarray, kept: np.ndarray, degrees: float) -> np.ndarray:
    """(T,) angles between the curves and what is played, as shares of the bound."""
    # As Blender plays quaternion curves: each number by itself, the four then scaled to unit length.
    played = rotations.normalize(_played(rotation, kept))
    cosine = np.abs((played * rotation).sum(axis=1)).clip(0.0, 1.0)
    return np.degrees(2 * np.arccos(cosine)) / degrees
