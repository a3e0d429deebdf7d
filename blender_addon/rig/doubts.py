# SPDX-License-Identifier: GPL-3.0-or-later
"""What is doubtful in a table of bones that no names confirm: a shape alone may be read in more than one way.

All of it may be so on purpose: it is told once and may be allowed.
"""

from collections.abc import Mapping

import numpy as np

from ..shared.body_shape import BoneShape, face_signs, front_signs, side_of
from ..shared.bone_names import ancestors
from .oddities import Oddity
from .words import told

_HALVES = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
LIMB_JOINTS = tuple(f"{side}_{joint}" for side in ("left", "right") for half in _HALVES for joint in half)
_LEAST_SHARE, _MOST_SHARE = 0.6, 1.7
"""How many times as long as the lower half of a limb its upper half is."""
_LONGEST_FOOT = 1.25
"""Of the shin's length: toys have such feet."""
_HIGHEST_ANKLE = 0.4
"""Of the leg's length, above the toes."""
_MOST_ASIDE = 0.1
"""Of a half's length: how far a bone may lie beside it that the half passes over."""
_NARROWEST = 0.5
"""Of the way between the hips: the least between the shoulders."""
_WEAK = 0.25
_APART = 0.05
"""Of the way from head to feet: bones that begin farther apart are at two places."""


def doubts(bones: Mapping[str, BoneShape], bone_of: Mapping[str, str], named: Mapping[str, str]) -> list[Oddity]:
    """bones: by name, of one rig. bone_of: joint -> bone, with all needed joints and no oddities. named: joint -> bone
    as the names tell, {} where they tell nothing.
    """
    parents = {name: bone.parent for name, bone in bones.items()}
    heads = {joint: np.asarray(bones[bone].head, dtype=np.float64) for joint, bone in bone_of.items()}
    # Sides may be named the other way round and swapped in the table for it.
    named = min((named, _with_sides_swapped(named)), key=lambda table: _unlike(table, bone_of))
    against = _against_names(bones, parents, bone_of, named)
    if against:
        return against
    found = []
    for side in ("left", "right"):
        for half in _HALVES:
            joints = [f"{side}_{joint}" for joint in half if f"{side}_{joint}" in bone_of]
            if len(joints) == 3 and any(named.get(joint) != bone_of[joint] for joint in joints):
                found += _limb(bones, parents, bone_of, heads, joints)
        if named.get(f"{side}_ankle") != bone_of[f"{side}_ankle"]:
            found += _foot(bone_of, heads, side)
    if any(named.get(f"{side}_shoulder") != bone_of[f"{side}_shoulder"] for side in ("left", "right")):
        found += _narrow(bone_of, heads)
    return [*found, *_sides(bones, parents, bone_of, heads)]


def _with_sides_swapped(named: Mapping[str, str]) -> dict[str, str]:
    other = {"left": "right", "right": "left"}
    sides = {joint: joint.partition("_") for joint in named}
    return {"".join([other.get(s[0], s[0]), *s[1:]]): named[joint] for joint, s in sides.items()}


def _unlike(named: Mapping[str, str], bone_of: Mapping[str, str]) -> int:
    return sum(named[joint] != bone for joint, bone in bone_of.items() if joint in named)


def _against_names(
    bones: Mapping[str, BoneShape],
    parents: Mapping[str, str | None],
    bone_of: Mapping[str, str],
    named: Mapping[str, str],
) -> list[Oddity]:
    joint_of = {bone: joint for joint, bone in named.items()}
    size = float(np.linalg.norm(bones[bone_of["head"]].head - bones[bone_of["left_ankle"]].head))
    found = []
    for joint in LIMB_JOINTS:
        bone, meant = bone_of.get(joint), named.get(joint)
        if bone is None or bone == meant:
            continue
        if joint_of.get(bone, joint) in LIMB_JOINTS and joint_of.get(bone, joint) != joint:
            found.append(Oddity(joint, bone, f"which is the {told(joint_of[bone])} by its name", grave=False))
        elif meant is not None and (bone in ancestors(meant, parents) or meant in ancestors(bone, parents)):
            if float(np.linalg.norm(bones[bone].head - bones[meant].head)) > _APART * size:
                found.append(Oddity(joint, bone, f"while '{meant}' is the {told(joint)} by its name", grave=False))
    return found


