# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed surface of quads around a field's negative part ("surface nets": Gibson 1998), on a grid of any spacing.

Limbs of a T-pose lie along the axes, so the grid's lines run round and along them as an artist's edge loops do.
"""

import numpy as np


def lines(stops: tuple[float, ...], steps: tuple[float, ...]) -> np.ndarray:
    """Grid lines from stop to stop, about a step apart: `steps` has one less than `stops`."""
    parts = [np.linspace(a, b, max(1, round((b - a) / step)), endpoint=False)
             for a, b, step in zip(stops[:-1], stops[1:], steps, strict=True)]  # fmt: skip
    return np.concatenate([*parts, [stops[-1]]])


def net(values: np.ndarray, grid: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) vertices, one for each cell that the surface goes through, and (F, 4) quads that look outwards.

    values: (nx, ny, nz) of the field at the lines of `grid`; positive at its borders.
    """
    inside = values < 0
    corners = np.stack([inside[i : i - 1 or None, j : j - 1 or None, k : k - 1 or None] for i in (0, 1) for j in (0, 1)
                        for k in (0, 1)])  # fmt: skip
    crossed = corners.any(axis=0) & ~corners.all(axis=0)
    index = np.full(crossed.shape, -1)
    index[crossed] = np.arange(crossed.sum())
    total, count = np.zeros((crossed.sum(), 3)), np.zeros((crossed.sum(), 1))
    quads = []
    for axis in range(3):
        one, other = _along(values, axis)
        edge = np.argwhere((one < 0) != (other < 0))
        low, high = one[tuple(edge.T)], other[tuple(edge.T)]
        share = low / (low - high)
        place = np.stack([grid[k][edge[:, k]] for k in range(3)], axis=-1)
        place[:, axis] += share * (grid[axis][edge[:, axis] + 1] - grid[axis][edge[:, axis]])
        b, c = (axis + 1) % 3, (axis + 2) % 3
        around = []
        for back_b, back_c in ((0, 0), (1, 0), (1, 1), (0, 1)):
            cell = edge.copy()
            cell[:, b] -= back_b
            cell[:, c] -= back_c
            vertex = index[tuple(cell.T)]
            np.add.at(total, vertex, place)
            np.add.at(count, vertex, 1.0)
            around.append(vertex)
        quad = np.stack(around, axis=-1)
        quads.append(np.where((low < 0)[:, None], quad, quad[:, ::-1]))
    return total / count, np.concatenate(quads)


def _along(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Values at both ends of all grid edges along an axis."""
    count = values.shape[axis]
    return values.take(range(count - 1), axis=axis), values.take(range(1, count), axis=axis)


def edges_of(faces: np.ndarray) -> np.ndarray:
    """(E, 2) pairs of vertices, each once, the lower first."""
    pairs = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def averaged(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(V, k) values of vertices -> the mean of each one's neighbours."""
    total, count = np.zeros_like(values), np.zeros((len(values), 1))
    for a, b in (edges.T, edges.T[::-1]):
        np.add.at(total, a, values[b])
        np.add.at(count, a, 1.0)
    return total / np.maximum(count, 1.0)
