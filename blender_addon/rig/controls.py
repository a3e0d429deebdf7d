# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of controls: which of their controls to key, and which switches make those the ones that count."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import bpy

from ..shared.bone_names import SIDED

_SIDES = (("L", "left"), ("R", "right"))
_CENTRE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")


@dataclass(frozen=True)
class Controls:
    """The controls of the joints, by their exact names. centre: pelvis, spine1, spine2, spine3, neck, head. sided: hip,
    knee, ankle, foot (toes), collar, shoulder, elbow, wrist, with {s} for the side's letter. `-` is none.
    """

    centre: str
    sided: str

    def match(self, bones: Collection[str]) -> dict[str, str]:
        """Joint -> control for those that a rig has, in upper or lower case."""
        names = dict(zip(_CENTRE, self.centre.split(), strict=True))
        for side in ("left", "right"):
            for joint, name in zip(SIDED, self.sided.split(), strict=True):
                names[f"{side}_{joint}"] = name.format(s=side[0])
        own = {bone.lower(): bone for bone in bones}
        return {joint: own[name.lower()] for joint, name in names.items() if name.lower() in own}


@dataclass(frozen=True)
class ControlRig:
    """A kind of control rig.

    controls: of the joints, FK; the pelvis is the control that moves the whole body. also: other controls that
    turn with a joint, as {control: joint}. anchor: a bone of the pelvis, whose head is the pelvis joint, though the
    body turns about another point. root: the control that carries all. switches: (bone, custom property, value) that
    put the FK controls in charge and let each follow the one before it entirely; a rig need not have them all.
    shown: bones that turn as their joints do, though IK be in charge; joints that it leaves out show it by the control.
    ik: IK controls, {s} for the side's letter, and the joint without its side that each goes with.
    """

    controls: Controls
    also: dict[str, str]
    anchor: str
    root: str
    switches: tuple[tuple[str, str, float], ...]
    shown: Controls
    ik: tuple[tuple[str, str], ...] = ()

    def followers(self, bone_of: Mapping[str, str]) -> dict[str, str]:
        """IK control -> its joint, of those that a mapping has."""
        both = {control.format(s=s): f"{side}_{joint}" for control, joint in self.ik for s, side in _SIDES}
        return {control: joint for control, joint in both.items() if joint in bone_of}

    def match(self, bones: Collection[str]) -> dict[str, str]:
        """Joint -> control; {} for another rig."""
        if self.anchor not in bones or self.root not in bones or not set(self.also) <= set(bones):
            return {}
        found = self.controls.match(bones)
        return found if {"pelvis", "left_hip", "right_hip", "left_shoulder"} <= set(found) else {}


def _both(rows: str, sides: tuple[str, str]) -> tuple[tuple[str, str, float], ...]:
    """`bone property value` lines, {s} standing for both sides."""
    split = [row.split() for row in rows.strip().splitlines()]
    return tuple(
        (bone.format(s=s), name, float(value))
        for bone, name, value in split
        for s in (sides if "{s}" in bone else ("",))
    )


RIGIFY = ControlRig(
    Controls(
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
        """,
        ("L", "R"),
    ),
    # In the trunk the FK controls ride on all others; of its ORG bones only these turn with them.
    shown=Controls(
        "ORG-spine - - - - -",
        "ORG-thigh.{s} ORG-shin.{s} ORG-foot.{s} ORG-toe.{s} ORG-shoulder.{s} ORG-upper_arm.{s} ORG-forearm.{s} "
        "ORG-hand.{s}",
    ),
    ik=(("foot_ik.{s}", "ankle"), ("hand_ik.{s}", "wrist")),
)
# By the names in its manual and in its users' files: the product itself is not free, so this was not tried on it.
AUTO_RIG_PRO = ControlRig(
    Controls(
        "c_root_master.x c_spine_01.x c_spine_02.x c_spine_03.x c_neck.x c_head.x",
        "c_thigh_fk.{s} c_leg_fk.{s} c_foot_fk.{s} c_toes_fk.{s} c_shoulder.{s} c_arm_fk.{s} c_forearm_fk.{s} "
        "c_hand_fk.{s}",
    ),
    also={"c_root.x": "pelvis"},
    anchor="c_root.x",
    root="c_traj",
    switches=_both(
        """
        c_hand_ik.{s} ik_fk_switch 1
        c_foot_ik.{s} ik_fk_switch 1
        c_head.x head_free 0
        """,
        ("l", "r"),
    ),
    # Not the `stretch` bones, which leave a part of the twist to their neighbours. c_root.x turns the hips alone; keyed
    # again, they take the foot of the spine along, as a motion has one pelvis.
    shown=Controls(
        "c_root.x - - - - -",
        "thigh.{s} leg.{s} foot.{s} toes_01.{s} - arm.{s} forearm.{s} hand.{s}",
    ),
)
CONTROL_RIGS = (RIGIFY, AUTO_RIG_PRO)


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
