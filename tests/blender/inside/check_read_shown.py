# SPDX-License-Identifier: Apache-2.0
"""What is read is what Blender shows: roots and objects that move, IK, NLA tracks, frames between."""

import auto_rig_pro
import bpy
import measures
import numpy as np
import pytest
from check_rigs import mixamo_rig, rooted
from mathutils import Matrix, Quaternion, Vector
from reading import clip_of, key, read, turned_apart
from reading import module as reading_module


def local_keys(driver, action):
    """(data path, index) -> F-curve."""
    return {(curve.data_path, curve.array_index): curve for curve in driver.module("compat").fcurves_of(action)}


def write_into(driver, rig, action, pose):
    """Replace the values of an action's keys by those of a pose's curves; returns how many curves that were."""
    keys, written = local_keys(driver, action), 0
    for bone in pose.curves():
        path = rig.pose.bones[bone.bone].path_from_id()
        channels = {"rotation_quaternion": bone.rotation, "location": bone.location}
        for channel, values in channels.items():
            for index in range(0 if values is None else values.shape[1]):
                points = keys[f"{path}.{channel}", index].keyframe_points
                for point, value in zip(points, values[:, index], strict=True):
                    point.co[1] = value
                written += 1
    return written


def spiral(frames=60):
    """A motion that travels and turns, its spine and an arm at work."""
    times = np.linspace(0, 3, frames)
    turns = np.tile([1.0, 0, 0, 0], (frames, 22, 1))
    turns[:, 0] = [Quaternion((0, 1, 0), 0.4 * t) for t in times]
    turns[:, 3] = [Quaternion((1, 0, 0), 0.3 * np.sin(3 * t)) for t in times]
    turns[:, 16] = [Quaternion((0, 0, 1), 0.8 * np.sin(2 * t)) for t in times]
    return turns, np.stack([0.3 * times, 0.94 + 0.03 * np.sin(4 * times), times], axis=1)


