# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn of a figure, worked out once for all its frames: the draw callback only picks the frame's part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..shared import rotations
from .figure import FEET, HIPS, Figure

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
_PLANTED, _WIDE_PLANTED, _WIDE = (1.0, 0.83, 0.20), 4.0, 1.8
"""What stands: its colour, and how many pixels wide its lines are; other lines are less."""
_STRAIGHT = 0.0025
"""How far a trail may be from the lines that are drawn of it, as a share of the body's height."""
_TO_LINEAR = (2.2, 2.2, 2.2, 1.0)
"""The powers of red, green, blue and opacity by which colours as they are seen are those of the 3D View's picture."""
_TRAILS = {"left": (0.35, 0.85, 0.45), "right": (1.0, 0.45, 0.35), HIPS: (0.9, 0.9, 0.95)}


@dataclass(frozen=True)
class Mesh:
    """places, others (N, 3), aside (N, 2) and colours (N, 4) float32, and triangles (M, 3) int32 in the order in which
    they are picked.

    others, aside: of a line's corner, where the line's other end is, and how many pixels the corner lies to the left on
    the way there, and to the left of the line as its first end sees it; zeros of a solid's.
    """

    places: np.ndarray
    others: np.ndarray
    aside: np.ndarray
    colours: np.ndarray
    triangles: np.ndarray

    def part(self, first: int, last: int) -> "Mesh":
        """Of some of the corners, with the triangles as they are."""
        corners = (values[first:last] for values in (self.places, self.others, self.aside, self.colours))
        return Mesh(*corners, self.triangles)


@dataclass
class Ghost:
    """body: corners of all frames, equally many each, but the triangles of one. marks: of all contacts, `per_mark`
    triangles each. trails: the ways in the air, and those of feet as far as they stand. drawn: what the graphics card
    has of it, made when it is first drawn.
    """

    figure: Figure
    body: Mesh
    marks: Mesh
    per_mark: int
    trails: Mesh
    drawn: Any = None

    def frame(self, frame: int) -> int:
        """The frame of the figure that is seen; before and after the motion it holds."""
        return min(max(frame, 0), self.figure.frames - 1)

    def body_at(self, frame: int) -> Mesh:
        """The body at a frame."""
        corners, number = len(self.body.places) // self.figure.frames, self.frame(frame)
        return self.body.part(number * corners, (number + 1) * corners)

    def standing_at(self, frame: int) -> list[tuple[int, int]]:
        """(first, count) triangles of the marks of feet that stand at a frame; none before and after the motion."""
        contacts = enumerate(self.figure.contacts)
        return [(k * self.per_mark, self.per_mark) for k, contact in contacts if contact.first <= frame <= contact.last]


def ghost_of(figure: Figure) -> Ghost:
    body, marks = octahedra(figure.bones, figure.height), discs([c.place for c in figure.contacts], figure.height)
    return Ghost(figure, body, marks, _DISC_CORNERS, ribbons(lines_of(figure)))


def octahedra(bones: list[tuple[np.ndarray, np.ndarray]], height: float) -> Mesh:
    """Bones, each from and to (T, 3), as grey solids: thickest near where they begin, shaded as if lit from above.

    The corners are of all frames, the triangles of one."""
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
    colours = np.ones((*corners.shape[:3], 4), dtype=np.float32)
    corners[:, :, 0], corners[:, :, 5] = heads, ends
    light = _LIGHT / np.linalg.norm(_LIGHT)
    for corner, way in enumerate((-along, across, over, -across, -over, along)):
        lit = way[..., 0] * light[0] + way[..., 1] * light[1] + way[..., 2] * light[2]
        colours[:, :, corner, :3] = (_DARKEST + (1.0 - _DARKEST) * (0.5 + 0.5 * lit))[..., None]
        if 1 <= corner <= 4:
            corners[:, :, corner] = belly + radius * way
    return _solid(corners, colours, _FACES, len(bones))


def discs(places: list[np.ndarray], height: float) -> Mesh:
    """Flat discs on the floor at places (3,), in their order."""
    around = np.linspace(0.0, 2 * np.pi, _DISC_CORNERS, endpoint=False)
    rim = np.stack([np.cos(around), np.sin(around), np.zeros_like(around)], axis=1) * (_DISC * height)
    corners = np.concatenate([np.zeros((1, 3)), rim]) + (0.0, 0.0, _LIFTED * height)
    number = np.arange(_DISC_CORNERS)
    fan = np.stack([np.zeros_like(number), 1 + number, 1 + (number + 1) % _DISC_CORNERS], axis=1)
    points = np.array(places, dtype=np.float64).reshape(-1, 1, 3) + corners
    return _solid(points, np.broadcast_to((*_PLANTED, 1.0), (*points.shape[:2], 4)), fan, len(places))


