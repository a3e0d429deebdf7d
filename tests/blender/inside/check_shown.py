# SPDX-License-Identifier: Apache-2.0
"""What label, seed and history say is what plays; takes stay where they began, wherever the playhead is."""

import bpy
import pytest


@pytest.fixture
def rig(driver):
    bpy.ops.moclip.create_armature()
    return driver.settings.target


def generate(driver, prompt="a person waves", **settings):
    driver.generate(prompt, **{"use_auto_seconds": False, "seconds": 1.0} | settings)
    return driver.settings.target


def again(driver):
    assert bpy.ops.moclip.try_again("EXEC_DEFAULT", True) == {"FINISHED"}
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    assert driver.session.level != "ERROR", driver.session.message


def label(driver, rig):
    return driver.module("ui.panel_main").told_of(rig.animation_data.action)


def first_frame(rig):
    return rig.animation_data.action.frame_range[0]


@pytest.mark.parametrize("how", ["try_again", "show_take", "apply_motion"])
def test_a_take_stays_where_it_began(driver, rig, how):
    bpy.context.scene.frame_set(11)
    generate(driver, "a person walks forward", variations=2)
    begins = tuple(rig.pose.bones["pelvis"].head)
    bpy.context.scene.frame_set(25)
    if how == "try_again":
        again(driver)
    else:
        assert getattr(bpy.ops.moclip, how)() == {"FINISHED"}
    assert first_frame(rig) == 11
    bpy.context.scene.frame_set(11)
    assert tuple(rig.pose.bones["pelvis"].head)[:2] == pytest.approx(begins[:2], abs=1e-3)


def test_try_again_keeps_its_character_whoever_is_selected(driver, rig):
    generate(driver)
    bpy.ops.moclip.create_armature()
    other = bpy.context.view_layer.objects.active
    again(driver)
    assert other != rig and not other.animation_data and rig.animation_data.action["moclip"]["seed"] == "1"


def test_takes_of_a_new_character_are_all_for_it(driver):
    rig = generate(driver, variations=2)
    bpy.ops.moclip.show_take()
    again(driver)
    assert [o for o in bpy.data.objects if o.type == "ARMATURE"] == [rig]
    name = rig.name
    bpy.ops.object.delete()
    bpy.ops.moclip.apply_motion()
    made = [o.name for o in bpy.context.scene.objects if o.type == "ARMATURE"]
    assert len(made) == 1 and bpy.data.objects[made[0]].animation_data.action, name


def test_label_and_seed_follow_takes_undo_and_recall(driver, rig):
    name = rig.name
    generate(driver, seed=5, variations=3)
    assert label(driver, rig) == "Take 1 of 3, variant 5"
    bpy.ops.moclip.show_take("EXEC_DEFAULT", True, step=1)
    assert label(driver, rig) == "Take 2 of 3, variant 6" and driver.settings.seed == 6
    bpy.ops.ed.undo()
    rig = bpy.data.objects[name]
    assert label(driver, rig) == "Take 1 of 3, variant 5" and driver.settings.seed == 5
    bpy.ops.moclip.apply_motion()
    assert label(driver, rig) == "Take 1 of 3, variant 5"
    bpy.ops.moclip.show_take(step=1)
    assert label(driver, rig) == "Take 2 of 3, variant 6"
    bpy.ops.moclip.accept()
    generate(driver, "a person bows", seed=9, variations=1)
    bpy.ops.moclip.recall(action="a person waves")
    assert label(driver, rig) == "a person waves, 6" and driver.settings.seed == 6
    assert bpy.ops.moclip.accept(as_strip=True) == {"FINISHED"}


def test_the_seed_of_the_panel_stays_when_nothing_new_comes(driver, rig):
    generate(driver, seed=3)
    bpy.ops.moclip.try_again()
    bpy.ops.moclip.cancel()
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()
    shown = rig.animation_data.action["moclip"]["seed"]
    assert driver.settings.seed == int(shown)


def test_the_largest_seed_goes_round(driver, rig):
    generate(driver, seed=2**31 - 1)
    again(driver)
    assert rig.animation_data.action["moclip"]["seed"] == "0"


def test_an_edited_prompt_is_tried_where_the_take_began(driver, rig):
    bpy.context.scene.frame_set(11)
    generate(driver)
    driver.settings.prompt = "a person bows"
    bpy.context.scene.frame_set(1)
    again(driver)
    assert rig.animation_data.action.name == "a person bows" and first_frame(rig) == 11


def test_a_new_file_has_nothing_to_accept(driver, rig):
    generate(driver, variations=2)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert driver.session.done is None
    assert not bpy.ops.moclip.accept.poll() and not bpy.ops.moclip.reject.poll()
    bpy.ops.moclip.create_armature()
    assert not bpy.ops.moclip.accept.poll() and label(driver, _Still(driver)) == "No motion is shown"
    bpy.context.scene.frame_set(7)
    assert bpy.ops.moclip.apply_motion() == {"FINISHED"}
    assert first_frame(driver.settings.target) == 7


class _Still:
    """A character that shows nothing."""

    def __init__(self, driver):
        driver.settings.target.animation_data_create()
        self.animation_data = driver.settings.target.animation_data
