# SPDX-License-Identifier: Apache-2.0
"""Takes as ghosts: as they would be keyed, where they would be, and until one is picked nothing is in the file."""

import sys

import bpy
import numpy as np
import pytest
from check_pins import gait, hold, mixamo, own
from check_rigs import mixamo_rig
from conftest import MODULE

SHORT = {"use_auto_seconds": False, "seconds": 1.0}


def stage(driver):
    return driver.module("preview.stage").STAGE


def in_file():
    """All that a file holds: datablocks by kind, custom properties, and how rigs and scenes are."""
    kinds = [name for name in dir(bpy.data) if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)]
    found = {kind: [(one.name_full, sorted(one.keys())) for one in getattr(bpy.data, kind)] for kind in kinds}
    for scene in bpy.data.scenes:
        found[scene.name] = scene.frame_current, scene.frame_start, scene.frame_end
    for obj in bpy.data.objects:
        data = obj.animation_data
        poses = [np.array(bone.matrix_basis).tolist() for bone in obj.pose.bones] if obj.pose else []
        found["object", obj.name] = (
            np.array(obj.matrix_world).tolist(),
            poses,
            data and data.action and data.action.name,
        )
    return found


def ghosts(driver, prompt="a person walks forward", **settings):
    """Generate with the preview on, until all takes are there; returns them."""
    driver.ask(prompt, use_preview=True, **SHORT | settings)
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    driver.pump_until(lambda: not stage(driver).is_unfinished)
    assert driver.session.level != "ERROR", driver.session.message
    return stage(driver).ghosts


def removed(handler):
    with pytest.raises(ValueError):
        bpy.types.SpaceView3D.draw_handler_remove(handler, "WINDOW")


@pytest.fixture
def rig(driver):
    bpy.ops.moclip.create_armature()
    return driver.settings.target


def test_off_it_is_as_ever(driver, rig):
    driver.generate("a person waves", **SHORT)
    assert rig.animation_data.action.name == "a person waves" and not stage(driver).is_on


def test_until_a_take_is_picked_nothing_is_in_the_file(driver, rig):
    driver.settings.use_preview = True
    driver.settings.prompt, driver.settings.variations = "a person walks forward", 3
    driver.settings.use_auto_seconds, driver.settings.seconds = False, 1.0
    before = in_file()
    assert len(ghosts(driver, variations=3)) == 3
    assert in_file() == before
    driver.session.message.index("3 takes of 'a person walks forward' are shown as ghosts")
    bpy.context.scene.frame_set(9)
    bpy.context.scene.frame_set(1)
    handlers = list(stage(driver)._handlers)
    assert bpy.ops.moclip.dismiss_ghosts() == {"FINISHED"}
    assert in_file() == before and not stage(driver).is_on and stage(driver).ghosts == []
    for handler in handlers:
        removed(handler)
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.moclip.dismiss_ghosts()


def test_what_was_dismissed_comes_back_until_the_next_motion(driver, rig):
    ghosts(driver, variations=2)
    bpy.ops.moclip.choose_ghost(step=1)
    bpy.ops.moclip.dismiss_ghosts()
    assert bpy.ops.moclip.preview_takes() == {"FINISHED"}
    driver.pump_until(lambda: not stage(driver).is_unfinished)
    assert len(stage(driver).ghosts) == 2 and not bpy.data.actions


def test_a_pick_keys_the_chosen_take_by_one_undo_step(driver, rig):
    ghosts(driver, variations=3, seed=5)
    assert stage(driver).chosen == 0
    bpy.ops.moclip.choose_ghost(step=1)
    bpy.ops.moclip.choose_ghost(step=1)
    bpy.ops.moclip.choose_ghost(step=-1)
    assert not bpy.data.actions
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.moclip.pick_take("EXEC_DEFAULT", True) == {"FINISHED"}
    assert [action["moclip"]["seed"] for action in bpy.data.actions] == ["6"]
    assert rig.animation_data.action == bpy.data.actions[0] and not stage(driver).is_on
    assert driver.session.shown == 1
    bpy.ops.ed.undo()
    assert not bpy.data.actions and driver.settings.target is not None


