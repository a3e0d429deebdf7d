# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of controls: which of their controls to key, and which switches make those the ones that count."""

from collections.abc import Collection
from dataclasses import dataclass

import bpy

from .families import Family


@dataclass(frozen=True)
class ControlRig:
    """A kind of control rig.

    family: joints and their FK controls; the pelvis is the control that moves the whole body. also: other controls that
    turn with a joint, as {control: joint}. anchor: a bone of the pelvis, whose head is the pelvis joint, though the
    body turns about another point. root: the control that carries all. switches: (bone, custom property, value) that
    put the FK controls in charge and let each follow the one before it entirely; a rig need not have them all.
    """

    family: Family
    also: dict[str, str]
    anchor: str
    root: str
    switches: tuple[tuple[str, str, float], ...]

    def match(self, bones: Collection[str]) -> dict[str, str]:
        """Joint -> control; {} for another rig."""
        if self.anchor not in bones or self.root not in bones or not set(self.also) <= set(bones):
            return {}
        found = self.family.match(bones)
        return found if {"pelvis", "left_hip", "right_hip", "left_shoulder"} <= set(found) else {}


def _both(rows: str) -> tuple[tuple[str, str, float], ...]:
    """`bone property value` lines, {s} standing for both sides."""
    split = [row.split() for row in rows.strip().splitlines()]
    return tuple(
        (bone.format(s=s), name, float(value))
        for bone, name, value in split
        for s in (("L", "R") if "{s}" in bone else ("",))
    )


RIGIFY = ControlRig(
    Family(
        "Rigify controls",
        "torso spine_fk.001 spine_fk.002 spine_fk.003 neck head",
        "thigh_fk.{s} shin_fk.{s} foot_fk.{s} toe_fk.{s} shoulder.{s} upper_arm_fk.{s} forearm_fk.{s} hand_fk.{s}",
    ),
    also={"spine_fk": "pelvis"},
    anchor="ORG-spine",
    root="root",
    switches=_both(
        """
        thigh_parent.{s} IK_FK 1
        upper_arm_parent.{s} IK_FK 1
        thigh_parent.{s} FK_limb_follow 0
        upper_arm_parent.{s} FK_limb_follow 0
        torso neck_follow 1
        torso head_follow 1
        """
    ),
)
CONTROL_RIGS = (RIGIFY,)


def match_controls(bones: Collection[str]) -> dict[str, str]:
    """Joint -> control of a control rig that is known; {} for other rigs."""
    return next((found for kind in CONTROL_RIGS if (found := kind.match(bones))), {})


def control_rig(rig: bpy.types.Object, bone_of: dict[str, str]) -> ControlRig | None:
    """The kind of control rig whose controls a mapping names; None where it names bones of another kind."""
    for kind in CONTROL_RIGS:
        found = kind.match(rig.data.bones.keys())
        if found and found["pelvis"] == bone_of.get("pelvis") and found["left_hip"] == bone_of.get("left_hip"):
            return kind
    return None


def switches_of(rig: bpy.types.Object, kind: ControlRig) -> list[tuple[bpy.types.PoseBone, str, float]]:
    """The switches that a rig has: pose bone, property, value."""
    bones = rig.pose.bones
    return [(bones[b], name, value) for b, name, value in kind.switches if b in bones and name in bones[b]]
