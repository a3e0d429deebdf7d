# SPDX-License-Identifier: Apache-2.0
"""From a prompt in the panel to keyframes, with the backend that the zip brings."""

import sys
import sysconfig
import time
from datetime import datetime
from pathlib import Path

import bpy
import numpy as np
import pytest


def test_the_bundled_zmq_is_used(addon, driver):
    import zmq

    if (Path(sysconfig.get_paths()["platlib"]) / "zmq").is_dir():
        pytest.skip("this environment has a pyzmq of its own, and Blender puts that first")
    user = Path(bpy.utils.resource_path("USER")).resolve()
    assert Path(zmq.__file__).resolve().is_relative_to(user / "extensions"), zmq.__file__


def test_a_prompt_becomes_a_pose_that_equals_the_motion(driver, tools):
    rig = driver.generate("a person walks forward", use_auto_seconds=False, seconds=4.0, seed=1, foot_lock=0.0)
    joints = driver.joints()
    assert len(joints) == 80
    heads = tools.pose_heads(rig, frames=80)
    assert np.abs(heads - joints).max() < 0.001
    action = rig.animation_data.action
    assert action.name.startswith("a person walks forward")
    told = action["moclip"].to_dict()
    assert datetime.fromisoformat(told.pop("made")).tzinfo
    assert told.pop("take") == 0 and told.pop("job") and told.pop("before_state")
    assert (told.pop("before"), told.pop("before_slot")) == ("", "")
    assert told.pop("licence") == driver.session.welcome["licence"]
    assert told == {"prompt": "a person walks forward", "seed": "1", "seconds": 4.0, "model": "open"}


def test_the_backend_runs_from_the_bundled_packages(driver):
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    maps = Path(f"/proc/{driver.session.process.pid}/maps")
    if not maps.is_file():
        pytest.skip("only Linux tells which files a process uses")
    libraries = {line.split()[-1] for line in maps.read_text().splitlines() if "onnxruntime" in line and ".so" in line}
    user = str(Path(bpy.utils.resource_path("USER")).resolve())
    assert libraries and all(user in library for library in libraries), libraries


def test_one_undo_removes_the_motion_and_the_armature_made_for_it(driver):
    rig = driver.generate("a person jumps", use_auto_seconds=False, seconds=2.0)
    assert len(bpy.data.actions) == 1 and rig is not None
    bpy.ops.ed.undo()
    assert not bpy.data.actions and not bpy.data.armatures
    assert not any(obj.type == "ARMATURE" for obj in bpy.data.objects)


def test_one_undo_gives_the_old_action_back(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    name = rig.name
    driver.generate("a person waves", use_auto_seconds=False, seconds=2.0)
    old = driver.settings.target.animation_data.action
    old_name, old_keys = old.name, len(driver.module("compat").fcurves_of(old))
    driver.generate("a person kicks", use_auto_seconds=False, seconds=2.0)
    rig = bpy.data.objects[name]
    assert rig.animation_data.action.name != old_name
    old = bpy.data.actions[old_name]
    assert old.use_fake_user and len(driver.module("compat").fcurves_of(old)) == old_keys == 91
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].animation_data.action.name == old_name


@pytest.mark.parametrize(("fps", "base", "keys"), [(24, 1.0, 96), (30, 1.0, 120), (60, 1.0, 240), (24, 1.001, 96)])
def test_a_clip_of_four_seconds_lasts_four_seconds(driver, tools, fps, base, keys):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, base
    bpy.context.scene.frame_set(11)
    rig = driver.generate("a person walks forward", use_auto_seconds=False, seconds=4.0, seed=1, foot_lock=0.0)
    curves = driver.module("compat").fcurves_of(rig.animation_data.action)
    assert {len(c.keyframe_points) for c in curves} == {keys}
    assert {c.range()[0] for c in curves} == {11.0} and {c.range()[1] for c in curves} == {10.0 + keys}
    assert {p.interpolation for p in curves[0].keyframe_points} == {"LINEAR"}
    joints = driver.joints()
    # Scene frames that fall on a frame of the motion show exactly that.
    second = round(fps / base)
    if base == 1.0:
        for k in range(4):
            shown = tools.pose_heads(rig, frames=1, start=11 + k * second)[0]
            assert np.abs(shown - joints[20 * k]).max() < 0.001


def test_progress_is_seen_and_pumping_never_waits(driver, monkeypatch):
    driver.generate("a person walks", use_auto_seconds=False, seconds=1.0)
    session, kinds, times, receive = driver.session, [], [], driver.session._receive
    monkeypatch.setattr(session, "_receive", lambda event: (kinds.append(event.header["type"]), receive(event)))
    driver.ask("a person dances", use_auto_seconds=False, seconds=9.8)
    while session.job is not None:
        started = time.perf_counter()
        session.pump()
        times.append(time.perf_counter() - started)
        time.sleep(0.005)
    # The last step is the one that keys the motion.
    steps = sorted(times[:-1])
    print(f"{kinds.count('progress')} progress messages; longest step before the result {1000 * steps[-1]:.1f} ms")
    kinds = [kind for kind in kinds if kind != "familiarity"]  # of the prompt, asked while it was typed
    assert kinds[0] == "queued" and kinds.count("progress") >= 2 and kinds[-1] == "result"
    assert steps[int(0.9 * len(steps))] < 0.02


def test_the_same_seed_gives_the_same_motion_and_another_seed_another(driver):
    takes = []
    for seed in (3, 3, 4):
        driver.generate("a person bows", use_auto_seconds=False, seconds=3.0, seed=seed)
        takes.append(np.array(driver.session.held[1].rotations))
    assert np.array_equal(takes[0], takes[1]) and not np.array_equal(takes[0], takes[2])


def test_auto_length_is_within_the_models_limits(driver):
    driver.generate("a person waves", use_auto_seconds=True)
    assert 1.0 <= driver.session.held[1].seconds <= 9.8


def test_keying_is_many_times_faster_than_inserting_keys_one_by_one(driver):
    bpy.ops.moclip.create_armature()
    rig, keyframes = driver.settings.target, driver.module("keying.keyframes")
    turns = np.tile([1.0, 0, 0, 0], (196, 22, 1))
    turns[:, :, 1] = np.sin(np.linspace(0, 6, 196))[:, None] * 0.3
    turns /= np.linalg.norm(turns, axis=-1, keepdims=True)
    clip = driver.module("motion.clip").Clip(20.0, turns, np.zeros((196, 3)), "timing")
    # Of this process alone and against Blender's own in the same run: the machine may be slow, or busy.
    times, inserted = [], []
    for _ in range(5):
        started = time.process_time()
        action = keyframes.apply_clip(rig, clip, bpy.context.scene, 1)
        times.append(time.process_time() - started)
    keys = sum(len(c.keyframe_points) for c in driver.module("compat").fcurves_of(action))
    for frame in range(1, 6):
        started = time.process_time()
        for bone in rig.pose.bones:
            bone.keyframe_insert("rotation_quaternion", frame=frame)
        inserted.append((time.process_time() - started) * 196)
    print(f"Blender {bpy.app.version_string}: {keys} keys in {min(times):.3f} s, one by one {min(inserted):.3f} s")
    assert keys == (22 * 4 + 3) * 196
    assert min(times) < min(inserted) / 2


def test_torch_is_not_needed(driver):
    assert "torch" not in sys.modules
