# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones are a body's joints: what the names tell and what the shape tells, together."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from ..shared.body_shape import BoneShape, guess_bones
from ..shared.bone_names import CHAINS, REQUIRED, ancestors, broken_links, match_names, three_of
from .doubts import LIMB_JOINTS
from .oddities import Oddity, oddities

_SIDES = ("left", "right")
_HANDS = tuple(f"{side}_wrist" for side in _SIDES)
_MAY_BE_ADDED = (*REQUIRED, *_HANDS, "neck", *(f"{side}_{part}" for side in _SIDES for part in ("collar", "foot")))
_FEWEST_FINGERS = 3
"""Branches of a forearm that are fingers without a hand."""

_MAY_LACK = 2
"""Of the needed joints: what names may lack that tell nearly a whole body."""
_SPINE = ("spine1", "spine2", "spine3")


def find_joints(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name; {} where nothing is recognised, not all needed joints where only some are.

    Names go first. Joints that they do not tell are taken from the shape where it agrees with them; where a body by
    few names does not hold together and one by its shape does, the shape goes first. A shape never overrules a whole
    body of names.
    """
    parents = {bone.name: bone.parent for bone in bones}
    by_name = {bone.name: bone for bone in bones}
    named = named_joints(bones)
    if all(joint in named for joint in _MAY_BE_ADDED) and not _worth(named, by_name)[1]:
        return named
    shaped = _without_fingers(guess_bones(bones), bones)
    filled = _filled(named, shaped, parents)
    if sum(joint in named for joint in REQUIRED) >= len(REQUIRED) - _MAY_LACK and _is_against(shaped, named):
        return filled  # what is odd in it is for the user to hear
    candidates = [filled, shaped] if named else [shaped]
    return max(candidates, key=lambda found: _worth(found, by_name))  # of equals the first


def named_joints(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name, as the names tell alone; {} where they tell less than half of a body."""
    parents = {bone.name: bone.parent for bone in bones}
    found = _matched(tuple(parents.items()))
    return _without_fingers(_with_pelvis(found, parents), bones)


@lru_cache(maxsize=4)
def _matched(parents: tuple[tuple[str, str | None], ...]) -> Mapping[str, str]:
    """parents: (bone, its parent). Kept, since a rig is asked for its joints and then for what speaks against them."""
    return match_names([name for name, _ in parents], dict(parents)).joints


def _is_against(shaped: Mapping[str, str], named: Mapping[str, str]) -> bool:
    return any(named.get(joint, bone) != bone for joint, bone in shaped.items() if joint in LIMB_JOINTS)


def _without_fingers(found: Mapping[str, str], bones: Sequence[BoneShape]) -> dict[str, str]:
    """Without hands that are one of the fingers of a rig that has no hands: a forearm branches into them."""
    carrying = {bone.parent for bone in bones}
    joints = dict(found)
    for side in _SIDES:
        hand, forearm = joints.get(f"{side}_wrist"), joints.get(f"{side}_elbow")
        branches = [bone.name for bone in bones if bone.parent == forearm and bone.name in carrying]
        below = sum(bone.parent == hand for bone in bones)
        if hand in branches and len(branches) >= _FEWEST_FINGERS and below < 2:
            del joints[f"{side}_wrist"]
    return joints


def _worth(found: Mapping[str, str], bones: Mapping[str, BoneShape]) -> tuple[int, int]:
    known = sum(joint in found for joint in REQUIRED)
    if known < len(REQUIRED):
        return known, 0
    # Sides that are named against the toes are for the user to judge, not for another table.
    odd = [oddity for oddity in oddities(bones, found) if oddity.grave]
    return known, -min(len(odd), 1)


def _with_pelvis(named: Mapping[str, str], parents: Mapping[str, str | None]) -> dict[str, str]:
    """With the bone from which legs and spine descend for a pelvis: what is called hips may carry the spine alone."""
    joints = dict(named)
    below = [joints[joint] for joint in ("left_hip", "right_hip", "spine1") if joint in joints]
    if len(below) < 3 or "pelvis" not in joints:
        return joints
    carriers = [set(ancestors(bone, parents)) for bone in below]
    if all(joints["pelvis"] in above for above in carriers):
        return joints
    common = next((bone for bone in ancestors(below[0], parents) if all(bone in above for above in carriers)), None)
    if common is None or common in joints.values():
        return joints
    spine = [joints.pop(f"spine{k}") for k in (1, 2, 3) if f"spine{k}" in joints]
    if joints["pelvis"] in carriers[2]:
        spine.insert(0, joints["pelvis"])
    return joints | {"pelvis": common} | {f"spine{k}": bone for k, bone in enumerate(three_of(spine), 1)}


def _filled(named: Mapping[str, str], shaped: Mapping[str, str], parents: Mapping[str, str | None]) -> dict[str, str]:
    joints = _with_spine(named, shaped)
    for joint in _MAY_BE_ADDED:
        if joint in joints or joint not in shaped or shaped[joint] in joints.values():
            continue
        chain = next(chain for chain in CHAINS if joint in chain)
        agree = all(joints[other] == shaped[other] for other in chain if other in joints and other in shaped)
        if joint not in (*REQUIRED, *_HANDS) and not agree:
            continue
        tried = joints | {joint: shaped[joint]}
        if len(broken_links(tried, parents)) <= len(broken_links(joints, parents)):
            joints = tried
    return joints


def _with_spine(named: Mapping[str, str], shaped: Mapping[str, str]) -> dict[str, str]:
    """With the spine of the shape where it has all of what the names tell and more."""
    spines = [{j: bone for j, bone in joints.items() if j in _SPINE} for joints in (named, shaped)]
    joints = {j: bone for j, bone in named.items() if j not in _SPINE}
    more = len(spines[1]) > len(spines[0]) and set(spines[0].values()) <= set(spines[1].values())
    return joints | spines[1 if more and not set(spines[1].values()) & set(joints.values()) else 0]


def other_body(bones: Sequence[BoneShape], bone_of: Mapping[str, str]) -> Oddity | None:
    """Told where a rig holds a second body, beside the one that was found. Layers of one body lie on one another."""
    carried: set[str] = set()
    for bone in bones:  # parents come first
        if bone.name == bone_of["pelvis"] or bone.parent in carried:
            carried.add(bone.name)
    rest = [bone for bone in bones if bone.name not in carried]
    above = {bone.name for bone in rest}
    rest = [BoneShape(b.name, b.parent if b.parent in above else None, b.head, b.tail) for b in rest]
    other = find_joints(rest) if len(rest) >= len(REQUIRED) else {}
    if any(joint not in other for joint in REQUIRED):
        return None
    heads = {bone.name: np.asarray(bone.head, dtype=np.float64) for bone in bones}
    size = float(np.linalg.norm(heads[bone_of["head"]] - heads[bone_of["left_ankle"]]))
    apart = float(np.linalg.norm(heads[other["head"]] - heads[bone_of["head"]]))
    if apart < 0.1 * size:
        return None
    what = f"but the rig holds a second body with the pelvis '{other['pelvis']}'"
    return Oddity("pelvis", bone_of["pelvis"], what, grave=False)
