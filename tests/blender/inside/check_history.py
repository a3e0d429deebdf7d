# SPDX-License-Identifier: Apache-2.0
"""Takes, accepting, rejecting, recalling: nothing of the user's is lost."""

import bpy
import numpy as np
import pytest
from mathutils import Quaternion, Vector


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
    assert [a.name for a in driver.module("keying.history").motions()] == ["a person waves"]
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
    # The action that it had would play over the strip: it is one too, below.
    assert data.action is None and data.nla_tracks[0].strips[0].action.name == "nod"
    strip = data.nla_tracks[1].strips[0]
    assert (strip.frame_start, strip.frame_end) == (11.0, 50.0) and strip.action.use_fake_user
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
    driver.module("backend.timer").pump()
    assert [a["moclip"]["seed"] for a in driver.module("keying.history").motions()] == ["4", "3"]


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


# Reject gives back everything, as Ctrl+Z does.


def channels(owner):
    names = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")
    values = {name: [round(v, 5) for v in getattr(owner, name)] for name in names}
    # The channels of other modes are no one's; Blender itself rewrites them.
    mode = owner.rotation_mode
    kept = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")
    return {"mode": mode} | {name: values[name] for name in ("location", kept, "scale")}


def all_of(name):
    """Everything of a rig and its scene that a motion might change, as it is shown."""
    scene, rig = bpy.context.scene, bpy.data.objects[name]
    bpy.context.view_layer.update()
    data = rig.animation_data
    return {
        "object": channels(rig),
        "place": np.round(np.array(rig.matrix_world), 4).tolist(),
        "bones": {bone.name: channels(bone) for bone in rig.pose.bones},
        "properties": {b.name: {k: b[k] for k in b.keys() if isinstance(b[k], int | float)} for b in rig.pose.bones},
        "shown": {b.name: np.round(np.array(b.matrix), 4).tolist() for b in rig.pose.bones},
        "data": data and {
            "action": data.action and (data.action.name, data.action.use_fake_user),
            "slot": getattr(getattr(data, "action_slot", None), "identifier", ""),
            "blending": (data.action_blend_type, round(data.action_influence, 5), data.action_extrapolation),
            "nla": [(t.name, t.is_solo, t.mute, [s.name for s in t.strips]) for t in data.nla_tracks],
        },
        "scene": (scene.frame_start, scene.frame_end, scene.frame_current),
    }  # fmt: skip


def differing(one, other, path=""):
    """Where two such differ, for a failure that can be read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [d for k in one.keys() | other.keys() for d in differing(one.get(k), other.get(k), f"{path}/{k}")]
    return [] if one == other else [(path, one, other)]


def posed(rig):
    """By hand, without keys: turns, places and scales."""
    for k, name in enumerate(("head", "left_elbow", "pelvis", "root", "prop")):
        bone = rig.pose.bones[name]
        bone.rotation_quaternion = Quaternion((1, 2, 3), 0.3 + 0.1 * k)
        bone.location, bone.scale = (0.1, 0.02 * k, 0), (1.3, 1.1 + 0.1 * k, 0.9)
    rig.pose.bones["root"].scale = (0.5, 0.5, 0.5)


def plain(rig):
    pass


def axis_angle(rig):
    for bone in rig.pose.bones:
        bone.rotation_mode = "AXIS_ANGLE"
    rig.pose.bones["head"].rotation_axis_angle = (0.7, 1, 0, 0)
    rig.pose.bones["left_hip"].keyframe_insert("rotation_axis_angle", frame=1)
    rig.pose.bones["left_hip"].rotation_axis_angle = (1.0, 0, 1, 0)
    rig.pose.bones["left_hip"].keyframe_insert("rotation_axis_angle", frame=20)


def of_many_modes(rig):
    for bone, mode in zip(rig.pose.bones, ["XYZ", "ZYX", "QUATERNION", "AXIS_ANGLE"] * 6, strict=False):
        bone.rotation_mode = mode
    rig.rotation_mode, rig.rotation_axis_angle = "AXIS_ANGLE", (0.5, 0, 0, 1)


def with_an_action(rig):
    posed(rig)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    rig.pose.bones["root"].keyframe_insert("scale", frame=1)
    rig.keyframe_insert("location", frame=1)
    rig.location.x += 2
    rig.keyframe_insert("location", frame=50)


def with_the_nla(rig):
    rig.pose.bones["head"].rotation_quaternion = Quaternion((1, 2, 3), 0.3)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    data = rig.animation_data
    track = data.nla_tracks.new()
    track.strips.new("low", 1, data.action)
    data.action_blend_type, data.action_influence, data.action_extrapolation = "COMBINE", 0.4, "NOTHING"
    posed(rig)


def with_the_nla_alone(rig):
    with_the_nla(rig)
    rig.animation_data.action = None


SITUATIONS = [
    plain, posed, axis_angle, of_many_modes, with_an_action, with_the_nla, with_the_nla_alone,
]  # fmt: skip


def situated(driver, situation):
    """MoCLIP's armature under a root and with something in its hand; returns its name and all of it."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    root, prop = bones.new("root"), bones.new("prop")
    root.tail = (0, 0.3, 0)
    bones["pelvis"].parent, prop.parent = root, bones["left_wrist"]
    prop.head, prop.tail = prop.parent.tail, prop.parent.tail + Vector((0, 0, 0.1))
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.scene.frame_end = 15
    situation(rig)
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo_push(message="situated")
    return rig.name, all_of(rig.name)


