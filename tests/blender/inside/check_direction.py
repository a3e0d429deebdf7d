# SPDX-License-Identifier: Apache-2.0
"""Scripts, ranges that are made anew, motions that go on from others: what shall stay stays."""

import time

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

MILLIMETRE, TENTH_OF_A_DEGREE = 1e-3, np.radians(0.1)


@pytest.fixture
def walker(driver):
    """MoCLIP's armature with a walk of six seconds, at 24 frames a second, accepted."""
    bpy.context.scene.render.fps = 24
    bpy.ops.moclip.create_armature()
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=6.0)
    bpy.ops.moclip.accept()
    return driver.settings.target


def poses(rig, first, end):
    """Frame -> (bones, 4, 4) in the world."""
    found = {}
    for frame in range(first, end):
        bpy.context.scene.frame_set(frame)
        found[frame] = np.array([rig.matrix_world @ bone.matrix for bone in rig.pose.bones])
    return found


def changes(before, after, frames):
    """The largest change of a bone's head (world units) and of its direction (radians) over some frames."""
    place = max(np.abs(before[f][:, :3, 3] - after[f][:, :3, 3]).max() for f in frames)
    turn = 0.0
    for f in frames:
        a, b = (m[:, :3, :3] / np.linalg.norm(m[:, :3, :3], axis=1, keepdims=True) for m in (before[f], after[f]))
        cosine = (np.einsum("nij,nij->n", a, b) - 1) / 2
        sine = np.linalg.norm(a - b, axis=(1, 2)) / np.sqrt(8)
        turn = max(turn, float((2 * np.arcsin(np.clip(sine, 0, 1)))[cosine > -2].max()))
    return place, turn


def wait(driver):
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level != "ERROR", driver.session.message


def jumps(found):
    """(T-2,) the largest change of velocity of a bone's head."""
    heads = np.array([found[f][:, :3, 3] for f in sorted(found)])
    return np.linalg.norm(np.diff(heads, 2, axis=0), axis=-1).max(axis=1)


def join_roughness(before, after):
    """How rough the joins of frames 49 to 97 are, as a multiple of the roughest frame of what was there and of what is
    new in between: a run is rougher than a walk."""
    joins = max(jumps(after)[45:50].max(), jumps(after)[93:98].max())
    return joins / max(jumps(before).max(), jumps(after)[50:93].max())


def test_a_range_is_made_anew_and_the_rest_stays(driver, walker):
    before, own = poses(walker, 1, 145), walker.animation_data.action
    driver.settings.prompt = "a person runs"
    driver.settings.range_start, driver.settings.range_end = 49, 97
    started = time.perf_counter()
    assert bpy.ops.moclip.edit_range() == {"FINISHED"}
    asked = time.perf_counter() - started
    wait(driver)
    action = walker.animation_data.action
    assert action != own and action.name == "a person runs" and own.users and own.use_fake_user
    assert action["moclip"]["first"] == 49 and action["moclip"]["end"] == 97
    after = poses(walker, 1, 145)
    kept = [*range(1, 49), *range(97, 145)]
    place, turn = changes(before, after, kept)
    print(
        f"kept frames change by {1000 * place:.4f} mm and {np.degrees(turn):.4f} degrees at most, read in {asked:.2f} s"
    )
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(60, 90))[0] > 0.2  # another motion
    rough = join_roughness(before, after)
    print(f"joins are {rough:.2f} times as rough as the roughest frame of the walk and of the run")
    assert rough < 0.5
    assert bpy.ops.moclip.reject() == {"FINISHED"} and walker.animation_data.action == own


def test_one_undo_takes_an_edit_back(driver, walker):
    bpy.ops.ed.undo_push(message="accepted")
    own = walker.animation_data.action.name
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person bows", 49, 97
    bpy.ops.moclip.edit_range()
    wait(driver)
    count = len(bpy.data.actions)
    bpy.ops.ed.undo()
    rig = bpy.context.scene.moclip.target
    assert rig.animation_data.action.name == own and len(bpy.data.actions) == count - 1


