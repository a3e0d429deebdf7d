# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin: its joints, its skin, and what of the skin goes with which joint."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from . import bones, flesh, surface, weights

_GRID = (
    # Finer where a joint bends, and where hands and feet are; to the left of the middle and mirrored.
    surface.lines((0.0, 0.20, 0.41, 0.51, 0.70, 0.96), (0.02, 0.026, 0.018, 0.027, 0.0175)),
    surface.lines(
        (-0.02, 0.14, 0.44, 0.60, 0.80, 0.96, 1.36, 1.52, 1.60, 1.88),
        (0.016, 0.03, 0.02, 0.029, 0.02, 0.025, 0.0155, 0.02, 0.02),
    ),
    surface.lines((-0.18, -0.06, 0.10, 0.22), (0.02, 0.0175, 0.02)),
)
_ROUNDS = 3
_FLAT_M = 2e-3
_MIRRORED = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Body:
    """joints: (22, 3). vertices: (V, 3). Metres in the motion's axes. faces: (F, 4). shares: (V, 22)."""

    joints: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    shares: np.ndarray


@cache
def body() -> Body:
    """Worked out once: it takes some tenths of a second."""
    half = _GRID[0]
    grid = (np.concatenate([-half[:0:-1], half]), _GRID[1], _GRID[2])
    points = np.stack(np.meshgrid(half, *grid[1:], indexing="ij"), axis=-1)
    left = flesh.field(points.reshape(-1, 3)).reshape(points.shape[:-1])
    values = np.concatenate([left[:0:-1], left])
    vertices, faces = surface.net(values, grid)
    edges = surface.edges_of(faces)
    left, right = _sides(vertices)
    for _ in range(_ROUNDS + 1):
        vertices[left] = flesh.towards_skin(vertices[left])
        vertices[right] = vertices[left] * _MIRRORED
        last, vertices = vertices, (vertices + surface.averaged(vertices, edges)) / 2
    vertices = last
    low = np.abs(vertices[:, 1]) < _FLAT_M
    vertices[low, 1] = 0.0
    places = bones.joints()
    return Body(places, vertices, faces, weights.skin(vertices, places, edges))


def _sides(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the left half, and of the vertices that mirror them; none lies in the middle, where a grid line is."""
    left, right = np.flatnonzero(vertices[:, 0] > 0), np.flatnonzero(vertices[:, 0] < 0)
    one, other = (np.round(vertices[side] * sign, 9) for side, sign in ((left, 1.0), (right, _MIRRORED)))
    return left[np.lexsort(one.T)], right[np.lexsort(other.T)]
