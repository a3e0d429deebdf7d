# SPDX-License-Identifier: Apache-2.0
"""What stands above and around a character: scaled roots, deltas, constraints, drivers, the NLA, odd bones."""

import importlib

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix, Quaternion, Vector

NAMES = ("pelvis", "left_knee", "left_ankle", "left_foot", "right_ankle", "right_foot", "head", "left_wrist")
FRAMES = 30


def part(driver, name):
    return importlib.import_module(f"{driver.addon.__name__}.{name}")


def a_walk(driver, frames=FRAMES):
    """Somebody glides ahead, turning, with swinging thighs and arms and a sway of the hips."""
    times, index = np.linspace(0, 2, frames), driver.module("shared.skeleton").JOINT_INDEX
    turns = np.tile([1.0, 0, 0, 0], (frames, 22, 1))
    for k, time in enumerate(times):
        turns[k, 0] = Quaternion((0, 1, 0), 0.4 * time)
        for joint, share in (("left_hip", 0.4), ("right_hip", -0.4), ("left_shoulder", 0.8), ("spine1", 0.2)):
            turns[k, index[joint]] = Quaternion((1, 0, 0), share * np.sin(5 * time))
    root = np.stack([0.05 * np.sin(6 * times), 0.92 + 0.03 * np.cos(6 * times), times], axis=1)
    return driver.module("motion.clip").Clip(20.0, turns, root, "a walk")


