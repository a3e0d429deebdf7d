# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the IK controls of a rig of controls.

Limbs that are keyed by FK take their IK controls with them: left behind these would pull long arrows after the
character, and a switch to IK would tear its limbs to where it began. Limbs that are keyed by IK show the same pose by
their ends: the controls of feet stay put while a foot is planted, and poles stand in the plane in which knees and
elbows bend.
"""

from collections.abc import Mapping

import bpy
import numpy as np

from ..shared import rotations
from .controls import ControlRig, IkLimb
from .foot_rolls import roll_curves
from .planted import held
from .pose import BoneCurves, Pose, turn_of

_WHOLE = 0.999
_SAME_M, _SAME_DEGREES = 3e-4, 0.1
"""What differs by less has the same key."""
_SIDES = ("left", "right")
_STRAIGHT = 0.004
"""Of a limb's length: how far its middle is off the line between its ends when the plane that it bends in counts as
much as where it would bend."""


def ik_curves(
    pose: Pose, kind: ControlRig, bone_of: Mapping[str, str], by_ik: tuple[str, ...] = ()
) -> list[BoneCurves]:  # fmt: skip
    """Keys of the IK controls.

    by_ik: names of the limbs that IK moves; of the others only those controls are keyed that hang on the rig's root or
    on nothing, as others go with the body already.
    """
    shown, found = pose.shown(), []
    limbs = [limb for limb in kind.limbs if limb.name in by_ik]
    taken = {limb.control.format(s=s) for limb in limbs for s in kind.letters}
    for control, joint in kind.followers(bone_of).items():
        bone = pose.rest.rig.pose.bones.get(control)
        if bone is None or control in taken or bone_of[joint] not in shown:
            continue
        carried = _carried_by(bone)
        if carried in (None, kind.root):
            found.append(_curves(pose, shown, bone, _gone_with(pose, shown, bone, bone_of[joint]), carried))
    for limb in limbs:
        for side in zip(kind.letters, _SIDES, strict=True):
            if limb.joints_of(side[1]) <= set(bone_of):
                found += _limb(pose, shown, kind, limb, side, bone_of)
    return found


def _limb(
    pose: Pose, shown: Mapping[str, np.ndarray], kind: ControlRig, limb: IkLimb, side: tuple[str, str],
    bone_of: Mapping[str, str],
) -> list[BoneCurves]:  # fmt: skip
    """Keys of one limb's controls: its end, its pole, its toes, and what has to stay at rest."""
    (s, word), bones = side, pose.rest.rig.pose.bones
    named = (limb.control, limb.pole, limb.toes)
    control, pole, toes = (bones.get(name.format(s=s)) if name else None for name in named)
    if control is None:
        return []
    upper, middle, end = (bone_of[f"{word}_{joint}"] for joint in limb.joints)
    roll = pose.rolls.get(word) if limb.roll else None
    since_rest = _since_rest(pose, shown, end)
    held_by = since_rest if roll is None else since_rest @ np.linalg.inv(roll.foot())
    moved = _curves(pose, shown, control, _gone_by(held_by, control), _carried_when_keyed(control, kind))
    every = np.ones(len(pose), dtype=bool)
    kept = held(moved.rotation, moved.location, every, _SAME_M * pose.rest.ratio, _SAME_DEGREES)
    found = [BoneCurves(moved.bone, kept.turn, kept.location, idle=kept.idle)]
    if pole is not None:
        wanted = np.tile(np.array(pole.bone.matrix_local, dtype=np.float64), (len(pose), 1, 1))
        wanted[:, :3, 3] = _pole(pose, shown, pole, (upper, middle, end))
        found.append(_curves(pose, shown, pole, wanted, _carried_when_keyed(pole, kind), turns=False))
    if toes is not None and bone_of.get(f"{word}_foot") in shown:
        on_foot = turn_of(_gone_by(since_rest if roll is None else held_by @ roll.toes(), toes))
        turned = turn_of(_gone_with(pose, shown, toes, bone_of[f"{word}_foot"]))
        own = rotations.multiply(rotations.conjugate(on_foot), turned)
        found.append(BoneCurves(toes.name, rotations.continuous(own)))
    if roll is not None:
        found += roll_curves(pose.rest.rig, limb.roll, s, roll)
    keyed = {curves.bone for curves in found}
    still = (bones.get(name.format(s=s)) for name in limb.still)
    found += [BoneCurves(b.name, rotations.IDENTITY[None]) for b in still if b is not None and b.name not in keyed]
    return found


