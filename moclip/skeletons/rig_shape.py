# SPDX-License-Identifier: Apache-2.0
"""A rig as points that hang on one another: what its bones are called and where they lie, along no known axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bone_names import words_of

UNEVEN = 0.04
"""Of the rig's size: what may differ between left and right."""
_BALL = 1.3
"""Of the ball's diameter around the carrying bones: a rig's size, about a person's height with hands and toes."""
_NO_JOINT = {"end", "nub", "tip", "leaf", "effector", "ik", "pole", "target", "twist", "roll"}
"""Words of bones that are no joints, where nothing hangs on them."""
ALONG = {"twist", "roll"}


@dataclass(frozen=True)
class BoneShape:
    """head, tail: (3,) at rest in armature space, any axes and units. parent: a name or None; parents come first."""

    name: str
    parent: str | None
    head: np.ndarray
    tail: np.ndarray


class Rig:
    """names, heads (N, 3), tails (N, 3), parents and children by number; without leaves that are named as no joints."""

    def __init__(self, bones: Sequence[BoneShape]):
        bones = _without_ends(bones)
        number: dict[str | None, int] = {bone.name: k for k, bone in enumerate(bones)}
        self.names = [bone.name for bone in bones]
        self.heads = np.array([bone.head for bone in bones], dtype=np.float64)
        self.tails = np.array([bone.tail for bone in bones], dtype=np.float64)
        self.parents = [number.get(bone.parent) for bone in bones]
        self.children: list[list[int]] = [[] for _ in bones]
        for k, parent in enumerate(self.parents):
            if parent is not None:
                self.children[parent].append(k)
        self.depths = [1] * len(bones)
        for k in reversed(range(len(bones))):
            if (parent := self.parents[k]) is not None:
                self.depths[parent] = max(self.depths[parent], self.depths[k] + 1)
        self.size = self._extent() or 1.0
        self._below: dict[int, list[int]] = {}

    def _extent(self) -> float:
        """How large the body is, however many bones hang in one place and wherever a root, a target or a prop lies."""
        first = [k for k, parent in enumerate(self.parents) if parent is None]
        above = set()
        for root in first:
            while len(self.children[root]) == 1:
                above.add(root)
                root = self.children[root][0]
        carrying = [k for k, depth in enumerate(self.depths) if depth > 1 and k not in above]
        heads = self.heads[carrying or first]
        middle = heads.mean(axis=0)
        for k in range(1, 60):  # towards the middle of the smallest ball around them all
            away = heads - middle
            middle = middle + away[np.argmax((away**2).sum(axis=1))] / (k + 1)
        return _BALL * 2 * float(np.linalg.norm(heads - middle, axis=1).max())

    def below(self, bone: int) -> list[int]:
        """A bone and all of its descendants."""
        if bone not in self._below:
            found = [bone]
            for b in found:
                found += self.children[b]
            self._below[bone] = found
        return self._below[bone]

    def upwards(self, bone: int) -> list[int]:
        """A bone and what it hangs on, to the root."""
        found, above = [bone], self.parents[bone]
        while above is not None:
            found.append(above)
            above = self.parents[above]
        return found

    def reach(self, bone: int, start: np.ndarray) -> float:
        """How far a bone, or anything below it, is from a place."""
        return float(np.linalg.norm(self.heads[self.below(bone)] - start, axis=1).max())

    def fingers(self, bone: int) -> int:
        """How many branches leave a bone, but for helpers along it: by their names, or ends on the way to another."""
        branches = [c for c in self.children[bone] if not ALONG & words_of(self.names[c])]
        return sum(not self._is_along(c, bone, branches) for c in branches)

    def _is_along(self, leaf: int, bone: int, branches: Sequence[int]) -> bool:
        if self.children[leaf]:
            return False
        step = self.heads[leaf] - self.heads[bone]
        for other in branches:
            whole = self.heads[other] - self.heads[bone]
            length = length_of(whole)
            if other == leaf or length < 1e-6 * self.size:
                continue
            along = float(step @ whole) / length
            aside = length_of(step - along * whole / length)
            if -0.02 * length < along < 0.95 * length and aside < 0.1 * length:
                return True
        return length_of(step) < 1e-3 * self.size


def _without_ends(bones: Sequence[BoneShape]) -> list[BoneShape]:
    kept = list(bones)
    while True:
        carrying = {bone.parent for bone in kept}
        left = [bone for bone in kept if bone.name in carrying or not _NO_JOINT & words_of(bone.name)]
        if len(left) == len(kept):
            return kept
        kept = left


def length_of(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))


def unit(vector: np.ndarray) -> np.ndarray:
    length = length_of(vector)
    return vector / length if length > 1e-12 else vector * 0.0
