# SPDX-License-Identifier: Apache-2.0
"""Find the joints of a two-legged rig by its hierarchy and shape, whatever its bones are called and however it lies.

Nothing here knows an axis: up is from the legs to the head, the mirror plane is that of the limbs, forwards is where
the toes point. Joints are the heads of bones; tails are drawn as artists like and tell little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bone_names import three_of, words_of
from .limb_pairs import Pair, find_limb, limb_pairs
from .rig_front import FORWARDS, face_signs, front_signs, side_of
from .rig_shape import UNEVEN, BoneShape, Rig, length_of, unit

__all__ = ["FORWARDS", "BoneShape", "face_signs", "front_signs", "guess_bones", "side_of"]

_FEWEST = 15
"""Bones of a rig that can carry a motion: pelvis, spine, head and three in each limb."""
_TURNED_COST = 0.1
_MOST_STEPS = 4
"""Bones from hip to ankle and from shoulder to wrist, with a twist bone in each half."""
_NO_LIMB = {"wing", "feather", "skirt", "dress", "cloth", "cape", "coat", "hair", "ear", "breast", "tail"}
_NOTHING_TOLD = 0.01
_ARM_SHARE = 0.62
"""Of a leg's length: an arm's. Wings are longer, horns and ears shorter."""
_STRAIGHT = np.cos(np.radians(10.0))


def guess_bones(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name; {} where no pelvis with two legs, a spine, two arms and a head is found, and where
    nothing tells left from right.

    Legs and arms are pairs of chains that mirror one another in one plane; legs leave the trunk downwards, a head
    stands on it beyond the arms.
    """
    if len(bones) < _FEWEST:
        return {}
    rig = Rig(bones)
    pairs = limb_pairs(rig)
    best, best_score = None, -np.inf
    for legs in pairs:
        for arms in pairs:
            body = _body(rig, legs, arms)
            if body is not None and body.score > best_score:
                best, best_score = body, body.score
    return best.named() if best is not None else {}


@dataclass
class _Body:
    """Two pairs of limbs with the same first side, and what joins them. up, across: axes; across goes to that side."""

    rig: Rig
    pelvis: int
    trunk: list[int]
    neck: list[int]
    legs: Pair
    arms: Pair
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
        in_line = float(unit(steps[0]) @ unit(steps[1])) > _STRAIGHT
        return first + 1 if in_line and length_of(steps[0]) < 1.2 * length_of(steps[1]) else first

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
            slopes = [float(unit(foot) @ forwards) for foot in feet]
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


def _body(rig: Rig, legs: Pair, arms: Pair) -> _Body | None:
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
    across = unit(legs.aside + arms.aside)
    middles = np.concatenate([legs.middles, arms.middles]) @ across
    offset = float(np.median(middles))
    if np.ptp(middles) > 2 * UNEVEN * rig.size:
        return None
    aside = rig.heads @ across - offset
    up = arms.middles[0] - legs.middles[0]
    up = unit(up - across * (up @ across))
    leg = find_limb(rig, legs, lambda k: _joins_aside(legs, k, across), feet=True)
    arm = find_limb(rig, arms, lambda k: _is_collar(arms, k, across, offset), feet=False)
    if leg is None or arm is None:
        return None
    if any(_NO_LIMB & words_of(rig.names[bone]) for bone in (*(legs.one[k] for k in leg), *(arms.one[k] for k in arm))):
        return None
    hips, shoulders = legs.middles[leg[0]], arms.middles[arm[0]]
    up = unit(shoulders - hips - across * ((shoulders - hips) @ across))
    down = legs.middles[leg[2]] - hips
    # Of a person at least; the hind legs of animals leave a level trunk at a right angle.
    if down @ up > -0.55 * length_of(down):
        return None
    tall, reach = length_of(shoulders - hips), float(arms.gaps[arm[0] : arm[2]].sum())
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


def _joins_aside(legs: Pair, k: int, across: np.ndarray) -> bool:
    """Whether a leg's first bone only leads from the middle of the pelvis to the hip."""
    step = np.abs((legs.between[k + 1] - legs.between[k]) @ across) / 2
    return bool(step > 0.7 * legs.gaps[k] and abs(legs.between[k] @ across) < 0.5 * abs(legs.between[k + 1] @ across))


def _is_collar(arms: Pair, k: int, across: np.ndarray, offset: float) -> bool:
    """Whether an arm's first bone starts near the middle of the body and is short."""
    near, far = (abs(arms.heads[0][j] @ across - offset) for j in (k, k + 1))
    return bool(near < 0.5 * far or near < 0.7 * far and arms.gaps[k] < 0.4 * arms.gaps[k + 1 :].max())


def _neck(rig: Rig, trunk: list[int], arms: Pair, aside: np.ndarray, up: np.ndarray) -> list[int]:
    """Neck and head: upwards in the middle, as far as no eyes, jaw and hair branch off.

    aside: (N,) how far each bone is from the mirror plane, to one side.
    """

    def onwards(bone: int) -> list[int]:
        height = rig.heads[bone] @ up
        return [
            c
            for c in rig.children[bone]
            if c not in arms.firsts
            and abs(aside[c]) < UNEVEN * rig.size
            and rig.heads[c] @ up > height - 0.01 * rig.size
            and not is_one_of_two(c, rig.children[bone])
        ]

    def is_one_of_two(bone: int, others: list[int]) -> bool:
        """Whether it has a mirror image among others on the same bone (hundreds, of a head with hair): the root of a
        wing or an ear.
        """
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
        beside = rig.children[found[-1]]
        if not rig.children[more[0]] and any(is_one_of_two(c, beside) and is_above(c, more[0]) for c in beside):
            break  # a jaw below eyes or ears
        found.append(more[0])
    if len(found) > 2 and not rig.children[found[-1]]:
        last, before = (length_of(rig.heads[found[k]] - rig.heads[found[k - 1]]) for k in (-1, -2))
        if last > 1.3 * before:
            return found[:-1]  # the top of the skull, not a head on a long neck
    return found