def rooted(driver, head=(0.0, 0.0, 0.0)):
    """MoCLIP's armature under a root bone."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("root")
    bone.head, bone.tail = head, Vector(head) + Vector((0.05, 0.3, 0.1))
    rig.data.edit_bones["pelvis"].parent = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def key(driver, rig, clip, **how):
    module = driver.module("keying.keyframes")
    bpy.context.view_layer.update()
    return module.apply_clip(rig, clip, bpy.context.scene, 1, module.Fit(**how))


def shown(tools, rig):
    return tools.pose_heads(rig, NAMES, frames=FRAMES)


def at_rest(rig):
    """Without animation and pose, standing at the origin."""
    rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis = Matrix()
    rig.matrix_basis = Matrix()


def scale_root(rig, scale):
    rig.pose.bones["root"].scale = (scale,) * 3


# What stands above the hips.


@pytest.mark.parametrize("root", ["HIPS", "BONE", "OBJECT", "IN_PLACE"])
@pytest.mark.parametrize(("head", "scale"), [((0, 0, 0), 0.5), ((0, 0, 0), 1.5), ((0.1, 0.2, 0.6), 0.5)])
def test_a_body_under_a_scaled_root_is_the_same_body_at_that_scale(driver, tools, root, head, scale):
    rig, clip = rooted(driver, head), a_walk(driver)
    key(driver, rig, clip, root=root)
    plain = shown(tools, rig)
    at_rest(rig)
    rig.pose.bones["root"].rotation_quaternion = Quaternion((1, 2, 3), 0.0 if root == "BONE" else 0.5)
    rig.pose.bones["root"].location = (0.3, 0.1, 0.2)
    scale_root(rig, scale)
    key(driver, rig, clip, root=root)
    wanted = np.array(head) + scale * (plain - np.array(head))
    assert np.abs(shown(tools, rig) - wanted).max() < 0.001
    assert rig.pose.bones["root"].scale.x == pytest.approx(scale)


@pytest.mark.parametrize("mode", ["FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE"])
def test_hips_that_inherit_scale_in_any_way_are_where_they_should(driver, tools, mode):
    rig, clip, head = rooted(driver, (0.1, 0.2, 0.3)), a_walk(driver), np.array((0.1, 0.2, 0.3))
    key(driver, rig, clip)
    plain = shown(tools, rig)
    at_rest(rig)
    scale_root(rig, 0.5)
    rig.data.bones["pelvis"].inherit_scale = mode
    key(driver, rig, clip)
    hips = np.array(rig.data.bones["pelvis"].head_local)
    moved = head + 0.5 * (hips - head) - hips
    wanted = plain + moved if mode == "NONE" else head + 0.5 * (plain - head)
    assert np.abs(shown(tools, rig) - wanted).max() < 0.001


@pytest.mark.parametrize("root", ["HIPS", "BONE"])
def test_hips_and_roots_without_local_location_go_the_same_way(driver, tools, root):
    rig, clip = rooted(driver), a_walk(driver)
    for name in ("pelvis", "root"):
        rig.data.bones[name].use_local_location = False
    rig.pose.bones["root"].rotation_quaternion = Quaternion((1, 2, 3), 0.7)
    key(driver, rig, clip, root=root)
    odd = shown(tools, rig)
    at_rest(rig)
    for name in ("pelvis", "root"):
        rig.data.bones[name].use_local_location = True
    key(driver, rig, clip, root=root)
    assert np.abs(odd - shown(tools, rig)).max() < 0.001


def test_bones_that_inherit_no_rotation_point_where_they_should(driver, tools):
    rig, clip = rooted(driver), a_walk(driver)
    key(driver, rig, clip)
    plain = shown(tools, rig)
    at_rest(rig)
    for name in ("pelvis", "left_hip", "left_elbow", "spine2"):
        rig.data.bones[name].use_inherit_rotation = False
    rig.pose.bones["root"].rotation_quaternion = Quaternion((1, 2, 3), 0.7)
    key(driver, rig, clip)
    assert np.abs(shown(tools, rig) - plain).max() < 0.001


def test_a_character_starts_where_it_stands_under_a_scaled_root(driver, tools):
    rig, clip = rooted(driver, (0.2, 0.0, 0.0)), a_walk(driver)
    scale_root(rig, 0.5)
    key(driver, rig, clip)
    last = shown(tools, rig)[-1]
    bpy.context.scene.frame_set(FRAMES)
    place = driver.module("keying.keyframes").place_of(rig)
    still = driver.module("motion.clip").Clip(20.0, clip.rotations[:3], clip.root_translation[:3], "stands")
    key(driver, rig, still, place=place)
    bpy.context.scene.frame_set(1)
    hips = rig.matrix_world @ rig.pose.bones["pelvis"].head
    assert np.abs((np.array(hips) - last[0])[:2]).max() < 0.001


# The object.


def deltas(rig):
    rig.rotation_euler, rig.scale = (0.1, 0.2, 0.9), (1.2, 1.2, 1.2)
    rig.delta_location, rig.delta_rotation_euler, rig.delta_scale = (1, 2, 0.5), (0.3, 0.1, -0.7), (0.5, 0.5, 0.5)
    rig.delta_rotation_quaternion = Euler((0.3, 0.1, -0.7)).to_quaternion()


def mirrored(rig):
    rig.location, rig.rotation_euler, rig.scale = (1, 0, 0), (0, 0, 0.4), (-0.8, 0.8, 0.8)


def upside_down(rig):
    rig.scale = (-1, -1, -1)


def tall(rig):
    rig.rotation_euler, rig.scale = (0, 0, 0.4), (0.8, 0.8, 1.3)


def parented(rig):
    parent = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.location, parent.rotation_euler, parent.scale = (1, 2, 3), (0.2, 0.5, 1.0), (0.7, 0.7, 0.7)
    rig.parent = parent
    bpy.context.view_layer.update()
    rig.matrix_parent_inverse = parent.matrix_world.inverted()
    parent.location.x += 1


def child_of(rig):
    holder = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(holder)
    holder.location, holder.rotation_euler = (1, 2, 3), (0.2, 0.5, 1.0)
    rig.constraints.new("CHILD_OF").target = holder


@pytest.mark.parametrize("mode", ["XYZ", "ZXY", "QUATERNION", "AXIS_ANGLE"])
@pytest.mark.parametrize("stand", [deltas, mirrored, upside_down, tall, parented, child_of], ids=lambda f: f.__name__)
def test_the_object_carries_the_same_motion_however_it_stands(driver, tools, stand, mode):
    rig, clip = rooted(driver), a_walk(driver)
    stand(rig)
    rig.rotation_mode = mode
    key(driver, rig, clip)
    plain, scale = shown(tools, rig), tuple(rig.scale)
    key(driver, rig, clip, root="OBJECT")
    assert np.abs(shown(tools, rig) - plain).max() < 0.001
    assert rig.rotation_mode == mode and tuple(rig.scale) == scale


# What is told before the wait, and mended by a button.


def refused(driver, says, action, **settings):
    """Generate must fail with a sentence, and nothing may have been done."""
    driver.settings.prompt = "a person walks"
    for name, value in {"use_auto_seconds": False, "seconds": 1.0, **settings}.items():
        setattr(driver.settings, name, value)
    made = list(bpy.data.actions)
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.moclip.generate()
    assert driver.session.job is None and list(bpy.data.actions) == made
    assert driver.session.action == action and driver.session.message.endswith(".")


def mended(driver, tools, kind):
    """The button goes on with what was asked, and the motion is seen; Ctrl+Z takes back first it, then the mend."""
    rig = driver.settings.target
    operator, settings = driver.module("ui.mending").BUTTONS[kind]
    bpy.ops.ed.undo_push(message="before")
    assert getattr(bpy.ops.moclip, operator.partition(".")[2])(**settings) == {"FINISHED"}
    assert driver.session.job is not None, driver.session.message
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level != "ERROR", driver.session.message
    obeyed = obeys(driver, rig)
    assert obeyed, obeyed
    return rig


def obeys(driver, rig, frames=20):
    """Do limbs point as the held motion has them, and do the hips travel?"""
    joints = driver.joints()
    index = driver.module("shared.skeleton").JOINT_INDEX
    for frame in (1, frames // 2, frames - 1):
        bpy.context.scene.frame_set(frame)
        for a, b in (("left_elbow", "left_wrist"), ("right_hip", "right_knee"), ("left_shoulder", "left_elbow")):
            own = rig.matrix_world @ rig.pose.bones[b].head - rig.matrix_world @ rig.pose.bones[a].head
            wanted = Vector(joints[frame - 1, index[b]] - joints[frame - 1, index[a]])
            if own.angle(wanted) > np.radians(8):  # the feet's lock bends legs a little
                return False
    travelled = np.linalg.norm(joints[frames - 1, 0] - joints[0, 0])
    bpy.context.scene.frame_set(1)
    start = rig.matrix_world @ rig.pose.bones["pelvis"].head
    bpy.context.scene.frame_set(frames)
    return abs((rig.matrix_world @ rig.pose.bones["pelvis"].head - start).length - travelled) < 0.1


def a_target(at=(0.5, 0.5, 0.5)):
    empty = bpy.data.objects.new("Aim", None)
    bpy.context.scene.collection.objects.link(empty)
    empty.location, empty.rotation_euler = at, (0.5, 0.6, 0.7)
    return empty


def ik_on_the_wrist(rig):
    ik = rig.pose.bones["left_wrist"].constraints.new("IK")
    ik.target, ik.chain_count = a_target(), 3
    return "The bone 'left_wrist' of 'MoCLIP' would follow its constraint 'IK' instead of its keys"


def ik_on_a_helper(rig):
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("handle")
    bone.parent = rig.data.edit_bones["left_elbow"]
    bone.head, bone.tail = bone.parent.tail, bone.parent.tail + Vector((0, 0, 0.1))
    bpy.ops.object.mode_set(mode="OBJECT")
    ik = rig.pose.bones["handle"].constraints.new("IK")
    ik.target, ik.use_tail = a_target(), False
    return "The bone 'left_elbow' of 'MoCLIP' would follow 'handle' and its constraint 'IK'"


def copied(kind):
    def add(rig):
        rig.pose.bones["left_elbow"].constraints.new(kind).target = a_target()
        title = kind.replace("_", " ").title()
        return f"The bone 'left_elbow' of 'MoCLIP' would follow its constraint '{title}' instead of its keys"

    add.__name__ = kind.lower()
    return add


def two_of_them(rig):
    for name in ("left_elbow", "right_hip"):
        rig.pose.bones[name].constraints.new("COPY_ROTATION").target = a_target()
    return r"'left_elbow' .* 'Copy Rotation' instead of its keys \(and 1 more like it\)"


CONSTRAINED = [
    ik_on_the_wrist, ik_on_a_helper, two_of_them,
    *map(copied, ("COPY_TRANSFORMS", "COPY_ROTATION", "DAMPED_TRACK", "CHILD_OF", "STRETCH_TO", "COPY_LOCATION")),
]  # fmt: skip


@pytest.mark.parametrize("add", CONSTRAINED, ids=lambda f: f.__name__)
def test_constraints_on_keyed_bones_are_told_and_muted_by_a_button(driver, tools, add):
    rig = rooted(driver)
    says = add(rig)
    refused(driver, says, "mute_constraints", start_at="REST", foot_lock=0.0)
    rig = mended(driver, tools, "mute_constraints")
    name = rig.name
    bpy.ops.ed.undo()
    rig = bpy.data.objects[name]
    assert rig.animation_data is None or rig.animation_data.action is None
    assert not any(c.enabled for bone in rig.pose.bones for c in bone.constraints)
    bpy.ops.ed.undo()
    assert all(c.enabled for bone in bpy.data.objects[name].pose.bones for c in bone.constraints)


def test_constraints_that_do_nothing_to_keys_are_let_be(driver, tools):
    rig = rooted(driver)
    bones = rig.pose.bones
    bones["left_elbow"].constraints.new("COPY_ROTATION")  # without a target
    muted = bones["left_elbow"].constraints.new("COPY_ROTATION")
    muted.target, muted.enabled = a_target(), False
    weak = bones["left_elbow"].constraints.new("IK")
    weak.target, weak.influence = a_target(), 0.0
    bones["left_elbow"].constraints.new("MAINTAIN_VOLUME")
    bones["root"].constraints.new("COPY_ROTATION").target = a_target()  # it carries the body, which allows for that
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0, start_at="REST", foot_lock=0.0)
    assert obeys(driver, rig)
    refused(driver, "'root' .* 'Copy Rotation'", "mute_constraints", root="BONE")


def test_a_limit_is_told_with_the_motion(driver):
    rig = rooted(driver)
    limit = rig.pose.bones["left_elbow"].constraints.new("LIMIT_ROTATION")
    limit.use_limit_x = True
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0)
    assert driver.session.level == "WARNING" and driver.session.action == "mute_constraints"
    assert "'left_elbow' goes no further than its 'Limit Rotation' lets it." in driver.session.message
    assert bpy.ops.moclip.mend_rig(kind="mute_constraints") == {"FINISHED"} and not limit.enabled


@pytest.mark.parametrize(("path", "name"), [("rotation_quaternion", "left_elbow"), ("location", "pelvis")])
def test_drivers_on_keyed_channels_are_told_and_muted_by_a_button(driver, tools, path, name):
    rig = rooted(driver)
    curve = rig.pose.bones[name].driver_add(path, 1)
    curve.driver.expression = "0.5"
    rig.pose.bones[name].driver_add("scale", 1).driver.expression = "1"  # no matter
    refused(driver, f"A driver sets the {path[:8]} of the bone '{name}' of 'MoCLIP'", "mute_drivers", start_at="REST")
    rig = mended(driver, tools, "mute_drivers")
    assert [c.mute for c in rig.animation_data.drivers] == [True, False]


def test_connected_hips_are_told_and_disconnected_by_a_button(driver, tools):
    rig = rooted(driver)
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones["root"].tail = rig.data.edit_bones["pelvis"].head
    rig.data.edit_bones["pelvis"].use_connect = True
    bpy.ops.object.mode_set(mode="POSE")
    head = rig.data.bones["pelvis"].head_local.copy()
    refused(driver, "The hips bone 'pelvis' of 'MoCLIP' is connected to 'root'", "disconnect", start_at="REST")
    rig = mended(driver, tools, "disconnect")
    assert bpy.context.mode == "POSE"
    assert not rig.data.bones["pelvis"].use_connect and rig.data.bones["pelvis"].head_local == head


def test_roots_that_are_not_scaled_alike_are_told_and_cleared_by_a_button(driver, tools):
    rig = rooted(driver)
    rig.pose.bones["root"].scale = (1, 1, 2)
    bpy.context.view_layer.update()
    refused(driver, "'root' of 'MoCLIP' is not scaled alike along all axes", "clear_scale", start_at="REST")
    assert mended(driver, tools, "clear_scale").pose.bones["root"].scale.z == 1.0


def test_limbs_that_do_not_inherit_the_roots_scale_are_told(driver):
    rig = rooted(driver)
    scale_root(rig, 0.5)
    rig.data.bones["left_hip"].inherit_scale = "NONE"
    bpy.context.view_layer.update()
    refused(driver, "'root' of 'MoCLIP' is scaled, but 'left_hip' does not inherit its scale", "clear_scale")


def test_a_rest_position_is_told_and_left_by_a_button(driver, tools):
    rig = rooted(driver)
    rig.data.pose_position = "REST"
    refused(driver, "'MoCLIP' is held in its rest pose", "show_pose", start_at="REST")
    assert mended(driver, tools, "show_pose").data.pose_position == "POSE"


def test_a_track_that_plays_alone_is_told_and_ended_by_a_button(driver, tools):
    rig = rooted(driver)
    rig.animation_data_create().nla_tracks.new().is_solo = True
    refused(driver, "The NLA track 'NlaTrack' of 'MoCLIP' plays alone", "end_solo", start_at="REST")
    mended(driver, tools, "end_solo")


@pytest.mark.parametrize("kind", ["constraint", "driver", "scale"])
def test_objects_that_cannot_carry_the_travel_are_told(driver, kind):
    rig = rooted(driver)
    if kind == "constraint":
        rig.constraints.new("COPY_LOCATION").target = a_target()
        refused(
            driver, "object 'MoCLIP' would follow its constraint 'Copy Location'", "mute_constraints", root="OBJECT"
        )
    elif kind == "driver":
        rig.driver_add("location", 0).driver.expression = "1"
        refused(driver, "A driver moves the object 'MoCLIP'", "mute_drivers", root="OBJECT")
    else:
        rig.scale = (1, 2, 1)
        refused(driver, "'MoCLIP' is wider than it is deep by its scale", "", root="OBJECT")
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0, root="HIPS")


def test_obstacles_that_come_up_during_the_wait_are_told_with_their_button(driver, tools):
    rig = rooted(driver)
    driver.ask("a person walks", use_auto_seconds=False, seconds=1.0, start_at="REST", foot_lock=0.0)
    rig.pose.bones["left_elbow"].constraints.new("COPY_ROTATION").target = a_target()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level == "ERROR" and driver.session.action == "mute_constraints"
    assert not bpy.data.actions
    assert bpy.ops.moclip.mend_rig(kind="mute_constraints") == {"FINISHED"}
    assert obeys(driver, rig) and driver.session.level == "INFO", driver.session.message


def test_what_belongs_to_another_file_has_no_button(driver, tmp_path):
    rig = rooted(driver)
    rig.data.pose_position = "REST"
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {rig.data})
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, into):
        into.armatures = [rig.data.name]
    rig.data = into.armatures[0]
    refused(driver, "held in its rest pose. Set .* in the file that it is linked from", "")


# Odd channels.


def test_locked_channels_play(driver):
    rig = rooted(driver)
    for bone in rig.pose.bones:
        bone.lock_location, bone.lock_rotation, bone.lock_rotation_w = (True,) * 3, (True,) * 3, True
        bone.lock_rotations_4d = True
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0, start_at="REST", foot_lock=0.0)
    assert obeys(driver, rig)


@pytest.mark.parametrize("degrees", [0.0, 1.0])
def test_axis_angle_bones_stay_so_and_show_the_same(driver, tools, degrees):
    rig, clip = rooted(driver), a_walk(driver)
    key(driver, rig, clip)
    plain = shown(tools, rig)
    at_rest(rig)
    for bone in rig.pose.bones:
        bone.rotation_mode = "AXIS_ANGLE"
    key(driver, rig, clip, degrees=degrees, millimetres=0.5)
    assert np.abs(shown(tools, rig) - plain).max() < (0.03 if degrees else 0.001)
    assert {bone.rotation_mode for bone in rig.pose.bones} == {"AXIS_ANGLE"}
    for frame in np.arange(1.5, FRAMES, 1.0):  # between the keys neither
        bpy.context.scene.frame_set(int(frame), subframe=0.5)
        head = np.array(rig.matrix_world @ rig.pose.bones["left_wrist"].head)
        beside = plain[int(frame) - 1 : int(frame) + 1, NAMES.index("left_wrist")]
        assert np.linalg.norm(head - beside.mean(axis=0)) < 0.02


@pytest.mark.parametrize("name", ['my "best" arm', "back\\slash", "左腕 é", 'both "\\"'])
def test_bones_of_any_name_are_keyed_recalled_and_given_back(driver, name):
    rig = rooted(driver)
    bpy.ops.moclip.detect_bones()
    rig.data.bones["left_elbow"].name = name
    rig.moclip_bones["left_elbow"].bone = name
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    action = rig.animation_data.action
    assert name in driver.module("keying.before").bones_of(action)
    driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
    assert bpy.ops.moclip.recall(action=action.name) == {"FINISHED"}
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert rig.pose.bones[name].rotation_quaternion == Quaternion()
    curve = rig.pose.bones[name].driver_add("rotation_quaternion", 1)
    curve.driver.expression = "0.5"
    with pytest.raises(RuntimeError, match="A driver sets the rotation of the bone"):
        driver.ask("a person walks")


# How the action plays among others.


def test_a_motion_plays_in_full_whatever_the_last_action_did(driver, tools):
    rig = rooted(driver)
    data = rig.animation_data_create()
    other = bpy.data.actions.new("other")
    part(driver, "compat").Curves(other, rig).new('pose.bones["head"].location', 0, "head").keyframe_points.add(2)
    driver.module("keying.history").lay_strip(data, other)
    data.action_blend_type, data.action_influence, data.action_extrapolation = "ADD", 0.3, "NOTHING"
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0, start_at="REST", foot_lock=0.0)
    assert obeys(driver, rig)
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert data.action_blend_type == "ADD" and data.action_influence == pytest.approx(0.3)
    assert data.action_extrapolation == "NOTHING"


def test_a_range_of_an_action_that_is_mixed_in_is_refused(driver):
    rig = rooted(driver)
    driver.generate("a person walks", use_auto_seconds=False, seconds=2.0, start_at="REST")
    bpy.ops.moclip.accept(as_strip=True)
    driver.generate("a person bows", use_auto_seconds=False, seconds=2.0, start_at="REST")
    rig.animation_data.action_influence = 0.5
    driver.settings.range_start, driver.settings.range_end = 10, 30
    with pytest.raises(RuntimeError, match="The action 'a person bows' of 'MoCLIP' is mixed with its NLA strips"):
        bpy.ops.moclip.edit_range()


@pytest.mark.parametrize("mode", ["XYZ", "AXIS_ANGLE"])
def test_a_range_is_made_anew_on_bones_of_any_mode(driver, tools, mode):
    rig = rooted(driver)
    for bone in rig.pose.bones:
        bone.rotation_mode = mode
    driver.generate("a person walks", use_auto_seconds=False, seconds=3.0, start_at="REST")
    old = tools.pose_heads(rig, NAMES, frames=60)
    driver.settings.range_start, driver.settings.range_end, driver.settings.prompt = 20, 40, "a person bows"
    assert bpy.ops.moclip.edit_range() == {"FINISHED"}
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level != "ERROR", driver.session.message
    new = tools.pose_heads(rig, NAMES, frames=60)
    assert np.abs(new - old)[:19].max() < 1e-4 and np.abs(new - old)[39:].max() < 1e-4
    assert np.abs(new - old)[20:38].max() > 0.05
    assert np.abs(np.diff(new, axis=0)).max() < 0.3


def test_a_path_is_followed_under_a_scaled_root(driver, tools):
    rig, clip = rooted(driver, (0.3, 0.0, 0.0)), a_walk(driver)
    scale_root(rig, 0.5)
    data = bpy.data.curves.new("Path", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("POLY")
    spline.points.add(1)
    for point, place in zip(spline.points, ((2, 1, 0, 1), (2, 9, 0, 1)), strict=True):
        point.co = place
    path = bpy.data.objects.new("Path", data)
    bpy.context.scene.collection.objects.link(path)
    key(driver, rig, clip, path=path)
    hips = shown(tools, rig)[:, 0]
    assert np.abs(hips[:, 0] - 2).max() < 0.1 and hips[0, 1] == pytest.approx(1, abs=0.1)
    # Its steps are half as long, as its legs are.
    length = np.linalg.norm(np.diff(clip.root_translation[:, [0, 2]], axis=0), axis=1).sum()
    assert hips[-1, 1] - hips[0, 1] == pytest.approx(0.5 * length, rel=0.15)


def test_take_after_take_is_refused_where_it_cannot_be_keyed_and_counted_only_once(driver):
    rig = rooted(driver)
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0, variations=2, seed=5)
    constraint = rig.pose.bones["left_elbow"].constraints.new("COPY_ROTATION")
    constraint.target = a_target()
    for ask in (bpy.ops.moclip.try_again, bpy.ops.moclip.show_take):
        with pytest.raises(RuntimeError, match="^Error: The bone 'left_elbow' .* 'Copy Rotation'"):
            ask()
    assert driver.settings.seed == 5 and driver.session.shown == 0
    bpy.ops.moclip.mend_rig(kind="mute_constraints")
    assert driver.session.shown == 1 and rig.animation_data.action["moclip"]["seed"] == "6"


def test_the_nlas_tweak_mode_is_told_by_every_button(driver):
    rig = rooted(driver)
    for _ in range(2):
        driver.generate("a person walks", use_auto_seconds=False, seconds=1.0)
        bpy.ops.moclip.accept(as_strip=True)
    rig.animation_data.nla_tracks[0].strips[0].select = True
    rig.animation_data.nla_tracks.active = rig.animation_data.nla_tracks[0]
    rig.animation_data.use_tweak_mode = True
    if not rig.animation_data.use_tweak_mode:
        pytest.skip("Blender enters tweak mode in its window alone")
    with pytest.raises(RuntimeError, match="in tweak mode of the NLA editor"):
        bpy.ops.moclip.recall()
    rig.animation_data.use_tweak_mode = False


# What is remembered, and what is left behind.


def test_a_rest_that_was_edited_is_looked_at_anew(driver, human):
    """A regenerated rig has the same bones in other places."""
    mapping = driver.module("rig.mapping")
    hierarchy_of = driver.module("rig.hierarchy").hierarchy_of
    old = hierarchy_of(human, mapping.map_rig(human))
    assert hierarchy_of(human, mapping.map_rig(human)) is old
    human.data.transform(Matrix.Translation((0, 0, 0.2)))
    bpy.context.view_layer.update()
    new = hierarchy_of(human, mapping.map_rig(human))
    moved = {name: new.matrices[name][:3, 3] - old.matrices[name][:3, 3] for name in old.order}
    assert all(np.abs(move - (0, 0, 0.2)).max() < 1e-3 for move in moved.values())
    constraint = human.pose.bones["shoulder.L"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget, constraint.influence = human, "torso", 0.5
    with pytest.raises(Exception, match="follows '.*' only in part"):
        hierarchy_of(human, mapping.map_rig(human))


def test_a_batch_that_fails_leaves_the_frame_where_it_was(driver, monkeypatch):
    rig = rooted(driver)
    scene = bpy.context.scene
    driver.settings.prompt = "a person walks"
    scene.frame_set(40)
    bpy.ops.moclip.add_row()
    scene.frame_set(3, subframe=0.25)

    def fails(_rig):
        assert scene.frame_current == 40
        raise part(driver, "shared.errors").MoclipError("It fails.", code="bad_rig")

    monkeypatch.setattr(part(driver, "operators.batch"), "place_of", fails)
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: not driver.session.batch.running)
    assert driver.session.batch.states[driver.settings.rows[0].name] == ("failed", "It fails.")
    assert (scene.frame_current, scene.frame_subframe) == (3, 0.25) and rig.animation_data is None


@pytest.mark.parametrize("root", ["HIPS", "BONE", "OBJECT"])
def test_rigify_under_a_scaled_root_is_the_same_at_that_scale(driver, human, root):
    bones = ("DEF-foot.L", "DEF-toe.R", "DEF-shin.L", "DEF-hand.L", "ORG-spine", "DEF-spine.006")

    def places():
        found = []
        for frame in (1, 10, FRAMES):
            bpy.context.scene.frame_set(frame)
            found.append([human.matrix_world @ human.pose.bones[name].head for name in bones])
        return np.array(found)

    clip = a_walk(driver)
    key(driver, human, clip, root=root)
    plain = places()
    at_rest(human)
    scale_root(human, 0.5)
    key(driver, human, clip, root=root)
    assert np.abs(places() - 0.5 * plain).max() < 0.002


def test_the_menus_entry_mends_all_that_stops_a_motion_but_no_limits(driver):
    rig = rooted(driver)
    assert bpy.ops.moclip.mend_rig() == {"FINISHED"} and "nothing to mend" in driver.session.message
    limit = rig.pose.bones["left_elbow"].constraints.new("LIMIT_ROTATION")
    rig.pose.bones["left_elbow"].constraints.new("COPY_ROTATION").target = a_target()
    rig.pose.bones["left_hip"].driver_add("rotation_quaternion", 1)
    rig.data.pose_position = "REST"
    assert bpy.ops.moclip.mend_rig() == {"FINISHED"} and driver.session.job is None
    mapped = driver.module("rig.mapping").map_rig(rig)
    left = list(driver.module("rig.obstacles").found(rig, mapped))
    assert [obstacle.stops for obstacle in left] == [False] and limit.enabled


def test_the_button_mends_the_rig_that_the_motion_was_made_for(driver, tools):
    rig = rooted(driver)
    driver.ask("a person walks", use_auto_seconds=False, seconds=1.0, start_at="REST", foot_lock=0.0)
    mine = rig.pose.bones["left_elbow"].constraints.new("COPY_ROTATION")
    mine.target = a_target()
    other = rooted(driver)
    others = other.pose.bones["left_elbow"].constraints.new("COPY_ROTATION")
    others.target = a_target()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.action == "mute_constraints"
    bpy.ops.moclip.mend_rig(kind="mute_constraints")
    assert not mine.enabled and others.enabled and obeys(driver, rig)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_stands_above_and_around_the_body_shows_the_motion_at_its_size(driver, tools, seed):
    """Two roots with any pose and scale, any settings of bones and any modes, on an object that stands anyhow."""
    rng = np.random.default_rng(seed)
    rig, clip = rooted(driver, rng.uniform(-0.5, 0.5, 3)), a_walk(driver)
    bpy.ops.object.mode_set(mode="EDIT")
    second = rig.data.edit_bones.new("second")
    second.head = rng.uniform(-0.5, 0.5, 3)
    second.tail = second.head + Vector(rng.uniform(0.1, 0.5, 3))
    second.parent, rig.data.edit_bones["pelvis"].parent = rig.data.edit_bones["root"], second
    bpy.ops.object.mode_set(mode="OBJECT")
    root = str(rng.choice(["HIPS", "BONE", "OBJECT", "IN_PLACE"]))
    key(driver, rig, clip, root="IN_PLACE" if root == "IN_PLACE" else "HIPS")
    wanted = shown(tools, rig)
    at_rest(rig)
    modes = ["XYZ", "ZXY", "QUATERNION", "AXIS_ANGLE"]
    for bone in rig.data.bones:
        bone.use_local_location = bool(rng.random() < 0.6)
        if bone.name not in ("root", "second"):
            bone.use_inherit_rotation = bool(rng.random() < 0.8)
            bone.inherit_scale = str(rng.choice(["FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE"]))
        rig.pose.bones[bone.name].rotation_mode = str(rng.choice(modes))
    for name in ("second", "root"):
        scale, head = float(rng.choice([0.5, 0.8, 1.0, 1.5])), np.array(rig.data.bones[name].head_local)
        turn = Quaternion(rng.normal(size=4).tolist()).normalized()
        rig.pose.bones[name].matrix_basis = Matrix.LocRotScale(rng.uniform(-1, 1, 3).tolist(), turn, (scale,) * 3)
        wanted = head + scale * (wanted - head)
    rig.rotation_mode = str(rng.choice(modes))
    [deltas, mirrored, upside_down, parented, child_of][seed % 5](rig)
    bpy.context.view_layer.update()
    world = np.array(rig.matrix_world)
    key(driver, rig, clip, root=root)
    assert np.abs(shown(tools, rig) - wanted @ world[:3, :3].T - world[:3, 3]).max() < 0.001
