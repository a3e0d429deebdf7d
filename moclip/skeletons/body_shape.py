# SPDX-License-Identifier: Apache-2.0
"""Find the joints of a two-legged rig by its hierarchy and shape, whatever its bones are called and however it lies.

Nothing here knows an axis: up is from the legs to the head, the mirror plane is that of the limbs, forwards is where
the toes point. Joints are the heads of bones; tails are drawn as artists like and tell little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .bone_names import read_name, three_of, words_of

_FEWEST = 15
"""Bones of a rig that can carry a motion: pelvis, spine, head and three in each limb."""
_UNEVEN = 0.04
"""Of the rig's size: what may differ between left and right."""
_BALL = 1.3
"""Of the ball's diameter around the carrying bones: a rig's size, about a person's height with hands and toes."""
_DOUBLE = 0.005
"""Of a limb's length: bones that begin nearer to one another are at one place."""
_SHORTEST_LIMB = 0.08
_TURNED_COST = 0.1
_MOST_BRANCHES = 10
"""Chains on one bone among which turned pairs are looked for: the strands of a head are all alike."""
_MOST_PAIRS = 40
"""On one bone, the longest first."""
_MOST_STEPS = 4
"""Bones from hip to ankle and from shoulder to wrist, with a twist bone in each half."""
_MOST_TURNED = np.sin(np.radians(35.0))
"""Of a limb's length: how far it may be turned away from its mirror image, as in a stride."""
_NO_JOINT = {"end", "nub", "tip", "leaf", "effector", "ik", "pole", "target", "twist", "roll"}
"""Words of bones that are no joints, where nothing hangs on them."""
_ALONG = {"twist", "roll"}
_NO_LIMB = {"wing", "feather", "skirt", "dress", "cloth", "cape", "coat", "hair", "ear", "breast", "tail"}
FORWARDS = 0.35
"""Of a foot's length: what its toes must lie ahead to tell front from back."""
_NOTHING_TOLD = 0.01
_LIMB_JOINTS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
_ARM_SHARE = 0.62
"""Of a leg's length: an arm's. Wings are longer, horns and ears shorter."""


@dataclass(frozen=True)
class BoneShape:
    """head, tail: (3,) at rest in armature space, any axes and units. parent: a name or None; parents come first."""

    name: str
    parent: str | None
    head: np.ndarray
    tail: np.ndarray