def test_takes_of_a_range_all_leave_the_rest_alone(driver, walker):
    before = poses(walker, 1, 145)
    driver.settings.prompt, driver.settings.variations = "a person walks forward", 3
    driver.settings.range_start, driver.settings.range_end = 49, 97
    bpy.ops.moclip.edit_range()
    driver.pump_until(lambda: driver.session.job is None)
    started = time.perf_counter()
    driver.module("backend.timer").pump()
    print(f"a range of 2 s keyed in {time.perf_counter() - started:.3f} s")
    assert driver.session.level != "ERROR", driver.session.message
    inside = []
    for _ in range(3):
        after = poses(walker, 1, 145)
        assert changes(before, after, [*range(1, 49), *range(97, 145)])[0] < MILLIMETRE
        inside.append(after[72][:, :3, 3])
        bpy.ops.moclip.show_take(step=1)
    assert np.abs(inside[0] - inside[1]).max() > 0.01 < np.abs(inside[1] - inside[2]).max()
    assert len(driver.module("keying.history").motions()) == 2  # the walk, and one take in its place
    bpy.ops.moclip.try_again()
    wait(driver)
    assert driver.session.held[1].seed == 3 and driver.session.held[0].edit is not None


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
@pytest.mark.parametrize("interpolation", ["BEZIER", "LINEAR", "CONSTANT"])
def test_few_keys_of_the_users_own_play_on_between_them(driver, mode, interpolation):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    channel = "rotation_quaternion" if mode == "QUATERNION" else "rotation_euler"
    for name, degrees in (("left_shoulder", 60), ("head", 20), ("left_knee", 30)):
        bone = rig.pose.bones[name]
        bone.rotation_mode = mode
        for frame, share in ((1, 0.0), (30, 1.0), (110, -0.5), (130, 0.2)):
            turn = Quaternion((1, 0, 0), np.radians(degrees * share))
            setattr(bone, channel, turn if mode == "QUATERNION" else turn.to_euler(mode))
            bone.keyframe_insert(channel, frame=frame)
    for curve in driver.module("compat").fcurves_of(rig.animation_data.action):
        for point in curve.keyframe_points:
            point.interpolation = interpolation
    before = poses(rig, -5, 140)
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person bows", 50, 90
    bpy.ops.moclip.edit_range()
    wait(driver)
    after = poses(rig, -5, 140)
    place, turn = changes(before, after, [*range(-5, 50), *range(90, 140)])
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(60, 80))[0] > 0.1
    own = {
        round(p.co.x) for c in driver.module("compat").fcurves_of(rig.animation_data.action) for p in c.keyframe_points
    }
    assert {1, 30, 110, 130} <= own


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_motion_goes_on_from_where_the_character_is(driver, walker, scale):
    walker.scale = (scale,) * 3
    walker.rotation_euler.z = 0.7
    bpy.context.view_layer.update()
    before = poses(walker, 1, 80)
    driver.settings.prompt = "a person walks forward"
    driver.settings.seconds = 3.0
    bpy.context.scene.frame_set(73)
    assert bpy.ops.moclip.continue_motion() == {"FINISHED"}
    wait(driver)
    after = poses(walker, 1, 145)
    assert changes(before, after, range(1, 73))[0] < MILLIMETRE * scale
    assert walker.animation_data.action.frame_range[1] == 73 + 72 - 1
    heads = np.array([after[f][0, :3, 3] for f in range(1, 145)]) / scale
    steps = np.linalg.norm(np.diff(heads, axis=0), axis=1)
    assert steps[68:78].max() < 2.0 * steps[:68].max()  # no jump where the new motion begins
    assert np.linalg.norm(heads[-1] - heads[72]) > 1.0  # and it goes on


def test_beyond_its_end_an_action_is_carried_on(driver, walker):
    bpy.context.scene.frame_set(400)
    driver.settings.prompt, driver.settings.seconds = "a person bows", 2.0
    bpy.ops.moclip.continue_motion()
    wait(driver)
    assert tuple(walker.animation_data.action.frame_range) == (1, 144 + 48)


def test_a_motion_leads_to_where_the_action_begins(driver, walker):
    before = poses(walker, 1, 145)
    driver.settings.prompt, driver.settings.seconds = "a person waves with the right hand", 2.0
    assert bpy.ops.moclip.lead_in(before_scene=True) == {"FINISHED"}
    wait(driver)
    assert tuple(walker.animation_data.action.frame_range) == (1 - 48, 144)
    after = poses(walker, -47, 145)
    assert changes(before, after, range(1, 145))[0] < MILLIMETRE
    assert jumps(after)[44:50].max() < 1.3 * jumps(before).max()


