# SPDX-License-Identifier: Apache-2.0
"""Rigs that are not ours: Mixamo's names, an A-pose, any roll, centimetres, another up axis."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Quaternion

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "right_hip": "RightUpLeg", "right_knee": "RightLeg", "right_ankle": "RightFoot", "right_foot": "RightToeBase",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_collar": "RightShoulder", "right_shoulder": "RightArm", "right_elbow": "RightForeArm",
    "right_wrist": "RightHand",
}  # fmt: skip
LIMBS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
]


def mixamo_rig(driver, prefix, *, down_deg, y_up, scale, seed=0):
    """A character 1.25 times ours with arms `down_deg` below the horizontal, tails and rolls at random."""
    rng = np.random.default_rng(seed)
    skeleton = driver.module("skeleton")
    heads = np.zeros((22, 3))
    for j in range(1, 22):
        heads[j] = heads[skeleton.PARENTS[j]] + skeleton.REST_OFFSETS[j]
    index = {name: j for j, name in enumerate(skeleton.JOINT_NAMES)}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        along = np.array([sign * np.cos(np.radians(down_deg)), -np.sin(np.radians(down_deg)), 0.05])
        shoulder = heads[index[f"{side}_shoulder"]]
        heads[index[f"{side}_elbow"]], heads[index[f"{side}_wrist"]] = shoulder + 0.27 * along, shoulder + 0.52 * along
        heads[index[f"{side}_foot"]] += (0.0, -0.07, 0.0)
    heads *= 1.25 / scale
    if not y_up:
        heads = np.stack([heads[:, 0], -heads[:, 2], heads[:, 1]], axis=1)
    armature = bpy.data.armatures.new("Character")
    rig = bpy.data.objects.new("Character", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for j, name in enumerate(skeleton.JOINT_NAMES):
        bone = armature.edit_bones.new(prefix + MIXAMO[name])
        bone.head, bone.tail = heads[j], heads[j] + rng.normal(size=3) * 0.1 / scale
        bone.roll = rng.uniform(-3, 3)
        if j:
            bone.parent = armature.edit_bones[prefix + MIXAMO[skeleton.JOINT_NAMES[skeleton.PARENTS[j]]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.matrix_world = (Matrix.Rotation(np.pi / 2, 4, "X") if y_up else Matrix()) @ Matrix.Scale(scale, 4)
    return rig


def lively_clip(driver, frames=40):
    """Every joint turns, the hips travel and spin once."""
    rng = np.random.default_rng(7)
    time = np.linspace(0, 6, frames)
    turns = np.zeros((frames, 22, 4))
    for joint in range(22):
        axis = rng.normal(size=3)
        for frame in range(frames):
            turns[frame, joint] = Quaternion(axis.tolist(), 0.8 * np.sin(time[frame] * (1 + 0.1 * joint) + joint))
    for frame in range(frames):
        turns[frame, 0] = Quaternion((0, 1, 0), time[frame])
    root = np.stack([np.sin(time), 0.9 + 0.1 * np.cos(time), time], axis=1)
    return driver.module("keyframes").Clip(20.0, turns, root, "lively")


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig_", "mixamorig1:", ""])
def test_mixamo_names_are_known(driver, prefix):
    rig = mixamo_rig(driver, prefix, down_deg=0, y_up=False, scale=1.0)
    mapped = driver.module("rig.mapping").map_bones(rig.data.bones.keys())
    assert mapped == {joint: prefix + bone for joint, bone in MIXAMO.items()}


@pytest.mark.parametrize(
    ("down_deg", "y_up", "scale"), [(0, False, 1.0), (45, False, 1.0), (45, True, 0.01), (0, True, 0.01)]
)
def test_limbs_point_where_the_motion_points(driver, tools, down_deg, y_up, scale):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=down_deg, y_up=y_up, scale=scale)
    clip = lively_clip(driver)
    driver.module("keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
    heads = tools.pose_heads(rig, tuple("mixamorig:" + MIXAMO[n] for n in tools.names), frames=40)
    joints = tools.forward(clip.rotations, clip.root_translation, driver.module("skeleton"))
    index = {name: j for j, name in enumerate(tools.names)}
    for a, b in LIMBS:
        own, wanted = (x[:, index[b]] - x[:, index[a]] for x in (heads, joints))
        cosine = np.sum(own * wanted, axis=1) / np.linalg.norm(own, axis=1) / np.linalg.norm(wanted, axis=1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.5, (a, b)
    # The legs are 1.25 times ours, so each step carries 1.25 times as far.
    travelled, wanted = (x[-1, 0] - x[0, 0] for x in (heads, joints))
    assert np.allclose(travelled, 1.25 * wanted, atol=0.01)


def test_flat_feet_stay_flat(driver, tools):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=30, y_up=True, scale=0.01)
    still = np.tile([1.0, 0, 0, 0], (2, 22, 1))
    clip = driver.module("keyframes").Clip(20.0, still, np.tile([0.0, 0.94, 0.0], (2, 1)), "stands")
    ankle = rig.matrix_world.to_3x3() @ rig.data.bones["mixamorig:LeftFoot"].matrix_local.to_3x3()
    driver.module("keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
    bpy.context.scene.frame_set(1)
    posed = rig.matrix_world.to_3x3() @ rig.pose.bones["mixamorig:LeftFoot"].matrix.to_3x3()
    tilt = (posed.to_quaternion() @ ankle.to_quaternion().conjugated()).to_matrix() @ Matrix.Identity(3).col[2]
    assert np.degrees(tilt.angle((0, 0, 1))) < 1.0


def test_rotations_are_continuous(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    action = driver.module("keyframes").apply_clip(rig, lively_clip(driver, 120), bpy.context.scene, 1)
    for curve in driver.module("compat").fcurves_of(action):
        if curve.data_path.endswith("rotation_quaternion"):
            values = np.array([p.co[1] for p in curve.keyframe_points])
            assert np.abs(np.diff(values)).max() < 0.5, curve.data_path


def test_a_posed_root_bone_above_the_hips_is_allowed_for(driver, tools):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    bpy.ops.object.mode_set(mode="EDIT")
    root = rig.data.edit_bones.new("Root")
    root.head, root.tail = (0, 0, -1.2), (0, 0.3, -1.2)
    rig.data.edit_bones["mixamorig:Hips"].parent = root
    bpy.ops.object.mode_set(mode="OBJECT")
    clip, names = lively_clip(driver), tuple("mixamorig:" + MIXAMO[n] for n in tools.names)
    driver.module("keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
    plain = tools.pose_heads(rig, names, frames=40)
    rig.pose.bones["Root"].rotation_mode = "QUATERNION"
    rig.pose.bones["Root"].rotation_quaternion = Quaternion((0, 0, 1), 1.0)
    rig.pose.bones["Root"].location = (0.5, 0.2, 0.1)
    bpy.context.view_layer.update()
    driver.module("keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
    assert np.abs(tools.pose_heads(rig, names, frames=40) - plain).max() < 0.001


@pytest.mark.parametrize("bones", [["Bone"], ["root", "DEF-hips", "DEF-spine.001", "DEF-thigh.L"]])
def test_other_rigs_are_refused_with_one_sentence(driver, bones):
    armature = bpy.data.armatures.new("Robot")
    rig = bpy.data.objects.new("Robot", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in bones:
        bone = armature.edit_bones.new(name)
        bone.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="'Robot' are named neither like MoCLIP's armature nor like Mixamo's"):
        driver.ask("a person walks")
    assert driver.session.state == "off" and driver.session.job is None


def test_a_missing_bone_is_named(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0)
    rig.data.bones["mixamorig:LeftArm"].name = "arm"
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="'Character' has no bone named mixamorig:LeftArm"):
        driver.ask("a person walks")


def test_the_created_armature_stands_on_the_ground_and_mirrors_by_name(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    heights = [bone.head_local.z for bone in rig.data.bones]
    assert len(heights) == 22 and min(heights) == pytest.approx(0.0, abs=1e-6)
    assert 1.4 < max(bone.tail_local.z for bone in rig.data.bones) < 1.9
    assert rig.data.bones["left_wrist"].head_local.x > 0.5 > -0.5 > rig.data.bones["right_wrist"].head_local.x
    assert rig.data.bones["left_foot"].head_local.y < rig.data.bones["left_ankle"].head_local.y - 0.1
    assert bpy.utils.flip_name("left_wrist") == "right_wrist"