def _limb(
    bones: Mapping[str, BoneShape],
    parents: Mapping[str, str | None],
    bone_of: Mapping[str, str],
    heads: Mapping[str, np.ndarray],
    joints: list[str],
) -> list[Oddity]:
    start, middle, end = joints
    upper, lower = (float(np.linalg.norm(heads[b] - heads[a])) for a, b in ((start, middle), (middle, end)))
    if not _LEAST_SHARE * lower <= upper <= _MOST_SHARE * lower:
        times, than = (upper / lower, "below") if upper > lower else (lower / upper, "above")
        what = f"which makes the limb {times:.1f} times as long {'above' if than == 'below' else 'below'} it as {than}"
        return [Oddity(middle, bone_of[middle], what, grave=False)]
    for above, below, length in ((start, middle, upper), (middle, end, lower)):
        line = (heads[below] - heads[above]) / length
        between = ancestors(bone_of[below], parents)
        between = between[: between.index(bone_of[above])] if bone_of[above] in between else []
        for bone in between:
            step = np.asarray(bones[bone].head, dtype=np.float64) - heads[above]
            if float(np.linalg.norm(step - (step @ line) * line)) > _MOST_ASIDE * length:
                what = f"which passes over '{bone}', where the limb bends"
                return [Oddity(below, bone_of[below], what, grave=False)]
    return []


def _foot(bone_of: Mapping[str, str], heads: Mapping[str, np.ndarray], side: str) -> list[Oddity]:
    ankle, toes = f"{side}_ankle", f"{side}_foot"
    if toes not in heads:
        return []
    thigh, shin, foot = (
        float(np.linalg.norm(heads[f"{side}_{b}"] - heads[f"{side}_{a}"]))
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"))
    )
    if foot > _LONGEST_FOOT * shin:
        what = f"which makes the foot {foot / shin:.1f} times as long as the shin"
        return [Oddity(ankle, bone_of[ankle], what, grave=False)]
    down = heads[ankle] - heads[f"{side}_hip"]
    down /= max(float(np.linalg.norm(down)), 1e-12)
    if float((heads[toes] - heads[ankle]) @ down) > _HIGHEST_ANKLE * (thigh + shin):
        return [Oddity(ankle, bone_of[ankle], "which lies high above its toes", grave=False)]
    return []


def _narrow(bone_of: Mapping[str, str], heads: Mapping[str, np.ndarray]) -> list[Oddity]:
    across = {j: float(np.linalg.norm(heads[f"left_{j}"] - heads[f"right_{j}"])) for j in ("hip", "shoulder")}
    if across["shoulder"] >= _NARROWEST * across["hip"]:
        return []
    what = "which lies as near to the middle of the body as a collar does"
    return [Oddity(f"{s}_shoulder", bone_of[f"{s}_shoulder"], what, grave=False) for s in ("left", "right")]


def _sides(
    bones: Mapping[str, BoneShape],
    parents: Mapping[str, str | None],
    bone_of: Mapping[str, str],
    heads: Mapping[str, np.ndarray],
) -> list[Oddity]:
    """Told where neither names nor more than weak signs tell left from right."""
    if all(side_of(bone_of[f"{s}_{j}"]) for s in ("left", "right") for j in ("hip", "knee", "shoulder", "elbow")):
        return []
    middles = {j: (heads[f"left_{j}"] + heads[f"right_{j}"]) / 2 for j in ("hip", "shoulder")}
    up = middles["shoulder"] - middles["hip"]
    across = heads["left_hip"] - heads["right_hip"] + heads["left_shoulder"] - heads["right_shoulder"]
    forwards = np.cross(across, up)
    forwards /= max(float(np.linalg.norm(forwards)), 1e-12)
    size = float(np.linalg.norm(heads["head"] - heads["left_ankle"]))
    face = [bone for bone in bones if bone_of["head"] in ancestors(bone, parents)]
    face_heads = np.array([heads["head"], *(bones[bone].head for bone in face)], dtype=np.float64)
    if front_signs(heads, forwards) + face_signs(face_heads, forwards, size) >= _WEAK:
        return []
    what = "which is on the {} by weak signs alone: neither names nor toes tell where the body faces"
    return [Oddity(f"{s}_hip", bone_of[f"{s}_hip"], what.format(s), grave=False) for s in ("left", "right")]
