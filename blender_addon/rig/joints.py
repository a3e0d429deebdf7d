# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones are a body's joints: what the names tell and what the shape tells, together."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..body_shape import BoneShape, guess_bones
from ..bone_names import CHAINS, REQUIRED, ancestors, broken_links, match_names, three_of
from .oddities import Oddity, oddities

_MAY_BE_ADDED = (*REQUIRED, "neck", *(f"{side}_{part}" for side in ("left", "right") for part in ("collar", "foot")))

_SPINE = ("spine1", "spine2", "spine3")


def find_joints(bones: Sequence[BoneShape]) -> dict[str, str]:
    """Joint name -> bone name; {} where nothing is recognised, not all needed joints where only some are.

    Names go first. Joints that they do not tell are taken from the shape where it agrees with them; where a body by
    its names does not hold together and one by its shape does, the shape goes first.
    """
    parents = {bone.name: bone.parent for bone in bones}
    by_name = {bone.name: bone for bone in bones}
    named = _with_pelvis(match_names([bone.name for bone in bones], parents).joints, parents)
    if all(joint in named for joint in _MAY_BE_ADDED) and not _worth(named, by_name)[1]:
        return named
    shaped = guess_bones(bones)
    candidates = [_filled(named, shaped, parents), shaped] if named else [shaped]
    return max(candidates, key=lambda found: _worth(found, by_name))  # of equals the first


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
        if joint not in REQUIRED and not agree:
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
    other = find_joints(rest)
    if any(joint not in other for joint in REQUIRED):
        return None
    heads = {bone.name: np.asarray(bone.head, dtype=np.float64) for bone in bones}
    size = float(np.linalg.norm(heads[bone_of["head"]] - heads[bone_of["left_ankle"]]))
    apart = float(np.linalg.norm(heads[other["head"]] - heads[bone_of["head"]]))
    if apart < 0.1 * size:
        return None
    what = f"but the rig holds a second body with the pelvis '{other['pelvis']}'"
    return Oddity("pelvis", bone_of["pelvis"], what, grave=False)
