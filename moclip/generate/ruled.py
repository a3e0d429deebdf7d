# SPDX-License-Identifier: Apache-2.0
"""What kinematic rules say of a generated motion, part by part, by what the text of each part asks for."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from moclip.prompts.amounts import Amounts
from moclip.recognition.config import ActionClass
from moclip.recognition.reader import NAMED
from moclip.showing.asked import MEANWHILE, measures, off_by
from moclip.showing.rules import CLEARLY, RULES, named_action

_HEARD = 0.1
"""Of an action, the probability under which a text does not ask for it."""
_ENOUGH = 0.3
"""Of all actions that have a rule together: under it nobody can tell."""
_DIMLY = 0.6
"""What it counts that an action is shown, but not clearly: too little to be content with, too much to tell of."""
_MEANWHILE = 0.5
"""The same of one that is shown while the legs still do something else, as a wave beside the last steps of a walk."""
_REACH, _STEP, _SHORTEST = 24, 8, 16
"""Frames: how far what a clause asks for may reach over its ends, in what steps that is tried, and what is left."""

_UNNAMED = Amounts()


class Rules:
    """classes: those that texts are read as."""

    def __init__(self, classes: Sequence[ActionClass]):
        self._classes = classes

    def held(
        self, shares: np.ndarray, joints: np.ndarray, span: tuple[int, int], whole: tuple[int, int],
        amounts: Amounts = _UNNAMED,
    ) -> float | None:  # fmt: skip
        """0 to 1: of what a text asks for, the part whose rules hold, clearly. None where no rule tells.

        shares: (A,) how probably it asks for each class. joints: (T, 22, 3) metres. span: the first frame that is its
        own and the one behind its last; whole: of all that is new. amounts: how often and how far round.
        """
        asked = [(name, share) for name, share in self._asked(shares) if name is not None]
        # Of two words for a thing, as punching and boxing, the one that can be counted.
        asked = [(name, share) for name, share in asked if measures(name, amounts)] or asked
        total = sum(share for _, share in asked)
        if total < _ENOUGH:
            return None
        parts = list(_parts(span, whole))
        return sum(share * _shown(name, joints, parts, amounts) for name, share in asked) / total

    def _asked(self, shares: np.ndarray) -> Iterator[tuple[str | None, float]]:
        """The rule of each action that is asked for, None for one without; and how probably it is."""
        sides: dict[str, dict[str, float]] = {}
        for one, share in zip(self._classes, shares.tolist(), strict=True):
            sides.setdefault(one.action, {})[one.side] = share
        for action, by_side in sides.items():
            share = sum(by_side.values())
            side = max(by_side, key=lambda side: by_side[side])
            named = side if by_side[side] >= NAMED * share else ""
            if share >= _HEARD:
                yield named_action(action, named or None), share


def _shown(name: str, joints: np.ndarray, parts: Sequence[tuple[int, int]], amounts: Amounts) -> float:
    """1 for what one of the parts shows clearly, 0 for what none shows."""
    if measures(name, amounts):
        # By its own part alone: in a smaller one there is less to count.
        off = off_by(joints[slice(*parts[0])], name, amounts)
        return 1.0 if off == 0 else _DIMLY * (1.0 - min(off, 1.0))
    found = [joints[a:b] for a, b in parts if RULES[name](joints[a:b])]
    if not found:
        return _MEANWHILE if name in MEANWHILE and any(MEANWHILE[name](joints[a:b]) for a, b in parts) else 0.0
    return 1.0 if name not in CLEARLY or any(CLEARLY[name](part) for part in found) else _DIMLY


def _parts(span: tuple[int, int], whole: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The span, then others around it: nobody sees where one clause ends and the next one begins."""
    yield span
    around = range(-_REACH, _REACH + 1, _STEP)
    starts = [span[0]] if span[0] <= whole[0] else [span[0] + by for by in around]
    ends = [span[1]] if span[1] >= whole[1] else [span[1] + by for by in around]
    for start, end in product(starts, ends):
        start, end = max(start, whole[0]), min(end, whole[1])
        if end - start >= _SHORTEST:
            yield start, end