def generate(driver, prompt="a person walks forward", **settings):
    return driver.generate(prompt, **{"use_auto_seconds": False, "seconds": 1.0} | settings)


@pytest.mark.parametrize("root", ["HIPS", "BONE", "OBJECT"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda f: f.__name__)
def test_reject_and_undo_give_back_all_that_was(driver, situation, root):
    name, before = situated(driver, situation)
    generate(driver, root=root)
    assert differing(all_of(name), before)
    bpy.ops.ed.undo()
    assert not differing(all_of(name), before)
    driver.settings.root = root
    bpy.ops.moclip.apply_motion()
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert not differing(all_of(name), before)


def test_reject_gives_back_a_pose_that_was_not_keyed_over_an_action(driver):
    name, _ = situated(driver, with_an_action)
    bpy.context.scene.frame_set(10)
    bpy.data.objects[name].pose.bones["head"].rotation_quaternion = Quaternion((0, 1, 0), 1.0)
    before = all_of(name)
    generate(driver, root="OBJECT")
    bpy.ops.moclip.reject()
    assert not differing(all_of(name), before)


@pytest.mark.parametrize("situation", [posed, with_an_action, with_the_nla_alone], ids=lambda f: f.__name__)
def test_rejecting_the_last_of_many_gives_back_what_was_before_the_first(driver, situation):
    name, before = situated(driver, situation)
    generate(driver, root="OBJECT")
    bpy.ops.moclip.try_again()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    generate(driver, "a person bows", root="BONE", variations=2, seconds=2.0)
    bpy.ops.moclip.show_take()
    first = driver.module("keying.history").motions()[-1].name
    assert bpy.ops.moclip.recall(action=first) == {"FINISHED"}
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert not differing(all_of(name), before)


def test_rejecting_a_recalled_motion_gives_back_what_was_before_the_recall(driver):
    name, _ = situated(driver, with_an_action)
    generate(driver)
    bpy.ops.moclip.reject()
    generate(driver)
    motion, rig = bpy.data.objects[name].animation_data.action, bpy.data.objects[name]
    rig.animation_data.action = bpy.data.actions.new("dance")
    rig.pose.bones["head"].scale = (2, 2, 2)
    bpy.context.view_layer.update()
    before = all_of(name)
    bpy.ops.moclip.recall(action=motion.name)
    assert rig.pose.bones["head"].scale.x == 1.0
    bpy.ops.moclip.reject()
    assert not differing(all_of(name), before)


@pytest.mark.parametrize("situation", [posed, with_an_action, of_many_modes], ids=lambda f: f.__name__)
def test_rejecting_after_saving_and_opening_gives_back_all_that_was(driver, situation, tmp_path):
    name, before = situated(driver, situation)
    generate(driver, root="OBJECT")
    bpy.context.scene.moclip.target = bpy.data.objects[name]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    assert not differing(all_of(name), before)


def test_an_action_that_was_renamed_comes_back_and_its_namesake_does_not(driver, rig):
    generate(driver)
    bpy.data.actions["nod"].name = "yes"
    bpy.data.actions.new("nod").use_fake_user = True
    bpy.ops.moclip.reject()
    assert rig.animation_data.action.name == "yes"


def test_an_action_that_was_removed_does_not_come_back(driver, rig):
    generate(driver)
    bpy.data.actions.remove(bpy.data.actions["nod"])
    bpy.ops.moclip.reject()
    assert rig.animation_data is None or rig.animation_data.action is None


def test_motions_of_older_files_are_rejected_by_name(driver, rig):
    generate(driver)
    told = rig.animation_data.action["moclip"]
    told["before"] = "nod"
    del told["before_state"]
    bpy.ops.moclip.reject()
    assert rig.animation_data.action.name == "nod"
    generate(driver)
    rig.animation_data.action["moclip"]["before_state"] = "{not ours"
    bpy.ops.moclip.reject()
    assert rig.animation_data.action.name == "nod"


def test_the_scenes_end_stays_where_its_owner_put_it(driver, rig):
    bpy.context.scene.frame_end = 10
    generate(driver)
    assert bpy.context.scene.frame_end == 20
    bpy.context.scene.frame_end = 77
    bpy.ops.moclip.reject()
    assert bpy.context.scene.frame_end == 77


def test_a_strip_keeps_the_scenes_end(driver, rig):
    bpy.context.scene.frame_end = 10
    generate(driver)
    bpy.ops.moclip.accept(as_strip=True)
    assert bpy.context.scene.frame_end == 20 and len(rig.animation_data.nla_tracks) == 2


def test_the_newest_motion_is_the_newest_in_any_time_zone(driver):
    made = {
        "second": "2024-05-01T10:00:00.000+02:00", "third": "2024-05-01T09:30:00.000+00:00",
        "first": "2024-05-01T23:00:00.000+14:00", "broken": "99", "none": None,
    }  # fmt: skip
    for name, when in made.items():
        bpy.data.actions.new(name)["moclip"] = {"prompt": name} | ({"made": when} if when else {})
    names = [action.name for action in driver.module("keying.history").motions()]
    assert names[:3] == ["third", "first", "second"] and set(names[3:]) == {"broken", "none"}


@pytest.mark.parametrize("root", ["HIPS", "BONE"])
def test_a_rig_of_controls_gets_its_pose_and_switches_back(driver, human, root):
    human.pose.bones["thigh_parent.L"]["IK_FK"] = 0.25
    human.pose.bones["hand_ik.L"].location = (0.1, 0, 0)
    human.pose.bones["hand_fk.R"].rotation_quaternion = Quaternion((1, 0, 0), 0.4)
    human.pose.bones["root"].location = (0.3, 0, 0)
    driver.settings.target, name = human, human.name
    bpy.ops.ed.undo_push(message="posed")
    before = all_of(name)
    generate(driver, root=root)
    assert differing(all_of(name)["properties"], before["properties"])
    bpy.ops.ed.undo()
    assert not differing(all_of(name), before)
    driver.settings.target, driver.settings.root = bpy.data.objects[name], root
    bpy.ops.moclip.apply_motion()
    bpy.ops.moclip.reject()
    assert not differing(all_of(name), before)


def test_a_range_that_is_rejected_gives_back_all_that_was(driver):
    name, _ = situated(driver, posed)
    generate(driver, seconds=3.0)
    bpy.ops.moclip.accept()
    bpy.ops.ed.undo_push(message="accepted")
    before = all_of(name)
    driver.settings.range_start, driver.settings.range_end, driver.settings.prompt = 20, 40, "a person bows"
    bpy.ops.moclip.edit_range()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level != "ERROR", driver.session.message
    assert differing(all_of(name), before)
    bpy.ops.moclip.reject()
    assert not differing(all_of(name), before)
