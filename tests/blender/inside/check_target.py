# SPDX-License-Identifier: Apache-2.0
"""On whom a motion is keyed: the selected character, the pinned one, or a new one; and the panel says so before."""

import bpy
import pytest


def characters(driver, *names):
    rigs = []
    for name in names:
        bpy.ops.moclip.create_armature()
        rigs.append(driver.settings.target)
        rigs[-1].name = name
    return rigs


def select(*objects):
    for obj in bpy.context.scene.objects:
        obj.select_set(obj in objects)
    if objects:
        bpy.context.view_layer.objects.active = objects[0]


def body(rig, how):
    mesh = bpy.data.objects.new("Body", bpy.data.meshes.new("Body"))
    bpy.context.scene.collection.objects.link(mesh)
    if how == "modifier":
        mesh.modifiers.new("Armature", "ARMATURE").object = rig
    else:
        mesh.parent = rig
        if how == "bone":
            mesh.parent_type, mesh.parent_bone = "BONE", "head"
    return mesh


def told(driver):
    return driver.module("rig.target").told(bpy.context)


def quick(driver):
    driver.settings.start_at = "REST"
    return driver.generate("a person bows", use_auto_seconds=False, seconds=1.0)


def test_the_selected_armature_is_keyed_and_said_to_be(driver):
    one, two = characters(driver, "One", "Two")
    select(one)
    assert told(driver) == "Keys One"
    assert quick(driver) == one and one.animation_data.action and not two.animation_data
    select(two)
    assert told(driver) == "Keys Two" and quick(driver) == two and two.animation_data.action


@pytest.mark.parametrize("how", ["modifier", "object", "bone"])
def test_with_a_mesh_selected_it_is_its_armature(driver, how):
    one, _two = characters(driver, "One", "Two")
    mesh = body(one, how)
    select(mesh)
    assert told(driver) == "Keys One, of Body"
    assert quick(driver) == one


def test_with_nothing_selected_it_is_a_new_one(driver):
    (one,) = characters(driver, "One")
    select()
    assert told(driver) == "Keys a new character"
    rig = quick(driver)
    assert rig != one and not one.animation_data and rig.select_get()
    assert told(driver) == f"Keys {rig.name}"


def test_what_is_no_character_changes_nothing(driver):
    (one,) = characters(driver, "One")
    curve = bpy.data.objects.new("Path", bpy.data.curves.new("Path", "CURVE"))
    bpy.context.scene.collection.objects.link(curve)
    select(curve)
    assert told(driver) == "Keys One" and quick(driver) == one


def test_a_pinned_one_is_keyed_whatever_is_selected(driver):
    one, two = characters(driver, "One", "Two")
    select(one)
    assert bpy.ops.moclip.pin_target() == {"FINISHED"}
    select(two)
    assert told(driver) == "Keys One" and quick(driver) == one
    bpy.ops.moclip.pin_target()
    assert told(driver) == "Keys Two"


def test_a_chosen_one_is_pinned_and_a_deleted_one_is_no_more(driver):
    one, two = characters(driver, "One", "Two")
    driver.settings.target = one
    select(two)
    assert told(driver) == "Keys One"
    select(one)
    bpy.ops.object.delete()
    select(two)
    assert told(driver) == "Keys a new character"


def test_another_take_of_one_leaves_the_pin_on_another(driver):
    one, two = characters(driver, "One", "Two")
    select(one)
    quick(driver)
    driver.settings.target = two
    driver.settings.variations = 1
    bpy.ops.moclip.apply_motion()
    assert one.animation_data.action and not two.animation_data and told(driver) == "Keys Two"


def test_with_nothing_selected_accept_still_speaks_of_the_one_that_was_keyed(driver):
    (one,) = characters(driver, "One")
    quick(driver)
    select()
    assert bpy.ops.moclip.accept() == {"FINISHED"} and one.animation_data.action["moclip"]["accepted"]


def test_a_posed_one_counts_though_it_is_not_selected(driver):
    one, _two = characters(driver, "One", "Two")
    select(one)
    bpy.ops.object.mode_set(mode="POSE")
    one.select_set(False)
    assert told(driver) == "Keys One"


def test_a_new_row_makes_a_new_character_and_leaves_the_selection(driver):
    (one,) = characters(driver, "One")
    for rig in (None, one, None):
        bpy.ops.moclip.add_row()
        row = driver.settings.rows[-1]
        row.armature, row.prompt, row.seconds = rig, "a person bows", 1.0
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: not driver.session.batch.running, 120)
    made = [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and obj != one]
    strips = {rig.name: sum(len(t.strips) for t in rig.animation_data.nla_tracks) for rig in (one, *made)}
    assert len(made) == 2 and set(strips.values()) == {1}, strips
    assert bpy.context.view_layer.objects.active == one and one.select_get() and told(driver) == "Keys One"