def test_picking_one_then_another_leaves_one(driver, rig):
    ghosts(driver, variations=2, seed=5)
    bpy.ops.moclip.pick_take()
    bpy.ops.moclip.preview_takes()
    assert stage(driver).chosen == 0
    bpy.ops.moclip.pick_take(take=2)
    assert [action["moclip"]["seed"] for action in bpy.data.actions] == ["6"]


def test_takes_are_worked_out_one_a_step_so_that_nothing_waits(driver, rig):
    driver.ask("a person waves", use_preview=True, variations=3, **SHORT)
    driver.pump_until(lambda: driver.session.job is None)
    counts = []
    for _ in range(4):
        driver.module("backend.timer").pump()
        counts.append(len(stage(driver).ghosts))
    assert counts == [1, 2, 3, 3]


def test_a_file_that_is_opened_an_undo_and_new_takes_clear_them(driver, rig, tmp_path):
    ghosts(driver)
    handlers = list(stage(driver)._handlers)
    bpy.ops.ed.undo_push(message="a")
    bpy.ops.ed.undo()
    assert not stage(driver).is_on
    for handler in handlers:
        removed(handler)
    bpy.ops.moclip.preview_takes()
    handlers = list(stage(driver)._handlers)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not stage(driver).is_on
    for handler in handlers:
        removed(handler)
    bpy.ops.moclip.create_armature()
    first = ghosts(driver, seed=1)[0]
    assert ghosts(driver, seed=2)[0] is not first and stage(driver).count == 1


def test_switching_it_off_lets_them_go(driver, rig):
    ghosts(driver)
    driver.settings.use_preview = False
    assert not stage(driver).is_on and not bpy.data.actions


def test_disabling_the_add_on_removes_them(driver, rig):
    ghosts(driver)
    shown, handlers = stage(driver), list(stage(driver)._handlers)
    bpy.ops.preferences.addon_disable(module=MODULE)
    assert not shown.is_on and shown.ghosts == []
    for handler in handlers:
        removed(handler)
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert MODULE in sys.modules


def test_ghosts_of_who_was_deleted_say_so(driver, rig):
    driver.ask("a person waves", use_preview=True, variations=2, **SHORT)
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    bpy.data.objects.remove(rig)
    driver.module("backend.timer").pump()
    assert not stage(driver).is_on and driver.session.level == "ERROR"
    assert "was deleted" in driver.session.message
    driver.module("backend.timer").pump()  # and it goes on


def turned_mixamo(driver, _tmp_path):
    """Elsewhere, turned and enlarged."""
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=True, scale=0.01)
    rig.location, rig.rotation_euler.z, rig.scale = (2.0, -1.0, 0.5), 0.7, [2.0 * s for s in rig.scale]
    return rig


@pytest.mark.parametrize("root", ["HIPS", "OBJECT", "IN_PLACE"])
@pytest.mark.parametrize("make", [own, mixamo, turned_mixamo])
def test_a_ghost_is_what_is_keyed(driver, tmp_path, make, root):
    """To the millimetre, of every bone, at all frames, where the character stands and as large as it is."""
    rig = make(driver, tmp_path)
    driver.settings.target, driver.settings.root = rig, root
    bpy.context.scene.frame_set(1)
    bpy.context.view_layer.update()
    hold(driver, gait(driver))
    assert bpy.ops.moclip.preview_takes() == {"FINISHED"}
    figure = stage(driver).ghosts[0].figure
    assert figure.frames == 80 and {contact.foot for contact in figure.contacts} == {"left_foot", "right_foot"}
    bpy.ops.moclip.pick_take()
    bone_of = driver.module("rig.mapping").map_rig(rig)
    worst = 0.0
    for frame in range(1, 81, 7):
        bpy.context.scene.frame_set(frame)
        for joint, bone in bone_of.items():
            shown = np.array(rig.matrix_world @ rig.pose.bones[bone].head)
            worst = max(worst, float(np.linalg.norm(figure.joints[joint][frame - 1] - shown)))
    assert worst < 1e-3, worst


