# SPDX-License-Identifier: Apache-2.0
"""Feet and hands that hang on the root instead of on their limbs, and arms that end without a hand.

A loose end must go with its limb as if it hung there: rigs are compared to their likes whose bones hang as usual.
"""

import bpy
import characters
import measures
import numpy as np
import pytest
from check_rigs import MIXAMO, lively_clip, mixamo_rig
from mathutils import Quaternion, Vector
from reading import clip_of, key, read, turned_apart

FEET, TOES, HANDS = (
    [f"{side}{part}" for side in ("Left", "Right")] for part in ("Foot", "ToeBase", "Hand")
)  # fmt: skip
BONES = list(MIXAMO.values())
SHAPES = {"Z up": {}, "Y up, centimetres": {"y_up": True, "scale": 0.01}}


def a_rig(driver, edit=lambda bones: None, **shape):
    """Mixamo's names on feet, under a root bone on the ground, with what `edit` makes of its edit bones."""
    shape = {"down_deg": 30, "y_up": False, "scale": 1.0} | shape
    rig = characters.on_feet(mixamo_rig(driver, "", **shape), 30.0)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    root = bones.new("Root")
    root.head, root.tail = (0, 0, 0), Vector((0.05, 0.3, 0.1)) / shape["scale"]
    bones["Hips"].parent = root
    edit(bones)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    return rig


def hung(names, parent):
    def edit(bones):
        for name in names:
            bones[name].parent = bones[parent] if parent else None

    return edit


def on_helpers(bones):
    """Each foot on a bone of its own under the root, as for IK."""
    for name in FEET:
        helper = bones.new(f"{name}Target")
        helper.head, helper.tail = bones[name].head, bones[name].head + bones["Root"].vector
        helper.parent, bones[name].parent = bones["Root"], helper


def on_the_body(bones):
    hung(FEET, "Hips")(bones)
    hung(HANDS, "Spine2")(bones)


def everything(bones):
    hung([*FEET, *TOES, *HANDS], "Root")(bones)


def with_odd_settings(bones):
    hung([*FEET, *HANDS], "Root")(bones)
    for name in FEET:
        bones[name].use_local_location, bones[name].inherit_scale = False, "ALIGNED"
    for name in HANDS:
        bones[name].use_inherit_rotation = False


KINDS = {
    "feet on the root": hung(FEET, "Root"),
    "feet on nothing": hung(FEET, None),
    "hands on the root": hung(HANDS, "Root"),
    "toes on the root": hung(TOES, "Root"),
    "hands on the upper arms": lambda bones: [hung([f"{s}Hand"], f"{s}Arm")(bones) for s in ("Left", "Right")],
    "feet on helpers": on_helpers,
    "feet on the hips and hands on the chest": on_the_body,
    "all ends on the root": everything,
    "other ways to inherit": with_odd_settings,
}


def a_walk(driver, frames=40):
    """Somebody walks ahead in a curve with bending knees and elbows."""
    times, index = np.linspace(0, 2, frames), driver.module("shared.skeleton").JOINT_INDEX
    turns = np.tile([1.0, 0, 0, 0], (frames, 22, 1))
    for k, time in enumerate(times):
        turns[k, 0] = Quaternion((0, 1, 0), 0.4 * time)
        for side, sign in (("left", 1), ("right", -1)):
            swing = sign * np.sin(5 * time)
            bends = {"hip": -0.4 * swing, "knee": 0.3 - 0.3 * swing, "ankle": 0.5, "elbow": 0.4 * swing}
            for joint, angle in bends.items():
                turns[k, index[f"{side}_{joint}"]] = Quaternion((1, 0, 0), angle)
    root = np.stack([0.03 * np.sin(6 * times), 0.9 + 0.02 * np.cos(6 * times), times], axis=1)
    return driver.module("motion.clip").Clip(20.0, turns, root, "a walk")


def shown(rig, names, frames=40):
    return measures.stances(rig, range(1, frames + 1), names)


def apply(driver, rig, clip, **how):
    module = driver.module("keying.keyframes")
    return module.apply_clip(rig, clip, bpy.context.scene, 1, module.Fit(**how))


