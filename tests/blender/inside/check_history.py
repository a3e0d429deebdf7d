# SPDX-License-Identifier: Apache-2.0
"""Takes, accepting, rejecting, recalling: nothing of the user's is lost."""

import bpy
import numpy as np
import pytest


def curves(driver, action):
    return driver.module("compat").fcurves_of(action)


def plays(rig, frame=10):
    bpy.context.scene.frame_set(frame)
    return np.array([bone.matrix_basis for bone in rig.pose.bones])


@pytest.fixture
def rig(driver):
    """MoCLIP's armature with an action of the user's own."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    rig.pose.bones["head"].rotation_quaternion = (0.9, 0.4, 0, 0)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    rig.animation_data.action.name = "nod"
    driver.settings.start_at = "REST"
    return rig


def test_rejecting_gives_the_users_action_back(driver, rig):
    before = plays(rig)
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
    assert rig.animation_data.action.name == "a person bows" and len(bpy.data.actions) == 3
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert rig.animation_data.action.name == "nod"
    assert [a.name for a in driver.module("history").motions()] == ["a person waves"]
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    assert np.abs(plays(rig)[15] - before[15]).max() < 1e-6  # the head nods again
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.moclip.reject()


def test_takes_are_made_at_once_and_shown_in_turn(driver, rig):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0, variations=3, seed=5)
    seeds = [clip.seed for clip in driver.session.takes]
    assert seeds == [5, 6, 7] and driver.session.shown == 0
    poses = [plays(rig)]
    for _ in range(2):
        assert bpy.ops.moclip.show_take(step=1) == {"FINISHED"}
        poses.append(plays(rig))
    assert np.abs(poses[0] - poses[1]).max() > 0.01 < np.abs(poses[1] - poses[2]).max()
    assert len(bpy.data.actions) == 2 and rig.animation_data.action["moclip"]["seed"] == "7"
    bpy.ops.moclip.accept()
    bpy.ops.moclip.show_take(step=1)  # round to the first; the accepted one stays
    assert len(bpy.data.actions) == 3 and rig.animation_data.action["moclip"]["seed"] == "5"
    assert np.abs(plays(rig) - poses[0]).max() < 1e-6
    bpy.ops.moclip.reject()
    assert rig.animation_data.action["moclip"]["seed"] == "7"


def test_a_take_alone_is_the_take_among_others(driver, rig):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0, variations=2, seed=5)
    second = np.array(driver.session.takes[1].rotations)
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0, variations=1, seed=6)
    np.testing.assert_allclose(driver.session.takes[0].rotations, second, atol=1e-5)


def test_accepting_to_the_nla_plays_the_same_and_frees_the_action(driver, rig):
    bpy.context.scene.frame_set(11)
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=2.0)
    wanted = plays(rig, 20)
    bpy.ops.moclip.accept(as_strip=True)
    data = rig.animation_data
    assert data.action.name == "nod"
    strip = data.nla_tracks[0].strips[0]
    assert (strip.frame_start, strip.frame_end) == (11.0, 50.0) and strip.action.use_fake_user
    data.action = None
    assert np.abs(plays(rig, 20) - wanted).max() < 1e-5
    assert np.abs(plays(rig, 20)[0] - plays(rig, 40)[0]).max() > 0.1


def test_a_motion_of_the_history_comes_back(driver, rig):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    pose = plays(rig)
    driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
    assert np.abs(plays(rig) - pose).max() > 0.01
    assert bpy.ops.moclip.recall(action="a person waves") == {"FINISHED"}
    assert np.abs(plays(rig) - pose).max() < 1e-6
    with pytest.raises(RuntimeError, match="There is no motion 'nod'"):
        bpy.ops.moclip.recall(action="nod")
    rig.data.bones["head"].name = "skull"
    with pytest.raises(RuntimeError, match="was made for another rig: 'MoCLIP' has no bone head"):
        bpy.ops.moclip.recall(action="a person bows")


def test_try_again_takes_the_next_seeds(driver, rig):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0, seed=3)
    assert bpy.ops.moclip.try_again() == {"FINISHED"} and driver.session.job.seed == 4
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("timer").pump()
    assert [a["moclip"]["seed"] for a in driver.module("history").motions()] == ["4", "3"]


@pytest.mark.parametrize("kind", ["FBX", "GLB", "BVH"])
def test_accepted_motions_are_exported_and_play_as_they_did(driver, rig, tmp_path, kind):
    bpy.context.scene.frame_set(11)
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=2.0, seed=1)
    bpy.ops.moclip.accept()
    driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
    kept = rig.animation_data.action.name, bpy.context.scene.frame_end, bpy.context.scene.frame_current
    assert bpy.ops.moclip.export_motions(directory=str(tmp_path), format=kind) == {"FINISHED"}
    assert kept == (rig.animation_data.action.name, bpy.context.scene.frame_end, bpy.context.scene.frame_current)
    assert [path.name for path in tmp_path.iterdir()] == [f"a_person_walks_forward.{kind.lower()}"]
    bpy.ops.moclip.recall(action="a person walks forward")
    names = ("head", "left_wrist", "right_ankle")

    def way(owner, first, last):
        places = []
        for frame in (first, last):
            bpy.context.scene.frame_set(frame)
            places.append([owner.matrix_world @ owner.pose.bones[name].head for name in names])
        return np.linalg.norm(np.array(places[1]) - places[0], axis=1)

    wanted, before = way(rig, 11, 50), set(bpy.data.objects)
    path = str(tmp_path / f"a_person_walks_forward.{kind.lower()}")
    if kind == "FBX":
        bpy.ops.import_scene.fbx(filepath=path)
    elif kind == "GLB":
        bpy.ops.import_scene.gltf(filepath=path)
    else:
        bpy.ops.import_anim.bvh(filepath=path, axis_forward="Y", axis_up="Z", update_scene_fps=False)
    other = next(obj for obj in set(bpy.data.objects) - before if obj.type == "ARMATURE")
    first, last = other.animation_data.action.frame_range
    assert last - first == pytest.approx(39, abs=1)
    np.testing.assert_allclose(way(other, round(first), round(last)), wanted, rtol=0.03)


def test_nothing_to_export_is_told(driver, rig, tmp_path):
    driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
    with pytest.raises(RuntimeError, match="has no accepted motion. Press Accept"):
        bpy.ops.moclip.export_motions(directory=str(tmp_path), format="BVH")
    bpy.ops.moclip.accept()
    with pytest.raises(RuntimeError, match="There is no folder"):
        bpy.ops.moclip.export_motions(directory=str(tmp_path / "none"), format="BVH")


def test_an_export_writes_over_nothing_unless_it_is_told_to(driver, rig, tmp_path):
    for name in ("A bow!", "a bow?"):
        driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)
        rig.animation_data.action.name = name
        bpy.ops.moclip.accept()
    with pytest.raises(RuntimeError, match="No folder was chosen"):
        bpy.ops.moclip.export_motions(format="BVH")
    bpy.ops.moclip.export_motions(directory=str(tmp_path), format="BVH")
    assert {path.name for path in tmp_path.iterdir()} == {"A_bow_.bvh", "a_bow__2.bvh"}
    (tmp_path / "a_bow__2.bvh").write_text("mine")
    (tmp_path / "A_bow_.bvh").unlink()
    with pytest.raises(RuntimeError, match="'.*a_bow__2.bvh' is there already"):
        bpy.ops.moclip.export_motions(directory=str(tmp_path), format="BVH")
    assert [path.name for path in tmp_path.iterdir()] == ["a_bow__2.bvh"]
    bpy.ops.moclip.export_motions(directory=str(tmp_path), format="BVH", replace=True)
    assert (tmp_path / "a_bow__2.bvh").read_text() != "mine"


def test_one_undo_takes_a_shown_take_back(driver, rig):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0, variations=2, seed=5)
    name = rig.name
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.moclip.show_take("EXEC_DEFAULT", True, step=1)
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].animation_data.action["moclip"]["seed"] == "5"
