# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of controls: which of their controls to key, and which switches make those the ones that count."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import bpy

from ..shared.bone_names import SIDED

_SIDES = (("L", "left"), ("R", "right"))
LEG, ARM = "leg", "arm"
"""Names of limbs."""
_LEG, _ARM = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")
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
class FootRoll:
    """The controls by which a foot rolls while its IK control stays; {s} is the side's letter.

    roll: turns the foot up off its heel about the head of the bone `ball`, while the toes stay; and down onto its heel
    about that of the bone `heel`, with the toes, or "" where it does not. turn: turns foot and toes about the ball; ""
    where `roll` turns the foot as it must. also: switches that keep it so.
    """

    roll: str
    ball: str
    heel: str = ""
    turn: str = ""
    also: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True)
class IkLimb:
    """A limb that can be moved by its end. Names of controls have {s} for the side's letter; a rig need not have all.

    joints: the limb's three, without their side. toes: the control of the toes that counts in IK, or "". still:
    controls beside, which stay at rest. switches: as of a `ControlRig`, they put IK in charge, by pole, and let the
    controls hang on the root. stretch: bones that Blender's solver may stretch, which it does to a nearly straight limb
    rather than bend it: the knee would be off by centimetres. roll: of a foot.
    """

    name: str
    joints: tuple[str, str, str]
    control: str
    pole: str
    toes: str
    still: tuple[str, ...]
    switches: tuple[tuple[str, str, float], ...]
    stretch: tuple[str, ...] = ()
    roll: FootRoll | None = None

    def joints_of(self, side: str) -> set[str]:
        return {f"{side}_{joint}" for joint in self.joints}


@dataclass(frozen=True)
class ControlRig:
    """A kind of control rig.

    controls: of the joints, FK; the pelvis is the control that moves the whole body. also: other controls that
    turn with a joint, as {control: joint}. anchor: a bone of the pelvis, whose head is the pelvis joint, though the
    body turns about another point. root: the control that carries all. switches: (bone, custom property, value) that
    put the FK controls in charge and let each follow the one before it entirely; a rig need not have them all.
    shown: bones that turn as their joints do, though IK be in charge; joints that it leaves out show it by the control.
    ik: IK controls, {s} for the side's letter, and the joint without its side that each goes with.
    letters: of the left and the right side.
    """

    controls: Controls
    also: dict[str, str]
    anchor: str
    root: str
    switches: tuple[tuple[str, str, float], ...]
    shown: Controls
    ik: tuple[tuple[str, str], ...] = ()
    limbs: tuple[IkLimb, ...] = ()
    letters: tuple[str, str] = ("L", "R")

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
    limbs=(
        IkLimb(
            LEG, _LEG, "foot_ik.{s}", "thigh_ik_target.{s}", "toe_ik.{s}",
            still=("foot_heel_ik.{s}", "foot_spin_ik.{s}", "thigh_ik.{s}"),
            switches=_both(
                """
                thigh_parent.{s} IK_FK 0
                thigh_parent.{s} pole_vector 1
                thigh_parent.{s} IK_parent 1
                thigh_parent.{s} pole_parent 1
                """,
                ("L", "R"),
            ),
            stretch=("thigh_ik.{s}", "MCH-shin_ik.{s}"),
            roll=FootRoll(
                "foot_heel_ik.{s}", "MCH-heel.02_roll1.{s}", "MCH-heel.02_roll2.{s}", "foot_spin_ik.{s}",
                _both("foot_heel_ik.{s} Toe_Roll 0", ("L", "R")),
            ),
        ),
        IkLimb(
            ARM, _ARM, "hand_ik.{s}", "upper_arm_ik_target.{s}", "",
            still=("upper_arm_ik.{s}", "hand_ik_wrist.{s}"),
            switches=_both(
                """
                upper_arm_parent.{s} IK_FK 0
                upper_arm_parent.{s} pole_vector 1
                upper_arm_parent.{s} IK_parent 1
                upper_arm_parent.{s} pole_parent 1
                """,
                ("L", "R"),
            ),
            stretch=("upper_arm_ik.{s}", "MCH-forearm_ik.{s}"),
        ),
    ),
)  # fmt: skip
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
    limbs=(
        IkLimb(
            LEG, _LEG, "c_foot_ik.{s}", "c_leg_pole.{s}", "c_toes_ik.{s}",
            still=("c_foot_01.{s}", "c_foot_roll_cursor.{s}"),
            switches=_both("c_foot_ik.{s} ik_fk_switch 0\nc_leg_pole.{s} pole_parent 0", ("l", "r")),
            roll=FootRoll("c_foot_01.{s}", "c_foot_01.{s}"),
        ),
        IkLimb(
            ARM, _ARM, "c_hand_ik.{s}", "c_arms_pole.{s}", "", still=(),
            switches=_both("c_hand_ik.{s} ik_fk_switch 0\nc_arms_pole.{s} pole_parent 0", ("l", "r")),
        ),
    ),
    letters=("l", "r"),
)  # fmt: skip
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


def switches_of(
    rig: bpy.types.Object, kind: ControlRig, by_ik: Collection[str] = ()
) -> list[tuple[bpy.types.PoseBone, str, float]]:
    """The switches that a rig has: pose bone, property, value. by_ik: names of the limbs that IK moves."""
    bones, values = rig.pose.bones, {(bone, name): value for bone, name, value in kind.switches}
    for limb in kind.limbs:
        if limb.name in by_ik:
            own = limb.switches + (limb.roll.also if limb.roll else ())
            values |= {(bone, name): value for bone, name, value in own}
    return [(bones[b], name, value) for (b, name), value in values.items() if b in bones and name in bones[b]]


def fk_switches(kind: ControlRig, joints: Collection[str]) -> dict[tuple[str, str], float]:
    """(bone, property) -> value that puts FK in charge of the limbs that joints are of."""
    values = {(bone, name): value for bone, name, value in kind.switches}
    return {
        (bone, name): values[bone, name]
        for limb in kind.limbs
        for s, side in zip(kind.letters, ("left", "right"), strict=True)
        for bone, name, _ in limb.switches
        if f"{side}_{limb.joints[1]}" in joints and bone.endswith(f".{s}") and (bone, name) in values
    }


def stretching(rig: bpy.types.Object, kind: ControlRig, by_ik: Collection[str]) -> list[bpy.types.PoseBone]:
    """The bones of limbs that IK moves whose solver may stretch them."""
    bones, limbs = rig.pose.bones, [limb for limb in kind.limbs if limb.name in by_ik]
    names = [name.format(s=s) for limb in limbs for name in limb.stretch for s in kind.letters]
    return [bones[name] for name in names if name in bones and bones[name].ik_stretch > 0]
