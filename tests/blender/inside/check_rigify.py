# SPDX-License-Identifier: Apache-2.0
"""Rigify's generated human: its FK controls are keyed, its switches set, its deform bones go where the motion does."""

import bpy
import measures
import numpy as np
import pytest
from mathutils import Matrix, Quaternion

DEFORM = {
    "pelvis": "ORG-spine", "head": "ORG-spine.006",
    "left_hip": "DEF-thigh.L", "left_knee": "DEF-shin.L", "left_ankle": "DEF-foot.L",
    "right_hip": "DEF-thigh.R", "right_knee": "DEF-shin.R", "right_ankle": "DEF-foot.R",
    "left_shoulder": "DEF-upper_arm.L", "left_elbow": "DEF-forearm.L", "left_wrist": "DEF-hand.L",
    "right_shoulder": "DEF-upper_arm.R", "right_elbow": "DEF-forearm.R", "right_wrist": "DEF-hand.R",
}  # fmt: skip


def shown(rig, frames):
    heads = []
    for frame in range(1, frames + 1):
        bpy.context.scene.frame_set(frame)
        heads.append([rig.matrix_world @ rig.pose.bones[bone].head for bone in DEFORM.values()])
    return dict(zip(DEFORM, np.moveaxis(np.array(heads), 1, 0), strict=True))


def test_a_prompt_moves_the_deform_bones_as_the_motion_goes(driver, tools, human):
    driver.settings.target = human
    rig = driver.generate(
        "a person walks, then waves with the left hand",
        use_auto_seconds=False,
        seconds=4.0,
        seed=1,
        foot_lock=0.0,
        start_at="REST",
    )
    heads, joints = shown(rig, 80), dict(zip(tools.names, np.moveaxis(driver.joints(), 1, 0), strict=True))
    assert measures.limb_angle(heads, joints) < 0.5
    assert max(measures.reach_errors("Rigify", heads, joints).values()) < 0.03
    assert measures.sign_flips(driver, rig.animation_data.action) == 0
    bpy.ops.ed.undo()
    assert not bpy.data.actions


def test_switches_belong_to_the_action_and_the_pose_is_left_alone(driver, human):
    human.pose.bones["jaw_master"].rotation_mode = "XYZ"
    human.pose.bones["jaw_master"].rotation_euler = (0.2, 0, 0)
    human.pose.bones["hand_fk.L"].rotation_quaternion = Quaternion((1, 0, 0), 0.4)
    before = {bone.name: bone.matrix_basis.copy() for bone in human.pose.bones}
    modes = {bone.name: bone.rotation_mode for bone in human.pose.bones}
    mapped = driver.module("rig.mapping").map_rig(human)
    driver.module("rig.hierarchy").hierarchy_of(human, mapped)
    assert all(bone.matrix_basis == before[bone.name] for bone in human.pose.bones)
    assert human.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0
    turns = np.tile([1.0, 0, 0, 0], (20, 22, 1))
    turns[:, driver.module("shared.skeleton").JOINT_INDEX["left_collar"]] = Quaternion((0, 1, 0), 0.4)
    clip = driver.module("motion.clip").Clip(20.0, turns, np.tile([0.0, 0.94, 0.0], (20, 1)), "stands")
    action = driver.module("keying.keyframes").apply_clip(human, clip, bpy.context.scene, 1)
    curves = driver.module("compat").fcurves_of(action)
    paths = {c.data_path: c.keyframe_points[0].co[1] for c in curves}
    assert paths['pose.bones["thigh_parent.L"]["IK_FK"]'] == 1.0
    # An Euler bone stays one, and its angles turn it as the collar turns: about Blender's up.
    of_shoulder = [c.data_path.rpartition(".")[2] for c in curves if c.data_path.startswith('pose.bones["shoulder.L"]')]
    assert of_shoulder == ["rotation_euler"] * 3
    bpy.context.scene.frame_set(10)
    shoulder = human.pose.bones["ORG-shoulder.L"]
    turn = (shoulder.matrix @ shoulder.bone.matrix_local.inverted()).to_quaternion()
    assert np.degrees(turn.rotation_difference(Quaternion((0, 0, 1), 0.4)).angle) < 0.05
    assert {bone.name: bone.rotation_mode for bone in human.pose.bones} == modes
    assert human.pose.bones["jaw_master"].rotation_euler.x == pytest.approx(0.2)