def placed(driver):
    """A rig under a root bone, put somewhere in the scene, turned and scaled."""
    rig = rooted(driver)
    for bone in rig.pose.bones:
        bone.rotation_mode = "QUATERNION"
    rig.matrix_world = Matrix.Translation((1, 2, 0.3)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(0.5, 4)
    bpy.context.view_layer.update()
    return rig


@pytest.mark.parametrize("root", ["BONE", "OBJECT"])
def test_a_travel_is_read_whoever_carries_it_and_can_stay_with_them(driver, root):
    rig, module = placed(driver), reading_module(driver)
    clip = driver.module("motion.clip").Clip(20.0, *spiral(), "spiral")
    action = key(driver, rig, clip, root=root)
    bpy.context.scene.frame_set(1)
    reading = read(driver, rig, range(1, 61))
    assert np.abs(reading.root_translation - clip.root_translation).max() < 1e-4
    assert turned_apart(driver, rig, clip.rotations, reading.rotations) < 0.05
    moves = reading.object_moves if root == "OBJECT" else reading.above["Root"]
    assert np.linalg.norm(moves[-1, :3, 3] - moves[0, :3, 3]) > 2.0
    shown = measures.stances(rig, range(1, 61))
    mapped = driver.module("rig.mapping").map_rig(rig)
    pose = module.pose_beside(rig, mapped, reading.rotations, reading.root_translation, reading)
    assert write_into(driver, rig, action, pose) == 4 * 22 + 3
    millimetres, degrees = measures.apart(shown, measures.stances(rig, range(1, 61)))
    print(f"travel carried by {root}: round trip beside it {millimetres:.3f} mm, {degrees:.4f} degrees")
    assert millimetres < 0.2 and degrees < 0.05
    with pytest.raises(ValueError, match="a motion of 59 frames for a reading of 60"):
        module.pose_beside(rig, mapped, reading.rotations[1:], reading.root_translation[1:], reading)


def test_bones_between_keep_their_own_curves(driver):
    """A spine bone that no joint has moves by itself: the others are keyed so that they stand where they stood."""
    rig, module = placed(driver), reading_module(driver)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    twist = bones.new("Belly")
    lower, upper = bones["mixamorig:Spine"], bones["mixamorig:Spine1"]
    twist.head, twist.tail = (lower.head + upper.head) / 2, upper.head
    twist.parent, upper.parent = lower, twist
    bpy.ops.object.mode_set(mode="OBJECT")
    action = key(driver, rig, driver.module("motion.clip").Clip(20.0, *spiral(), "spiral"))
    belly = rig.pose.bones["Belly"]
    for frame in (1, 60):
        belly.rotation_mode, belly.rotation_euler = "XYZ", (0.5 * (frame == 60), 0.3, 0)
        belly.keyframe_insert("rotation_euler", frame=frame)
    reading, shown = read(driver, rig, range(1, 61)), measures.stances(rig, range(1, 61))
    assert list(reading.between) == ["Belly"]
    mapped = driver.module("rig.mapping").map_rig(rig)
    pose = module.pose_beside(rig, mapped, reading.rotations, reading.root_translation, reading)
    write_into(driver, rig, action, pose)
    millimetres, degrees = measures.apart(shown, measures.stances(rig, range(1, 61)))
    assert millimetres < 0.2 and degrees < 0.05
    assert (
        driver.module("shared.rotations").angle_between(reading.between["Belly"][0], reading.between["Belly"][-1]) > 0.4
    )


def test_nla_tracks_and_constraints_are_read_as_they_show(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    clip = driver.module("motion.clip").Clip(20.0, *spiral(), "spiral")
    action = key(driver, rig, clip)
    plain = read(driver, rig, range(1, 61))
    rig.animation_data.action = None
    strip = rig.animation_data.nla_tracks.new().strips.new("walk", 11, action)
    driver.module("compat").assign_strip(strip, "")
    from_strip = read(driver, rig, range(11, 71))
    assert np.abs(from_strip.rotations - plain.rotations).max() < 1e-4
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (0.3, -2.0, 1.0)
    solver = rig.pose.bones["mixamorig:LeftForeArm"].constraints.new("IK")
    solver.target, solver.chain_count, solver.use_tail = target, 2, True
    shown, reading = measures.stances(rig, range(11, 71)), read(driver, rig, range(11, 71))
    elbow = driver.module("shared.skeleton").JOINT_INDEX["left_elbow"]
    assert np.abs(reading.rotations[:, elbow] - plain.rotations[:, elbow]).max() > 0.1
    rig.pose.bones["mixamorig:LeftForeArm"].constraints.remove(solver)
    rig.animation_data.nla_tracks.remove(rig.animation_data.nla_tracks[0])
    key(driver, rig, clip_of(driver, reading))
    millimetres, degrees = measures.apart(shown, measures.stances(rig, range(1, 61)))
    print(f"NLA and IK: round trip {millimetres:.3f} mm, {degrees:.4f} degrees")
    assert millimetres < 0.2 and degrees < 0.05


@pytest.mark.parametrize("elastic", [False, True])
def test_rigify_is_read_under_ik(driver, human, elastic):
    """Hands and feet by IK, the trunk by its chest and hips: keyed again in FK, the body stands as it stood.

    Rigify's solver also makes limbs some hundredths longer or shorter; rotations cannot say so.
    """
    rig, bones = human, human.pose.bones
    controls = ("torso", "hips", "chest", "hand_ik.L", "hand_ik.R", "foot_ik.L", "foot_ik.R", "upper_arm_ik.L", "head")
    rng = np.random.default_rng(1)
    for bone in bones:
        bone.ik_stretch *= elastic
    for side in "LR":
        bones[f"thigh_parent.{side}"]["IK_Stretch"] = bones[f"upper_arm_parent.{side}"]["IK_Stretch"] = float(elastic)
    # Low enough for the feet to be in reach.
    low = np.array(bones["torso"].bone.matrix_local.to_3x3().inverted() @ Vector((0, 0, -0.15)))
    for frame in (1, 10, 20):
        for name in controls:
            bones[name].rotation_mode = "QUATERNION"
            bones[name].rotation_quaternion = Quaternion(rng.normal(size=3).tolist(), rng.uniform(-0.25, 0.25))
            bones[name].keyframe_insert("rotation_quaternion", frame=frame)
        for name in ("torso", "hand_ik.L", "hand_ik.R", "foot_ik.L"):
            bones[name].location = rng.uniform(-0.05, 0.05, size=3) + low * (name == "torso")
            bones[name].keyframe_insert("location", frame=frame)
    chains = [
        "ORG-spine", "spine_fk.001", "spine_fk.003", "ORG-spine.006",
        *(f"DEF-{part}.{s}" for part in ("thigh", "shin", "foot", "upper_arm", "forearm", "hand") for s in "LR"),
    ]  # fmt: skip
    frames = range(1, 21)
    shown, reading = measures.stances(rig, frames, chains), read(driver, rig, frames)
    assert bones["thigh_parent.L"]["IK_FK"] == bones["upper_arm_parent.L"]["IK_FK"] == 0.0
    for bone in bones:
        bone.matrix_basis = Matrix()
    key(driver, rig, clip_of(driver, reading))
    again = measures.stances(rig, frames, chains)
    assert bones["thigh_parent.L"]["IK_FK"] == bones["upper_arm_parent.L"]["IK_FK"] == 1.0
    millimetres, degrees = measures.apart(shown, again)
    label = "elastic limbs" if elastic else "limbs of one length"
    print(f"Rigify, IK, {label}: round trip in FK {millimetres:.3f} mm, {degrees:.4f} degrees")
    assert degrees < 0.1 and (elastic or millimetres < 1.0)


@pytest.mark.parametrize(("switch", "hips"), [(0.0, False), (1.0, False), (1.0, True)])
def test_auto_rig_pro_is_read_under_ik_and_fk(driver, switch, hips):
    """Its limbs are read from the chain that follows either; keyed again they stand where they stood.

    hips: c_root.x turns against c_root_master.x, which carries the spine; a motion has one pelvis, so that the spine
    keeps its direction and not quite its place.
    """
    rig, rng = auto_rig_pro.build(driver), np.random.default_rng(2)
    bones, ends = rig.pose.bones, [f"c_{end}_ik.{s}" for end in ("hand", "foot") for s in "lr"]
    for name in ends:
        bones[name]["ik_fk_switch"] = switch

    def move(name, *to):
        bones[name].location = bones[name].bone.matrix_local.to_3x3().inverted() @ Vector(to)
        bones[name].keyframe_insert("location", frame=frame)

    for frame in (1, 10, 20):
        for name in [*auto_rig_pro.CONTROLS.values(), *ends, *["c_root.x"] * hips]:
            bones[name].rotation_euler = rng.uniform(-0.15, 0.15, size=3)
            bones[name].keyframe_insert("rotation_euler", frame=frame)
        move("c_root_master.x", 0.05, frame / 20, -0.1)
        for name in ends:
            inwards = 0.15 * ("hand" in name) * (1 if name.endswith("r") else -1)
            move(name, inwards, frame / 20, 0)
    frames, chains = range(1, 21), list(auto_rig_pro.CHAINS.values())
    shown, reading = measures.stances(rig, frames, chains), read(driver, rig, frames)
    for bone in bones:
        bone.matrix_basis = Matrix()
    key(driver, rig, clip_of(driver, reading))
    millimetres, degrees = measures.apart(shown, measures.stances(rig, frames, chains))
    label = f"{'FK' if switch else 'IK'}{', hips apart' if hips else ''}"
    print(f"Auto-Rig Pro's controls, {label}: round trip in FK {millimetres:.3f} mm, {degrees:.4f} degrees")
    assert degrees < 0.1 and (hips or millimetres < 1.0)


def test_frames_between_are_read_and_the_scene_is_left_where_it_was(driver):
    rig, scene = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0), bpy.context.scene
    key(driver, rig, driver.module("motion.clip").Clip(20.0, *spiral(), "spiral"))
    scene.frame_set(7, subframe=0.25)
    reading = read(driver, rig, [10.0, 10.5, 11.0])
    assert (scene.frame_current, scene.frame_subframe) == (7, 0.25)
    halfway = (reading.root_translation[0] + reading.root_translation[2]) / 2
    assert np.abs(reading.root_translation[1] - halfway).max() < 1e-5
    assert np.linalg.norm(reading.root_translation[2] - reading.root_translation[0]) > 0.05
    with pytest.raises(TypeError):
        read(driver, rig, [20.0, "thirty"])
    assert (scene.frame_current, scene.frame_subframe) == (7, 0.25)
    with pytest.raises(ValueError, match="no frame"):
        read(driver, rig, [])


def test_what_blender_does_not_work_out_is_refused(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0)
    clip = driver.module("motion.clip").Clip(20.0, *spiral(), "spiral")
    key(driver, rig, clip)
    rig.hide_set(True)
    bpy.context.scene.frame_set(30)
    assert np.abs(read(driver, rig, range(1, 61)).root_translation - clip.root_translation).max() < 1e-4
    rig.hide_viewport = True
    with pytest.raises(Exception, match="'Character' is disabled in the viewports of 'Scene'.*Enable it"):
        read(driver, rig, range(1, 61))
    rig.hide_viewport = False
    collection = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(rig)
    bpy.context.scene.collection.objects.unlink(rig)
    bpy.context.view_layer.layer_collection.children["Cast"].hide_viewport = True
    assert np.abs(read(driver, rig, range(1, 61)).root_translation - clip.root_translation).max() < 1e-4
    collection.hide_viewport = True
    with pytest.raises(Exception, match="'Character' is disabled"):
        read(driver, rig, range(1, 61))
    collection.hide_viewport = False
    rig.data.pose_position = "REST"
    with pytest.raises(Exception, match="'Character' is held in its rest pose. Set the armature's Pose Position"):
        read(driver, rig, range(1, 61))
    rig.data.pose_position = "POSE"
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(Exception, match="'Character' is in Edit Mode, where it has no pose. Go back to Object"):
        read(driver, rig, range(1, 61))
    bpy.ops.object.mode_set(mode="OBJECT")
    assert np.abs(read(driver, rig, range(1, 61)).root_translation - clip.root_translation).max() < 1e-4
