# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of a script begin and end once one is dragged: whole frames, no gap, nothing that gets too long.

N lines have N + 1 bounds: line k lasts from bounds[k] to the frame before bounds[k + 1]. A neighbour that is run into
gets shorter, down to the shortest, and is pushed on from there; one that would get too long stops the drag.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

START, END, ALL = "START", "END", "ALL"
"""What of a bar is dragged: one of its ends, or the whole of it."""


@dataclass(frozen=True)
class Lasts:
    """How many frames a line lasts. earliest: the frame before which nothing is pushed."""

    shortest: int
    longest: int
    earliest: int

    @classmethod
    def of(cls, seconds: tuple[float, float], fps: float, earliest: int) -> "Lasts":
        shortest, longest = seconds
        least = max(1, math.ceil(shortest * fps - 1e-6))
        return cls(least, max(least, math.floor(longest * fps + 1e-6)), earliest)

    def allows(self, frames: int) -> bool:
        return self.shortest <= frames <= self.longest

    def _of_each(self, lengths: Sequence[int]) -> tuple[list[int], list[int]]:
        """The least and the most of each line; one that is too short or too long already may stay so."""
        return [max(1, min(self.shortest, n)) for n in lengths], [max(self.longest, n) for n in lengths]


@dataclass(frozen=True)
class Grip:
    """A line by its index, and which part of its bar is held."""

    index: int
    part: str


def dragged(bounds: Sequence[int], grip: Grip, frames: int, lasts: Lasts, along: bool = False) -> tuple[int, ...]:
    """The bounds after a drag by some frames, as far as it goes.

    along: all lines on that side of the bar move with it and keep their lengths; with the whole bar, the script moves.
    """
    count, own = len(bounds) - 1, grip.index
    lengths = [end - first for first, end in zip(bounds, bounds[1:], strict=False)]
    least, most = lasts._of_each(lengths)
    moved = _moved(grip, count, along)
    low, high = -math.inf, math.inf
    for line in range(count):
        grows = (line + 1 in moved) - (line in moved)
        room = (most[line] - lengths[line], lengths[line] - least[line])
        # Others that get shorter are pushed on in the end; a bar's own end stops where it is the shortest.
        shrinks = room[1] if line == own else math.inf
        if grows > 0:
            low, high = max(low, -shrinks), min(high, room[0])
        elif grows < 0:
            low, high = max(low, -room[0]), min(high, shrinks)
    first = min(moved)
    if first > 0:
        earliest = min(lasts.earliest, bounds[0]) + sum(least[:first])
        low = max(low, earliest - bounds[first])
    by = int(min(max(frames, min(low, 0)), max(high, 0)))
    found = [bound + by if k in moved else bound for k, bound in enumerate(bounds)]
    for k in range(max(moved) + 1, count + 1):
        found[k] = max(found[k], found[k - 1] + least[k - 1])
    for k in range(first - 1, -1, -1):
        found[k] = min(found[k], found[k + 1] - least[k])
    return tuple(found)


def ranged(bounds: Sequence[int], index: int, first: int, end: int, lasts: Lasts) -> tuple[int, ...]:
    """The bounds with a line from `first` to the frame before `end`; the others give way, or come along."""
    least, most = lasts._of_each([b - a for a, b in zip(bounds, bounds[1:], strict=False)])
    found = list(bounds)
    found[index], found[index + 1] = first, end
    for k in range(index + 2, len(found)):
        found[k] = min(max(found[k], found[k - 1] + least[k - 1]), found[k - 1] + most[k - 1])
    for k in range(index - 1, -1, -1):
        found[k] = max(min(found[k], found[k + 1] - least[k]), found[k + 1] - most[k])
    return tuple(found)


def _moved(grip: Grip, count: int, along: bool) -> range:
    """The indices of the bounds that a drag moves by as much as itself."""
    if grip.part == START:
        return range(0 if along else grip.index, grip.index + 1)
    if grip.part == END:
        return range(grip.index + 1, count + 1 if along else grip.index + 2)
    return range(count + 1) if along else range(grip.index, grip.index + 2)
