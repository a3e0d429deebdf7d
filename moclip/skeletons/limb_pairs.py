# SPDX-License-Identifier: Apache-2.0
"""Pairs of limbs in a rig: chains that mirror one another, and where in them the joints are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .bone_names import words_of
from .rig_shape import ALONG, UNEVEN, Rig, length_of, unit

_DOUBLE = 0.005
"""Of a limb's length: bones that begin nearer to one another are at one place."""
_SHORTEST_LIMB = 0.08
_MOST_BRANCHES = 10
"""Chains on one bone among which turned pairs are looked for: the strands of a head are all alike."""
_MOST_PAIRS = 40
"""On one bone, the longest first."""
_MOST_TURNED = np.sin(np.radians(35.0))
"""Of a limb's length: how far it may be turned away from its mirror image, as in a stride."""
_TURN = np.cos(np.radians(30.0))


@dataclass
class Pair:
    """Two chains that may mirror one another, bone by bone. firsts: the bones that they hang on the trunk by.
    turned: they are of one length but turned from one another.
    """

    rig: Rig
    one: list[int]
    other: list[int]
    firsts: tuple[int, int]
    turned: bool = False

    def __post_init__(self) -> None:
        self.heads = self.rig.heads[self.one], self.rig.heads[self.other]
        steps = [np.linalg.norm(np.diff(heads, axis=0), axis=1) for heads in self.heads]
        self.gaps = (steps[0] + steps[1]) / 2
        self.length = float(self.gaps.sum())
        self.between = self.heads[0] - self.heads[1]
        self.middles = (self.heads[0] + self.heads[1]) / 2
        self.aside = self.between.sum(axis=0)
        if self.turned:  # only where they begin do they lie beside one another
            apart = np.linalg.norm(self.between, axis=1)
            self.aside = len(apart) * self.between[int(np.argmax(apart > UNEVEN * self.rig.size))]
        self.across = unit(self.aside)

    def is_long(self) -> bool:
        return len(self.one) >= 3 and self.length > _SHORTEST_LIMB * self.rig.size

    def is_mirrored(self) -> bool:
        aside = self.between - np.outer(self.between @ self.across, self.across)
        apart = float((self.between @ self.across).max())
        flat = float(np.ptp(self.middles @ self.across))
        return bool(np.abs(aside).max() < UNEVEN * self.rig.size and flat < UNEVEN * self.rig.size) and (
            apart > 0.04 * self.rig.size
        )

    def is_turned(self) -> bool:
        """Whether both begin beside one another, and are alike in all but the way that they point."""
        steps = [np.linalg.norm(np.diff(heads, axis=0), axis=1) for heads in self.heads]
        if np.abs(steps[0] - steps[1]).max() > 0.5 * UNEVEN * self.rig.size:
            return False
        aside = self.between - np.outer(self.between @ self.across, self.across)
        most = 2 * _MOST_TURNED * self.length
        return bool((self.between @ self.across).min() > 0.0 and np.linalg.norm(aside, axis=1).max() < most)

    def without_doubles(self) -> "Pair":
        """Of bones that lie on one another, as offsets and helpers do, the last, which carries the rest of the limb."""
        apart = [*(self.gaps > _DOUBLE * self.length), True]
        kept = [k for k, is_last in enumerate(apart) if is_last]
        end = kept[-1]
        while end > 0 and not apart[end - 1]:  # what lies on a limb's end is a prop
            end -= 1
        kept[-1] = end
        return replace(self, one=[self.one[k] for k in kept], other=[self.other[k] for k in kept])

    def straight(self, start: int, middle: int, end: int) -> float:
        """The cosine between two stretches, seen from the side: 1 where the middle lies in line with the others."""
        # The middles of a mirrored pair are free of what legs and feet are spread.
        chains = self.heads if self.turned else (self.middles,)
        stretches = [(unit(c[middle] - c[start]), unit(c[end] - c[middle])) for c in chains]
        return float(np.mean([one @ other for one, other in stretches]))

    def flipped(self) -> "Pair":
        return replace(self, one=self.other, other=self.one, firsts=self.firsts[::-1])

    @property
    def parent(self) -> int | None:
        return self.rig.parents[self.firsts[0]]