def guess_bones(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name; {} where no pelvis with two legs, a spine, two arms and a head is found, and where
    nothing tells left from right.

    Legs and arms are pairs of chains that mirror one another in one plane; legs leave the trunk downwards, a head
    stands on it beyond the arms.
    """
    if len(bones) < _FEWEST:
        return {}
    rig = _Rig(bones)
    pairs = rig.limb_pairs()
    best, best_score = None, -np.inf
    for legs in pairs:
        for arms in pairs:
            body = _body(rig, legs, arms)
            if body is not None and body.score > best_score:
                best, best_score = body, body.score
    return best.named() if best is not None else {}


class _Rig:
    """names, heads (N, 3), tails (N, 3), parents and children by number; without leaves that are named as no joints."""

    def __init__(self, bones: Sequence[BoneShape]):
        bones = _without_ends(bones)
        number = {bone.name: k for k, bone in enumerate(bones)}
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

    def limb_pairs(self) -> list["_Pair"]:
        """Mirror images, and what is of one length bone by bone though turned, as of a body in a stride."""
        found = []
        for children in self.children:
            pairs = []
            long = [c for c in children if self.depths[c] >= 3]
            for one, other in combinations(long, 2):
                pair = _Pair(self, *self._walk(one, other))
                if not (pair.is_long() and pair.is_mirrored()):
                    if len(long) > _MOST_BRANCHES:
                        continue
                    pair = _Pair(self, *self._walk(one, other, turned=True), turned=True)
                    if not (pair.is_long() and pair.is_turned()):
                        continue
                pairs.append(pair)
            found += sorted(pairs, key=lambda pair: -pair.length)[:_MOST_PAIRS]
        return [pair.without_doubles() for pair in found]

    def _walk(self, one: int, other: int, turned: bool = False) -> tuple[list[int], list[int]]:
        """Down two branches at once, each time to the children that match and reach farthest."""
        chains = [one], [other]
        start, across = self.heads[one], self.heads[other]
        while True:
            best, best_reach = None, -1.0
            for a in self.children[chains[0][-1]]:
                for b in self.children[chains[1][-1]]:
                    # In a mirror distances stay, to the own side's start and to the other's.
                    apart = abs(_length(self.heads[a] - start) - _length(self.heads[b] - across))
                    if not turned:
                        apart = max(apart, abs(_length(self.heads[a] - across) - _length(self.heads[b] - start)))
                    reach = min(self._reach(a, start), self._reach(b, across))
                    if apart < _UNEVEN * self.size and reach > best_reach + 1e-6 * self.size:
                        best, best_reach = (a, b), reach
            if best is None:
                return chains
            chains[0].append(best[0])
            chains[1].append(best[1])

    def _reach(self, bone: int, start: np.ndarray) -> float:
        return float(np.linalg.norm(self.heads[self.below(bone)] - start, axis=1).max())

    def fingers(self, bone: int) -> int:
        """How many branches leave a bone, but for helpers along it: by their names, or ends on the way to another."""
        branches = [c for c in self.children[bone] if not _ALONG & words_of(self.names[c])]
        return sum(not self._is_along(c, bone, branches) for c in branches)

    def _is_along(self, leaf: int, bone: int, branches: Sequence[int]) -> bool:
        if self.children[leaf]:
            return False
        step = self.heads[leaf] - self.heads[bone]
        for other in branches:
            whole = self.heads[other] - self.heads[bone]
            length = _length(whole)
            if other == leaf or length < 1e-6 * self.size:
                continue
            along = float(step @ whole) / length
            aside = _length(step - along * whole / length)
            if -0.02 * length < along < 0.95 * length and aside < 0.1 * length:
                return True
        return _length(step) < 1e-3 * self.size


def _without_ends(bones: Sequence[BoneShape]) -> list[BoneShape]:
    kept = list(bones)
    while True:
        carrying = {bone.parent for bone in kept}
        left = [bone for bone in kept if bone.name in carrying or not _NO_JOINT & words_of(bone.name)]
        if len(left) == len(kept):
            return kept
        kept = left


def _length(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))


def _unit(vector: np.ndarray) -> np.ndarray:
    length = _length(vector)
    return vector / length if length > 1e-12 else vector * 0.0


@dataclass
class _Pair:
    """Two chains that may mirror one another, bone by bone. firsts: what they hang on the trunk by, if not [0].
    turned: they are of one length but turned from one another.
    """

    rig: _Rig
    one: list[int]
    other: list[int]
    turned: bool = False
    firsts: tuple[int, int] | None = None

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
            self.aside = len(apart) * self.between[int(np.argmax(apart > _UNEVEN * self.rig.size))]
        self.across = _unit(self.aside)
        self.firsts = self.firsts or (self.one[0], self.other[0])

    def is_long(self) -> bool:
        return len(self.one) >= 3 and self.length > _SHORTEST_LIMB * self.rig.size

    def is_mirrored(self) -> bool:
        aside = self.between - np.outer(self.between @ self.across, self.across)
        apart = float((self.between @ self.across).max())
        flat = float(np.ptp(self.middles @ self.across))
        return bool(np.abs(aside).max() < _UNEVEN * self.rig.size and flat < _UNEVEN * self.rig.size) and (
            apart > 0.04 * self.rig.size
        )

    def is_turned(self) -> bool:
        """Whether both begin beside one another, and are alike in all but the way that they point."""
        steps = [np.linalg.norm(np.diff(heads, axis=0), axis=1) for heads in self.heads]
        if np.abs(steps[0] - steps[1]).max() > 0.5 * _UNEVEN * self.rig.size:
            return False
        aside = self.between - np.outer(self.between @ self.across, self.across)
        most = 2 * _MOST_TURNED * self.length
        return bool((self.between @ self.across).min() > 0.0 and np.linalg.norm(aside, axis=1).max() < most)

    def without_doubles(self) -> "_Pair":
        """Of bones that lie on one another, as offsets and helpers do, the last, which carries the rest of the limb."""
        apart = [*(self.gaps > _DOUBLE * self.length), True]
        kept = [k for k, is_last in enumerate(apart) if is_last]
        end = kept[-1]
        while end > 0 and not apart[end - 1]:  # what lies on a limb's end is a prop
            end -= 1
        kept[-1] = end
        return replace(self, one=[self.one[k] for k in kept], other=[self.other[k] for k in kept], firsts=self.firsts)

    def straight(self, start: int, middle: int, end: int) -> float:
        """The cosine between two stretches, seen from the side: 1 where the middle lies in line with the others."""
        # The middles of a mirrored pair are free of what legs and feet are spread.
        chains = self.heads if self.turned else (self.middles,)
        stretches = [(_unit(c[middle] - c[start]), _unit(c[end] - c[middle])) for c in chains]
        return float(np.mean([one @ other for one, other in stretches]))

    def flipped(self) -> "_Pair":
        return replace(self, one=self.other, other=self.one, firsts=self.firsts[::-1])

    @property
    def parent(self) -> int | None:
        return self.rig.parents[self.firsts[0]]


@dataclass
class _Body:
    """Two pairs of limbs with the same first side, and what joins them. up, across: axes; across goes to that side."""

    rig: _Rig
    pelvis: int
    trunk: list[int]
    neck: list[int]
    legs: _Pair
    arms: _Pair
    leg: tuple[int, int, int]
    arm: tuple[int, int, int]
    up: np.ndarray
    across: np.ndarray
    score: float

    def named(self) -> dict[str, str]:
        """{} when nothing tells left from right."""
        first_is_left = self._first_is_left()
        if first_is_left is None:
            return {}
        numbers = {"pelvis": self.pelvis, "head": self.neck[-1]}
        numbers |= {f"spine{k}": bone for k, bone in enumerate(three_of(self.trunk), 1)}
        if len(self.neck) > 1:
            numbers["neck"] = self.neck[0]
        for side, is_first in (("left", first_is_left), ("right", not first_is_left)):
            legs, arms = (pair.one if is_first else pair.other for pair in (self.legs, self.arms))
            numbers |= {f"{side}_{j}": legs[k] for j, k in zip(("hip", "knee", "ankle"), self.leg, strict=True)}
            numbers |= {f"{side}_{j}": arms[k] for j, k in zip(("shoulder", "elbow", "wrist"), self.arm, strict=True)}
            if self._has_toes():
                numbers[f"{side}_foot"] = legs[self._toes()]
            if self.arm[0]:
                numbers[f"{side}_collar"] = arms[0]
        return {joint: self.rig.names[bone] for joint, bone in numbers.items()}

    def _has_toes(self) -> bool:
        ankle = self.leg[2]
        return ankle + 1 < len(self.legs.one) and self.legs.gaps[ankle] > 0.02 * self.legs.length

    def _toes(self) -> int:
        """Where in the legs' chains the toes begin; a bone in the line of the instep, as of Daz, is passed over."""
        first, middles = self.leg[2] + 1, self.legs.middles
        if first + 1 >= len(self.legs.one) or not self.rig.children[self.legs.one[first + 1]]:
            return first
        steps = middles[first] - middles[first - 1], middles[first + 1] - middles[first]
        in_line = float(_unit(steps[0]) @ _unit(steps[1])) > _STRAIGHT
        return first + 1 if in_line and _length(steps[0]) < 1.2 * _length(steps[1]) else first

    def _first_is_left(self) -> bool | None:
        """By the sides in all limbs' names, else by where the body faces; None when neither tells."""
        sides = [
            (side_of(self.rig.names[pair.one[k]]), side_of(self.rig.names[pair.other[k]]))
            for pair, joints in ((self.legs, self.leg), (self.arms, self.arm))
            for k in joints
        ]
        if len(set(sides)) == 1 and sides[0] in (("left", "right"), ("right", "left")):
            return sides[0][0] == "left"
        # Left is up turned towards the front.
        forwards = np.cross(self.across, self.up)
        told = self._faces(forwards)
        return None if abs(told) < _NOTHING_TOLD else told > 0

    def _faces(self, forwards: np.ndarray) -> float:
        """Positive where the signs of a front lie along an axis: toes before all, then feet, knees, elbows, face."""
        told = front_signs(self._heads(), forwards)
        if not self._has_toes():
            ankle = self.leg[2]
            feet = [self.rig.tails[c[ankle]] - self.rig.heads[c[ankle]] for c in (self.legs.one, self.legs.other)]
            slopes = [float(_unit(foot) @ forwards) for foot in feet]
            if min(slopes) > 0.4 or max(slopes) < -0.4:
                told += 0.25 * float(np.mean(slopes))
        return told + face_signs(self.rig.heads[self.rig.below(self.neck[-1])], forwards, self.rig.size)

    def _heads(self) -> dict[str, np.ndarray]:
        """Of the limbs' joints, with the first side as the left."""
        joints = {j: (self.legs, k) for j, k in zip(("hip", "knee", "ankle"), self.leg, strict=True)}
        joints |= {j: (self.arms, k) for j, k in zip(("shoulder", "elbow", "wrist"), self.arm, strict=True)}
        if self._has_toes():
            joints["foot"] = (self.legs, self._toes())
        return {
            f"{s}_{j}": pair.heads[n][k] for j, (pair, k) in joints.items() for n, s in enumerate(("left", "right"))
        }


def front_signs(heads: Mapping[str, np.ndarray], forwards: np.ndarray) -> float:
    """Positive where the limbs' joints tell of a front along an axis: toes before all, then knees and elbows.

    heads: by joint. Toes that lie hardly ahead of their ankles tell little; below 0.25 all signs are weak.
    """
    pairs = {j: [heads[f"{s}_{j}"] for s in ("left", "right")] for j in _LIMB_JOINTS if f"right_{j}" in heads}
    middles = {joint: (one + other) / 2 for joint, (one, other) in pairs.items()}
    told = 0.0
    if "foot" in middles:
        ahead = float(_unit(middles["foot"] - middles["ankle"]) @ forwards)
        told += (3.0 if abs(ahead) > FORWARDS else 1.0) * ahead
    for (start, middle, end), sign in ((("hip", "knee", "ankle"), 1.0), (("shoulder", "elbow", "wrist"), -1.0)):
        if end not in middles:
            continue
        upper, lower = (
            float(np.mean([_length(a - b) for a, b in zip(pairs[j], pairs[k], strict=True)]))
            for j, k in ((start, middle), (middle, end))
        )
        share = upper / max(upper + lower, 1e-12)
        aside = middles[middle] - middles[start] - share * (middles[end] - middles[start])
        bend = float(aside @ forwards) / max(upper + lower, 1e-12)
        if abs(bend) > 0.01:
            told += sign * float(np.clip(10 * bend, -0.8, 0.8))
    return told


def face_signs(heads: np.ndarray, forwards: np.ndarray, size: float) -> float:
    """As front_signs, of what hangs on a head. heads: the head's and what hangs on it."""
    if len(heads) < 3:
        return 0.0
    ahead = float((heads[1:] - heads[0]).mean(axis=0) @ forwards) / size
    return float(np.clip(10 * ahead, -0.3, 0.3)) if abs(ahead) > 0.005 else 0.0


def side_of(name: str) -> str:
    """ "left", "right" or "", as a bone's name tells for sure."""
    return next((side for side, _ in read_name(name)[0] if side), "")


def _body(rig: _Rig, legs: _Pair, arms: _Pair) -> _Body | None:
    """What two pairs make together, or None where they are no legs and arms of one upright body."""
    if legs.parent is None or arms.parent is None or legs is arms:
        return None
    if set(legs.one + legs.other) & set(rig.upwards(arms.parent)) or (
        set(arms.one + arms.other) & set(rig.upwards(legs.parent))
    ):
        return None
    above = rig.upwards(legs.parent)
    path = rig.upwards(arms.parent)
    pelvis = next((bone for bone in path if bone in above), None)
    if pelvis is None:
        return None
    trunk = path[: path.index(pelvis)][::-1]
    if not trunk:
        return None
    if arms.across @ legs.across < 0:
        arms = arms.flipped()
    across = _unit(legs.aside + arms.aside)
    middles = np.concatenate([legs.middles, arms.middles]) @ across
    offset = float(np.median(middles))
    if np.ptp(middles) > 2 * _UNEVEN * rig.size:
        return None
    aside = rig.heads @ across - offset
    up = arms.middles[0] - legs.middles[0]
    up = _unit(up - across * (up @ across))
    leg = _limb(rig, legs, lambda k: _joins_aside(legs, k, across), feet=True)
    arm = _limb(rig, arms, lambda k: _is_collar(arms, k, across, offset), feet=False)
    if leg is None or arm is None:
        return None
    if any(_NO_LIMB & words_of(rig.names[bone]) for bone in (*(legs.one[k] for k in leg), *(arms.one[k] for k in arm))):
        return None
    hips, shoulders = legs.middles[leg[0]], arms.middles[arm[0]]
    up = _unit(shoulders - hips - across * ((shoulders - hips) @ across))
    down = legs.middles[leg[2]] - hips
    # Of a person at least; the hind legs of animals leave a level trunk at a right angle.
    if down @ up > -0.55 * _length(down):
        return None
    tall, reach = _length(shoulders - hips), float(arms.gaps[arm[0] : arm[2]].sum())
    stands = float(legs.gaps[leg[0] : leg[2]].sum())
    if not (0.25 * tall < stands < 4 * tall and 0.25 * tall < reach < 4 * tall):
        return None
    neck = _neck(rig, trunk, arms, aside, up)
    if not neck:
        return None
    top = rig.heads[trunk[-1]] @ up
    if len(trunk) > 1 and top > shoulders @ up + 0.02 * rig.size:
        # Collars hang on the neck, as in 3ds Max.
        neck, trunk = [trunk[-1], *neck], trunk[:-1]
    score = stands / rig.size - 0.5 * abs(float(np.log(reach / (_ARM_SHARE * stands))))
    score += 0.3 * (leg[2] + 1 < len(legs.one)) + 0.3 * (rig.fingers(arms.one[arm[2]]) >= 3)
    score -= _TURNED_COST * (legs.turned + arms.turned)
    # Strands of hair hang close together, and have more bones than any limb, as panels of a skirt have.
    score += 0.6 * min(float((arms.between[list(arm)] @ across).max()) / rig.size, 0.4)
    score -= 0.1 * sum(max(end - start - _MOST_STEPS, 0) for start, _, end in (leg, arm))
    return _Body(rig, pelvis, trunk, neck, legs, arms, leg, arm, up, across, score)


def _joins_aside(legs: _Pair, k: int, across: np.ndarray) -> bool:
    """Whether a leg's first bone only leads from the middle of the pelvis to the hip."""
    step = np.abs((legs.between[k + 1] - legs.between[k]) @ across) / 2
    return bool(step > 0.7 * legs.gaps[k] and abs(legs.between[k] @ across) < 0.5 * abs(legs.between[k + 1] @ across))


def _is_collar(arms: _Pair, k: int, across: np.ndarray, offset: float) -> bool:
    """Whether an arm's first bone starts near the middle of the body and is short."""
    near, far = (abs(arms.heads[0][j] @ across - offset) for j in (k, k + 1))
    return bool(near < 0.5 * far or near < 0.7 * far and arms.gaps[k] < 0.4 * arms.gaps[k + 1 :].max())


def _limb(rig: _Rig, pair: _Pair, leads_in, *, feet: bool) -> tuple[int, int, int] | None:
    """Where in a chain hip, knee and ankle are, or shoulder, elbow and wrist; twist bones between are passed over.

    Both halves of a limb are about as long; what comes after is a foot, which turns off, or a hand, which is shorter
    or has fingers; what comes before is a collar.
    """
    count, whole = len(pair.one), max(pair.length, 1e-12)
    twists = [bool(_ALONG & words_of(rig.names[bone])) for bone in pair.one]
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


_TURN = np.cos(np.radians(30.0))
_STRAIGHT = np.cos(np.radians(10.0))


def _after(rig: _Rig, pair: _Pair, middle: int, end: int, lower: float, feet: bool) -> float:
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


def _neck(rig: _Rig, trunk: list[int], arms: _Pair, aside: np.ndarray, up: np.ndarray) -> list[int]:
    """Neck and head: upwards in the middle, as far as no eyes, jaw and hair branch off.

    aside: (N,) how far each bone is from the mirror plane, to one side.
    """

    def onwards(bone: int) -> list[int]:
        height = rig.heads[bone] @ up
        return [
            c
            for c in rig.children[bone]
            if c not in arms.firsts
            and abs(aside[c]) < _UNEVEN * rig.size
            and rig.heads[c] @ up > height - 0.01 * rig.size
            and not is_one_of_two(c)
        ]

    def is_one_of_two(bone: int) -> bool:
        """Whether it has a mirror image beside it: the root of a wing or an ear."""
        others = rig.children[rig.parents[bone]]  # hundreds, of a head with hair
        between = np.linalg.norm(rig.heads[others] - rig.heads[bone], axis=1)
        apart = np.abs(aside[others] - aside[bone])
        mirrored = np.abs(aside[others] + aside[bone]) < 0.3 * apart
        return bool(np.any((between > 0.01 * rig.size) & (apart > 0.9 * between) & mirrored))

    def is_above(bone: int, other: int) -> bool:
        return bool((rig.heads[bone] - rig.heads[other]) @ up > 0.01 * rig.size)

    def top(bone: int) -> float:
        return float((rig.heads[rig.below(bone)] @ up).max())

    starts = [c for c in onwards(trunk[-1]) if top(c) > rig.heads[trunk[-1]] @ up + 0.005 * rig.size]
    if not starts:
        return []
    found = [max(starts, key=lambda c: (round(top(c) / rig.size, 3), len(rig.below(c))))]
    while True:
        more = [c for c in onwards(found[-1]) if rig.heads[c] @ up > rig.heads[found[-1]] @ up + 0.01 * rig.size]
        if len(more) != 1 or len(found) > 1 and len(rig.children[found[-1]]) > 1:
            break
        if not rig.children[more[0]] and any(
            is_one_of_two(c) and is_above(c, more[0]) for c in rig.children[found[-1]]
        ):
            break  # a jaw below eyes or ears
        found.append(more[0])
    if len(found) > 2 and not rig.children[found[-1]]:
        last, before = (_length(rig.heads[found[k]] - rig.heads[found[k - 1]]) for k in (-1, -2))
        if last > 1.3 * before:
            return found[:-1]  # the top of the skull, not a head on a long neck
    return found
