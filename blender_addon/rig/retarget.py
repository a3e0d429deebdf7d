# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a motion into the pose of a rig, whatever its rest pose, bone rolls, axes and scale.

All of it happens in the rig's own armature space, so the object's transform (a scale of 0.01, a quarter turn, a place
in the scene) carries over by itself. Each bone takes over how far its joint has turned *from rest*: the motion's rest
is a T-pose, the rig's may be an A-pose, so limbs are first brought from the one to the other by their directions.
"""

from collections.abc import Mapping

import bpy
import numpy as np

from ..motion import axes
from ..shared import rotations
from ..shared.skeleton import JOINT_INDEX, PARENTS, REST_OFFSETS
from ..shared.stance import USUAL, Stance
from .create import rest_joints
from .pose import Pose
from .rest import RigRest, rest_hips
from .wide import steadied

# Joints whose bone direction is the same as the motion's in every pose, and the joint that they point to.
_LIMBS = {
    f"{side}_{joint}": f"{side}_{child}"
    for side in ("left", "right")
    for joint, child in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
# A rig's sole is flat at rest, whatever slope its bone is drawn at, and a motion's where its stance says: of the rest
# only the heading counts, of the motion how far it turns from its stance.
_FEET = {"left_ankle": "left_foot", "right_ankle": "right_foot"}
# The head stays above the hips where the motion has it; a trunk that leans by more at rest is drawn so on purpose.
_TRUNK = ("spine1", "spine2", "spine3", "neck")
_MOST_LEAN = np.radians(10.0)
_HANDS = {"left_wrist": "left_elbow", "right_wrist": "right_elbow"}
_FOREARMS = {elbow: wrist for wrist, elbow in _HANDS.items()}
FEET = tuple(_FEET)
ANKLES = [JOINT_INDEX[joint] for joint in FEET]
_LEFT_IN_BLENDER = np.array([1.0, 0.0, 0.0])


def world_rotations(local: np.ndarray) -> np.ndarray:
    """(T, 22, 4) rotations relative to the parents -> relative to the world."""
    world = np.array(local, dtype=np.float64)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            world[:, joint] = rotations.multiply(world[:, parent], world[:, joint])
    return world


def world_joints(turned: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(T, 22, 3) joints of a motion from its world rotations (T, 22, 4) and root translation (T, 3)."""
    joints = np.empty((*turned.shape[:2], 3))
    joints[:, 0] = root
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            joints[:, joint] = joints[:, parent] + rotations.rotate(turned[:, parent], REST_OFFSETS[joint][None])
    return joints