def apart_from_usual(driver, kind, clip, posed=lambda rig: None, shape=None, **how):
    """(mm, degrees) between a rig of a kind and one whose bones hang as usual."""
    found = []
    for edit in (KINDS[kind], lambda bones: None):
        rig = a_rig(driver, edit, **(shape or {}))
        posed(rig)
        bpy.context.view_layer.update()
        apply(driver, rig, clip, **how)
        found.append(shown(rig, BONES, len(clip.rotations)))
    millimetres, degrees = measures.apart(*found)
    print(f"{kind}: {millimetres:.4f} mm, {degrees:.4f} degrees from a rig that hangs together")
    return millimetres, degrees


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_loose_ends_go_with_their_limbs(driver, kind, shape):
    for clip, lock in ((a_walk(driver), 1.0), (lively_clip(driver), 0.0)):
        millimetres, degrees = apart_from_usual(driver, kind, clip, shape=SHAPES[shape], foot_lock=lock)
        assert millimetres < 0.1 and degrees < 0.05


@pytest.mark.parametrize("root", ["HIPS", "BONE", "OBJECT", "IN_PLACE"])
@pytest.mark.parametrize("kind", ["feet on the root", "feet on nothing", "feet on helpers", "other ways to inherit"])
def test_loose_ends_go_with_their_limbs_whoever_travels(driver, kind, root):
    millimetres, degrees = apart_from_usual(driver, kind, a_walk(driver), root=root)
    assert millimetres < 0.1 and degrees < 0.05


def pose_the_root(rig):
    root = rig.pose.bones["Root"]
    root.rotation_quaternion, root.location = Quaternion((1, 2, 3), 0.4), (0.3, 0.2, 0.1)
    root.scale = (1.4, 1.4, 1.4)
    for name in FEET:
        if helper := rig.pose.bones.get(f"{name}Target"):
            helper.rotation_quaternion, helper.location = Quaternion((3, 1, 2), -0.7), (0.2, 0.1, -0.3)


@pytest.mark.parametrize("root", ["HIPS", "BONE"])
@pytest.mark.parametrize("kind", ["feet on the root", "feet on helpers", "feet on the hips and hands on the chest"])
def test_loose_ends_go_with_their_limbs_under_a_posed_root(driver, kind, root):
    millimetres, degrees = apart_from_usual(driver, kind, a_walk(driver), posed=pose_the_root, root=root)
    assert millimetres < 0.1 and degrees < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_rig_with_loose_ends_comes_back_when_it_is_read(driver, kind):
    rig = a_rig(driver, KINDS[kind])
    pose_the_root(rig)
    if kind == "feet on nothing":  # they do not grow with the body
        rig.pose.bones["Root"].scale = (1, 1, 1)
    bpy.context.view_layer.update()
    key(driver, rig, lively_clip(driver))
    before = shown(rig, BONES)
    key(driver, rig, clip_of(driver, read(driver, rig, range(1, 41))))
    millimetres, degrees = measures.apart(before, shown(rig, BONES))
    assert millimetres < 0.2 and degrees < 0.05


@pytest.mark.parametrize("kind", ["feet on the root", "hands on the root"])
def test_fewer_keys_leave_ends_on_their_limbs(driver, kind):
    millimetres, _ = apart_from_usual(driver, kind, a_walk(driver), degrees=1.0, millimetres=2.0)
    assert millimetres < 40.0  # an end keeps its place while the limb above it is off by a degree a bone


def test_a_body_that_grows_without_its_feet_is_refused(driver):
    rig = a_rig(driver, KINDS["feet on nothing"])
    pose_the_root(rig)
    bpy.context.view_layer.update()
    with pytest.raises(
        driver.module("shared.errors").MoclipError, match="'Root' of 'Character' is scaled, but 'LeftFoot'"
    ):
        apply(driver, rig, a_walk(driver))


def test_what_hangs_on_a_loose_foot_rides_along(driver):
    def edit(bones):
        hung(FEET, "Root")(bones)
        strap = bones.new("Strap")
        strap.head, strap.tail = bones["LeftFoot"].head, bones["LeftFoot"].head + Vector((0, 0, 0.1))
        strap.parent = bones["LeftFoot"]

    rig = a_rig(driver, edit)
    apply(driver, rig, a_walk(driver))
    places = shown(rig, ["LeftFoot", "Strap"])[..., :3, 3]
    assert np.linalg.norm(places[:, 0] - places[:, 1], axis=1).max() < 1e-4