def test_nothing_is_led_in_from_before_the_scene_unless_it_is_asked_for(driver, walker):
    driver.settings.prompt, driver.settings.seconds = "a person waves", 2.0
    with pytest.raises(RuntimeError, match="begins at frame 1, and the scene at 1: a motion of 2.0 seconds"):
        bpy.ops.moclip.lead_in()
    button, settings = driver.module("ui.mending").BUTTONS[driver.session.action]
    assert driver.session.job is None and (button, settings) == ("moclip.lead_in", {"before_scene": True})
    for curve in driver.module("compat").fcurves_of(walker.animation_data.action):
        for point in curve.keyframe_points:
            point.co.x += 36
            point.handle_left.x, point.handle_right.x = point.handle_left.x + 36, point.handle_right.x + 36
    driver.settings.use_auto_seconds = True
    assert bpy.ops.moclip.lead_in() == {"FINISHED"}
    wait(driver)
    assert tuple(walker.animation_data.action.frame_range) == (1, 144 + 36)


def test_a_line_made_anew_is_called_after_the_script(driver):
    settings = driver.settings
    bpy.ops.moclip.create_armature()
    bpy.context.scene.render.fps = 24
    for prompt, end in (("a person  walks forward", 73), ("a person bows", 145)):
        line = settings.lines.add()
        line.prompt, line.end = prompt, end
    settings.script_start = 1
    bpy.ops.moclip.generate_script()
    wait(driver)
    script = "a person walks forward; a person bows"
    assert settings.target.animation_data.action.name == script
    bpy.ops.moclip.accept()
    settings.lines[1].prompt, settings.active_line = "a person waves", 1
    bpy.ops.moclip.regenerate_line()
    wait(driver)
    assert settings.target.animation_data.action.name == "a person walks forward; a person waves"


def test_a_pose_without_keys_can_be_gone_on_from(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    rig.location = (2.0, 1.0, 0.0)
    driver.settings.prompt, driver.settings.seconds, driver.settings.use_auto_seconds = "a person bows", 2.0, False
    bpy.context.scene.frame_set(10)
    bpy.ops.moclip.continue_motion()
    wait(driver)
    assert tuple(rig.animation_data.action.frame_range) == (10, 10 + 40 - 1)


@pytest.mark.parametrize("root", ["OBJECT", "BONE"])
def test_what_carries_the_travel_keeps_its_curves(driver, root):
    bpy.context.scene.render.fps = 24
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    if root == "BONE":
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        bones = rig.data.edit_bones
        top = bones.new("root")
        top.head, top.tail = (0, 0, 0), (0, 0.3, 0)
        bones["pelvis"].parent = top
        bpy.ops.object.mode_set(mode="OBJECT")
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=6.0, root=root)
    before = poses(rig, 1, 145)
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person runs", 49, 97
    bpy.ops.moclip.edit_range()
    wait(driver)
    after = poses(rig, 1, 145)
    assert changes(before, after, [*range(1, 49), *range(97, 145)])[0] < MILLIMETRE
    assert changes(before, after, range(60, 90))[0] > 0.2
    assert join_roughness(before, after) < 0.5


def test_feet_of_an_edit_stand_in_the_world_whatever_carries_the_travel(driver):
    feet = {}
    for root in ("OBJECT", "HIPS"):
        bpy.context.scene.frame_set(1)
        bpy.ops.moclip.create_armature()
        rig = driver.settings.target
        driver.generate("a person walks forward", use_auto_seconds=False, seconds=6.0, root=root)
        driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person runs", 41, 81
        bpy.ops.moclip.edit_range()
        wait(driver)
        own = [bone.name for bone in rig.pose.bones]
        found = poses(rig, 41, 81)
        feet[root] = np.array([found[f][[own.index("left_foot"), own.index("right_foot")], :3, 3] for f in found])
    assert np.abs(feet["OBJECT"] - feet["HIPS"]).max() < 0.01


def script(driver, start, *lines):
    driver.settings.lines.clear()
    driver.settings.script_start = start
    for prompt, end in lines:
        line = driver.settings.lines.add()
        line.prompt, line.end = prompt, end


