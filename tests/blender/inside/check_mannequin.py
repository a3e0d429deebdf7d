# SPDX-License-Identifier: Apache-2.0
"""The character that the panel's + makes: a skinned body on the floor, which a motion moves as it goes."""

import bpy
import measures
import numpy as np
import pytest


def skin_of(rig):
    (skin,) = (obj for obj in bpy.data.objects if obj.type == "MESH" and obj.find_armature() == rig)
    return skin


def shown(skin):
    """(V, 3) of the skin in the world, as the armature bends it now."""
    graph = bpy.context.evaluated_depsgraph_get()
    bent = skin.evaluated_get(graph)
    return np.array([bent.matrix_world @ vertex.co for vertex in bent.data.vertices])


def test_it_is_a_body_bound_to_its_bones_and_stands_on_the_floor(driver):
    bpy.ops.moclip.create_mannequin()
    rig = driver.settings.target
    skin = skin_of(rig)
    assert skin.parent == rig and bpy.context.view_layer.objects.active == rig and rig.select_get()
    assert not skin.select_get() and skin.material_slots[0].material
    assert shown(skin)[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    names = {group.index: group.name for group in skin.vertex_groups}
    assert set(names.values()) == set(rig.data.bones.keys())
    sums = [sum(group.weight for group in vertex.groups) for vertex in skin.data.vertices]
    assert sums == pytest.approx([1.0] * len(sums), abs=1e-5)
    assert max(len(vertex.groups) for vertex in skin.data.vertices) <= 4
    assert all(polygon.use_smooth for polygon in skin.data.polygons)


def test_a_second_one_shares_the_material_and_undo_takes_all_of_it_away(driver):
    bpy.ops.moclip.create_mannequin()
    bpy.ops.ed.undo_push(message="one")
    before = {obj.name for obj in bpy.data.objects}
    bpy.ops.moclip.create_mannequin()
    bpy.ops.ed.undo_push(message="two")
    assert len(bpy.data.materials) == 1 and len(bpy.data.objects) == 4
    bpy.ops.ed.undo()
    assert {obj.name for obj in bpy.data.objects} == before and len(bpy.data.meshes) == 1


def test_with_nobody_there_a_prompt_moves_a_body_not_bones_alone(driver, tools):
    driver.settings.new_character = "MANNEQUIN"
    rig = driver.generate("a person walks", use_auto_seconds=False, seconds=3.0, seed=1, start_at="REST", foot_lock=0.0)
    skin = skin_of(rig)
    heads = dict(zip(tools.names, np.moveaxis(tools.pose_heads(rig, frames=60), 1, 0), strict=True))
    joints = dict(zip(tools.names, np.moveaxis(driver.joints(), 1, 0), strict=True))
    assert measures.limb_angle(heads, joints) < 0.5
    # On its soles it may stand a little higher or lower than a motion whose feet are steeper.
    assert np.abs(heads["pelvis"] - joints["pelvis"])[:, :2].max() < 0.01
    for name in set(tools.names) - {"left_foot", "right_foot"}:
        off = (heads[name] - heads["pelvis"]) - (joints[name] - joints["pelvis"])
        assert np.linalg.norm(off, axis=-1).max() < 0.015, name
    rest = np.array([vertex.co for vertex in skin.data.vertices])
    bpy.context.scene.frame_set(30)
    assert np.linalg.norm(shown(skin) - rest, axis=-1).max() > 0.5
    assert driver.module("rig.target").armature_of(skin) == rig


def test_the_soles_of_a_walk_stay_on_the_floor(driver):
    driver.settings.new_character = "MANNEQUIN"
    rig = driver.generate("a person walks", use_auto_seconds=False, seconds=3.0, seed=1, start_at="REST", foot_lock=1.0)
    skin, lowest = skin_of(rig), []
    for frame in range(4, 58, 3):
        bpy.context.scene.frame_set(frame)
        lowest.append(shown(skin)[:, 2].min())
    assert min(lowest) > -0.012 and np.median(np.abs(lowest)) < 0.006, lowest
