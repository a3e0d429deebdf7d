# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn of a figure, worked out once for all its frames: the draw callback only picks the frame's part."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..shared import rotations
from .figure import FEET, Figure

_THICK, _THICKEST = 0.17, 0.034
"""Of a bone, as a share of its length; at most, as a share of the body's height."""
_BELLY = 0.18
"""Where along a bone it is thickest."""
_LIGHT = np.array([0.35, -0.5, 0.79])
_DARKEST = 0.45
_AROUND = [(1 + k, 1 + (k + 1) % 4) for k in range(4)]
_FACES = np.array([*((0, b, a) for a, b in _AROUND), *((5, a, b) for a, b in _AROUND)], dtype=np.int32)
_CORNERS = 6
_DISC_CORNERS, _DISC, _LIFTED = 20, 0.028, 0.002
"""Of the mark of a contact: radius, and height over the floor, as shares of the body's height."""


@dataclass(frozen=True)
class Mesh:
    """places (N, 3) and shades (N,) float32, and triangles (M, 3) int32 in the order in which they are picked."""

    places: np.ndarray
    shades: np.ndarray
    triangles: np.ndarray


@dataclass
class Ghost:
    """body: of all frames, `per_frame` triangles each. marks: of all contacts, `per_mark` triangles each.

    lines: name -> (N, 3) points, two a line, of the trails in the air, and of feet as far as they stand as
    "left_foot planted", "right_foot planted". drawn: what the graphics card has of it, made when it is first drawn.
    """

    figure: Figure
    body: Mesh
    per_frame: int
    marks: Mesh
    per_mark: int
    lines: dict[str, np.ndarray]
    drawn: Any = None

    def frame(self, frame: int) -> int:
        """The frame of the figure that is seen; before and after the motion it holds."""
        return min(max(frame, 0), self.figure.frames - 1)

    def triangles_at(self, frame: int) -> tuple[int, int]:
        """(first, count) triangles of the body at a frame."""
        return self.frame(frame) * self.per_frame, self.per_frame

    def standing_at(self, frame: int) -> list[tuple[int, int]]:
        """(first, count) triangles of the marks of feet that stand at a frame; none before and after the motion."""
        contacts = enumerate(self.figure.contacts)
        return [(k * self.per_mark, self.per_mark) for k, contact in contacts if contact.first <= frame <= contact.last]


def ghost_of(figure: Figure) -> Ghost:
    body, marks = octahedra(figure.bones, figure.height), discs([c.place for c in figure.contacts], figure.height)
    return Ghost(figure, body, len(figure.bones) * len(_FACES), marks, _DISC_CORNERS, lines_of(figure))


def octahedra(bones: list[tuple[np.ndarray, np.ndarray]], height: float) -> Mesh:
    """Bones, each from and to (T, 3), as solids: thickest near where they begin, shaded as if lit from above."""
    heads, ends = (np.stack([bone[k] for bone in bones], axis=1) for k in (0, 1))
    along = ends - heads
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    along = along / np.maximum(length, 1e-9)
    # Any two directions across will do, if they do not jump where a bone passes an axis by a little.
    least = np.eye(3)[np.abs(along).argmin(axis=-1)]
    across = rotations.normalize(_cross(along, least))
    over = _cross(along, across)
    radius = np.minimum(_THICK * length, _THICKEST * height)
    belly = heads + np.minimum(_BELLY * length, 2.0 * radius) * along
    corners = np.empty((*heads.shape[:2], _CORNERS, 3), dtype=np.float32)
    shades = np.empty(corners.shape[:3], dtype=np.float32)
    corners[:, :, 0], corners[:, :, 5] = heads, ends
    light = _LIGHT / np.linalg.norm(_LIGHT)
    for corner, way in enumerate((-along, across, over, -across, -over, along)):
        lit = way[..., 0] * light[0] + way[..., 1] * light[1] + way[..., 2] * light[2]
        shades[:, :, corner] = _DARKEST + (1.0 - _DARKEST) * (0.5 + 0.5 * lit)
        if 1 <= corner <= 4:
            corners[:, :, corner] = belly + radius * way
    count = heads.shape[0] * heads.shape[1]
    triangles = _FACES[None] + (_CORNERS * np.arange(count, dtype=np.int32))[:, None, None]
    return Mesh(corners.reshape(-1, 3), shades.reshape(-1), _whole(triangles.reshape(-1, 3)))


def discs(places: list[np.ndarray], height: float) -> Mesh:
    """Flat discs on the floor at places (3,), in their order."""
    around = np.linspace(0.0, 2 * np.pi, _DISC_CORNERS, endpoint=False)
    rim = np.stack([np.cos(around), np.sin(around), np.zeros_like(around)], axis=1) * (_DISC * height)
    corners = np.concatenate([np.zeros((1, 3)), rim]) + (0.0, 0.0, _LIFTED * height)
    number = np.arange(_DISC_CORNERS)
    fan = np.stack([np.zeros_like(number), 1 + number, 1 + (number + 1) % _DISC_CORNERS], axis=1)
    first = len(corners) * np.arange(len(places))
    points = np.array(places, dtype=np.float64).reshape(-1, 1, 3) + corners
    triangles = fan[None] + first[:, None, None]
    return Mesh(
        _floats(points.reshape(-1, 3)), np.ones(len(places) * len(corners), "f4"), _whole(triangles).reshape(-1, 3)
    )


def lines_of(figure: Figure) -> dict[str, np.ndarray]:
    found = {}
    for name, way in figure.trails.items():
        pieces = np.stack([way[:-1], way[1:]], axis=1)
        if name in FEET:
            down = figure.planted(name)
            still = down[:-1] & down[1:]
            found[f"{name} planted"] = _floats(pieces[still].reshape(-1, 3))
            pieces = pieces[~still]
        found[name] = _floats(pieces.reshape(-1, 3))
    return {name: points for name, points in found.items() if len(points)}


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of (..., 3); numpy's takes several times as long for so many."""
    (a, b, c), (d, e, f) = (np.moveaxis(part, -1, 0) for part in (one, other))
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32)


def _whole(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int32)