@pytest.mark.parametrize("how", ["discard", "undo"])
def test_a_motion_that_is_taken_back_leaves_loose_ends_where_they_were(driver, how):
    rig = a_rig(driver, hung([*FEET, *HANDS], "Root"))
    for name in FEET:
        rig.pose.bones[name].location = (0.1, 0.2, 0.3)
    driver.settings.target = rig
    bpy.context.view_layer.update()
    before = {name: np.array(rig.pose.bones[name].matrix) for name in MIXAMO.values()}
    bpy.ops.ed.undo_push(message="posed")
    name = rig.name
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=2.0, seed=1)
    assert not np.allclose(before["LeftFoot"], np.array(rig.pose.bones["LeftFoot"].matrix), atol=0.01)
    assert (bpy.ops.moclip.reject() if how == "discard" else bpy.ops.ed.undo()) == {"FINISHED"}
    rig = bpy.data.objects[name]
    bpy.context.view_layer.update()
    for bone, matrix in before.items():
        assert np.allclose(matrix, np.array(rig.pose.bones[bone].matrix), atol=1e-5), bone


def test_a_connected_foot_is_told_and_disconnected(driver):
    def edit(bones):
        for name in FEET:
            stick = bones.new(f"{name}Stick")
            stick.head, stick.tail = (0, 0, 0), bones[name].head
            stick.parent, bones[name].parent = bones["Root"], stick
            bones[name].use_connect = True

    rig = a_rig(driver, edit)
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="'LeftFoot' of 'Character' is connected to 'LeftFootStick' and cannot go"):
        driver.ask("a person walks")
    bones = driver.module("rig.mapping").map_rig(rig)
    obstacle = next(iter(driver.module("rig.obstacles").found(rig, bones)))
    assert obstacle.action == "disconnect"
    obstacle.mend()
    assert not any(rig.data.bones[name].use_connect for name in FEET)
    assert not list(driver.module("rig.obstacles").found(rig, bones))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (hung(["LeftForeArm"], "Spine2"), "the left forearm"),
        (hung(["LeftLeg"], "Root"), "the left shin"),
        (lambda bones: [hung(FEET, "Root")(bones), bones["LeftFoot"].translate(Vector((0, 0.5, 0.3)))],
         "the left foot"),
        (hung(["LeftFoot"], "RightLeg"), "the left foot"),
    ],
    ids=["elbow on the chest", "knee on the root", "foot far off", "foot on the other leg"],
)  # fmt: skip
def test_what_is_no_loose_end_is_refused(driver, edit, says):
    rig = a_rig(driver, edit)
    rig.moclip_bones_as_they_are = True
    driver.module("rig.table").fill(rig, MIXAMO)
    with pytest.raises(driver.module("shared.errors").MoclipError) as caught:
        driver.module("rig.mapping").map_rig(rig)
    assert says in str(caught.value).lower() and "does not hang on" in str(caught.value)


def with_fingers_on_forearms(bones):
    for side, sign in (("Left", 1), ("Right", -1)):
        hand, forearm = bones[f"{side}Hand"], bones[f"{side}ForeArm"]
        for k, finger in enumerate(("Thumb", "Index", "Middle", "Pinky")):
            above, at = forearm, hand.head.copy()
            for j in (1, 2):
                bone = bones.new(f"{side}{finger}{j}")
                bone.head = at
                at = at + Vector((0.05 * sign, 0.03 * (k - 1.5), 0))
                bone.tail, bone.parent, above = at, above, bone
        bones.remove(hand)


def with_stumps(bones):
    for side in ("Left", "Right"):
        bones[f"{side}ForeArm"].tail = bones[f"{side}Hand"].head
        bones.remove(bones[f"{side}Hand"])


def with_stumps_drawn_at_random(bones):
    for side in ("Left", "Right"):
        head = bones[f"{side}ForeArm"].head
        bones[f"{side}ForeArm"].tail = head + (bones[f"{side}Arm"].head - head) * 0.9
        bones.remove(bones[f"{side}Hand"])


