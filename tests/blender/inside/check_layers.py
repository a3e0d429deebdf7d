# SPDX-License-Identifier: Apache-2.0
"""Some limbs of a motion over another: keep the walk, make the arms wave."""

import bpy
import numpy as np
import pytest
from check_pins import gait, hold
from mathutils import Euler


def wave(driver):
    """Stands still with the right arm up, which swings from the second half second on."""
    index = driver.module("shared.skeleton").JOINT_INDEX
    base = gait(driver, 0.0)
    turns = base.rotations.copy()
    for frame in range(80):
        lift = 50 * min(frame / 20, 1.0) + 20 * np.sin(frame / 3) * (frame > 20)
        turns[frame, index["right_shoulder"]] = Euler((0, 0, np.radians(-lift))).to_quaternion()
    return driver.module("motion.clip").Clip(20.0, turns, base.root_translation, "a wave")


def keyed(driver, clip):
    hold(driver, clip)
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}


def heads(rig, frames):
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        found.append({bone.name: np.array(rig.matrix_world @ bone.matrix) for bone in rig.pose.bones})
    return found


FRAMES = range(15, 66, 10)  # away from where the layer fades in and out


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
def test_the_arm_waves_and_the_walk_goes_on(driver, mode):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    for bone in rig.pose.bones:
        bone.rotation_mode = mode
    keyed(driver, gait(driver))
    bpy.ops.moclip.accept()
    walk, walked = rig.animation_data.action, heads(rig, FRAMES)
    keyed(driver, wave(driver))
    assert bpy.ops.moclip.lay_over(limbs="right_arm") == {"FINISHED"}
    both = heads(rig, FRAMES)
    assert rig.animation_data.action is None and len(rig.animation_data.nla_tracks) == 2
    base, over = (track.strips[0] for track in rig.animation_data.nla_tracks)
    assert base.action == walk and over.blend_type == "REPLACE" and over.extrapolation == "NOTHING"
    for before, after in zip(walked, both, strict=True):
        for name in ("pelvis", "head", "left_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot"):
            np.testing.assert_allclose(after[name], before[name], atol=1e-4)
        assert after["right_wrist"][2, 3] > before["right_wrist"][2, 3] + 0.3


def test_an_additive_layer_begins_where_the_base_is(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    keyed(driver, gait(driver))
    bpy.ops.moclip.accept()
    walked = heads(rig, (1, 40))
    keyed(driver, wave(driver))
    assert bpy.ops.moclip.lay_over(limbs="right_arm", additive=True) == {"FINISHED"}
    strip = rig.animation_data.nla_tracks[-1].strips[0]
    assert strip.blend_type == "COMBINE"
    first, later = heads(rig, (1, 40))
    np.testing.assert_allclose(first["right_wrist"], walked[0]["right_wrist"], atol=1e-4)
    assert np.linalg.norm(later["right_wrist"][:3, 3] - walked[1]["right_wrist"][:3, 3]) > 0.1
    np.testing.assert_allclose(later["left_wrist"], walked[1]["left_wrist"], atol=1e-4)


def test_one_undo_takes_a_layer_back(driver):
    bpy.ops.moclip.create_armature()
    keyed(driver, gait(driver))
    bpy.ops.moclip.accept()
    keyed(driver, wave(driver))
    bpy.ops.ed.undo_push(message="keyed")
    assert bpy.ops.moclip.lay_over("EXEC_DEFAULT", True, limbs="right_arm") == {"FINISHED"}
    bpy.ops.ed.undo()
    rig = driver.settings.target
    assert rig.animation_data.action is not None and not rig.animation_data.nla_tracks
    curves = driver.module("compat").fcurves_of(rig.animation_data.action)
    assert any("left_hip" in curve.data_path for curve in curves)
