# SPDX-License-Identifier: Apache-2.0
"""Motions as strips of the NLA: what is kept is what plays, and no held pose hides another motion."""

import bpy
import numpy as np
import pytest
from mathutils import Quaternion


def plays(rig, frame):
    """(B, 4, 4) the pose at a frame, with nothing left of another frame's."""
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.scene.frame_set(frame)
    bpy.context.view_layer.update()
    return np.array([bone.matrix for bone in rig.pose.bones])


def alone(driver, rig, action, frame):
    """The pose when an action alone plays."""
    data, compat = rig.animation_data, driver.module("compat")
    kept = data.action, compat.slot_of(data)
    data.use_nla = False
    compat.use(data, action)
    pose = plays(rig, frame)
    compat.use(data, *kept)
    data.use_nla = True
    return pose


@pytest.fixture
def rig(driver):
    bpy.ops.moclip.create_armature()
    driver.settings.start_at = "REST"
    return driver.settings.target


def at(driver, frame, prompt, seconds=2.0):
    """A motion from a frame on; its action."""
    bpy.context.scene.frame_set(frame)
    return driver.generate(prompt, use_auto_seconds=False, seconds=seconds).animation_data.action


def test_after_accept_and_another_motion_the_strip_plays(driver, rig):
    walk = at(driver, 1, "a person walks forward")
    bpy.ops.moclip.accept()
    wave = at(driver, 60, "a person waves with the right hand")
    assert bpy.ops.moclip.accept(as_strip=True) == {"FINISHED"}
    assert np.abs(plays(rig, 80) - alone(driver, rig, wave, 80)).max() < 1e-5
    assert np.abs(plays(rig, 20) - alone(driver, rig, walk, 20)).max() < 1e-5
    assert rig.animation_data.action is None and walk.name in bpy.data.actions


def test_an_action_of_the_users_own_becomes_a_strip_below(driver, rig):
    head = rig.pose.bones["head"]
    head.rotation_quaternion = Quaternion((1, 0, 0), 0.8)
    head.keyframe_insert("rotation_quaternion", frame=1)
    nod = rig.animation_data.action
    bow = at(driver, 30, "a person bows")
    bpy.ops.moclip.accept(as_strip=True)
    data = rig.animation_data
    assert [t.strips[0].action for t in data.nla_tracks] == [nod, bow] and data.action is None
    index = list(rig.pose.bones).index(head)
    assert np.abs(plays(rig, 10) - alone(driver, rig, nod, 10))[index].max() < 1e-5
    assert np.abs(plays(rig, 50) - alone(driver, rig, bow, 50)).max() < 1e-5


def test_an_action_that_only_mixes_stays_what_it_is(driver, rig):
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    data = rig.animation_data
    data.action_blend_type = "ADD"
    mix = data.action
    at(driver, 1, "a person bows")
    bpy.ops.moclip.accept(as_strip=True)
    assert data.action == mix and data.action_blend_type == "ADD" and len(data.nla_tracks) == 1


def test_an_accepted_or_recalled_motion_still_becomes_a_strip(driver, rig):
    walk = at(driver, 1, "a person walks forward")
    bpy.ops.moclip.accept()
    bow = at(driver, 1, "a person bows")
    bpy.ops.moclip.accept()
    assert bpy.ops.moclip.recall(action=walk.name) == {"FINISHED"}
    assert bpy.ops.moclip.accept(as_strip=True) == {"FINISHED"}
    assert {t.strips[0].action for t in rig.animation_data.nla_tracks} == {walk, bow}
    assert rig.animation_data.action is None


@pytest.mark.parametrize("starts", [(100, 1), (1, 100), (60, 100, 1), (1, 200, 100)])
def test_rows_in_any_order_all_play(driver, rig, starts):
    history = driver.module("keying.history")
    actions = []
    for start, what in zip(starts, ("walks", "bows", "waves"), strict=False):
        actions.append(at(driver, start, f"a person {what}"))
        history.accept(rig, as_strip=True)
    for start, action in zip(starts, actions, strict=True):
        assert np.abs(plays(rig, start + 20) - alone(driver, rig, action, start + 20)).max() < 1e-5, start
        # Until the next begins the last pose is held.
        last = [s for s in sorted(starts) if s > start][:1] or [start + 300]
        held = alone(driver, rig, action, start + 39)
        assert np.abs(plays(rig, last[0] - 1) - held).max() < 1e-4, start


@pytest.mark.parametrize("long_first", [True, False])
def test_a_motion_within_another_lets_it_go_on(driver, rig, long_first):
    history, made = driver.module("keying.history"), {}
    order = ((1, 6.0, "a person walks"), (40, 2.0, "a person waves"))
    for start, seconds, prompt in order if long_first else order[::-1]:
        made[prompt] = at(driver, start, prompt, seconds)
        history.accept(rig, as_strip=True)
    walk, wave = made["a person walks"], made["a person waves"]
    for frame, action in ((20, walk), (60, wave), (100, walk)):
        assert np.abs(plays(rig, frame) - alone(driver, rig, action, frame)).max() < 1e-5, frame


def test_a_row_before_one_that_is_there_fades_into_it(driver, rig):
    history = driver.module("keying.history")
    later = at(driver, 30, "a person bows")
    history.accept(rig, as_strip=True)
    first = at(driver, 1, "a person walks")
    history.accept(rig, as_strip=True)
    assert np.abs(plays(rig, 20) - alone(driver, rig, first, 20)).max() < 1e-5
    assert np.abs(plays(rig, 60) - alone(driver, rig, later, 60)).max() < 1e-5
    step = [np.abs(plays(rig, f + 1)[:, :3, 3] - plays(rig, f)[:, :3, 3]).max() for f in range(25, 50)]
    assert max(step) < 0.4  # it walks back some two metres within ten frames
