# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a rig's shape speaks against a table of its bones: told before a motion is keyed on the wrong ones.

By the heads of bones alone: their tails are drawn as artists like.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..shared.body_shape import FORWARDS, BoneShape
from ..shared.bone_names import ancestors, broken_links
from .loose import loose_ends
from .words import told

_MOST_UNEVEN = 1.35
_LONGEST_SHARE = 4.0
"""How many times as long one half of a limb may be as the other."""
_SEGMENTS = {
    ("hip", "knee"): "thigh",
    ("knee", "ankle"): "shin",
    ("shoulder", "elbow"): "upper arm",
    ("elbow", "wrist"): "forearm",
}
_HALVES = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))


@dataclass(frozen=True)
class Oddity:
    """joint, bone: the row of the table. what: the end of a sentence that begins with them. grave: no motion can look
    right with it; what is not grave may be drawn so on purpose. of_rest: another rest pose would mend it as well.
    """

    joint: str
    bone: str
    what: str
    grave: bool = True
    of_rest: bool = False


def oddities(bones: Mapping[str, BoneShape], bone_of: Mapping[str, str]) -> list[Oddity]:
    """The gravest first. bones: by name, of one rig. bone_of: joint -> bone, with all needed joints."""
    found = _used_twice(bone_of) or _hanging_elsewhere(bones, bone_of)
    if found:
        return found
    heads = {joint: np.asarray(bones[bone].head, dtype=np.float64) for joint, bone in bone_of.items()}
    found = _without_length(heads, bone_of)
    if found:
        return found
    return _upside_down(heads, bone_of) or [*_swapped(heads, bone_of), *_unlike(heads, bone_of)]


def _used_twice(bone_of: Mapping[str, str]) -> list[Oddity]:
    first: dict[str, str] = {}
    found = []
    for joint, bone in bone_of.items():
        if bone in first:
            found.append(Oddity(joint, bone, f"which is the {told(first[bone])} already"))
        first.setdefault(bone, joint)
    return found


def _hanging_elsewhere(bones: Mapping[str, BoneShape], bone_of: Mapping[str, str]) -> list[Oddity]:
    parents = {name: bone.parent for name, bone in bones.items()}
    heads, tails = (
        {name: np.asarray(getattr(bone, end), dtype=np.float64) for name, bone in bones.items()}
        for end in ("head", "tail")
    )
    loose = loose_ends(heads, tails, parents, bone_of)
    found = []
    for joint, above in broken_links(bone_of, parents):
        bone, carrier = bone_of[joint], bone_of[above]
        if joint in loose:
            continue
        if bone in ancestors(carrier, parents):
            found.append(Oddity(joint, bone, f"which carries the {told(above)} '{carrier}' instead of hanging on it"))
        else:
            found.append(Oddity(joint, bone, f"which does not hang on the {told(above)} '{carrier}'"))
    return found


def _without_length(heads: Mapping[str, np.ndarray], bone_of: Mapping[str, str]) -> list[Oddity]:
    size = float(np.ptp(np.array(list(heads.values())), axis=0).max())
    found = []
    for side in ("left", "right"):
        for (upper, lower), segment in _SEGMENTS.items():
            joint, above = f"{side}_{lower}", f"{side}_{upper}"
            if joint in heads and float(np.linalg.norm(heads[joint] - heads[above])) <= 1e-4 * size:
                what = f"which lies on the {told(above)}: no length for a {segment}"
                found.append(Oddity(joint, bone_of[joint], what))
    return found


def _middle(heads: Mapping[str, np.ndarray], joint: str) -> np.ndarray:
    return (heads[f"left_{joint}"] + heads[f"right_{joint}"]) / 2


def _has(heads: Mapping[str, np.ndarray], joint: str) -> bool:
    return all(f"{side}_{joint}" in heads for side in ("left", "right"))