def in_frame(frame: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Rotations (..., 4) in Blender's axes -> in the rig's armature space; frame (4,) turns the one into the other."""
    return rotations.multiply(rotations.multiply(frame, turns), rotations.conjugate(frame))


def rest_alignment(rest: RigRest, stance: Stance = USUAL) -> dict[str, np.ndarray]:
    """Joint name -> quaternion in Blender's axes that turns the rig's rest into the motion's: limbs into those of the
    T-pose, feet into those that stand as a stance says."""
    joints = axes.vectors_to_blender(rest_joints())
    aligned = {}
    for joint, child in _LIMBS.items():
        if joint in rest.bone_of and child in rest.bone_of:
            own = rest.frame.T @ rest.direction(joint, child)
            aligned[joint] = rotations.between(own, joints[JOINT_INDEX[child]] - joints[JOINT_INDEX[joint]])
    for joint, hand in _FOREARMS.items():
        if hand not in rest.bone_of:
            own = rest.frame.T @ rest.forearm(joint)
            aligned[joint] = rotations.between(own, joints[JOINT_INDEX[hand]] - joints[JOINT_INDEX[joint]])
    for joint, leader in _HANDS.items():
        if leader in aligned:
            aligned[joint] = aligned[leader]
    aligned |= _feet_alignment(rest, stance)
    upright = joints[JOINT_INDEX["head"]] - joints[JOINT_INDEX["pelvis"]]
    lean = rotations.between(rest.frame.T @ rest.direction("pelvis", "head"), upright)
    if rotations.angle_between(lean, rotations.IDENTITY) < _MOST_LEAN:
        aligned |= {joint: lean for joint in _TRUNK if joint in rest.bone_of}
    return aligned


def _feet_alignment(rest: RigRest, stance: Stance) -> dict[str, np.ndarray]:
    aligned = {}
    for column, (ankle, toe) in enumerate(_FEET.items()):
        heading = rotations.IDENTITY
        if toe in rest.bone_of:
            own = rest.frame.T @ rest.direction(ankle, toe)
            heading = rotations.between(own * (1, 1, 0), np.array([0.0, -1.0, 0.0]))
        for joint, slopes in ((ankle, stance.slopes), (toe, stance.toe_slopes)):
            if joint in rest.bone_of:
                raised = rotations.from_axis_angle(_LEFT_IN_BLENDER, 0.0 if rest.bare else -slopes[column])
                aligned[joint] = rotations.multiply(raised, heading)
    return aligned


def retarget(
    rig: bpy.types.Object,
    bone_of: Mapping[str, str],
    local_rotations: np.ndarray,
    root_translation: np.ndarray,
    stance: Stance = USUAL,
) -> Pose:
    """The poses of a rig.

    bone_of: from `mapping.map_rig`. local_rotations (T, 22, 4) wxyz and root_translation (T, 3) metres: a motion in
    MoCLIP's axes. stance: how its feet are where they stand. Limbs of the rig point where the motion's do, soles that
    are flat in the motion are flat and at the height that they have at rest; the hips travel in proportion to the legs'
    length. Raises MoclipError for a rig without legs.
    """
    rest = RigRest(rig, bone_of)
    frame = rotations.from_matrix(rest.frame)
    turned_motion = world_rotations(local_rotations)
    shown_motion = turned_motion.copy()
    shown_motion[:, 0] = steadied(rest, turned_motion[:, 0], turned_motion[:, ANKLES])
    world = in_frame(frame, axes.quaternions_to_blender(shown_motion))
    alignment = {j: in_frame(frame, q) for j, q in rest_alignment(rest, stance).items()}
    driven = [*bone_of.items(), *((joint, bone) for bone, joint in rest.hierarchy.also.items())]
    turned = {}
    for joint, bone in driven:
        turn = world[:, JOINT_INDEX[joint]]
        if joint in alignment:
            turn = rotations.multiply(turn, alignment[joint])
        turned[bone] = rotations.multiply(turn, rotations.from_matrix(rest.standing(bone)[:3, :3]))
    still = (*rest.hierarchy.above, *rest.hierarchy.beside)
    above = {name: np.array(rig.pose.bones[name].matrix, dtype=np.float64) for name in still}
    hips = np.asarray(root_translation, dtype=np.float64) + rest_hips(turned_motion[:, 0])
    pose = Pose(rest, turned, np.zeros_like(hips), above)
    # The hips of the rig go where the motion's go, and its pelvis joint wherever that is from them.
    pose.hips = rest.to_armature(hips - stance_lift(rest, stance)) - hips_in(pose.heads(), rest.hierarchy.anchor, rest)
    return pose


def stance_lift(rest: RigRest, stance: Stance) -> np.ndarray:
    """(3,) metres by which a motion of a stance is higher than one of the usual stance, as far as a rig's feet show."""
    return np.array([0.0, 0.0 if rest.bare else stance.ankle - USUAL.ankle, 0.0])


def hips_in(places: Mapping[str, np.ndarray], anchor: str, rest: RigRest) -> np.ndarray:
    """(T, 3) from the pelvis joint to the middle of the hips; places: bone -> (T, 3) heads in armature space."""
    return (places[rest.bone_of["left_hip"]] + places[rest.bone_of["right_hip"]]) / 2 - places[anchor]
