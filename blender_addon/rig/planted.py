# SPDX-License-Identifier: GPL-3.0-or-later
"""A control that stays where it is while its foot is planted: the same values from the first frame to the last."""

from dataclasses import dataclass

import numpy as np

from ..shared import rotations

_FEWEST = 3
_EASED = 4
"""Frames beside a range that go over into it."""


@dataclass(frozen=True)
class Held:
    """turn (T, 4), location (T, 3): as they were, but constant in each range. idle: (T,) bool, frames within a range,
    whose keys would say what those at its ends say."""

    turn: np.ndarray
    location: np.ndarray
    idle: np.ndarray


def held(turn: np.ndarray, location: np.ndarray, stands: np.ndarray, reach: float, degrees: float) -> Held:
    """The ranges of frames in which a foot stands and its control hardly moves become one place each.

    turn: (T, 4), continuous; location: (T, 3). stands: (T,) bool. reach, degrees: by how much, in the location's unit,
    a frame may be moved, and turned.
    """
    turn, location, idle = turn.copy(), location.copy(), np.zeros(len(turn), dtype=bool)
    taken = idle.copy()
    for first, end in ranges(turn, location, stands, reach, degrees):
        before = turn[[first, end - 1]], location[[first, end - 1]]
        place, way = location[first:end].mean(axis=0), rotations.normalize(turn[first:end].mean(axis=0))
        location[first:end], turn[first:end] = place, way
        idle[first + 1 : end - 1] = taken[first:end] = True
        ease_beside(turn, location, (first, end), before, taken)
    return Held(rotations.continuous(turn), location, idle)


def ease_beside(
    turn: np.ndarray, location: np.ndarray, span: tuple[int, int], before: tuple[np.ndarray, np.ndarray],
    taken: np.ndarray,
) -> None:  # fmt: skip
    """Let the frames beside a range that has moved go over into it.

    turn: (T, 4); location: (T, 3). span: first and end of the range. before: its first and last frame's (2, 4) and
    (2, 3) as they were. taken: (T,) bool, frames of ranges, which stay.
    """
    first, end = span
    sides = ((first, range(first - 1, first - _EASED, -1)), (end - 1, range(end, end + _EASED - 1)))
    for own_turn, own_location, (edge, beside) in zip(*before, sides, strict=True):
        shift = location[edge] - own_location
        swing = rotations.multiply(turn[edge], rotations.conjugate(own_turn))
        for step, frame in enumerate(beside, start=1):
            if not 0 <= frame < len(turn) or taken[frame]:
                break
            share = 1 - step / _EASED
            location[frame] += share * shift
            part = rotations.slerp(rotations.IDENTITY[None], swing[None], np.array([share]))[0]
            turn[frame] = rotations.multiply(part, turn[frame])


def ranges(
    turn: np.ndarray, location: np.ndarray, stands: np.ndarray, reach: float, degrees: float
) -> list[tuple[int, int]]:
    """[(first, end)] as long as can be, in each of which all frames are within `reach` and `degrees` of the mean."""
    found, first = [], 0
    while first < len(stands):
        end = first
        while end < len(stands) and stands[end]:
            if not _alike(turn[first : end + 1], location[first : end + 1], reach, degrees):
                break
            end += 1
        if end - first >= _FEWEST:
            found.append((first, end))
        # A foot that creeps is held in places of its own, with room to go from one to the next.
        first = end + _EASED if end - first >= _FEWEST else first + 1
    return found


def _alike(turn: np.ndarray, location: np.ndarray, reach: float, degrees: float) -> bool:
    far = np.linalg.norm(location - location.mean(axis=0), axis=-1).max()
    apart = rotations.angle_between(turn, rotations.normalize(turn.mean(axis=0))[None]).max()
    return bool(far <= reach and apart <= np.radians(degrees))
