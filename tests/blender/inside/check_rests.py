# SPDX-License-Identifier: Apache-2.0
"""Rest poses that lie, sit or are none: characters stand upright, or the rig is refused in a sentence."""

import bpy
import numpy as np
import pytest
from characters import on_feet, shaped
from check_rigs import MIXAMO, mixamo_rig
from mathutils import Matrix, Quaternion


def stands_and_walks(driver):
    """Two seconds with feet flat on the floor, one metre ahead."""
    turns = np.tile([1.0, 0, 0, 0], (40, 22, 1))
    down = Quaternion((1, 0, 0), np.radians(38.0))
    for side in ("left", "right"):
        turns[:, driver.module("shared.skeleton").JOINT_INDEX[f"{side}_ankle"]] = down
    root = np.stack([np.zeros(40), np.full(40, 1.0), np.linspace(0, 1, 40)], axis=1)
    clip = driver.module("motion.clip").Clip(20.0, turns, root, "glides")
    return clip


def key(driver, rig):
    module = driver.module("keying.keyframes")
    return module.apply_clip(rig, stands_and_walks(driver), bpy.context.scene, 1, module.Fit(foot_lock=0.0))


def shown(rig, frame, *joints):
    bpy.context.scene.frame_set(frame)
    return [np.array(rig.matrix_world @ rig.pose.bones["mixamorig:" + MIXAMO[joint]].head) for joint in joints]


def assert_upright(rig, height):
    head, hips, left, right = shown(rig, 1, "head", "pelvis", "left_ankle", "right_ankle")
    assert (head - hips)[2] > 0.95 * np.linalg.norm(head - hips)
    assert head[2] - left[2] > 0.75 * height and abs(left[2] - right[2]) < 0.05 * height
    later = shown(rig, 40, "pelvis")[0]
    assert np.linalg.norm((later - hips)[:2]) > 0.5 and abs(later[2] - hips[2]) < 0.02


def test_an_armature_with_another_up_axis_stands_up(driver):
    """Y up within its object, as files of other programs come that were never turned."""
    rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(30, y_up=True)), 30.0)
    rig.matrix_world = Matrix()
    bpy.context.view_layer.update()
    assert rig.data.bones["mixamorig:Head"].head_local.y > 1.2
    key(driver, rig)
    assert_upright(rig, 1.9)
    ankle = shown(rig, 20, "left_ankle")[0]
    assert ankle[2] == pytest.approx(0.1, abs=0.01)  # as high over the floor as it is at rest over the soles


def test_a_character_that_stoops_at_rest_stands_upright(driver, tools):
    """Its trunk leans by 30 degrees, its legs do not: the motion is no more tilted than on any other rig."""
    rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(30)), 30.0)
    lean = Matrix.Rotation(np.radians(30.0), 4, "X")
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    hinge = Matrix.Translation(bones["mixamorig:Hips"].head)
    for bone in bones["mixamorig:Spine"].children_recursive:
        bone.transform(hinge @ lean @ hinge.inverted(), scale=False)
    bpy.ops.object.mode_set(mode="OBJECT")
    head, hips = (rig.data.bones["mixamorig:" + name].head_local for name in ("Head", "Hips"))
    assert (head - hips).normalized().z < 0.92
    key(driver, rig)
    names = ("left_hip", "left_ankle", "right_hip", "right_ankle")
    for frame in (1, 40):
        thigh, ankle, *_ = shown(rig, frame, *names)
        assert (thigh - ankle)[2] > 0.99 * np.linalg.norm(thigh - ankle)
    first, last = (shown(rig, frame, "pelvis")[0] for frame in (1, 40))
    assert abs(last[2] - first[2]) < 0.005


def test_an_object_without_size_is_told(driver):
    """As characters that pop up have it where they are not seen."""
    rig = mixamo_rig(driver, "mixamorig:", **shaped(30))
    for scale in ((0, 0, 0), (1, 1, 0)):
        rig.scale = scale
        bpy.context.view_layer.update()
        with pytest.raises(Exception, match="'Character' is scaled to nothing. Give its scale"):
            key(driver, rig)
        assert rig.animation_data is None and not bpy.data.actions