def lines_of(figure: Figure) -> dict[str, np.ndarray]:
    """Name -> (N, 3) points, two a line, of the trails in the air, and of feet as far as they stand as
    "left_foot planted", "right_foot planted". Few lines where a trail is straight, nearly."""
    still = {foot: figure.planted(foot) for foot in FEET}
    down = np.stack([still.get(name, np.zeros(figure.frames, dtype=bool)) for name in figure.trails])
    # Kept: where a trail begins and ends, and each frame before and after a foot comes down or leaves.
    turns = np.pad(down[:, :-1] != down[:, 1:], ((0, 0), (1, 1)), constant_values=True)
    ways = np.stack(list(figure.trails.values()))
    kept = thinned(ways.reshape(-1, 3), (turns[:, :-1] | turns[:, 1:]).ravel(), _STRAIGHT * figure.height)
    found = {}
    for name, way, frames, stands in zip(figure.trails, ways, kept.reshape(down.shape), down, strict=True):
        ends = np.flatnonzero(frames)
        pieces = np.stack([way[ends[:-1]], way[ends[1:]]], axis=1)
        planted = stands[ends[:-1]] & stands[ends[1:]]
        found[f"{name} planted"], found[name] = (_floats(pieces[which].reshape(-1, 3)) for which in (planted, ~planted))
    return {name: points for name, points in found.items() if len(points)}


def thinned(way: np.ndarray, kept: np.ndarray, most: float) -> np.ndarray:
    """(N,) bool, which of points (N, 3) to join by lines that no point is further from than `most`; all that are kept.

    Douglas and Peucker's way, all lines of a round at once. kept: (N,) bool with the first and the last point.
    """
    kept = kept.copy()
    while True:
        ends = np.flatnonzero(kept)
        line = np.minimum(np.cumsum(kept) - 1, max(len(ends) - 2, 0))
        start = way[ends[line]]
        along, to = way[ends[np.minimum(line + 1, len(ends) - 1)]] - start, way - start
        share = (to * along).sum(axis=1) / np.maximum((along * along).sum(axis=1), 1e-12)
        away = np.linalg.norm(to - np.clip(share, 0.0, 1.0)[:, None] * along, axis=1)
        furthest = np.maximum.reduceat(away, ends)[line]
        # The first of those that are equally far.
        new = np.flatnonzero((away == furthest) & (away > most) & ~kept)
        if not len(new):
            return kept
        kept[new[np.unique(line[new], return_index=True)[1]]] = True


def ribbons(lines: Mapping[str, np.ndarray]) -> Mesh:
    """Lines of `lines_of`, two triangles each, to be as wide on the screen from wherever they are seen."""
    points = np.concatenate([np.empty((0, 3)), *lines.values()]).reshape(-1, 2, 1, 3)
    wide, colours = [np.empty((0, 1))], [np.empty((0, 4))]
    for name, part in lines.items():
        colour, size = (*_TRAILS[name.partition("_")[0]], 0.65), _WIDE
        if name.endswith("planted"):
            colour, size = (*_PLANTED, 0.9), _WIDE_PLANTED
        wide.append(np.full((len(part) // 2, 1), size / 2))
        colours.append(np.broadcast_to(colour, (len(part) // 2, 4)) ** _TO_LINEAR)
    # Two corners at each end. From the other end, left is right.
    half = np.concatenate(wide)
    aside = np.stack([half * (1.0, -1.0, -1.0, 1.0), half * (1.0, -1.0, 1.0, -1.0)], axis=-1)
    places, others = (np.repeat(ends, 2, axis=2).reshape(-1, 3) for ends in (points, points[:, ::-1]))
    colour = np.repeat(np.concatenate(colours), 4, axis=0)
    faces = _repeated([(0, 1, 3), (0, 3, 2)], 4, len(points))
    return Mesh(_floats(places), _floats(others), _floats(aside.reshape(-1, 2)), _floats(colour), faces)


def _solid(corners: np.ndarray, colours: np.ndarray, faces: Any, count: int) -> Mesh:
    """corners (..., K, 3) and colours (..., K, 4) of solids of the same faces, of so many of which triangles are."""
    places = _floats(corners.reshape(-1, 3))
    others, aside = (np.zeros((len(places), size), dtype=np.float32) for size in (3, 2))
    return Mesh(places, others, aside, _floats(colours.reshape(-1, 4)), _repeated(faces, corners.shape[-2], count))


def _repeated(faces: Any, corners: int, count: int) -> np.ndarray:
    """(count * F, 3) faces of bodies of so many corners, one after the other."""
    first = corners * np.arange(count, dtype=np.int32)[:, None, None]
    return (np.asarray(faces, dtype=np.int32) + first).reshape(-1, 3)


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of (..., 3); numpy's takes several times as long for so many."""
    (a, b, c), (d, e, f) = (np.moveaxis(part, -1, 0) for part in (one, other))
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32)