@pytest.mark.parametrize("edit", [with_fingers_on_forearms, with_stumps, with_stumps_drawn_at_random])
def test_arms_without_hands_move_as_those_with_hands(driver, edit):
    names, found = [bone for joint, bone in MIXAMO.items() if "wrist" not in joint], []
    for change in (edit, lambda bones: None):
        rig = a_rig(driver, change)
        bones = driver.module("rig.mapping").map_rig(rig)
        assert ("left_wrist" in bones) == (change is not edit) and bones["left_elbow"] == "LeftForeArm"
        apply(driver, rig, lively_clip(driver), foot_lock=0.0)
        # By the rest: tails, which differ, are no part of a motion.
        rest = np.array([rig.matrix_world @ rig.data.bones[name].matrix_local for name in names])
        found.append(shown(rig, names) @ np.linalg.inv(rest))
    millimetres, degrees = measures.apart(*found)
    print(f"{edit.__name__}: {millimetres:.3f} mm, {degrees:.3f} degrees")
    assert degrees < 0.5


def test_the_astronaut_walks_on_its_shins(driver, tmp_path):
    """A real file: feet and pole targets on the root, fingers on the forearms."""
    rig = characters.load("q_astro.glb", tmp_path)
    bones = driver.module("rig.mapping").map_rig(rig)
    assert bones["left_ankle"] == "Foot.L" and bones["left_elbow"] == "LowerArm.L" and "left_wrist" not in bones
    apply(driver, rig, a_walk(driver))
    names = ["LowerLeg.L", "Foot.L", "LowerLeg.R", "Foot.R", "UpperLeg.L", "LowerArm.L", "Index1.L"]
    shin, foot, other_shin, other_foot, thigh, forearm, finger = np.moveaxis(shown(rig, names), 1, 0)
    for limb, end in ((shin, foot), (other_shin, other_foot), (forearm, finger)):
        place = np.einsum("tij,tj->ti", np.linalg.inv(limb), end[:, :, 3])[:, :3]
        assert np.ptp(place, axis=0).max() < 1e-3
    bend = np.degrees(np.arccos(np.clip((shin[:, :3, 1] * thigh[:, :3, 1]).sum(axis=1), -1, 1)))
    assert np.ptp(bend) > 20.0
    before = shown(rig, list(bones.values()))
    key(driver, rig, clip_of(driver, read(driver, rig, range(1, 41))))
    assert measures.apart(before, shown(rig, list(bones.values())))[0] < 0.2


def with_wide_hips(bones):
    for side, sign in (("Left", 1), ("Right", -1)):
        for part in ("UpLeg", "Leg", "Foot", "ToeBase"):
            bones[side + part].translate(Vector((0.4 * sign, 0, 0)))


def test_wide_hips_tilt_less_and_are_read_back(driver, tools):
    """A cartoon character's: at a person's angles its feet would rise by more than its knees bend."""
    clip, names = lively_clip(driver), ["LeftUpLeg", "RightUpLeg"]
    found = []
    for edit in (with_wide_hips, lambda bones: None):
        rig = a_rig(driver, edit)
        key(driver, rig, clip)
        left, right = np.moveaxis(shown(rig, names)[..., :3, 3], 1, 0)
        across = left - right
        found.append(np.abs(across[:, 2] / np.linalg.norm(across, axis=1)).mean())
    assert found[0] < 0.8 * found[1]
    rig = a_rig(driver, with_wide_hips)
    key(driver, rig, clip)
    before, reading = shown(rig, BONES), read(driver, rig, range(1, 41))
    assert turned_apart(driver, rig, clip.rotations, reading.rotations) < 0.05
    key(driver, rig, clip_of(driver, reading))
    assert measures.apart(before, shown(rig, BONES))[0] < 0.2


def test_feet_that_hang_on_their_shins_get_no_location(driver):
    rig = a_rig(driver)
    action = apply(driver, rig, a_walk(driver))
    located = {c.data_path for c in driver.module("compat").fcurves_of(action) if c.data_path.endswith("location")}
    assert located == {'pose.bones["Hips"].location'}
