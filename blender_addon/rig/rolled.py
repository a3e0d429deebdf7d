# SPDX-License-Identifier: GPL-3.0-or-later
"""A foot that stands, whose control stays in one place while the foot rolls: on its heel, flat, and up over its ball.

From heel strike to toe-off hardly any foot keeps its ankle where it is, but what it does is little beside the place: an
angle about its heel, then one about its ball, and a few degrees otherwise. What is left is the control's place, which
is one for all of a step. All in armature space.
"""

from dataclasses import dataclass

import numpy as np

from ..shared import rotations
from ..shared.footing import contact_spans
from .planted import ease_beside

_LANDS_S = 0.2
"""Before its toes are down, in which a foot may stand on its heel already."""
_BACK_S = 0.25
"""In which a roll goes back to none in the air."""
_FLAT, _WHOLE = np.radians((2.0, 6.0))
"""A foot that is turned by less than the first is flat; from the second on it is left as it is."""
_FEWEST, _BETWEEN = 3, 4
"""Frames of a place; those that a foot which creeps has to go from one to the next."""
_MOST = np.radians(75.0)
_TILTED = np.radians(15.0)
"""Of frames that say nothing of where a foot points, when others are flatter."""


@dataclass(frozen=True)
class Pivots:
    """(3,) points of a foot at rest: its ankle, its ball and its heel, which is None for a foot that rolls about its
    ball alone. axis: unit, about which it rolls, up off its heel where the angle is positive. up: unit, of its sole at
    rest; above: unit, of the floor."""

    ankle: np.ndarray
    ball: np.ndarray
    heel: np.ndarray | None
    axis: np.ndarray
    up: np.ndarray
    above: np.ndarray


@dataclass(frozen=True)
class Roll:
    """How a foot is turned beside its control. angle: (T,) radians about its axis, forward about the ball, back about
    the heel. turn: (T, 3) rotation vectors of what turns toes and all about the ball, before."""

    pivots: Pivots
    angle: np.ndarray
    turn: np.ndarray

    def part(self, first: int, end: int) -> "Roll":
        return Roll(self.pivots, self.angle[first:end], self.turn[first:end])

    @property
    def turned(self) -> np.ndarray:
        """(T, 4) `turn` as quaternions."""
        return rotations.from_vector(self.turn)

    @property
    def rolled(self) -> np.ndarray:
        """(T, 4) `angle` as quaternions."""
        return rotations.from_axis_angle(self.pivots.axis, self.angle)

    def foot(self) -> np.ndarray:
        """(T, 4, 4) from the control to the foot, both at rest."""
        heel = self.pivots.ball if self.pivots.heel is None else self.pivots.heel
        about = np.where(self.angle[:, None] < 0, heel, self.pivots.ball)
        return self._turns() @ _about(self.rolled, about)

    def toes(self) -> np.ndarray:
        """(T, 4, 4) from the control to what toes are on: they stay on the floor while the heel rises."""
        if self.pivots.heel is None:
            return np.tile(np.eye(4), (len(self.angle), 1, 1))
        back = rotations.from_axis_angle(self.pivots.axis, np.minimum(self.angle, 0.0))
        return self._turns() @ _about(back, self.pivots.heel)

    def _turns(self) -> np.ndarray:
        return _about(self.turned, self.pivots.ball)


@dataclass(frozen=True)
class Rolling:
    """turn (T, 4) since rest, place (T, 3): a foot as it was, but its control is in one place in each of `ranges`,
    [(first, end)]."""

    turn: np.ndarray
    place: np.ndarray
    roll: Roll
    ranges: list[tuple[int, int]]


def rolling(
    turn: np.ndarray, place: np.ndarray, stands: np.ndarray, fps: float, pivots: Pivots, reach: float
) -> Rolling:
    """A foot that rolls in one place while it stands.

    turn: (T, 4) since rest, continuous; place: (T, 3) of its ankle. stands: (T,) bool, of its toes. reach: by how much
    an ankle may be moved; feet that are flat within 2 degrees are flat, and farther ones stay within as much.
    """
    before, taken = (turn, place), np.zeros(len(turn), dtype=bool)
    turn, place = turn.copy(), place.copy()
    roll = Roll(pivots, np.zeros(len(turn)), np.zeros((len(turn), 3)))
    found: list[tuple[int, int]] = []
    for first, last in contact_spans(stands, fps):
        lands = max(first - round(_LANDS_S * fps), found[-1][1] if found else 0)
        heading = _heading(turn[first : last + 1], pivots)
        own = _split(rotations.multiply(rotations.conjugate(heading), turn[lands : last + 1]), pivots)
        base = place[lands : last + 1] - rotations.rotate(heading[None], _off_rest(own))
        for begin, end in _one_place(base, own, first - lands, reach):
            kept, whole = own.part(begin, end), slice(lands + begin, lands + end)
            turn[whole] = rotations.multiply(heading, rotations.multiply(kept.turned, kept.rolled))
            place[whole] = base[begin:end].mean(axis=0) + rotations.rotate(heading[None], _off_rest(kept))
            roll.angle[whole], roll.turn[whole] = kept.angle, kept.turn
            taken[whole] = True
            found.append((lands + begin, lands + end))
    for first, end in found:
        edges = [first, end - 1]
        ease_beside(turn, place, (first, end), (before[0][edges], before[1][edges]), taken)
    _go_back(roll, found, max(2, round(_BACK_S * fps)))
    return Rolling(rotations.continuous(turn), place, roll, found)