def test_a_script_is_one_motion_with_a_range_a_line(driver):
    bpy.context.scene.render.fps = 24
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    script(driver, 11, ("a person walks forward", 83), ("a person bows", 155), ("a person walks forward", 251))
    assert bpy.ops.moclip.generate_script() == {"FINISHED"}
    wait(driver)
    action = rig.animation_data.action
    assert tuple(action.frame_range) == (11, 250) and action.name.startswith("a person walks forward; a person bows")
    found = poses(rig, 11, 251)
    heads = np.array([found[f][0, :2, 3] for f in range(11, 251)])
    speed = np.linalg.norm(np.diff(heads, axis=0), axis=1) * 24
    assert speed[10:60].mean() > 0.5 and speed[95:130].mean() < 0.3 and speed[170:230].mean() > 0.5
    # One line anew: the others stay.
    driver.settings.active_line = 1
    driver.settings.lines[1].prompt = "a person waves with the right hand"
    bpy.ops.moclip.accept()
    assert bpy.ops.moclip.regenerate_line() == {"FINISHED"}
    wait(driver)
    after = poses(rig, 11, 251)
    place, turn = changes(found, after, [*range(11, 83), *range(155, 251)])
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(found, after, range(100, 140))[0] > 0.2


def test_lines_are_added_moved_removed_and_read_from_markers(driver):
    settings = driver.settings
    bpy.context.scene.frame_set(5)
    for prompt in ("one", "two", "three"):
        settings.prompt = prompt
        bpy.ops.moclip.add_line()
    ranges = driver.module("operators.script").ranges
    assert ranges(settings) == [(5, 65), (65, 125), (125, 185)]
    settings.lines[0].end = 45
    settings.lines[1].end = 125
    settings.active_line = 0
    bpy.ops.moclip.move_line(step=1)
    assert [line.prompt for line in settings.lines] == ["two", "one", "three"] and settings.active_line == 1
    assert ranges(settings) == [(5, 85), (85, 125), (125, 185)]
    assert bpy.ops.moclip.move_line(step=1) == {"FINISHED"} and bpy.ops.moclip.move_line(step=1) == {"CANCELLED"}
    settings.active_line = 0
    bpy.ops.moclip.remove_line()
    assert [line.prompt for line in settings.lines] == ["three", "one"] and ranges(settings) == [(5, 65), (65, 105)]
    with pytest.raises(RuntimeError, match="Add markers with prompts"):
        bpy.ops.moclip.lines_from_markers()
    for name, frame in (("a person bows", 40), ("F_70", 70), ("a person walks", 1)):
        bpy.context.scene.timeline_markers.new(name, frame=frame)
    bpy.ops.moclip.lines_from_markers()
    assert [line.prompt for line in settings.lines] == ["a person walks", "a person bows"]
    assert ranges(settings) == [(1, 40), (40, 100)]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([("walk", 10)], "Line 1 lasts 0.45 seconds"),
        ([("walk", 61), ("", 121)], "Line 2 has no prompt"),
        ([("walk", 61), ("bow", 40)], "Line 2 lasts -1.05 seconds"),
        ([("walk", 1 + 180 * k) for k in range(1, 9)], "The script lasts 72 seconds"),
        ([("walk", 1 + 60 * k) for k in range(1, 18)], "at most 16 lines"),
    ],
)
def test_scripts_that_cannot_be_are_told_at_once(driver, lines, sentence):
    script(driver, 1, *lines)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.moclip.generate_script()
    assert driver.session.job is None and sentence in driver.session.message


def test_the_backend_says_what_scripts_prompts_and_ranges_may_be(driver, walker, monkeypatch):
    limits = {"seconds": [2.0, 4.0], "script_lines": 2, "script_seconds": 5.0, "text_characters": 8}
    monkeypatch.setattr(driver.session, "welcome", {"limits": limits})
    for lines, sentence in (
        ([("walk", 25)], "A line lasts 2.0 to 4.0 seconds"),
        ([("walk", 73), ("bow", 145), ("sit", 217)], "at most 2 lines"),
        ([("walk", 73), ("bow", 145)], "The most is 5"),
        ([("walk about", 73)], "longer than 8 characters"),
    ):
        script(driver, 1, *lines)
        with pytest.raises(RuntimeError, match=sentence):
            bpy.ops.moclip.generate_script()
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "bow", 1, 121
    with pytest.raises(RuntimeError, match="Choose one of 0.2 to 4.0 seconds"):
        bpy.ops.moclip.edit_range()
    assert driver.session.job is None