def _pole(
    pose: Pose, shown: Mapping[str, np.ndarray], pole: bpy.types.PoseBone, limb: tuple[str, str, str]
) -> np.ndarray:
    """(T, 3) where a pole stands, as far off as at rest: on the side to which the limb bends, and where it is straight,
    on the side to which it would bend by how its upper bone is turned. limb: its three bones.
    """
    start, middle, end = (shown[bone][..., :3, 3] for bone in limb)
    line = rotations.normalize(end - start)
    length = np.linalg.norm(middle - start, axis=-1) + np.linalg.norm(end - middle, axis=-1)

    def off_line(arrows: np.ndarray) -> np.ndarray:
        return arrows - line * (arrows * line).sum(axis=-1, keepdims=True)

    since_rest = turn_of(shown[limb[0]] @ np.linalg.inv(pose.rest.matrices[limb[0]]))
    out = np.array(pole.bone.head_local, dtype=np.float64) - pose.rest.matrices[limb[1]][:3, 3]
    usual = rotations.normalize(off_line(rotations.rotate(since_rest, np.broadcast_to(out, line.shape))))
    side = rotations.normalize(off_line(middle - start) + _STRAIGHT * length[:, None] * usual)
    return middle + side * np.linalg.norm(out) * np.asarray(pose.size.scale)[..., None]


def _gone_with(pose: Pose, shown: Mapping[str, np.ndarray], bone: bpy.types.PoseBone, leader: str) -> np.ndarray:
    """(T, 4, 4) where a bone is that goes with another from rest on."""
    return _gone_by(_since_rest(pose, shown, leader), bone)


def _since_rest(pose: Pose, shown: Mapping[str, np.ndarray], bone: str) -> np.ndarray:
    """(T, 4, 4) by which a bone has moved from rest."""
    return shown[bone] @ np.linalg.inv(pose.rest.matrices[bone])


def _gone_by(moved: np.ndarray, bone: bpy.types.PoseBone) -> np.ndarray:
    """(T, 4, 4) where a bone is that moves by (T, 4, 4) from rest."""
    return moved @ np.array(bone.bone.matrix_local, dtype=np.float64)


def _curves(
    pose: Pose, shown: Mapping[str, np.ndarray], bone: bpy.types.PoseBone, wanted: np.ndarray, carried: str | None,
    turns: bool = True,
) -> BoneCurves:  # fmt: skip
    """Keys that bring a bone to (T, 4, 4) matrices in armature space; carried: the bone that carries it whole."""
    over = np.eye(4)
    if carried is not None and carried in shown:
        over = shown[carried] @ np.linalg.inv(pose.rest.matrices[carried])
    unkeyed = over @ np.array(bone.bone.matrix_local, dtype=np.float64)
    turn = np.tile(rotations.IDENTITY, (len(wanted), 1))
    if turns:
        turn = rotations.continuous(turn_of(np.linalg.inv(unkeyed) @ wanted))
    axes = (over @ _location_axes(bone.bone))[..., :3, :3]
    offset = wanted[:, :3, 3] - unkeyed[..., :3, 3]
    return BoneCurves(bone.name, turn, np.einsum("...ij,...j->...i", np.linalg.inv(axes), offset))


def _location_axes(bone: bpy.types.Bone) -> np.ndarray:
    """(4, 4) in whose axes its location counts at rest, which for Rigify's are not the bone's own."""
    if bone.use_local_location:
        return np.array(bone.matrix_local, dtype=np.float64)
    return np.array(bone.parent.matrix_local, dtype=np.float64) if bone.parent else np.eye(4)


def _carried_when_keyed(bone: bpy.types.PoseBone, kind: ControlRig) -> str | None:
    """The bone that carries an IK control once the switches of its limb are keyed: the root, if any does."""
    if bone.parent is None and not any(c.type in ("CHILD_OF", "ARMATURE") for c in bone.constraints):
        return None
    return kind.root


def _carried_by(bone: bpy.types.PoseBone) -> str | None:
    """The bone that carries an IK control whole; "" where several do, or it is not known."""
    parent = bone.parent
    if parent is None:
        return None
    switch = next((c for c in parent.constraints if c.type == "ARMATURE" and not c.mute), None)
    if switch is None:
        return parent.name
    pulls = [(target.subtarget, target.weight) for target in switch.targets if target.weight > 1.0 - _WHOLE]
    if not pulls:
        return None if parent.parent is None else ""
    return pulls[0][0] if len(pulls) == 1 and pulls[0][1] > _WHOLE else ""
