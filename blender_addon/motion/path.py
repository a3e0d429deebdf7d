# SPDX-License-Identifier: GPL-3.0-or-later
"""Bend the way of a motion onto a line on the ground: path editing as in Gleicher (I3D 2001), by arc length.

Motions are in MoCLIP's axes: rotations (T, 22, 4) wxyz local to the parents, root (T, 3) metres, +Y up, +Z ahead.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ..shared import rotations
from .fit import path_of

_STEP_M = 0.05
_CORNER_M = 0.7
"""Over which a corner of the line is rounded: about a stride."""
_SLOWEST_M_S = 0.2
"""Whoever is slower stands, sways or shuffles, and gets nowhere."""
_GROUND = [0, 2]


@dataclass(frozen=True)
class Line:
    """points: (N, 2) metres along x and z, evenly spaced, corners rounded. length: metres. closed: it goes round.

    stations: (K,) metres to the points by which it was drawn; shares: (K,) of a motion's own speed that they ask for.
    """

    points: np.ndarray
    length: float
    closed: bool
    stations: np.ndarray = field(default_factory=lambda: np.zeros(1))
    shares: np.ndarray = field(default_factory=lambda: np.ones(1))

    def at(self, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (T, 2) and headings (T,) in radians at distances (T,); past its end it goes straight on."""
        if self.closed:
            distance = np.mod(distance, self.length)
        marks = np.linspace(0.0, self.length, len(self.points))
        inside = np.clip(distance, 0.0, self.length)
        places = np.stack([np.interp(inside, marks, column) for column in self.points.T], axis=1)
        ahead = np.gradient(self.points, axis=0)
        headings = np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 1]))
        heading = np.interp(inside, marks, headings)
        beyond = (distance - inside)[:, None]
        return places + beyond * np.stack([np.sin(heading), np.cos(heading)], axis=1), heading

    def with_stations(self, places: np.ndarray, shares: np.ndarray) -> "Line":
        """The same with the points (K, 2) by which it was drawn, in their order along it."""
        marks, found = np.linspace(0.0, self.length, len(self.points)), []
        first = 0
        for place in places:
            off = np.linalg.norm(self.points[first:] - place, axis=1)
            # Where a line comes by twice, the sooner time.
            on = int(np.flatnonzero(off <= off.min() + _STEP_M)[0])
            while on + 1 < len(off) and off[on + 1] < off[on]:
                on += 1
            first += on
            found.append(marks[first])
        return replace(self, stations=np.array(found), shares=shares)


def line_through(points: np.ndarray, closed: bool) -> Line | None:
    """A line through points (N, 2); None where they go nowhere."""
    points = np.concatenate([points, points[:1]]) if closed else points
    length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if len(points) < 2 or length < 2 * _STEP_M:
        return None
    even = _spaced(points, max(8, round(length / _STEP_M)))
    if closed:
        lap, room = even[:-1], min(len(even) - 1, 2 * round(_CORNER_M / _STEP_M))
        even = path_of(np.concatenate([lap[-room:], lap, lap[:room]]), 1 / _STEP_M, _CORNER_M)[room : room + len(lap)]
        even = np.concatenate([even, even[:1]])
    else:
        even = path_of(even, 1 / _STEP_M, _CORNER_M)
    length = float(np.linalg.norm(np.diff(even, axis=0), axis=1).sum())
    return Line(_spaced(even, len(even)), length, closed)


def _spaced(points: np.ndarray, count: int) -> np.ndarray:
    marks = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.stack([np.interp(np.linspace(0, marks[-1], count), marks, column) for column in points.T], axis=1)


def followed(
    turns: np.ndarray, root: np.ndarray, fps: float, line: Line, turns_along: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The motion along a line from its start on, and how many metres (T,) of it each frame has gone.

    Who walks backwards or sideways does so along the line; who stands still keeps the heading that the way had last.
    turns_along: else the body goes on facing as the line begins, wherever it leads.
    """
    ground = root[:, _GROUND]
    way = path_of(ground, fps)
    step = np.gradient(way, axis=0)
    speed = np.linalg.norm(step, axis=1) * fps
    walks = speed > _SLOWEST_M_S
    distance = np.concatenate([[0.0], np.cumsum(np.where(walks, speed, 0.0)[1:] / fps)])
    places, heading = line.at(distance)
    heading = np.unwrap(heading)
    if walks.any():
        frames = np.arange(len(way))
        own = np.interp(frames, frames[walks], np.unwrap(np.arctan2(step[walks, 0], step[walks, 1])))
    else:
        own = np.full(len(way), np.arctan2(*rotations.rotate(turns[0, 0], np.array([0.0, 0.0, 1.0]))[_GROUND]))
    facing = heading if turns_along else np.full_like(heading, heading[0])
    turn = rotations.from_axis_angle(np.array([0.0, 1.0, 0.0]), facing - own)
    # What stays within a standing part: how far it has drifted since it last walked.
    drift = ground - way + _since_walking(way, walks)
    sway = np.zeros_like(root)
    sway[:, _GROUND] = drift
    moved = rotations.rotate(turn, sway)
    moved[:, _GROUND] += places
    moved[:, 1] = root[:, 1]
    turned = turns.copy()
    turned[:, 0] = rotations.multiply(turn, turns[:, 0])
    return rotations.continuous(turned), moved, distance


def _since_walking(way: np.ndarray, walks: np.ndarray) -> np.ndarray:
    """(T, 2) how far the way has gone in all the frames that do not count as walking."""
    step = np.diff(way, axis=0, prepend=way[:1])
    return np.cumsum(np.where(walks[:, None], 0.0, step), axis=0)