def test_a_range_is_read_at_the_frame_rate_of_the_model_that_is_to_make_it(driver, walker):
    read_edit, scene = driver.module("editing.range_edit").read_edit, bpy.context.scene
    slow, fast = (read_edit(walker, scene, 49, 97, fps) for fps in (20.0, 30.0))
    assert (len(slow.before[0]), len(fast.before[0])) == (40, 60)
    # A tenth of a second before the range.
    assert np.abs(slow.before[1][-2] - fast.before[1][-3]).max() < 1e-6
    job = driver.module("backend.jobs").Job("bow", None, 0, None, scene.name, 49, 0, edit=slow)
    told = {"features": ["context"], "model": "m"}
    assert job.refusal(told | {"fps": 20.0}) == "" and "Try again" in job.refusal(told | {"fps": 30.0})
    assert "too old" in job.refusal({"fps": 20.0})


def test_ranges_that_cannot_be_are_told_at_once(driver, walker):
    driver.settings.prompt = "a person bows"
    for first, end in ((50, 50), (50, 52), (60, 50), (1, 300)):
        driver.settings.range_start, driver.settings.range_end = first, end
        with pytest.raises(RuntimeError, match=f"The range from frame {first} to {end} lasts"):
            bpy.ops.moclip.edit_range()
    driver.settings.range_start, driver.settings.range_end, driver.settings.prompt = 49, 97, " "
    with pytest.raises(RuntimeError, match="The prompt is empty"):
        bpy.ops.moclip.edit_range()
    assert driver.session.job is None


def test_looped_and_locked_curves_are_told_and_nothing_changes(driver, walker):
    curve = driver.module("compat").fcurves_of(walker.animation_data.action)[0]
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person bows", 49, 97
    own, count = walker.animation_data.action, len(bpy.data.actions)
    for spoil, sentence in (
        (lambda: curve.modifiers.new("CYCLES"), "has a modifier"),
        (lambda: (curve.modifiers.remove(curve.modifiers[0]), setattr(curve, "lock", True)), "is locked"),
    ):
        spoil()
        bpy.ops.moclip.edit_range()
        driver.pump_until(lambda: driver.session.job is None)
        driver.module("backend.timer").pump()
        assert driver.session.level == "ERROR" and sentence in driver.session.message
        assert walker.animation_data.action == own and len(bpy.data.actions) == count


def test_an_action_that_is_gone_meanwhile_is_told(driver, walker):
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person bows", 49, 97
    bpy.ops.moclip.edit_range()
    bpy.data.actions.remove(walker.animation_data.action)
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level == "ERROR" and "is gone" in driver.session.message and not bpy.data.actions


def test_without_target_or_action_the_buttons_say_what_is_missing(driver):
    for operator in ("edit_range", "lead_in", "continue_motion"):
        with pytest.raises(RuntimeError, match="Select an armature first"):
            getattr(bpy.ops.moclip, operator)()
    bpy.ops.moclip.create_armature()
    for operator in ("edit_range", "lead_in"):
        with pytest.raises(RuntimeError, match="has no action"):
            getattr(bpy.ops.moclip, operator)()


def deforming(rig, first, end):
    """Frame -> (bones, 3) heads of the bones that deform the body, in the world."""
    found = {}
    names = [bone.name for bone in rig.data.bones if bone.name.startswith("DEF-")]
    for frame in range(first, end):
        bpy.context.scene.frame_set(frame)
        found[frame] = np.array([rig.matrix_world @ rig.pose.bones[name].head for name in names])
    return found


