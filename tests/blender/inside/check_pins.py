# SPDX-License-Identifier: Apache-2.0
"""Empties that say where a hand, a foot, the head or the hips are: met by any rig, the body following."""

import bpy
import numpy as np
import pytest
from characters import load
from check_rigs import mixamo_rig
from mathutils import Euler, Quaternion, Vector

PARTS = {
    "left_hand": "left_wrist", "right_hand": "right_wrist", "left_foot": "left_ankle", "right_foot": "right_ankle",
    "head": "head", "hips": "pelvis",
}  # fmt: skip
AWAY = {"left_hand": 0.2, "right_hand": 0.2, "left_foot": 0.12, "right_foot": 0.12, "head": 0.07, "hips": 0.07}


def hold(driver, clip):
    """As if the backend had just made the clip, for the target as it is."""
    jobs, scene = driver.module("backend.jobs"), bpy.context.scene
    target = jobs.Target.of(scene.moclip.target)
    job = jobs.Job("a motion", 4.0, 0, target, scene.name, 1, driver.session.file_number)
    driver.session.takes, driver.session.shown, driver.session._held_job = [clip], 0, job


def gait(driver, stride=0.045):
    """A made-up walk of four seconds with hanging arms; with a stride of 0 a person who stands and sways."""
    index = driver.module("shared.skeleton").JOINT_INDEX
    t = np.arange(80)
    angles = np.zeros((80, 22, 3))
    for name, sign in (("left_hip", 1), ("right_hip", -1)):
        angles[:, index[name], 0] = sign * 22 * np.sin(t / 5) * (stride > 0) - 8
        angles[:, index[name.replace("hip", "knee")], 0] = 16
    for side, sign in (("left", -1), ("right", 1)):
        angles[:, index[f"{side}_shoulder"], 2] = sign * 70
        angles[:, index[f"{side}_shoulder"], 0] = sign * 15 * np.sin(t / 5)
        angles[:, index[f"{side}_elbow"], 1] = sign * 20
    turns = np.array([[Euler(np.radians(a), "XYZ").to_quaternion() for a in frame] for frame in angles])
    root = np.stack([0 * t, 0.9 + 0 * t, stride * t], axis=1)
    return driver.module("motion.clip").Clip(20.0, turns.astype("f4"), root.astype("f4"), "a motion")


def own(_driver, _tmp_path):
    bpy.ops.moclip.create_armature()
    return bpy.context.scene.moclip.target


def mixamo(driver, _tmp_path):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=True, scale=0.01)
    rig.location.x += 1.0
    return rig


def real(_driver, tmp_path):
    return load("rocketbox_f03.fbx", tmp_path)


def matrix(rig, bone):
    bpy.context.view_layer.update()
    return rig.matrix_world @ rig.pose.bones[bone].matrix


@pytest.mark.parametrize("stride", [0.045, 0.0], ids=["walks", "stands"])
@pytest.mark.parametrize("make", [own, mixamo, real], ids=lambda make: make.__name__)
def test_a_pin_is_met_on_the_rig(driver, tmp_path, make, stride):
    rig, scene = make(driver, tmp_path), bpy.context.scene
    scene.render.fps = 24  # pins lie between the motion's frames
    scene.moclip.target = rig
    hold(driver, gait(driver, stride))
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}
    bone_of = driver.module("rig.mapping").map_rig(rig)
    held_by, rest = driver.module("rig.held").bone_held, driver.module("rig.rest").RigRest(rig, bone_of)
    start = int(rig.animation_data.action.frame_range[0])
    height = (matrix(rig, bone_of["head"]).translation - matrix(rig, bone_of["left_ankle"]).translation).length
    rng, missed = np.random.default_rng(3), {}
    for number, part in enumerate(PARTS):
        frame = start + 13 + 12 * number
        scene.frame_set(frame)
        scene.moclip_pinned = part
        assert bpy.ops.moclip.add_pin() == {"FINISHED"}
        pin = rig.moclip_pins[-1]
        assert pin.frame == frame and pin.effector == part
        away = Vector(rng.normal(size=3)).normalized() * AWAY[part] * height / 1.5
        away.z = abs(away.z) if part.endswith("foot") else away.z
        turn = Quaternion(Vector(rng.normal(size=3)).normalized(), np.radians(15.0))
        where = pin.at.matrix_world.copy()
        pin.at.rotation_mode = "QUATERNION"
        pin.at.rotation_quaternion = turn @ where.to_quaternion()
        pin.at.location = where.translation + away
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}, driver.session.message
    for pin in rig.moclip_pins:
        scene.frame_set(pin.frame)
        shown = matrix(rig, held_by(bone_of, pin.effector, rest))
        off = (shown.translation - pin.at.matrix_world.translation).length * 1.5 / height
        turned = shown.to_quaternion().rotation_difference(pin.at.matrix_world.to_quaternion()).angle
        missed[pin.effector] = 1000 * off, np.degrees(min(turned, 2 * np.pi - turned))
    print(make.__name__, stride, {part: f"{mm:.1f} mm {deg:.1f} deg" for part, (mm, deg) in missed.items()})
    assert max(mm for mm, _ in missed.values()) < 10.0 and max(deg for _, deg in missed.values()) < 2.0


def test_a_pin_outside_the_motion_is_told_and_a_removed_one_is_gone(driver):
    rig, scene = own(driver, None), bpy.context.scene
    hold(driver, gait(driver))
    scene.frame_set(500)
    assert bpy.ops.moclip.add_pin() == {"FINISHED"}
    empty = rig.moclip_pins[0].at.name
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}
    assert "frame 500 lies outside" in driver.session.message and driver.session.level == "WARNING"
    assert bpy.ops.moclip.remove_pin() == {"FINISHED"}
    assert not rig.moclip_pins and empty not in bpy.data.objects
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}
    assert "outside" not in driver.session.message


def test_pins_need_a_bone(driver):
    rig = own(driver, None)
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("left_wrist",):
        rig.data.edit_bones.remove(rig.data.edit_bones[name])
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.scene.moclip_pinned = "left_hand"
    with pytest.raises(RuntimeError, match="no bone for the left hand"):
        bpy.ops.moclip.add_pin()
    assert not rig.moclip_pins