def _upside_down(heads: Mapping[str, np.ndarray], bone_of: Mapping[str, str]) -> list[Oddity]:
    """Against the way from the hips to the shoulders, which head and feet must agree with."""
    one, other = (heads[f"{side}_ankle"] - heads[f"{side}_hip"] for side in ("left", "right"))
    if one @ other < -0.5 * np.linalg.norm(one) * np.linalg.norm(other):
        what = "which points away from the right one, in a rest pose that nobody stands in"
        return [Oddity("left_ankle", bone_of["left_ankle"], what, of_rest=True)]
    hips, shoulders = _middle(heads, "hip"), _middle(heads, "shoulder")
    trunk = shoulders - hips
    tall = float(np.linalg.norm(trunk))
    legs = _middle(heads, "ankle") - hips
    if tall <= 1e-9:
        return [Oddity("left_shoulder", bone_of["left_shoulder"], "which lies on the hips")]
    up = trunk / tall
    found = []
    if (heads["head"] - hips) @ up < 0.0:
        found.append(Oddity("head", bone_of["head"], "which lies on the other side of the hips than the shoulders"))
    length = float(np.linalg.norm(legs))
    if legs @ up > 0.3 * length:
        what = "which lies above the hips"
        found += [Oddity(f"{s}_ankle", bone_of[f"{s}_ankle"], what, of_rest=True) for s in ("left", "right")]
    elif abs(legs @ up) < 0.45 * length and length > 0.5 * tall:
        down = legs / length
        end, least = ("wrist", 0.6) if _has(heads, "wrist") else ("elbow", 0.3)
        if (_middle(heads, end) - shoulders) @ down > least * length:
            what = "which stands on the floor as a foreleg does, beside a level back"
            found += [Oddity(f"{s}_{end}", bone_of[f"{s}_{end}"], what, of_rest=True) for s in ("left", "right")]
    return found


def _swapped(heads: Mapping[str, np.ndarray], bone_of: Mapping[str, str]) -> list[Oddity]:
    """Left and right against one another, and against the way that the toes point."""
    hand = "wrist" if _has(heads, "wrist") else "elbow"
    across = {part: heads[f"left_{part}"] - heads[f"right_{part}"] for part in ("hip", "ankle", "shoulder", hand)}
    for end, start in (("ankle", "hip"), ("shoulder", "hip"), (hand, "shoulder")):
        one, other = across[end], across[start]
        if one @ other < -0.3 * np.linalg.norm(one) * np.linalg.norm(other):
            return [
                Oddity(f"{s}_{end}", bone_of[f"{s}_{end}"], f"which lies on the other side than the {s} {start}")
                for s in ("left", "right")
            ]
    up = _middle(heads, "shoulder") - _middle(heads, "hip")
    forwards = np.cross(across["hip"] + across["shoulder"], up)
    length = float(np.linalg.norm(forwards))
    toes = [f"{s}_foot" for s in ("left", "right")]
    if length <= 1e-12 or any(toe not in heads for toe in toes):
        return []
    ahead = []
    for s in ("left", "right"):
        foot = heads[f"{s}_foot"] - heads[f"{s}_ankle"]
        ahead.append(float(foot @ forwards) / length / max(float(np.linalg.norm(foot)), 1e-12))
    if max(ahead) > -FORWARDS:
        return []
    what = "which is on the {} of a body that faces where its toes point"
    sides = (("left", "right"), ("right", "left"))
    return [Oddity(f"{s}_hip", bone_of[f"{s}_hip"], what.format(other), grave=False) for s, other in sides]


def _unlike(heads: Mapping[str, np.ndarray], bone_of: Mapping[str, str]) -> list[Oddity]:
    found = []
    lengths = {
        (side, upper): float(np.linalg.norm(heads[f"{side}_{lower}"] - heads[f"{side}_{upper}"]))
        for side in ("left", "right")
        for upper, lower in _SEGMENTS
        if f"{side}_{lower}" in heads
    }
    for (upper, lower), segment in _SEGMENTS.items():
        if not _has(heads, lower):
            continue
        left, right = lengths["left", upper], lengths["right", upper]
        if max(left, right) > _MOST_UNEVEN * min(left, right):
            side, other = ("left", "right") if left > right else ("right", "left")
            times = max(left, right) / min(left, right)
            what = f"which makes the {side} {segment} {times:.1f} times as long as the {other} one"
            found.append(Oddity(f"{side}_{lower}", bone_of[f"{side}_{lower}"], what, grave=False))
    for upper, middle, end in _HALVES:
        for side in ("left", "right"):
            if f"{side}_{end}" not in heads:
                continue
            halves = lengths[side, upper], lengths[side, middle]
            if max(halves) > _LONGEST_SHARE * min(halves):
                times = max(halves) / min(halves)
                longer, shorter = (upper, middle) if halves[0] > halves[1] else (middle, upper)
                ends = {upper: (upper, middle), middle: (middle, end)}
                what = f"which makes the {_SEGMENTS[ends[longer]]} {times:.1f} times as long as the "
                what += _SEGMENTS[ends[shorter]]
                found.append(Oddity(f"{side}_{middle}", bone_of[f"{side}_{middle}"], what, grave=False))
    return found
