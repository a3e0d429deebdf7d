# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the 22-joint armature: one bone a joint, heads where the joints are, in the T-pose, feet on the ground."""

import bpy
import numpy as np

from ..motion import axes
from ..shared.skeleton import CHILDREN, JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS

# Where a bone points when its joint has several children, or none (then with a length in metres).
_MAIN_CHILD = {"pelvis": "spine1", "spine3": "neck"}
_LEAF_LENGTHS = {"left_foot": 0.07, "right_foot": 0.07, "head": 0.18, "left_wrist": 0.17, "right_wrist": 0.17}
_FORWARD, _UP = (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)


def rest_joints() -> np.ndarray:
    """(22, 3) joint positions of the rest pose in MoCLIP's axes, the lowest joint at height 0, pelvis at x = z = 0."""
    joints = np.zeros((len(PARENTS), 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            joints[joint] = joints[parent] + REST_OFFSETS[joint]
    joints[:, 1] -= joints[:, 1].min()
    return joints


def bone_tails(heads: np.ndarray) -> np.ndarray:
    """(22, 3) tails for bones with these heads, in the same axes."""
    tails = np.empty_like(heads)
    for joint, name in enumerate(JOINT_NAMES):
        if CHILDREN[joint]:
            tails[joint] = heads[JOINT_INDEX[_MAIN_CHILD[name]] if name in _MAIN_CHILD else CHILDREN[joint][0]]
        else:
            along = heads[joint] - heads[PARENTS[joint]]
            tails[joint] = heads[joint] + along / np.linalg.norm(along) * _LEAF_LENGTHS[name]
    return tails


def create_armature(context: bpy.types.Context, name: str = "MoCLIP") -> bpy.types.Object:
    """A new armature at the world origin, selected and active. Leaves Blender in object mode."""
    heads = rest_joints()
    return armature_of_joints(context, name, heads, bone_tails(heads))


def armature_of_joints(context: bpy.types.Context, name: str, joints: np.ndarray, ends: np.ndarray) -> bpy.types.Object:
    """An armature with a bone for each of the 22 joints; joints, ends: (22, 3) of bones, in the motion's axes."""
    if context.object is not None and context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    armature = bpy.data.armatures.new(name)
    armature.display_type = "OCTAHEDRAL"
    obj = bpy.data.objects.new(name, armature)
    (context.collection or context.scene.collection).objects.link(obj)
    for other in context.selected_objects:
        other.select_set(False)
    context.view_layer.objects.active = obj
    obj.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    heads, tails = axes.vectors_to_blender(joints), axes.vectors_to_blender(ends)
    for joint, bone_name in enumerate(JOINT_NAMES):
        bone = armature.edit_bones.new(bone_name)
        bone.head, bone.tail = heads[joint], tails[joint]
        points_forward = abs(tails[joint][1] - heads[joint][1]) > 0.7 * bone.length
        bone.align_roll(_UP if points_forward else _FORWARD)
        if PARENTS[joint] >= 0:
            bone.parent = armature.edit_bones[JOINT_NAMES[PARENTS[joint]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    for pose_bone in obj.pose.bones:
        pose_bone.rotation_mode = "QUATERNION"
    return obj
