# SPDX-License-Identifier: Apache-2.0
"""Rigify's generated human: its FK controls are keyed, its switches set, its deform bones go where the motion does."""

import bpy
import measures
import numpy as np
import pytest
from mathutils import Matrix, Quaternion

pytestmark = pytest.mark.usefixtures("by_embedded")

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


LIMBS = ("thigh", "shin", "foot", "toe", "upper_arm", "forearm", "hand")


def constant_ranges(curves, control):
    """Frames without a key between two keys that say the same, of a control's location."""
    keys = np.array([[p.co[:] for p in c.keyframe_points] for c in curves
                     if c.data_path == f'pose.bones["{control}"].location'])  # fmt: skip
    frames, values = keys[0, :, 0], keys[..., 1]
    gaps = np.diff(frames) > 1.5
    assert np.abs(np.diff(values, axis=1))[:, gaps].max() < 1e-6
    return np.diff(frames)[gaps]


def test_keyed_by_ik_fk_shows_the_same_and_a_planted_foot_is_two_keys(driver, human):
    """A squat: feet stand, though the motion leaves them some millimetres of noise."""
    module, times = driver.module("keying.keyframes"), np.linspace(0, 2, 41)
    index = driver.module("shared.skeleton").JOINT_INDEX
    bend = 0.45 * (1 - np.cos(np.pi * times)) + 0.02
    turns = np.tile([1.0, 0, 0, 0], (41, 22, 1))
    for side, sign in (("left", 1), ("right", -1)):
        turns[:, index[f"{side}_hip"]] = [Quaternion((1, 0, 0), -b) for b in bend]
        turns[:, index[f"{side}_knee"]] = [Quaternion((1, 0, 0), 2 * b) for b in bend]
        turns[:, index[f"{side}_ankle"]] = [Quaternion((1, 0, 0), 0.66 - b) for b in bend]
        turns[:, index[f"{side}_shoulder"]] = [Quaternion((0, 0, 1), -sign * (0.9 - 0.4 * b)) for b in bend]
        turns[:, index[f"{side}_elbow"]] = [Quaternion((0, 1, 0), -sign * (0.1 + b)) for b in bend]
    height = 0.09 + 0.084 + 0.82 * np.cos(bend) + 0.001 * np.sin(40 * times)
    clip = driver.module("motion.clip").Clip(20.0, turns, np.stack([0 * times, height, 0 * times], axis=1), "squats")
    human.pose.bones["foot_heel_ik.L"].rotation_euler.x = 0.4  # of no account while the motion plays
    own = human.pose.bones["MCH-shin_ik.L"].ik_stretch
    before = driver.module("keying.before").taken(human, bpy.context.scene)
    action = module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(ik=("leg", "arm")))
    curves = driver.module("compat").fcurves_of(action)
    switches = [c for c in curves if c.data_path.endswith('["IK_FK"]')]
    assert [[tuple(p.co) for p in c.keyframe_points] for c in switches] == [[(1.0, 0.0)]] * 4
    assert human.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0 and not human.pose.bones["thigh_parent.L"]["pole_vector"]

    names = [f"DEF-{limb}.{s}" for limb in LIMBS for s in "LR"]
    far, turned = measures.ik_and_fk_apart(human, range(1, 42, 5), names, switches)
    assert far < 0.005 and turned < 1.0
    for control in ("foot_ik.L", "foot_ik.R"):
        assert constant_ranges(curves, control).max() >= 30, control
    state = driver.module("keying.before").of_animated(before, action, bpy.context.scene)
    assert human.pose.bones["MCH-shin_ik.L"].ik_stretch == 0.0
    driver.module("keying.before").give_back(human, None, "", state, scene_too=True)
    assert human.pose.bones["MCH-shin_ik.L"].ik_stretch == own > 0