def test_a_ghost_of_rigify_is_what_is_keyed(driver, human):
    driver.settings.target = human
    hold(driver, gait(driver))
    bpy.ops.moclip.preview_takes()
    figure = stage(driver).ghosts[0].figure
    bpy.ops.moclip.pick_take()
    bone_of = driver.module("rig.mapping").map_rig(human)
    for frame in (1, 30, 80):
        bpy.context.scene.frame_set(frame)
        for joint in ("left_ankle", "right_elbow", "head"):
            shown = human.matrix_world @ human.pose.bones[bone_of[joint]].head
            assert np.linalg.norm(figure.joints[joint][frame - 1] - shown) < 2e-3, joint


def test_where_there_is_no_character_the_motions_own_body_is_shown(driver, tools):
    (ghost,) = ghosts(driver)
    assert not bpy.data.armatures and not stage(driver).beside_somebody
    bpy.ops.moclip.pick_take()
    rig = driver.settings.target
    for frame in (1, 11, 20):
        bpy.context.scene.frame_set(frame)
        for joint in ("pelvis", "head", "left_wrist", "right_foot"):
            shown = rig.matrix_world @ rig.pose.bones[joint].head
            assert np.linalg.norm(ghost.figure.joints[joint][frame - 1] - shown) < 0.02, joint


def test_side_by_side_they_stand_apart_and_in_place_one_is_seen(driver, rig):
    ghosts(driver, variations=3)
    apart = [away for _, _, away in sorted(stage(driver).seen(True), key=lambda one: one[0])]
    steps = np.linalg.norm(np.diff(apart, axis=0), axis=1)
    assert (steps > 0.5).all() and np.linalg.norm(apart[0]) > 0.5  # beside the character, and beside one another
    stage(driver).choose(1)
    assert [(take, away.tolist()) for take, _, away in stage(driver).seen(False)] == [(1, [0.0, 0.0, 0.0])]
    assert [take for take, _, _ in stage(driver).seen(True)][-1] == 1  # over the others


def test_a_ghost_follows_the_path_that_will_be_followed(driver, rig):
    curve = bpy.data.curves.new("way", "CURVE")
    curve.dimensions = "3D"
    spline = curve.splines.new("POLY")
    spline.points.add(1)
    spline.points[0].co, spline.points[1].co = (0, 0, 0, 1), (6, 0, 0, 1)
    way = bpy.data.objects.new("way", curve)
    bpy.context.scene.collection.objects.link(way)
    driver.settings.path = way
    hold(driver, gait(driver))
    before = in_file()
    bpy.ops.moclip.preview_takes()
    assert in_file() == before
    ends = [stage(driver).ghosts[0].figure.joints["pelvis"][frame] for frame in (0, 79)]
    driver.session._held_job.target = None
    bpy.ops.moclip.preview_takes()
    alone = [stage(driver).ghosts[0].figure.joints["pelvis"][frame] for frame in (0, 79)]
    np.testing.assert_allclose(alone, ends, atol=0.02)
    assert ends[1][0] - ends[0][0] > 2.0 and abs(ends[1][1] - ends[0][1]) < 0.3


def test_a_row_of_a_batch_and_a_range_are_keyed_at_once(driver, rig):
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=3.0)
    driver.settings.use_preview = True
    driver.settings.range_start, driver.settings.range_end = 21, 41
    bpy.ops.moclip.edit_range()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert not stage(driver).is_on and len(bpy.data.actions) == 2
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.moclip.preview_takes()
    row = driver.settings.rows.add()
    row.name, row.armature, row.prompt, row.seconds = "1", rig, "a person waves", 1.0
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: not driver.session.batch.running)
    assert not stage(driver).is_on and rig.animation_data.nla_tracks


def test_a_rig_that_cannot_be_keyed_is_told_and_nothing_is_shown(driver, rig):
    ghosts(driver)
    driver.settings.root = "BONE"
    with pytest.raises(RuntimeError, match="has no root bone"):
        bpy.ops.moclip.preview_takes()
    assert not stage(driver).is_on