def limb_pairs(rig: Rig) -> list["Pair"]:
    """Mirror images, and what is of one length bone by bone though turned, as of a body in a stride."""
    found = []
    for children in rig.children:
        pairs = []
        long = [c for c in children if rig.depths[c] >= 3]
        for one, other in combinations(long, 2):
            pair = Pair(rig, *_walk(rig, one, other), (one, other))
            if not (pair.is_long() and pair.is_mirrored()):
                if len(long) > _MOST_BRANCHES:
                    continue
                pair = Pair(rig, *_walk(rig, one, other, turned=True), (one, other), turned=True)
                if not (pair.is_long() and pair.is_turned()):
                    continue
            pairs.append(pair)
        found += sorted(pairs, key=lambda pair: -pair.length)[:_MOST_PAIRS]
    return [pair.without_doubles() for pair in found]


def _walk(rig: Rig, one: int, other: int, turned: bool = False) -> tuple[list[int], list[int]]:
    """Down two branches at once, each time to the children that match and reach farthest."""
    chains = [one], [other]
    start, across = rig.heads[one], rig.heads[other]
    while True:
        best, best_reach = None, -1.0
        for a in rig.children[chains[0][-1]]:
            for b in rig.children[chains[1][-1]]:
                # In a mirror distances stay, to the own side's start and to the other's.
                apart = abs(length_of(rig.heads[a] - start) - length_of(rig.heads[b] - across))
                if not turned:
                    apart = max(apart, abs(length_of(rig.heads[a] - across) - length_of(rig.heads[b] - start)))
                reach = min(rig.reach(a, start), rig.reach(b, across))
                if apart < UNEVEN * rig.size and reach > best_reach + 1e-6 * rig.size:
                    best, best_reach = (a, b), reach
        if best is None:
            return chains
        chains[0].append(best[0])
        chains[1].append(best[1])


def find_limb(rig: Rig, pair: Pair, leads_in: Callable[[int], bool], *, feet: bool) -> tuple[int, int, int] | None:
    """Where in a chain hip, knee and ankle are, or shoulder, elbow and wrist; twist bones between are passed over.

    Both halves of a limb are about as long; what comes after is a foot, which turns off, or a hand, which is shorter
    or has fingers; what comes before is a collar.
    """
    count, whole = len(pair.one), max(pair.length, 1e-12)
    twists = [bool(ALONG & words_of(rig.names[bone])) for bone in pair.one]
    best, best_cost = None, np.inf
    for start in (0, 1):
        for end in range(start + 2, count):
            for middle in range(start + 1, end):
                upper, lower = float(pair.gaps[start:middle].sum()), float(pair.gaps[middle:end].sum())
                if min(upper, lower) < 1e-3 * whole or twists[middle] or twists[end]:
                    continue
                cost = abs(np.log(upper / lower)) - 0.5 * (upper + lower) / whole
                if start:
                    cost += 0.0 if leads_in(0) and pair.gaps[0] < 0.9 * max(upper, lower) else 1.5
                elif leads_in(0) and pair.gaps[0] < 0.45 * (whole - pair.gaps[0]):
                    cost += 0.5
                is_half = end - middle > 1 and pair.gaps[end - 1] > 0.7 * pair.gaps[end - 2]
                cost += 0.5 * (pair.gaps[end - 1] < 0.35 * upper and not is_half)
                cost += 3.0 * (rig.fingers(pair.one[end - 1]) >= 3)
                cost += _after(rig, pair, middle, end, lower, feet)
                if cost < best_cost:
                    best, best_cost = (start, middle, end), cost
    return best


def _after(rig: Rig, pair: Pair, middle: int, end: int, lower: float, feet: bool) -> float:
    """What speaks against (for: negative) a limb's end by what comes behind it."""
    if not feet and rig.fingers(pair.one[end]) >= 3:
        return -1.0
    cost = 0.0
    if feet and end - middle > 1:
        cost += 0.7 * any(pair.straight(k - 1, k, k + 1) < _TURN for k in range(middle + 1, end))
    if end + 1 < len(pair.one):
        if feet and pair.straight(middle, end, end + 1) < _TURN:
            return cost - 0.5
        cost += 1.0 * (pair.gaps[end] > 0.5 * lower)
    return cost