def test_a_tilted_object_keeps_its_tilt(driver):
    """Somebody lies a character down: its motion lies with it."""
    rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(30)), 30.0)
    rig.matrix_world = Matrix.Rotation(np.pi / 2, 4, "X")
    bpy.context.view_layer.update()
    key(driver, rig)
    head, hips = shown(rig, 1, "head", "pelvis")
    assert abs((head - hips)[2]) < 0.1 and abs((head - hips)[1]) > 0.4


def test_a_character_that_sits_at_rest_stands(driver, tools):
    rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(60)), 30.0)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for side in ("Left", "Right"):
        for name, angle in ((f"{side}UpLeg", 90.0), (f"{side}Leg", -90.0)):
            bone = rig.pose.bones["mixamorig:" + name]
            turn = Matrix.Translation(bone.head) @ Matrix.Rotation(np.radians(-angle), 4, "X")
            bone.matrix = turn @ Matrix.Translation(-bone.head) @ bone.matrix
            bpy.context.view_layer.update()
    bpy.ops.pose.armature_apply()
    bpy.ops.object.mode_set(mode="OBJECT")
    bones = rig.data.bones
    knee, hip = bones["mixamorig:LeftLeg"].head_local, bones["mixamorig:LeftUpLeg"].head_local
    assert abs(knee.z - hip.z) < 0.05 < 0.3 < abs(knee.y - hip.y)  # it does sit
    sole = bones["mixamorig:LeftFoot"].matrix_local.copy()
    key(driver, rig)
    assert_upright(rig, 1.9)
    hip, knee, ankle = shown(rig, 20, "left_hip", "left_knee", "left_ankle")
    assert (hip - knee)[2] > 0.98 * np.linalg.norm(hip - knee) and (knee - ankle)[2] > 0.98 * np.linalg.norm(
        knee - ankle
    )
    turned = rig.pose.bones["mixamorig:LeftFoot"].matrix.to_quaternion() @ sole.to_quaternion().conjugated()
    tilt = (turned.to_matrix().col[2]).angle((0, 0, 1))
    assert np.degrees(tilt) < 1.0


@pytest.mark.parametrize("along", ["X", "Z"])
def test_a_rest_along_one_line_is_refused_in_a_sentence(driver, along):
    """As some BVH files rest: every bone continues the one before, legs up beside the trunk."""
    rig = mixamo_rig(driver, "mixamorig:", **shaped(0))
    skeleton = driver.module("shared.skeleton")
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    axis = np.eye(3)["XYZ".index(along)]
    heads = {}
    for joint, parent in zip(skeleton.JOINT_NAMES, skeleton.PARENTS, strict=True):
        length = float(np.linalg.norm(skeleton.REST_OFFSETS[skeleton.JOINT_INDEX[joint]]))
        heads[joint] = heads[skeleton.JOINT_NAMES[parent]] + length * axis if parent >= 0 else np.zeros(3)
        if joint in ("left_hip", "right_hip"):
            heads[joint] = heads[joint] + (0.1 if joint[0] == "l" else -0.1) * np.eye(3)[1]
    for joint, head in heads.items():
        bone = rig.data.edit_bones["mixamorig:" + MIXAMO[joint]]
        bone.head, bone.tail = head, head + 0.05 * axis
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.settings.target = rig
    driver.settings.start_at = "REST"
    with pytest.raises(Exception, match="of 'Character' is 'mixamorig:.*, which lies above the hips") as error:
        key(driver, rig)
    assert "apply a standing pose as its rest pose" in str(error.value)
    assert rig.animation_data is None and not bpy.data.actions


def test_the_two_rests_give_the_same_motion(driver):
    """Lying within its object and standing by it: what is shown is the same."""
    places = []
    for matrix in (None, Matrix()):
        rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(30, y_up=True)), 30.0)
        if matrix is not None:
            rig.matrix_world = matrix
        bpy.context.view_layer.update()
        key(driver, rig)
        places.append(shown(rig, 20, *MIXAMO))
        bpy.data.objects.remove(rig)
    assert np.abs(np.array(places[0]) - np.array(places[1])).max() < 1e-3