@pytest.mark.parametrize("root", ["BONE", "OBJECT"])
def test_the_root_control_carries_the_travel(driver, human, root):
    human.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(0.8, 4)
    module, times = driver.module("keying.keyframes"), np.linspace(0, 3, 60)
    turns = np.tile([1.0, 0, 0, 0], (60, 22, 1))
    turns[:, 0] = [Quaternion((0, 1, 0), 0.3 * t) for t in times]
    turns[:, 1] = [Quaternion((1, 0, 0), 0.5 * np.sin(4 * t)) for t in times]
    clip = module.Clip(20.0, turns, np.stack([0 * times, 0.94 + 0 * times, times], axis=1), "glides")
    module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(foot_lock=0.0))
    plain = shown(human, 60)
    module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(foot_lock=0.0, root=root))
    carried = shown(human, 60)
    assert max(np.abs(carried[joint] - plain[joint]).max() for joint in plain) < 0.002
    if root == "BONE":
        assert (human.pose.bones["root"].matrix.translation).length > 2.0


def test_a_partly_following_rig_is_told(driver, human):
    human.pose.bones["chest"].constraints.new("COPY_ROTATION").target = human
    constraint = human.pose.bones["shoulder.L"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget, constraint.influence = human, "torso", 0.5
    mapped = driver.module("rig.mapping").map_rig(human)
    with pytest.raises(Exception, match="follows '.*' only in part. Set the rig's follow"):
        driver.module("rig.hierarchy").hierarchy_of(human, mapped)
    assert human.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0


@pytest.mark.parametrize("root", ["HIPS", "BONE", "OBJECT"])
def test_ik_controls_go_with_the_limbs_and_a_switch_to_ik_tears_nothing(driver, human, root):
    human.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z")
    module, times = driver.module("keying.keyframes"), np.linspace(0, 3, 60)
    turns = np.tile([1.0, 0, 0, 0], (60, 22, 1))
    turns[:, 0] = [Quaternion((0, 1, 0), 0.4 * t) for t in times]
    for joint, sign in ((1, 1), (2, -1)):
        turns[:, joint] = [Quaternion((1, 0, 0), sign * 0.5 * np.sin(4 * t) - 0.3) for t in times]
    turns[:, 4] = turns[:, 5] = [Quaternion((1, 0, 0), 0.6) for _ in times]
    clip = module.Clip(20.0, turns, np.stack([0 * times, 0.9 + 0 * times, times], axis=1), "walks")
    module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(foot_lock=0.0, root=root))
    pairs = {"foot_ik.L": "foot_fk.L", "foot_ik.R": "foot_fk.R", "hand_ik.L": "hand_fk.L", "hand_ik.R": "hand_fk.R"}
    for frame in (1, 20, 41, 60):
        bpy.context.scene.frame_set(frame)
        for ik, fk in pairs.items():
            one, other = human.pose.bones[ik], human.pose.bones[fk]
            assert (one.head - other.head).length < 0.005, (frame, ik, (one.head - other.head).length)
            turn = [(b.matrix @ b.bone.matrix_local.inverted()).to_quaternion() for b in (one, other)]
            assert np.degrees(turn[0].rotation_difference(turn[1]).angle) < 0.2
        long = {b.name: b.length for b in human.pose.bones if b.name.startswith(("VIS_", "thigh_ik", "upper_arm_ik"))}
        assert max(long.values()) < 1.6, long
        before = np.array([human.pose.bones[name].head for name in ("DEF-foot.L", "DEF-hand.L", "DEF-foot.R")])
        kept = {}
        for name in ("thigh_parent.L", "thigh_parent.R", "upper_arm_parent.L"):
            kept[name], human.pose.bones[name]["IK_FK"] = human.pose.bones[name]["IK_FK"], 0.0
        human.update_tag()
        bpy.context.view_layer.update()
        after = np.array([human.pose.bones[name].head for name in ("DEF-foot.L", "DEF-hand.L", "DEF-foot.R")])
        assert np.abs(after - before).max() < 0.02, (frame, np.abs(after - before).max())
        for name, value in kept.items():
            human.pose.bones[name]["IK_FK"] = value
