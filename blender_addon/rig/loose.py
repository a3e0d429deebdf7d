# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of limbs that do not hang on their limb: feet and hands on the root, as rigs made for IK are exported."""

from collections.abc import Mapping

import numpy as np

from ..shared.bone_names import ancestors, broken_links

_ENDS = ("ankle", "foot", "wrist")
_UPPER = {"knee": "hip", "elbow": "shoulder"}
_NEAR = 0.3
"""Of a shin's length: how far from its tail a foot may lie."""
_STRAIGHT = np.cos(np.radians(30.0))
_ALIKE = (0.5, 1.7)
"""A shin of a limb that is drawn straight, as a share of the thigh."""
_LONGEST_FOOT = 0.6
"""From ankle to toes, of the shin's length."""


def loose_ends(
    heads: Mapping[str, np.ndarray],
    tails: Mapping[str, np.ndarray],
    parents: Mapping[str, str | None],
    bone_of: Mapping[str, str],
) -> dict[str, str]:
    """Joint -> the joint that it must follow, for ankles, toes and wrists whose bones lie where their limbs end though
    they hang elsewhere.

    heads, tails: (3,) at rest, parents: by bone. An end that carries its own limb, or hangs on the other side's, is
    left out, and so is one that lies elsewhere.
    """
    found = {}
    for joint, above in broken_links(bone_of, parents):
        side, _, part = joint.partition("_")
        if part not in _ENDS or above == "pelvis":
            continue
        bone, limb = bone_of[joint], bone_of[above]
        other = "right" if side == "left" else "left"
        across = {bone_of.get(f"{other}_{start}") for start in ("hip", "shoulder")} - {None}
        if bone in ancestors(limb, parents) or bone == limb or across & set(ancestors(bone, parents)):
            continue
        start = bone_of.get(f"{side}_{_UPPER.get(above.partition('_')[2], 'knee')}")
        if start is not None and _ends(heads, tails, start, limb, bone, toes=part == "foot"):
            found[joint] = above
    return found


def _ends(
    heads: Mapping[str, np.ndarray], tails: Mapping[str, np.ndarray], start: str, limb: str, end: str, *, toes: bool
) -> bool:
    """Does a bone lie where a limb ends? start, limb: thigh and shin for a foot, shin and foot for toes."""
    upper, lower = heads[limb] - heads[start], heads[end] - heads[limb]
    lengths = float(np.linalg.norm(upper)), float(np.linalg.norm(lower))
    if min(lengths) <= 1e-9:
        return False
    if toes:
        return lengths[1] < _LONGEST_FOOT * lengths[0]
    drawn = float(np.linalg.norm(tails[limb] - heads[limb]))
    if float(np.linalg.norm(heads[end] - tails[limb])) < _NEAR * min(lengths[1], max(drawn, 1e-9)):
        return True
    straight = float(upper @ lower) > _STRAIGHT * lengths[0] * lengths[1]
    return straight and _ALIKE[0] < lengths[1] / lengths[0] < _ALIKE[1]
