# SPDX-License-Identifier: Apache-2.0
"""Rigs read back into motions: what was keyed comes back, and keyed again it gives the same pose."""

import time

import auto_rig_pro
import bpy
import measures
import numpy as np
import pytest
from check_rigs import OTHER_NAMES, anonymous, character, lively_clip, mixamo_rig
from mathutils import Vector
from reading import clip_of, key, read, turned_apart

RIGS = {
    "Mixamo, 65 bones, T-pose": lambda driver: with_fingers(mixamo_rig(driver, "mixamorig:", **shaped(0))),
    "Mixamo, 65 bones, A-pose": lambda driver: with_fingers(mixamo_rig(driver, "mixamorig:", **shaped(45))),
    "Mixamo, Y up, scale 0.01": lambda driver: mixamo_rig(driver, "mixamorig:", **shaped(45, y_up=True, scale=0.01)),
    "no telling names": lambda driver: anonymous(driver)[0],
    "Auto-Rig Pro's controls": auto_rig_pro.build,
    **{
        family: lambda driver, names=names: character(driver, names, **shaped(40), seed=3)
        for family, names in OTHER_NAMES.items()
    },
}
WITHOUT_ALL_JOINTS = "without collars, neck and toes"


def shaped(down_deg, y_up=False, scale=1.0):
    return {"down_deg": down_deg, "y_up": y_up, "scale": scale}


def with_fingers(rig):
    """Mixamo's other bones: four a finger, the ends of the head and the toes."""
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    chains = [("Head", ["HeadTop_End"], (0, 0, 0.1))]
    for side, sign in (("Left", 1), ("Right", -1)):
        chains.append((f"{side}ToeBase", [f"{side}Toe_End"], (0, -0.05, 0)))
        for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky"):
            chains.append((f"{side}Hand", [f"{side}Hand{finger}{k}" for k in range(1, 5)], (sign * 0.03, 0, -0.01)))
    for parent, names, step in chains:
        above = bones["mixamorig:" + parent]
        for name in names:
            bone = bones.new("mixamorig:" + name)
            bone.head = above.head + Vector(step)
            bone.tail, bone.parent = bone.head + Vector(step), above
            above = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(rig.data.bones) == 65
    return rig


@pytest.fixture(scope="module")
def generated(addon):
    """A generated motion of four seconds, made once."""
    clips = []

    def make(driver):
        if not clips:
            driver.generate(
                "a person walks forward, turns left, then waves with the right hand",
                use_auto_seconds=False,
                seconds=4.0,
                seed=3,
            )
            clips.append(driver.session.held[1])
            bpy.ops.wm.read_homefile(use_empty=True)
            bpy.context.scene.render.fps = 20
        return clips[0]

    return make


def round_trip(driver, tools, label, rig, clip):
    """(mm, degrees) of the motion that is read, and of the bones when it is keyed again; printed."""
    frames = range(1, len(clip.rotations) + 1)
    key(driver, rig, clip)
    before, reading = measures.stances(rig, frames), read(driver, rig, frames)
    skeleton = driver.module("shared.skeleton")
    joints = [tools.forward(m.rotations, m.root_translation, skeleton) for m in (clip, reading)]
    places = 1000 * float(np.linalg.norm(joints[0] - joints[1], axis=-1).max())
    turns = turned_apart(driver, rig, clip.rotations, reading.rotations)
    key(driver, rig, clip_of(driver, reading))
    again = measures.apart(before, measures.stances(rig, frames))
    print(
        f"{label}: round trip joints {places:.3f} mm, rotations {turns:.4f} degrees; "
        f"bones keyed again {again[0]:.3f} mm, {again[1]:.4f} degrees"
    )
    assert (np.sum(reading.rotations[1:] * reading.rotations[:-1], axis=-1) > 0).all()
    assert np.allclose(np.linalg.norm(reading.rotations, axis=-1), 1.0)
    return places, turns, again


@pytest.mark.parametrize("label", RIGS)
def test_what_was_keyed_comes_back(driver, tools, generated, label):
    clip = generated(driver)
    rig = RIGS[label](driver)
    places, turns, (millimetres, degrees) = round_trip(driver, tools, label, rig, clip)
    assert turns < 0.05 and millimetres < 0.2 and degrees < 0.05
    if label != WITHOUT_ALL_JOINTS:
        assert places < 0.5


def test_what_was_keyed_on_rigify_comes_back(driver, tools, generated, human):
    places, turns, (millimetres, degrees) = round_trip(driver, tools, "Rigify, FK", human, generated(driver))
    assert places < 0.5 and turns < 0.05 and millimetres < 0.2 and degrees < 0.05


@pytest.mark.parametrize("label", ["Mixamo, Y up, scale 0.01", "Auto-Rig Pro's controls"])
def test_a_motion_in_which_every_joint_turns_comes_back(driver, tools, label):
    rig = RIGS[label](driver)
    found = round_trip(driver, tools, f"{label}, every joint", rig, lively_clip(driver))
    assert found[0] < 0.5 and found[1] < 0.05 and found[2][0] < 0.2 and found[2][1] < 0.05


def test_reading_is_quick(driver, generated):
    rig = RIGS["Mixamo, 65 bones, T-pose"](driver)
    key(driver, rig, generated(driver))
    read(driver, rig, range(1, 5))
    started = time.perf_counter()
    read(driver, rig, range(1, 81))
    spent = 1000 * (time.perf_counter() - started) / 80
    print(f"65 bones: read in {spent:.2f} ms a frame")
    assert spent < 5.0
