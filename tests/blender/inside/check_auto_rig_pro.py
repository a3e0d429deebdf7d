# SPDX-License-Identifier: Apache-2.0
"""Auto-Rig Pro's own rig, by a stand-in built to its names: its FK controls are keyed, its switches set."""

import auto_rig_pro
import bpy
import measures
import numpy as np
import pytest
from check_rigs import lively_clip
from mathutils import Matrix, Quaternion
from reading import key


def shown(rig, frames):
    """Joint -> (T, 3) heads of the bones that follow the controls, in the world."""
    places = measures.stances(rig, range(1, frames + 1), list(auto_rig_pro.CHAINS.values()))[..., :3, 3]
    return dict(zip(auto_rig_pro.CHAINS, np.moveaxis(places, 1, 0), strict=True))


def test_its_controls_are_known_and_its_bones_go_where_the_motion_does(driver, tools):
    rig, clip = auto_rig_pro.build(driver), lively_clip(driver)
    assert driver.module("rig.mapping").map_rig(rig) == auto_rig_pro.CONTROLS
    modes = {bone.name: bone.rotation_mode for bone in rig.pose.bones}
    action = key(driver, rig, clip)
    heads = shown(rig, 40)
    joints = dict(
        zip(
            tools.names,
            np.moveaxis(tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton")), 1, 0),
            strict=True,
        )
    )
    assert measures.limb_angle(heads, joints) < 0.5
    assert max(measures.reach_errors("Auto-Rig Pro's controls", heads, joints).values()) < 0.03
    assert {bone.name: bone.rotation_mode for bone in rig.pose.bones} == modes
    keyed = {c.data_path: c.keyframe_points[0].co[1] for c in driver.module("compat").fcurves_of(action)}
    for s in "lr":
        assert keyed[f'pose.bones["c_hand_ik.{s}"]["ik_fk_switch"]'] == 1.0
        assert keyed[f'pose.bones["c_foot_ik.{s}"]["ik_fk_switch"]'] == 1.0
    assert keyed['pose.bones["c_head.x"]["head_free"]'] == 0.0
    controls = {path.split('"')[1] for path in keyed if "rotation_euler" in path}
    assert controls == {*auto_rig_pro.CONTROLS.values(), "c_root.x"}


def test_trying_the_controls_leaves_pose_and_switches_alone(driver):
    rig = auto_rig_pro.build(driver)
    rig.pose.bones["c_arm_fk.l"].rotation_euler = (7.1, 0.2, 0.3)
    rig.pose.bones["c_head.x"]["head_free"] = 1
    before = {bone.name: (bone.matrix_basis.copy(), tuple(bone.rotation_euler)) for bone in rig.pose.bones}
    tree = driver.module("rig.hierarchy").hierarchy_of(rig, auto_rig_pro.CONTROLS)
    assert before == {bone.name: (bone.matrix_basis, tuple(bone.rotation_euler)) for bone in rig.pose.bones}
    assert rig.pose.bones["c_head.x"]["head_free"] == 1 and rig.pose.bones["c_hand_ik.l"]["ik_fk_switch"] == 0.0
    # Bones in between and constraints are seen through.
    for control, leader in (
        ("c_hand_fk.l", "c_forearm_fk.l"),
        ("c_foot_fk.r", "c_leg_fk.r"),
        ("c_head.x", "c_neck.x"),
        ("c_thigh_fk.l", "c_root.x"),
        ("c_spine_01.x", "c_root_master.x"),
    ):
        assert tree.parents[control] == leader
    assert tree.above == ("c_traj",)
    assert tree.shown == auto_rig_pro.CONTROLS | auto_rig_pro.CHAINS | {
        "pelvis": "c_root.x", "head": "c_head.x", "left_foot": "toes_01.l", "right_foot": "toes_01.r"
    }  # fmt: skip


def test_a_chain_that_does_not_follow_in_fk_is_not_read(driver):
    """A rig in which a bone of that name does something else: its control speaks for the joint."""
    rig = auto_rig_pro.build(driver)
    for constraint in list(rig.pose.bones["hand.l"].constraints):
        rig.pose.bones["hand.l"].constraints.remove(constraint)
    tree = driver.module("rig.hierarchy").hierarchy_of(rig, auto_rig_pro.CONTROLS)
    assert tree.shown["left_wrist"] == "c_hand_fk.l" and tree.shown["right_wrist"] == "hand.r"


@pytest.mark.parametrize("root", ["BONE", "OBJECT"])
def test_root_and_object_carry_the_travel_of_a_rig_that_was_moved(driver, root):
    rig, times = auto_rig_pro.build(driver), np.linspace(0, 3, 60)
    rig.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(0.8, 4)
    position = rig.pose.bones["c_pos"]
    position.location, position.rotation_euler = (0.4, -0.3, 0.2), (0, 0.5, 0)
    turns = np.tile([1.0, 0, 0, 0], (60, 22, 1))
    turns[:, 0] = [Quaternion((0, 1, 0), 0.3 * t) for t in times]
    turns[:, 1] = [Quaternion((1, 0, 0), 0.5 * np.sin(4 * t)) for t in times]
    clip = driver.module("motion.clip").Clip(
        20.0, turns, np.stack([0 * times, 0.94 + 0 * times, times], axis=1), "glides"
    )
    bpy.context.view_layer.update()
    key(driver, rig, clip)
    plain = shown(rig, 60)
    key(driver, rig, clip, root=root)
    carried = shown(rig, 60)
    assert max(np.abs(carried[joint] - plain[joint]).max() for joint in plain) < 0.002
    trajectory = measures.stances(rig, (1, 60), ["c_traj"])[:, 0, :3, 3]
    assert np.linalg.norm(trajectory[1] - trajectory[0]) > 2.0


def test_an_arm_that_follows_in_part_is_told(driver):
    rig = auto_rig_pro.build(driver)
    constraint = rig.pose.bones["c_arm_fk.l"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget, constraint.influence = rig, "c_pos", 0.5
    with pytest.raises(Exception, match="'c_arm_fk.l' of 'rig' follows '.*' only in part. Set the rig's follow"):
        driver.module("rig.hierarchy").hierarchy_of(rig, auto_rig_pro.CONTROLS)


def test_a_kind_that_is_not_known_is_refused(driver):
    rig = auto_rig_pro.build(driver)
    rig.data.bones["c_root.x"].name = "c_root_02.x"
    with pytest.raises(Exception, match="'rig' is an Auto-Rig Pro control rig of another kind than the human's"):
        driver.module("rig.mapping").map_rig(rig)


def test_keyed_by_ik_fk_shows_the_same(driver):
    rig, clip = auto_rig_pro.build(driver), lively_clip(driver)
    action = key(driver, rig, clip, ik=("leg", "arm"))
    curves = {c.data_path: c for c in driver.module("compat").fcurves_of(action) if c.array_index == 0}
    switches = [curves[f'pose.bones["c_{end}_ik.{s}"]["ik_fk_switch"]'] for end in ("hand", "foot") for s in "lr"]
    assert [c.keyframe_points[0].co[1] for c in switches] == [0.0] * 4
    assert curves['pose.bones["c_leg_pole.l"]["pole_parent"]'].keyframe_points[0].co[1] == 0.0

    names = [*auto_rig_pro.CHAINS.values(), "toes_01.l", "toes_01.r"]
    far, turned = measures.ik_and_fk_apart(rig, range(1, 41, 3), names, switches)
    assert far < 0.01 and turned < 2.0
    key(driver, rig, clip)
    keyed = [c.data_path for c in driver.module("compat").fcurves_of(rig.animation_data.action)]
    assert not any("pole" in path for path in keyed)


@pytest.mark.parametrize("can_roll", [True, False])
def test_a_heel_that_rises_leaves_the_control_where_it_is(driver, can_roll):
    """Both heels rise over their balls and come down; by c_foot_01 where the leg hangs on it."""
    rig = auto_rig_pro.build(driver)
    if not can_roll:
        for s in "lr":
            rig.pose.bones[f"leg_ik.{s}"].constraints["IK"].subtarget = f"c_foot_ik.{s}"
    index, count = driver.module("shared.skeleton").JOINT_INDEX, 41
    rise = np.radians(25) * np.sin(np.clip((np.arange(count) - 24) / 12, 0, 1) * np.pi) ** 2
    turns, slope, bend = np.tile([1.0, 0, 0, 0], (count, 22, 1)), np.radians(38), 0.3
    for side in ("left", "right"):
        turns[:, index[f"{side}_hip"]] = Quaternion((1, 0, 0), -bend)
        turns[:, index[f"{side}_knee"]] = Quaternion((1, 0, 0), 2 * bend)
        turns[:, index[f"{side}_ankle"]] = [Quaternion((1, 0, 0), slope + r - bend) for r in rise]
        turns[:, index[f"{side}_foot"]] = [Quaternion((1, 0, 0), -r) for r in rise]
    module = driver.module("rig.retarget")
    toes = module.world_joints(module.world_rotations(turns), np.zeros((count, 3)))[:, index["left_foot"]]
    root = toes[:1] * (1, 0, 1) - toes  # the toes stay where they are
    clip = driver.module("motion.clip").Clip(20.0, turns, root, "rises on the toes")
    keyframes = driver.module("keying.keyframes")
    # Held by their balls: the rig's feet are not the motion's.
    action = keyframes.apply_clip(rig, clip, bpy.context.scene, 1, keyframes.Fit(ik=("leg",)))
    curves = {(c.data_path, c.array_index): c for c in driver.module("compat").fcurves_of(action)}
    for s in "lr":
        keys = curves[f'pose.bones["c_foot_ik.{s}"].location', 0].keyframe_points
        roll = curves.get((f'pose.bones["c_foot_01.{s}"].rotation_euler', 0))
        assert (len(keys) < 6) == can_roll, [p.co[:] for p in keys]
        turned = max(abs(p.co[1]) for p in roll.keyframe_points)
        assert turned > np.radians(12) if can_roll else turned == 0.0
    names = [*auto_rig_pro.CHAINS.values(), "toes_01.l", "toes_01.r"]
    switches = [curves[f'pose.bones["c_foot_ik.{s}"]["ik_fk_switch"]', 0] for s in "lr"]

    far, turned = measures.ik_and_fk_apart(rig, range(1, count + 1, 4), names, switches)
    assert far < 0.01 and turned < 2.0
