# SPDX-License-Identifier: Apache-2.0
"""Rigs that are linked from another file: refused as they are, animated as library overrides."""

import bpy
import pytest


@pytest.fixture
def linked(driver, tmp_path):
    """A collection with MoCLIP's armature, linked from another file."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    collection = bpy.data.collections.new("Hero")
    collection.objects.link(rig)
    bpy.data.libraries.write(str(tmp_path / "hero.blend"), {collection})
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 20
    with bpy.data.libraries.load(str(tmp_path / "hero.blend"), link=True) as (_, into):
        into.collections = ["Hero"]
    bpy.context.scene.collection.children.link(into.collections[0])
    return into.collections[0]


def test_a_linked_rig_is_refused_in_a_sentence(driver, linked):
    driver.settings.target = linked.objects[0]
    with pytest.raises(RuntimeError, match="linked from another file"):
        driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    assert driver.session.level == "ERROR" and "library override" in driver.session.message
    assert driver.session.job is None and not bpy.data.actions


def test_its_library_override_is_animated(driver, linked):
    own = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    rig = next(obj for obj in own.all_objects if obj.type == "ARMATURE")
    assert rig.library is None and rig.override_library is not None
    driver.settings.target = rig
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    assert rig.animation_data.action.name == "a person walks forward"
    before = rig.pose.bones["left_hip"].matrix.copy()
    bpy.context.scene.frame_set(15)
    assert rig.pose.bones["left_hip"].matrix != before


def test_a_range_of_a_linked_rig_is_refused_at_once(driver, linked):
    driver.settings.target = linked.objects[0]
    with pytest.raises(RuntimeError, match="has no action"):
        bpy.ops.moclip.edit_range()
    driver.settings.prompt = "a person bows"
    with pytest.raises(RuntimeError, match="linked from another file"):
        bpy.ops.moclip.continue_motion()


def test_a_row_for_a_linked_rig_fails_before_the_wait(driver, linked):
    bpy.ops.moclip.add_row()
    row = driver.settings.rows[0]
    row.armature, row.prompt, row.seconds = linked.objects[0], "a person walks", 1.0
    bpy.ops.moclip.run_batch()
    jobs = []

    def over():
        jobs.append(driver.session.job)
        return not driver.session.batch.running

    driver.pump_until(over)
    state, why = driver.session.batch.states[row.name]
    assert state == "failed" and "linked from another file" in why and not any(jobs)


def test_a_table_that_names_both_means_the_override(driver, linked, tmp_path):
    linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    rigs = [obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE"]
    assert len({rig.name for rig in rigs}) == 1 and {rig.library is None for rig in rigs} == {True, False}
    (tmp_path / "rows.csv").write_text(f"armature,prompt\n{rigs[0].name},a person walks\n")
    bpy.ops.moclip.import_rows(filepath=str(tmp_path / "rows.csv"))
    assert driver.settings.rows[0].armature.library is None


def test_the_bones_of_an_override_are_detected_edited_and_kept(driver, linked, tmp_path):
    own = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    rig = next(obj for obj in own.all_objects if obj.type == "ARMATURE")
    driver.settings.target = rig
    assert bpy.ops.moclip.detect_bones() == {"FINISHED"} and len(rig.moclip_bones) == 22
    rig.moclip_bones["left_foot"].bone = ""
    assert bpy.ops.moclip.clear_bones() == {"FINISHED"} and not any(row.bone for row in rig.moclip_bones)
    bpy.ops.moclip.detect_bones()
    rig.moclip_bones["left_foot"].bone = ""
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    paths = {curve.data_path for curve in driver.module("compat").fcurves_of(rig.animation_data.action)}
    assert not any("left_foot" in path for path in paths)
    assert bpy.ops.moclip.reject() == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    rig = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE" and obj.library is None)
    assert {row.name: row.bone for row in rig.moclip_bones}.get("left_foot") == "" and len(rig.moclip_bones) == 22
