# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the joints of an upright two-legged rig by its hierarchy and shape alone, whatever its bones are called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_FEWEST = 15
"""Bones of a rig that can carry a motion: pelvis, spine, head and three in each limb."""


@dataclass(frozen=True)
class BoneShape:
    """head, tail: (3,) at rest, Z up, facing -Y or +Y. parent: a name or None. Parents come before children."""

    name: str
    parent: str | None
    head: np.ndarray
    tail: np.ndarray


def guess_bones(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name; {} where no pelvis with two legs, a spine, two arms and a head is found.

    Legs are a pair of chains that mirror one another and end lowest, arms a pair that leaves the spine sideways.
    """
    if len(bones) < _FEWEST:
        return {}
    rig = _Rig(bones)
    for pelvis in rig.names:
        legs = rig.mirrored_pair(rig.children[pelvis], lowest=True)
        if legs is None:
            continue
        spine = rig.spine(pelvis, legs)
        if spine is None:
            continue
        trunk, arms, head = spine
        return rig.joints(pelvis, legs, trunk, arms, head)
    return {}


class _Rig:
    def __init__(self, bones: Sequence[BoneShape]):
        self.bones = {bone.name: bone for bone in bones}
        self.names = [bone.name for bone in bones]
        self.children: dict[str, list[str]] = {name: [] for name in self.names}
        for bone in bones:
            if bone.parent is not None:
                self.children[bone.parent].append(bone.name)
        points = np.array([bone.head for bone in bones] + [bone.tail for bone in bones])
        self.size = float(np.ptp(points[:, 2])) or 1.0
        self.floor = float(points[:, 2].min())

    def below(self, name: str) -> list[str]:
        """A bone and all of its descendants."""
        found = [name]
        for bone in found:
            found += self.children[bone]
        return found

    def chain(self, name: str) -> list[str]:
        """From a bone down the branch that reaches farthest from it."""
        found = [name]
        while self.children[found[-1]]:
            start = self.bones[name].head
            found.append(max(self.children[found[-1]], key=lambda child: self._reach(child, start)))
        return found

    def _reach(self, name: str, start: np.ndarray) -> float:
        return max(float(np.linalg.norm(self.bones[b].tail - start)) for b in self.below(name))

    def mirrored_pair(self, names: Sequence[str], lowest: bool) -> tuple[str, str] | None:
        """(left, right) of two branches whose ends mirror one another across the rig, the lowest or the widest pair."""
        best, best_score = None, 0.0
        for k, one in enumerate(names):
            for other in names[k + 1 :]:
                ends = [self._end(self.chain(name)) for name in (one, other)]
                roots = [self.bones[name].head for name in (one, other)]
                if not self._mirror(*ends) or abs(ends[0][0] - ends[1][0]) < 0.05 * self.size:
                    continue
                if lowest:
                    score = 1.0 if max(end[2] for end in ends) < self.floor + 0.15 * self.size else 0.0
                    score *= min(root[2] - end[2] for root, end in zip(roots, ends, strict=True))
                else:
                    score = abs(ends[0][0] - ends[1][0])
                if score > best_score + 1e-9:
                    left_first = ends[0][0] > ends[1][0]
                    best, best_score = (one, other) if left_first else (other, one), score
        return best if best_score > 0.2 * self.size else None

    def _end(self, chain: Sequence[str]) -> np.ndarray:
        return self.bones[chain[-1]].tail

    def _mirror(self, one: np.ndarray, other: np.ndarray) -> bool:
        return bool(np.abs(one * (-1, 1, 1) - other).max() < 0.03 * self.size)

    def spine(self, pelvis: str, legs: tuple[str, str]) -> tuple[list[str], tuple[str, str], list[str]] | None:
        """(trunk from above the pelvis to the chest, (left, right) arms, neck and head), or None."""
        for start in self.children[pelvis]:
            if start in legs:
                continue
            trunk = [start]
            while True:
                arms = self.mirrored_pair(self.children[trunk[-1]], lowest=False)
                upwards = [c for c in self.children[trunk[-1]] if arms is None or c not in arms]
                upwards = [c for c in upwards if abs(self.bones[c].head[0]) < 0.03 * self.size]
                if arms is not None and len(self.chain(arms[0])) >= 3:
                    heads = [c for c in upwards if self._end(self.chain(c))[2] > self.bones[arms[0]].head[2]]
                    if heads:
                        return trunk, arms, self._straight(max(heads, key=lambda c: self._end(self.chain(c))[2]))
                    break
                if not upwards:
                    break
                trunk.append(max(upwards, key=lambda c: len(self.below(c))))
        return None

    def _straight(self, name: str) -> list[str]:
        """Neck and head: upwards while one bone continues where the last one ends; eyes, jaw and hair branch off."""
        found = [name]
        while True:
            bone = self.bones[found[-1]]
            onwards = [
                child
                for child in self.children[found[-1]]
                if np.linalg.norm(self.bones[child].head - bone.tail) < 0.02 * self.size
                and (self.bones[child].tail - self.bones[child].head)[2] > 0
            ]
            if len(onwards) != 1 or len(found) > 1 and len(self.children[found[-1]]) > 1:
                return found
            found.append(onwards[0])

    def joints(
        self, pelvis: str, legs: tuple[str, str], trunk: list[str], arms: tuple[str, str], head: list[str]
    ) -> dict[str, str]:
        spine = trunk if len(trunk) <= 3 else [trunk[0], trunk[len(trunk) // 2], trunk[-1]]
        found = {"pelvis": pelvis, **{f"spine{k + 1}": bone for k, bone in enumerate(spine)}, "head": head[-1]}
        if len(head) > 1:
            found["neck"] = head[0]
        for side, leg, arm in zip(("left", "right"), legs, arms, strict=True):
            found |= {f"{side}_{joint}": bone for joint, bone in self._limb(leg, ("hip", "knee", "ankle"), "foot")}
            chain = self.chain(arm)
            # A collar is short and starts near the middle of the body.
            first = self.bones[chain[0]]
            collar = len(chain) >= 4 and abs(first.head[0]) < 0.5 * abs(self.bones[chain[1]].head[0])
            if collar:
                found[f"{side}_collar"] = chain[0]
            found |= {
                f"{side}_{joint}": bone
                for joint, bone in self._limb(chain[1] if collar else chain[0], ("shoulder", "elbow", "wrist"), None)
            }
        return found

    def _limb(self, start: str, joints: tuple[str, str, str], end: str | None) -> list[tuple[str, str]]:
        """The three joints of a limb, and the toes for legs (end "foot"); twist bones between them are passed over.

        A foot is the first bone near the floor that points forwards rather than down; a hand is the first that fingers
        branch from, or the last of all. Elbow and knee lie nearest to half of the way there.
        """
        chain = self.chain(start)
        if end:
            last = next((k for k, name in enumerate(chain) if k >= 2 and self._is_foot(name)), len(chain) - 1)
        else:
            last = next((k for k, name in enumerate(chain) if k >= 2 and len(self.children[name]) > 1), len(chain) - 1)
        found = [(joints[0], chain[0])]
        if last < 2:
            return found
        heads = np.array([self.bones[name].head for name in chain[: last + 1]])
        along = np.concatenate([[0.0], np.linalg.norm(np.diff(heads, axis=0), axis=1).cumsum()])
        middle = min(range(1, last), key=lambda k: abs(along[k] - along[-1] / 2))
        found += [(joints[1], chain[middle]), (joints[2], chain[last])]
        if end and last + 1 < len(chain):
            found.append((end, chain[last + 1]))
        return found

    def _is_foot(self, name: str) -> bool:
        bone = self.bones[name]
        along = bone.tail - bone.head
        low = bone.head[2] < self.floor + 0.12 * self.size
        return bool(low and abs(along[1]) > 0.5 * np.linalg.norm(along))