@pytest.mark.parametrize("users_own", [False, True])
def test_a_range_of_rigifys_human_is_made_anew(driver, human, users_own):
    driver.settings.target = human
    if users_own:
        # Hands on IK, as Rigify comes.
        for frame, height in ((1, 0.0), (60, 0.25), (120, 0.0)):
            human.pose.bones["hand_ik.L"].location = (0, 0, height)
            human.pose.bones["hand_ik.L"].keyframe_insert("location", frame=frame)
    else:
        driver.generate("a person walks forward", use_auto_seconds=False, seconds=6.0, start_at="REST")
        bpy.ops.moclip.accept()
    before = deforming(human, 1, 121)
    driver.settings.prompt, driver.settings.seed = "a person bows" if users_own else "a person walks forward", 5
    driver.settings.range_start, driver.settings.range_end = 41, 81
    assert bpy.ops.moclip.edit_range() == {"FINISHED"}
    wait(driver)
    after = deforming(human, 1, 121)
    kept = [*range(1, 41), *range(81, 121)]
    assert max(np.abs(before[f] - after[f]).max() for f in kept) < MILLIMETRE
    assert max(np.abs(before[f] - after[f]).max() for f in range(50, 70)) > 0.1
    own, new = (
        np.linalg.norm(np.diff([found[f] for f in range(1, 121)], 2, axis=0), axis=-1).max(axis=1)
        for found in (before, after)
    )
    # Metres a frame squared, fingers included; a walk has as much everywhere.
    assert max(new[36:42].max(), new[76:82].max()) < max(0.15, 2.0 * own.max())


@pytest.mark.parametrize("prompt", ["a person walks forward", "a person bows"])
def test_frames_that_are_kept_are_met_and_all_else_in_the_range_is_made_anew(driver, walker, prompt):
    before, kept = poses(walker, 1, 145), (60, 72, 85)
    for frame in (*kept, 20, 130):  # those outside of the range stay anyway
        bpy.context.scene.frame_set(frame)
        assert bpy.ops.moclip.keep_frame() == {"FINISHED"}
    driver.settings.prompt, driver.settings.seed = prompt, 7
    driver.settings.range_start, driver.settings.range_end = 49, 97
    assert bpy.ops.moclip.edit_range() == {"FINISHED"}
    assert [frame for frame, _ in driver.session.job.edit.kept] == list(kept)
    assert driver.session.job.header() == {"anchor_seconds": [(frame - 49) / 24 for frame in kept]}
    wait(driver)
    after = poses(walker, 1, 145)
    place, turn = changes(before, after, [*range(1, 49), *kept, *range(97, 145)])
    print(f"{prompt}: kept frames change by {1000 * place:.4f} mm and {np.degrees(turn):.4f} degrees at most")
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(50, 97))[0] > 0.02
    rough = jumps(after)[45:98].max() / jumps(before).max()
    print(f"the range is {rough:.2f} times as rough as the walk's roughest frame")
    assert rough < 3.0


def test_frames_of_a_users_own_rig_are_kept_in_its_own_rotation_modes(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    for bone in rig.pose.bones:
        bone.rotation_mode = "XYZ"
    for name, degrees in (("left_shoulder", 60), ("head", 20), ("left_knee", 30)):
        bone = rig.pose.bones[name]
        for frame, share in ((1, 0.0), (30, 1.0), (70, -0.5), (120, 0.2)):
            bone.rotation_euler = Quaternion((1, 0, 0), np.radians(degrees * share)).to_euler("XYZ")
            bone.keyframe_insert("rotation_euler", frame=frame)
    for curve in driver.module("compat").fcurves_of(rig.animation_data.action):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co.x) in (30, 70)
    assert bpy.ops.moclip.keep_keys() == {"FINISHED"}
    before = poses(rig, 1, 121)
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person waves", 11, 101
    bpy.ops.moclip.edit_range()
    wait(driver)
    after = poses(rig, 1, 121)
    place, turn = changes(before, after, [*range(1, 11), 30, 70, *range(101, 121)])
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(40, 60))[0] > 0.05