def _off_rest(roll: Roll) -> np.ndarray:
    """(T, 3) by which a roll moves the ankle of a control at rest."""
    ankle, foot = roll.pivots.ankle, roll.foot()
    return np.einsum("tij,j->ti", foot[:, :3, :3], ankle) + foot[:, :3, 3] - ankle


def _heading(turn: np.ndarray, pivots: Pivots) -> np.ndarray:
    """(4,) of a foot that stands flat where one stands that is turned by (T, 4)."""
    own = rotations.rotate(turn, pivots.up[None])
    tilt = rotations.between(own, np.broadcast_to(pivots.above, own.shape))
    angles = rotations.angle_between(tilt, rotations.IDENTITY)
    flat = angles <= max(_TILTED, float(angles.min()) + _FLAT)
    level = rotations.continuous(rotations.multiply(tilt, turn))[flat]
    return rotations.normalize(rotations.continuous(level).mean(axis=0))


def _split(local: np.ndarray, pivots: Pivots) -> Roll:
    """Rotations (T, 4) beside a control as what rolls and what turns; what is hardly any is none."""
    along = rotations.arctan2((local[:, 1:] * pivots.axis).sum(axis=1), local[:, 0])
    angle = 2 * np.where(along > np.pi / 2, along - np.pi, np.where(along < -np.pi / 2, along + np.pi, along))
    about = rotations.from_axis_angle(pivots.axis, angle)
    turn = rotations.to_vector(rotations.multiply(local, rotations.conjugate(about)))
    length = np.linalg.norm(turn, axis=1)
    share = _beyond(length) / np.maximum(length, 1e-9)
    return Roll(pivots, np.sign(angle) * _beyond(np.abs(angle)), turn * share[:, None])


def _beyond(angle: np.ndarray) -> np.ndarray:
    """Angles without what makes a flat foot unquiet: 0 up to the first bound, as they are from the second on."""
    return np.where(angle < _WHOLE, np.maximum(angle - _FLAT, 0.0) * _WHOLE / (_WHOLE - _FLAT), angle)


def _one_place(base: np.ndarray, roll: Roll, toes_down: int, reach: float) -> list[tuple[int, int]]:
    """[(first, end)] of frames whose controls (T, 3) are within `reach` of their mean; before `toes_down` only such as
    stand on their heel."""
    # Farther round, two angles are the same foot: one that spins on its ball is no step.
    plain = (np.abs(roll.angle) < _MOST) & (np.linalg.norm(roll.turn, axis=1) < _MOST)

    def is_one(first: int, end: int) -> bool:
        inside = base[first:end]
        return bool(plain[first:end].all() and np.linalg.norm(inside - inside.mean(axis=0), axis=1).max() <= reach)

    def longest(first: int, end: int) -> tuple[int, int]:
        best, stop = (first, first), first
        for begin in range(first, end):
            stop = max(stop, begin)
            while stop < end and is_one(begin, stop + 1):
                stop += 1
            best = max(best, (begin, stop), key=lambda span: span[1] - span[0])
        return best

    def within(first: int, end: int) -> list[tuple[int, int]]:
        own = (first, end) if end - first >= _FEWEST and is_one(first, end) else longest(first, end)
        if own[1] - own[0] < _FEWEST:
            return []
        return [*within(first, own[0] - _BETWEEN), own, *within(own[1] + _BETWEEN, end)]

    first = toes_down
    while first > 0 and roll.angle[first - 1] < 0 and is_one(first - 1, len(base)):
        first -= 1
    return within(first, len(base))


def _go_back(roll: Roll, ranges: list[tuple[int, int]], room: int) -> None:
    """Let a roll begin and end in the air beside its ranges."""
    count = len(roll.angle)
    begins, ends = [0, *(end for _, end in ranges)], [*(first for first, _ in ranges), count]
    for before, after in zip(begins, ends, strict=True):
        frames = np.arange(before, after)
        steps = min(room, (after - before + 1) // 2) + 1
        for edge, away in ((before - 1, frames - before + 1), (after, after - frames)):
            if edge in (-1, count):
                continue  # no range there
            left = np.clip(1.0 - away / steps, 0.0, 1.0)
            left = left * left * (3 - 2 * left)
            roll.angle[frames] += left * roll.angle[edge]
            roll.turn[frames] += left[:, None] * roll.turn[edge]


def _about(turn: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(T, 4, 4) that turn by (T, 4) about a point (3,) or (T, 3)."""
    matrices = np.tile(np.eye(4), (len(turn), 1, 1))
    matrices[:, :3, :3] = rotations.to_matrix(turn)
    matrices[:, :3, 3] = point - rotations.rotate(turn, np.broadcast_to(point, (len(turn), 3)))
    return matrices
