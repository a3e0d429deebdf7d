# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's shape, as a field that is 0 on its skin and negative within.

Every part is a tube of ellipses along an axis of the T-pose, given by what a caliper would measure at a few stations;
parts flow into each other by a smooth union. All of it is for the left, and mirrored. Axes and metres are the motion's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

_X, _Y, _Z = range(3)
_REACH = 0.06
"""Metres from a part beyond which nothing of it is asked: more than any blend."""
_STEP = 1e-4
_FLOOR_EDGE = 0.012
"""Metres in which soles round into the sides of the feet."""


@dataclass(frozen=True)
class Tube:
    """axis: along which it runs. stations: (along, across, across, half, half) rows: where it is on its axis, the
    centre on the other two axes and how far it reaches along them. cap: how far it rounds out past its ends. blend:
    metres in which it flows into what is before it. power: 2 is an ellipse, more is boxier.
    """

    axis: int
    stations: Sequence[tuple[float, float, float, float, float]]
    cap: float = 0.02
    blend: float = 0.03
    power: float = 2.0

    def near(self, points: np.ndarray) -> np.ndarray:
        """(N,) which of (N, 3) points are close enough for their distance to count."""
        table = np.array(self.stations)
        across = [axis for axis in (_X, _Y, _Z) if axis != self.axis]
        far = _REACH + self.cap
        low, high = np.empty(3), np.empty(3)
        low[self.axis], high[self.axis] = table[0, 0] - far, table[-1, 0] + far
        for axis, centre, half in zip(across, table[:, 1:3].T, table[:, 3:].T, strict=True):
            low[axis], high[axis] = (centre - half).min() - _REACH, (centre + half).max() + _REACH
        found: np.ndarray = ((points > low) & (points < high)).all(axis=1)
        return found

    def field(self, points: np.ndarray) -> np.ndarray:
        """(N,) about the distance to its surface, of (N, 3) points."""
        table = np.array(self.stations)
        along = points[:, self.axis]
        at = np.clip(along, table[0, 0], table[-1, 0])
        first, second, wide, high = (_smooth(at, table[:, 0], table[:, k]) for k in range(1, 5))
        across = [axis for axis in (_X, _Y, _Z) if axis != self.axis]
        u = (points[:, across[0]] - first) / wide
        v = (points[:, across[1]] - second) / high
        w = (along - at) / self.cap
        if self.power == 2.0:
            radius = np.sqrt(u * u + v * v + w * w)
        else:
            radius = (np.abs(u) ** self.power + np.abs(v) ** self.power + np.abs(w) ** self.power) ** (1 / self.power)
        field: np.ndarray = (radius - 1.0) * np.minimum(wide, high)
        return field


@cache
def _slopes(known: tuple[float, ...], values: tuple[float, ...]) -> np.ndarray:
    return np.gradient(values, known)