def test_only_the_limbs_that_are_asked_for_are_moved_by_ik(driver, human):
    module, kinds = driver.module("keying.keyframes"), driver.module("rig.controls")
    turns = np.tile([1.0, 0, 0, 0], (20, 22, 1))
    clip = driver.module("motion.clip").Clip(20.0, turns, np.tile([0.0, 0.99, 0.0], (20, 1)), "stands")
    action = module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(ik=("leg",)))
    told = {c.data_path: c.keyframe_points[0].co[1] for c in driver.module("compat").fcurves_of(action)}
    assert told['pose.bones["thigh_parent.L"]["IK_FK"]'] == 0.0 and told['pose.bones["thigh_parent.R"]["pole_vector"]']
    assert told['pose.bones["upper_arm_parent.L"]["IK_FK"]'] == 1.0
    assert 'pose.bones["upper_arm_parent.L"]["pole_vector"]' not in told
    assert {limb.name for kind in kinds.CONTROL_RIGS for limb in kind.limbs} == {kinds.LEG, kinds.ARM}


def keys_of(curves, control, channel, index=0):
    """(K, 2) frames and values."""
    path = f'pose.bones["{control}"].{channel}'
    return np.array(
        [p.co[:] for c in curves if (c.data_path, c.array_index) == (path, index) for p in c.keyframe_points]
    )


def test_a_foot_that_rolls_is_one_key_range_a_step(driver, human):
    """A walk: heels strike, soles lie flat, heels rise over the ball; the foot's control stays meanwhile."""
    driver.settings.target = human
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=4.0, seed=1)
    clip, module = driver.session.held[1], driver.module("keying.keyframes")
    stands = module._stands(*driver.module("motion.clip").resample(clip, 20.0), 20.0)
    action = module.apply_clip(human, clip, bpy.context.scene, 1, module.Fit(ik=("leg",)))
    curves = driver.module("compat").fcurves_of(action)
    raised = 0
    for column, s in enumerate("LR"):
        steps = driver.module("shared.footing").contact_spans(stands[:, column], 20.0)
        frames, heel = (
            keys_of(curves, f"foot_ik.{s}", "location")[:, 0],
            keys_of(curves, f"foot_heel_ik.{s}", "rotation_euler"),
        )
        held = [(a, b) for a, b in zip(frames, frames[1:], strict=False) if b - a > 1.5]
        print(s, "steps", [(a + 1, b + 1) for a, b in steps], "one place", held)
        constant_ranges(curves, f"foot_ik.{s}")
        for first, last in steps:
            (only,) = [(a, b) for a, b in held if b > first + 1 and a < last + 1]
            assert only[0] <= first + 4 and only[1] - only[0] > 0.5 * (last - first), (first, last, only)
            raised += max(np.interp(np.arange(only[0], only[1] + 1), *heel.T)) > np.radians(15)
        # What a flat foot does not need has no key, and no roll is left in the air for long.
        assert len(heel) < 75 and len(keys_of(curves, f"foot_spin_ik.{s}", "rotation_quaternion")) < 75
    assert raised >= 3
    names = [f"DEF-{limb}.{s}" for limb in LIMBS[:4] for s in "LR"]
    switches = [
        c for c in curves if c.data_path.startswith('pose.bones["thigh_parent') and c.data_path.endswith('["IK_FK"]')
    ]

    far, turned = measures.ik_and_fk_apart(human, range(1, 81, 2), names, switches)
    assert far < 0.005 and turned < 1.0


def test_a_foot_whose_roll_control_has_other_axes_is_not_rolled_by_it(driver, human):
    bpy.context.view_layer.objects.active = human
    bpy.ops.object.mode_set(mode="EDIT")
    human.data.edit_bones["foot_heel_ik.L"].roll += np.pi / 2
    bpy.ops.object.mode_set(mode="OBJECT")
    rest = driver.module("rig.rest").RigRest(human, driver.module("rig.mapping").map_rig(human))
    rolls = driver.module("rig.foot_rolls").pivots_of(rest, driver.module("rig.controls").RIGIFY)
    assert set(rolls) == {"right"}
    # Heel behind ankle behind ball, as Rigify's human faces -Y.
    assert rolls["right"].heel[1] > rolls["right"].ankle[1] > rolls["right"].ball[1]
