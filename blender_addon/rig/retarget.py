# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a motion into the pose of a rig, whatever its rest pose, bone rolls, axes and scale.

All of it happens in the rig's own armature space, so the object's transform (a scale of 0.01, a quarter turn, a place
in the scene) carries over by itself. Each bone takes over how far its joint has turned *from rest*: the motion's rest
is a T-pose, the rig's may be an A-pose, so limbs are first brought from the one to the other by their directions.
"""

from collections.abc import Mapping

import bpy
import numpy as np

from .. import axes, rotations
from ..skeleton import JOINT_INDEX, PARENTS, REST_OFFSETS
from .create import rest_joints
from .pose import Pose
from .rest import RigRest

# Joints whose bone direction is the same as the motion's in every pose, and the joint that they point to.
_LIMBS = {
    f"{side}_{joint}": f"{side}_{child}"
    for side in ("left", "right")
    for joint, child in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
# A foot that stands flat in both rests must stay flat, though rigs draw the bone at any slope: only its heading counts.
_FEET = {"left_ankle": "left_foot", "right_ankle": "right_foot"}
# The head stays above the hips where the motion has it; a trunk that leans by more at rest is drawn so on purpose.
_TRUNK = ("spine1", "spine2", "spine3", "neck")
_MOST_LEAN = np.radians(10.0)
_FOLLOWERS = {
    "left_wrist": "left_elbow",
    "right_wrist": "right_elbow",
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
}


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


def rest_alignment(rest: RigRest) -> dict[str, np.ndarray]:
    """Joint name -> quaternion in Blender's axes that turns the rig's rest limb into the T-pose."""
    joints = axes.vectors_to_blender(rest_joints())
    aligned = {}
    for joint, child in (_LIMBS | _FEET).items():
        if joint not in rest.bone_of or child not in rest.bone_of:
            continue
        own = rest.frame.T @ rest.direction(joint, child)
        wanted = joints[JOINT_INDEX[child]] - joints[JOINT_INDEX[joint]]
        if joint in _FEET:
            own, wanted = own * (1, 1, 0), wanted * (1, 1, 0)
        aligned[joint] = rotations.between(own, wanted)
    for joint, leader in _FOLLOWERS.items():
        if leader in aligned:
            aligned[joint] = aligned[leader]
    upright = joints[JOINT_INDEX["head"]] - joints[JOINT_INDEX["pelvis"]]
    lean = rotations.between(rest.frame.T @ rest.direction("pelvis", "head"), upright)
    if rotations.angle_between(lean, rotations.IDENTITY) < _MOST_LEAN:
        aligned |= {joint: lean for joint in _TRUNK if joint in rest.bone_of}
    return aligned


def retarget(
    rig: bpy.types.Object, bone_of: Mapping[str, str], local_rotations: np.ndarray, root_translation: np.ndarray
) -> Pose:
    """The poses of a rig.

    bone_of: from `mapping.map_rig`. local_rotations (T, 22, 4) wxyz and root_translation (T, 3) metres: a motion in
    MoCLIP's axes. Limbs of the rig point where the motion's do; the hips travel in proportion to the legs' length.
    Raises MoclipError for a rig without legs.
    """
    rest = RigRest(rig, bone_of)
    frame = rotations.from_matrix(rest.frame)
    world = in_frame(frame, axes.quaternions_to_blender(world_rotations(local_rotations)))
    alignment = {j: in_frame(frame, q) for j, q in rest_alignment(rest).items()}
    driven = [*bone_of.items(), *((joint, bone) for bone, joint in rest.hierarchy.also.items())]
    turned = {}
    for joint, bone in driven:
        turn = world[:, JOINT_INDEX[joint]]
        if joint in alignment:
            turn = rotations.multiply(turn, alignment[joint])
        turned[bone] = rotations.multiply(turn, rotations.from_matrix(rest.matrices[bone][:3, :3]))
    above = {name: np.array(rig.pose.bones[name].matrix, dtype=np.float64) for name in rest.hierarchy.above}
    return Pose(rest, turned, rest.to_armature(root_translation), above)