def _smooth(at: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A cubic through (known, values), with the slopes of the neighbours: no corner at a station."""
    slopes = _slopes(tuple(known), tuple(values))
    k = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    gap = known[k + 1] - known[k]
    t = (at - known[k]) / gap
    found: np.ndarray = (
        (1 + 2 * t) * (1 - t) ** 2 * values[k]
        + t * (1 - t) ** 2 * gap * slopes[k]
        + t * t * (3 - 2 * t) * values[k + 1]
        + t * t * (t - 1) * gap * slopes[k + 1]
    )
    return found


TRUNK = Tube(
    _Y,
    (
        (0.880, 0.000, -0.012, 0.109, 0.090),
        (0.930, 0.000, -0.014, 0.152, 0.108),
        (0.980, 0.000, -0.014, 0.166, 0.114),
        (1.050, 0.000, -0.006, 0.156, 0.107),
        (1.130, 0.000, 0.000, 0.142, 0.100),
        (1.220, 0.000, 0.002, 0.153, 0.108),
        (1.310, 0.000, 0.002, 0.175, 0.120),
        (1.390, 0.000, -0.006, 0.183, 0.114),
        (1.450, 0.000, -0.014, 0.152, 0.091),
        (1.495, 0.000, -0.018, 0.094, 0.066),
    ),
    power=2.3,
)
NECK = Tube(
    _Y,
    (
        (1.440, 0.000, -0.022, 0.073, 0.073),
        (1.520, 0.000, -0.016, 0.062, 0.066),
        (1.580, 0.000, -0.006, 0.057, 0.061),
        (1.660, 0.000, 0.006, 0.056, 0.060),
    ),
    blend=0.055,
)
JAW = Tube(
    _Y,
    (
        (1.632, 0.000, 0.044, 0.044, 0.052),
        (1.660, 0.000, 0.033, 0.060, 0.073),
        (1.705, 0.000, 0.022, 0.069, 0.086),
        (1.750, 0.000, 0.014, 0.074, 0.094),
    ),
    cap=0.018,
    blend=0.025,
)
SKULL = Tube(
    _Y, ((1.735, 0.000, 0.006, 0.081, 0.102), (1.755, 0.000, 0.004, 0.083, 0.104), (1.765, 0.000, 0.003, 0.083, 0.104)),
    cap=0.094, blend=0.03,
)  # fmt: skip
NOSE = Tube(
    _Y, ((1.682, 0.0, 0.106, 0.013, 0.013), (1.700, 0.0, 0.107, 0.011, 0.012), (1.725, 0.0, 0.105, 0.007, 0.008)),
    cap=0.008, blend=0.014,
)  # fmt: skip
SHOULDER = Tube(
    _X,
    (
        (0.020, 1.510, -0.022, 0.043, 0.048),
        (0.070, 1.488, -0.022, 0.043, 0.052),
        (0.130, 1.463, -0.020, 0.048, 0.054),
        (0.190, 1.446, -0.017, 0.050, 0.054),
        (0.240, 1.440, -0.015, 0.043, 0.048),
    ),
    blend=0.05,
)
CHEST = Tube(
    _X,
    (
        (0.020, 1.365, 0.052, 0.050, 0.044),
        (0.075, 1.372, 0.052, 0.058, 0.046),
        (0.130, 1.385, 0.038, 0.050, 0.046),
    ),
    cap=0.03, blend=0.05,
)  # fmt: skip
SEAT = Tube(
    _Y,
    (
        (0.880, 0.076, -0.062, 0.066, 0.052),
        (0.935, 0.076, -0.070, 0.074, 0.058),
        (0.985, 0.074, -0.058, 0.066, 0.050),
    ),
    cap=0.04, blend=0.05,
)  # fmt: skip
ARM = Tube(
    _X,
    (
        (0.130, 1.444, -0.015, 0.063, 0.060),
        (0.190, 1.441, -0.015, 0.068, 0.065),
        (0.235, 1.442, -0.015, 0.062, 0.062),
        (0.300, 1.445, -0.014, 0.053, 0.054),
        (0.380, 1.446, -0.014, 0.048, 0.050),
        (0.459, 1.447, -0.017, 0.043, 0.044),
        (0.520, 1.446, -0.014, 0.045, 0.048),
        (0.600, 1.446, -0.013, 0.038, 0.041),
        (0.690, 1.447, -0.014, 0.027, 0.032),
        (0.727, 1.447, -0.014, 0.025, 0.031),
    ),
    blend=0.04,
)
HAND = Tube(
    _X,
    (
        (0.722, 1.447, -0.014, 0.023, 0.029),
        (0.760, 1.446, -0.012, 0.023, 0.041),
        (0.800, 1.445, -0.010, 0.022, 0.046),
        (0.840, 1.443, -0.010, 0.020, 0.045),
        (0.870, 1.441, -0.011, 0.018, 0.041),
    ),
    cap=0.05,
    blend=0.025,
)
THUMB = Tube(
    _X,
    (
        (0.745, 1.440, 0.010, 0.020, 0.026),
        (0.775, 1.437, 0.036, 0.019, 0.025),
        (0.805, 1.435, 0.058, 0.018, 0.022),
        (0.825, 1.434, 0.068, 0.016, 0.018),
    ),
    cap=0.02,
    blend=0.025,
)
LEG = Tube(
    _Y,
    (
        (0.060, 0.060, -0.030, 0.036, 0.040),
        (0.110, 0.060, -0.030, 0.033, 0.039),
        (0.200, 0.060, -0.031, 0.037, 0.042),
        (0.290, 0.061, -0.036, 0.047, 0.054),
        (0.370, 0.062, -0.038, 0.054, 0.060),
        (0.445, 0.061, -0.031, 0.053, 0.058),
        (0.519, 0.061, -0.021, 0.053, 0.059),
        (0.590, 0.064, -0.016, 0.058, 0.065),
        (0.680, 0.072, -0.012, 0.069, 0.078),
        (0.780, 0.081, -0.012, 0.081, 0.092),
        (0.860, 0.086, -0.014, 0.087, 0.102),
        (0.930, 0.084, -0.014, 0.084, 0.102),
        (1.000, 0.076, -0.014, 0.069, 0.085),
        (1.040, 0.068, -0.012, 0.050, 0.064),
    ),
    blend=0.06,
)
FOOT = Tube(
    _Z,
    (
        (-0.078, 0.060, 0.026, 0.029, 0.034),
        (-0.035, 0.061, 0.034, 0.036, 0.044),
        (0.015, 0.062, 0.032, 0.039, 0.042),
        (0.060, 0.065, 0.022, 0.045, 0.033),
        (0.100, 0.067, 0.016, 0.048, 0.027),
        (0.135, 0.067, 0.012, 0.045, 0.023),
    ),
    cap=0.048,
    blend=0.035,
    power=2.3,
)
PARTS = (TRUNK, SEAT, CHEST, SHOULDER, NECK, JAW, SKULL, NOSE, ARM, HAND, THUMB, LEG, FOOT)
"""In the order in which they are joined."""


def field(points: np.ndarray) -> np.ndarray:
    """(N,) of (N, 3) points: near the skin about the distance to it in metres, negative within the body."""
    left = np.abs(points[:, :1])
    points = np.concatenate([left, points[:, 1:]], axis=1)
    found = np.full(len(points), _REACH)
    for part in PARTS:
        near = np.flatnonzero(part.near(points))
        found[near] = _joined(found[near], part.field(points[near]), part.blend)
    # Cut off at the floor, with an edge that is round from inside: nothing of it lies below.
    return -_joined(-found, points[:, 1], _FLOOR_EDGE)


def _joined(one: np.ndarray, other: np.ndarray, blend: float) -> np.ndarray:
    """Smooth minimum: where both are within `blend` of each other the lesser is lowered by up to a quarter of it."""
    near = np.maximum(blend - np.abs(one - other), 0.0)
    return np.minimum(one, other) - near * near / (4 * blend)


def towards_skin(points: np.ndarray, times: int = 1) -> np.ndarray:
    """(N, 3) points near the skin, brought onto it along the field's gradient."""
    for _ in range(times):
        values = field(points)
        slopes = np.stack([field(points + _STEP * axis) - values for axis in np.eye(3)], axis=-1) / _STEP
        points = points - slopes * (values / np.maximum((slopes**2).sum(axis=-1), 0.05))[:, None]
    return points
