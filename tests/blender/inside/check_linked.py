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