@pytest.fixture
def blocked(driver):
    """A character with poses keyed at 1, 30, 70 and 110, all of which are kept."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    for frame, share in ((1, 0.0), (30, 1.0), (70, -0.5), (110, 0.4)):
        for name, degrees in (("left_shoulder", 60), ("head", 20), ("right_elbow", 30)):
            bone = rig.pose.bones[name]
            bone.rotation_quaternion = Quaternion((1, 0, 0), np.radians(degrees * share))
            bone.keyframe_insert("rotation_quaternion", frame=frame)
        rig.pose.bones["pelvis"].location = (0.2 * share, 0.0, 0.3 * share)
        rig.pose.bones["pelvis"].keyframe_insert("location", frame=frame)
        driver.settings.kept.add().frame = frame
    driver.settings.prompt = "a person waves with the right hand"
    return rig


def test_generate_fills_what_is_between_frames_that_are_kept(driver, blocked):
    before, own = poses(blocked, 1, 120), blocked.animation_data.action
    bpy.context.scene.frame_set(1)
    driver.settings.use_auto_seconds = True
    assert bpy.ops.moclip.generate() == {"FINISHED"}
    edit = driver.session.job.edit
    assert (edit.first, edit.end, edit.before, edit.after) == (1, 111, None, None)
    assert driver.session.job.needs == {"anchors"} and driver.session.job.seconds == 5.5
    wait(driver)
    after, action = poses(blocked, 1, 120), blocked.animation_data.action
    place, turn = changes(before, after, [1, 30, 70, 110])
    print(f"kept frames change by {1000 * place:.4f} mm and {np.degrees(turn):.4f} degrees at most")
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(35, 65))[0] > 0.05
    assert action != own and own.use_fake_user and action["moclip"]["prompt"] == driver.settings.prompt
    assert bpy.ops.moclip.reject() == {"FINISHED"} and blocked.animation_data.action == own


def test_generate_for_as_long_as_the_panel_says_leaves_what_follows(driver, blocked):
    before = poses(blocked, 1, 120)
    bpy.context.scene.frame_set(21)
    driver.settings.use_auto_seconds, driver.settings.seconds = False, 3.0
    assert bpy.ops.moclip.generate() == {"FINISHED"}
    edit = driver.session.job.edit
    assert (edit.first, edit.end, [frame for frame, _ in edit.kept]) == (21, 81, [30, 70])
    wait(driver)
    after = poses(blocked, 1, 120)
    place, turn = changes(before, after, [*range(1, 21), 30, 70, *range(81, 120)])
    assert place < MILLIMETRE and turn < TENTH_OF_A_DEGREE
    assert changes(before, after, range(35, 65))[0] > 0.05


def test_generate_makes_a_motion_of_its_own_where_no_frame_is_kept_ahead(driver, blocked):
    bpy.context.scene.frame_set(111)
    assert bpy.ops.moclip.generate() == {"FINISHED"} and driver.session.job.edit is None
    driver.session.cancel()
    driver.pump_until(lambda: driver.session.job is None)
    bpy.context.scene.frame_set(1)
    driver.settings.use_loop = True
    with pytest.raises(RuntimeError, match="that repeats cannot meet frames that are kept. Keep no frames"):
        bpy.ops.moclip.generate()
    assert driver.session.job is None


def test_frames_are_kept_and_let_go(driver, walker):
    def kept():
        return [one.frame for one in driver.settings.kept]

    with pytest.raises(RuntimeError, match="No frame is kept"):
        bpy.ops.moclip.keep_none()
    for frame in (60, 20):
        bpy.context.scene.frame_set(frame)
        bpy.ops.moclip.keep_frame()
    assert kept() == [20, 60]
    bpy.ops.moclip.keep_frame()
    assert kept() == [60]
    for curve in driver.module("compat").fcurves_of(walker.animation_data.action):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co.x) in (33, 44)
    bpy.ops.moclip.keep_keys()
    assert kept() == [33, 44]
    bpy.ops.moclip.keep_none()
    assert kept() == []
    for frame in range(49, 97):
        driver.settings.kept.add().frame = frame
    driver.settings.prompt, driver.settings.range_start, driver.settings.range_end = "a person bows", 49, 97
    with pytest.raises(RuntimeError, match="48 frames are to be kept from 49 to 97. Keep at most"):
        bpy.ops.moclip.edit_range()


def test_a_backend_that_keeps_no_frames_is_told(driver, walker):
    driver.settings.kept.add().frame = 60
    edit = driver.module("editing.range_edit").read_edit(walker, bpy.context.scene, 49, 97, 20.0, [60])
    job = driver.module("backend.jobs").Job("bow", None, 0, None, bpy.context.scene.name, 49, 0, edit=edit)
    told = {"features": ["context"], "model": "m", "fps": 20.0}
    assert "keep frames" in job.refusal(told)
    assert job.refusal(told | {"features": ["context", "anchors"]}) == ""
