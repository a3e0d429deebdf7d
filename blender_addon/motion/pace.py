# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a motion goes along a line: as it was made, or sooner and later, by playing it faster and slower.

A stride stays a stride, and a foot that stands stands, at any speed. Times are frames of the motion as it was made,
each of which has gone `distance` (T,) metres along the line, which never falls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..shared import rotations

_SLOWEST, _FASTEST = 0.25, 4.0
"""Of the motion's own speed, whatever a curve's radii say."""


@dataclass(frozen=True)
class Mark:
    """A point of the line, by its number, and the frame at which it shall be reached. distance: metres to it."""

    point: int
    frame: float
    distance: float


def by_marks(distance: np.ndarray, marks: Sequence[Mark]) -> tuple[np.ndarray, tuple[Mark, ...]]:
    """(N,) which frame of the motion is shown at each frame, and the marks that it gets nowhere near to.

    marks: in the order of their frames, which are over 0, and of their distances. After the last one the motion goes
    on as it was made.
    """
    length = len(distance) - 1
    knots, values, out = [0.0], [0.0], []
    for mark in marks:
        if mark.distance > distance[-1] + 1e-6:
            out.append(mark)
            continue
        after = int(np.searchsorted(distance, mark.distance - 1e-9))
        knots.append(mark.frame)
        values.append(_between(distance, after, mark.distance))
    rest = length - values[-1]
    if rest > 1e-6:
        knots.append(knots[-1] + rest)
        values.append(float(length))
    frames = np.arange(int(np.floor(knots[-1] + 1e-6)) + 1)
    return np.clip(_monotone(np.array(knots), np.array(values), frames), 0, length), tuple(out)


def by_shares(distance: np.ndarray, stations: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(N,) which frame of the motion is shown at each frame, where it goes at a share (K,) of its own speed at stations
    (K,) metres along the line, evenly more or less in between. Who stands does so as ever."""
    middle, walks = (distance[1:] + distance[:-1]) / 2, np.diff(distance) > 0
    share = np.where(walks, np.clip(np.interp(middle, stations, shares), _SLOWEST, _FASTEST), 1.0)
    shown_at = np.concatenate([[0.0], np.cumsum(1 / share)])
    return np.interp(np.arange(int(np.floor(shown_at[-1] + 1e-6)) + 1), shown_at, np.arange(len(distance)))


def fastest(at: np.ndarray) -> float:
    """How many times as fast as it was made the motion plays at the most."""
    return float(np.diff(at).max()) if len(at) > 1 else 1.0


def played(turns: np.ndarray, root: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, 22, 4) and root (T, 3) at other times (N,)."""
    before = np.minimum(np.floor(at + 1e-9).astype(int), len(root) - 1)
    after = np.minimum(before + 1, len(root) - 1)
    weight = np.clip(at - before, 0.0, 1.0)
    shown = rotations.slerp(turns[before], turns[after], weight[:, None])
    return rotations.continuous(shown), root[before] + (root[after] - root[before]) * weight[:, None]


def _between(distance: np.ndarray, after: int, wanted: float) -> float:
    """When a distance is reached, the last frame before which it is not being `after` - 1."""
    if after == 0:
        return 0.0
    step = distance[after] - distance[after - 1]
    return after - 1 + float(np.clip((wanted - distance[after - 1]) / max(step, 1e-12), 0.0, 1.0))


def _monotone(knots: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A curve through rising values whose speed neither jumps nor falls below zero: Fritsch and Carlson's, with the
    harmonic mean of Fritsch and Butland (1984)."""
    if len(knots) < 2:
        return np.full(len(at), values[0])
    wide, slopes = np.diff(knots), np.diff(values) / np.diff(knots)
    inner = np.zeros(max(0, len(knots) - 2))
    for k in range(len(inner)):
        a, b = slopes[k], slopes[k + 1]
        if a > 0 and b > 0:
            first, second = 2 * wide[k + 1] + wide[k], wide[k + 1] + 2 * wide[k]
            inner[k] = (first + second) / (first / a + second / b)
    speed = np.concatenate([slopes[:1], inner, slopes[-1:]])
    k = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(wide) - 1)
    share = np.clip((at - knots[k]) / wide[k], 0.0, 1.0)
    square, cube = share**2, share**3
    return (
        (2 * cube - 3 * square + 1) * values[k] + (cube - 2 * square + share) * wide[k] * speed[k]
        + (3 * square - 2 * cube) * values[k + 1] + (cube - square) * wide[k] * speed[k + 1]
    )  # fmt: skip
