# SPDX-License-Identifier: Apache-2.0
"""Rigs that are not ours: other makers' names, or none that tell, an A-pose, any roll, centimetres, another up axis."""

import bpy
import measures
import numpy as np
import pytest
from mathutils import Matrix, Quaternion, Vector

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "right_hip": "RightUpLeg", "right_knee": "RightLeg", "right_ankle": "RightFoot", "right_foot": "RightToeBase",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_collar": "RightShoulder", "right_shoulder": "RightArm", "right_elbow": "RightForeArm",
    "right_wrist": "RightHand",
}  # fmt: skip
CENTRE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def named(centre, left, mirror):
    """joint -> bone from the names of the middle and the left; `-` has no bone. mirror: left's name -> right's."""
    rows = {joint: bone for joint, bone in zip(CENTRE, centre.split(), strict=True)}
    for joint, bone in zip(SIDED, left.split(), strict=True):
        rows[f"left_{joint}"], rows[f"right_{joint}"] = bone, mirror(bone)
    return {joint: bone.replace("~", " ") for joint, bone in rows.items() if bone != "-"}


def l_to_r(bone):
    for left, right in ((".L", ".R"), ("_l", "_r"), (".l", ".r")):
        if bone.endswith(left):
            return bone.removesuffix(left) + right
    for left, right in (
        ("_L_", "_R_"),
        ("L_", "R_"),
        ("l_", "r_"),
        ("~L~", "~R~"),
        ("left", "right"),
        ("Left", "Right"),
    ):
        if left in bone:
            return bone.replace(left, right, 1)
    return bone


OTHER_NAMES = {
    "SMPL-X": named("pelvis spine1 spine2 spine3 neck head",
                    "left_hip left_knee left_ankle left_foot left_collar left_shoulder left_elbow left_wrist", l_to_r),
    "SMPL": named("m_avg_Pelvis m_avg_Spine1 m_avg_Spine2 m_avg_Spine3 m_avg_Neck m_avg_Head",
                  "m_avg_L_Hip m_avg_L_Knee m_avg_L_Ankle m_avg_L_Foot m_avg_L_Collar m_avg_L_Shoulder m_avg_L_Elbow "
                  "m_avg_L_Wrist", l_to_r),
    "CMU": named("Hips LowerBack Spine Spine1 Neck Head",
                 "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftShoulder LeftArm LeftForeArm LeftHand", l_to_r),
    "Unreal 4": named("pelvis spine_01 spine_02 spine_03 neck_01 head",
                      "thigh_l calf_l foot_l ball_l clavicle_l upperarm_l lowerarm_l hand_l", l_to_r),
    "Unreal 5": named("pelvis spine_01 spine_03 spine_05 neck_01 head",
                      "thigh_l calf_l foot_l ball_l clavicle_l upperarm_l lowerarm_l hand_l", l_to_r),
    "VRM": named("hips spine chest upperChest neck head",
                 "leftUpperLeg leftLowerLeg leftFoot leftToes leftShoulder leftUpperArm leftLowerArm leftHand", l_to_r),
    "VRoid": named("J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
                   "J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase J_Bip_L_Shoulder J_Bip_L_UpperArm "
                   "J_Bip_L_LowerArm J_Bip_L_Hand", l_to_r),
    "Rigify metarig": named("spine spine.001 spine.002 spine.003 spine.004 spine.006",
                            "thigh.L shin.L foot.L toe.L shoulder.L upper_arm.L forearm.L hand.L", l_to_r),
    "MakeHuman": named("root spine05 spine03 spine01 neck01 head",
                       "upperleg01.L lowerleg01.L foot.L toe1-1.L clavicle.L upperarm01.L lowerarm01.L wrist.L",
                       l_to_r),
    "Daz Genesis 8": named("hip abdomenLower chestLower chestUpper neckLower head",
                           "lThighBend lShin lFoot lToe lCollar lShldrBend lForearmBend lHand", lambda b: "r" + b[1:]),
    "Daz Genesis 9": named("hip spine1 spine2 spine4 neck1 head",
                           "l_thigh l_shin l_foot l_toes l_shoulder l_upperarm l_forearm l_hand", l_to_r),
    "Auto-Rig Pro, exported": named("root.x spine_01.x spine_02.x spine_03.x neck.x head.x",
                                    "thigh_stretch.l leg_stretch.l foot.l toes_01.l shoulder.l arm_stretch.l "
                                    "forearm_stretch.l hand.l", l_to_r),
    "Character Creator": named("CC_Base_Hip CC_Base_Waist CC_Base_Spine01 CC_Base_Spine02 CC_Base_NeckTwist01 "
                               "CC_Base_Head",
                               "CC_Base_L_Thigh CC_Base_L_Calf CC_Base_L_Foot CC_Base_L_ToeBase CC_Base_L_Clavicle "
                               "CC_Base_L_Upperarm CC_Base_L_Forearm CC_Base_L_Hand", l_to_r),
    "Biped": named("Bip01~Pelvis Bip01~Spine Bip01~Spine1 Bip01~Spine2 Bip01~Neck Bip01~Head",
                   "Bip01~L~Thigh Bip01~L~Calf Bip01~L~Foot Bip01~L~Toe0 Bip01~L~Clavicle Bip01~L~UpperArm "
                   "Bip01~L~Forearm Bip01~L~Hand", l_to_r),
    "without collars, neck and toes": named("hips spine chest - - head",
                                            "leftUpperLeg leftLowerLeg leftFoot - - leftUpperArm leftLowerArm leftHand",
                                            l_to_r),
}  # fmt: skip


def mixamo_rig(driver, prefix, **shape):
    return character(driver, {joint: prefix + bone for joint, bone in MIXAMO.items()}, **shape)


def rooted(driver):
    """Mixamo's rig in an A-pose under a root bone on the ground."""
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    bpy.ops.object.mode_set(mode="EDIT")
    root = rig.data.edit_bones.new("Root")
    root.head, root.tail = (0, 0, -1.2), (0, 0.3, -1.2)
    rig.data.edit_bones["mixamorig:Hips"].parent = root
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def character(driver, names, *, down_deg, y_up, scale, seed=0):
    """A character 1.25 times ours with arms `down_deg` below the horizontal, tails and rolls at random.

    names: joint -> bone; joints that it leaves out have no bone.
    """
    rng = np.random.default_rng(seed)
    skeleton = driver.module("shared.skeleton")
    heads = np.zeros((22, 3))
    for j in range(1, 22):
        heads[j] = heads[skeleton.PARENTS[j]] + skeleton.REST_OFFSETS[j]
    index = {name: j for j, name in enumerate(skeleton.JOINT_NAMES)}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        along = np.array([sign * np.cos(np.radians(down_deg)), -np.sin(np.radians(down_deg)), 0.05])
        shoulder = heads[index[f"{side}_shoulder"]]
        heads[index[f"{side}_elbow"]], heads[index[f"{side}_wrist"]] = shoulder + 0.27 * along, shoulder + 0.52 * along
        heads[index[f"{side}_foot"]] += (0.0, -0.07, 0.0)
    heads *= 1.25 / scale
    if not y_up:
        heads = np.stack([heads[:, 0], -heads[:, 2], heads[:, 1]], axis=1)
    armature = bpy.data.armatures.new("Character")
    rig = bpy.data.objects.new("Character", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for j, name in enumerate(skeleton.JOINT_NAMES):
        if name not in names:
            continue
        bone = armature.edit_bones.new(names[name])
        bone.head, bone.tail = heads[j], heads[j] + rng.normal(size=3) * 0.1 / scale
        bone.roll = rng.uniform(-3, 3)
        parent = skeleton.PARENTS[j]
        while parent >= 0 and skeleton.JOINT_NAMES[parent] not in names:
            parent = skeleton.PARENTS[parent]
        if parent >= 0:
            bone.parent = armature.edit_bones[names[skeleton.JOINT_NAMES[parent]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.matrix_world = (Matrix.Rotation(np.pi / 2, 4, "X") if y_up else Matrix()) @ Matrix.Scale(scale, 4)
    return rig


def lively_clip(driver, frames=40):
    """Every joint turns, the hips travel and spin once."""
    rng = np.random.default_rng(7)
    time = np.linspace(0, 6, frames)
    turns = np.zeros((frames, 22, 4))
    for joint in range(22):
        axis = rng.normal(size=3)
        for frame in range(frames):
            turns[frame, joint] = Quaternion(axis.tolist(), 0.8 * np.sin(time[frame] * (1 + 0.1 * joint) + joint))
    for frame in range(frames):
        turns[frame, 0] = Quaternion((0, 1, 0), time[frame])
    root = np.stack([np.sin(time), 0.9 + 0.1 * np.cos(time), time], axis=1)
    return driver.module("motion.clip").Clip(20.0, turns, root, "lively")


def by_joint(tools, places):
    """(T, 22, 3) -> joint -> (T, 3)."""
    return dict(zip(tools.names, np.moveaxis(places, 1, 0), strict=True))


def plainly(driver):
    """Bones exactly as the motion has them: its feet are in the air or under the floor."""
    return driver.module("keying.keyframes").Fit(foot_lock=0.0)


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig_", "mixamorig1:", ""])
def test_mixamo_names_are_known(driver, prefix):
    rig = mixamo_rig(driver, prefix, down_deg=0, y_up=False, scale=1.0)
    assert driver.module("rig.mapping").map_rig(rig) == {joint: prefix + bone for joint, bone in MIXAMO.items()}


@pytest.mark.parametrize(
    ("down_deg", "y_up", "scale"), [(0, False, 1.0), (45, False, 1.0), (45, True, 0.01), (0, True, 0.01)]
)
def test_limbs_point_where_the_motion_points(driver, tools, down_deg, y_up, scale):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=down_deg, y_up=y_up, scale=scale)
    clip = lively_clip(driver)
    action = driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    heads = by_joint(tools, tools.pose_heads(rig, tuple("mixamorig:" + MIXAMO[n] for n in tools.names), frames=40))
    joints = by_joint(tools, tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton")))
    assert measures.limb_angle(heads, joints) < 0.5
    label = f"Mixamo, arms {down_deg} degrees down, {'Y' if y_up else 'Z'} up, scale {scale}"
    assert max(measures.reach_errors(label, heads, joints).values()) < 0.03
    assert measures.sign_flips(driver, action) == 0
    # The legs are 1.25 times ours, so each step carries 1.25 times as far.
    travelled, wanted = (x["pelvis"][-1] - x["pelvis"][0] for x in (heads, joints))
    assert np.allclose(travelled, 1.25 * wanted, atol=0.01)


@pytest.mark.parametrize("family", OTHER_NAMES)
def test_other_makers_names_are_known_and_their_rigs_follow(driver, tools, family):
    names = OTHER_NAMES[family]
    rig = character(driver, names, down_deg=40, y_up=False, scale=1.0, seed=3)
    assert driver.module("rig.mapping").map_rig(rig) == names
    clip = lively_clip(driver, frames=12)
    action = driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    joints = by_joint(tools, tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton")))
    places = tools.pose_heads(rig, tuple(names.get(n, names["pelvis"]) for n in tools.names), frames=12)
    heads = by_joint(tools, places)
    assert measures.limb_angle(heads, joints) < 0.5
    errors = measures.reach_errors(family, heads, joints)
    if "neck" not in names:
        errors.pop("head")  # it stands on the chest, wherever the motion's neck bends
    assert max(errors.values()) < 0.03
    assert measures.sign_flips(driver, action) == 0


def smplx_body(driver):
    """An armature with all bones of SMPL-X's own add-on for Blender, a root on the ground among them, and its mesh."""
    rig = character(driver, OTHER_NAMES["SMPL-X"], down_deg=0, y_up=False, scale=1.0, seed=5)
    rig.name = "SMPLX-neutral"
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    fingers = [(f"{side}_{finger}{k}", f"{side}_{finger}{k - 1}" if k > 1 else f"{side}_wrist", (sign * 0.04, 0, 0))
               for side, sign in (("left", 1), ("right", -1))
               for finger in ("index", "middle", "pinky", "ring", "thumb") for k in (1, 2, 3)]  # fmt: skip
    face = [("jaw", "head", (0, -0.03, 0.02)), ("left_eye_smplhf", "head", (0.04, -0.1, 0.1)),
            ("right_eye_smplhf", "head", (-0.04, -0.1, 0.1))]  # fmt: skip
    for name, parent, step in [*face, *fingers]:
        bone = bones.new(name)
        bone.parent = bones[parent]
        bone.head = bones[parent].head + Vector(step)
        bone.tail = bone.head + Vector((0, 0, 0.1))
    root = bones.new("root")
    root.head, root.tail = (0, 0, -1.2), (0, 0, -1.1)
    bones["pelvis"].parent = root
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh = bpy.data.objects.new("SMPLX-mesh-neutral", bpy.data.meshes.new("SMPLX-mesh-neutral"))
    bpy.context.scene.collection.objects.link(mesh)
    mesh.parent = rig
    mesh.modifiers.new("Armature", "ARMATURE").object = rig
    return rig, mesh


def test_a_mesh_of_smplx_own_add_on_is_keyed_by_the_names_of_its_joints(driver, tools):
    rig, mesh = smplx_body(driver)
    names = OTHER_NAMES["SMPL-X"]
    assert len(rig.data.bones) == 56 and driver.module("rig.mapping").map_rig(rig) == names
    bpy.ops.object.select_all(action="DESELECT")
    mesh.select_set(True)
    bpy.context.view_layer.objects.active = mesh
    assert driver.module("rig.target").target_of(bpy.context) == rig
    clip = lively_clip(driver, frames=12)
    action = driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    keyed = {curve.data_path.split('"')[1] for curve in driver.module("compat").fcurves_of(action)}
    # Fingers, face and the root on the ground stay as they are.
    assert keyed == set(names.values())
    joints = by_joint(tools, tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton")))
    heads = by_joint(tools, tools.pose_heads(rig, tuple(names[n] for n in tools.names), frames=12))
    assert measures.limb_angle(heads, joints) < 0.5
    assert max(measures.reach_errors("SMPL-X", heads, joints).values()) < 0.03


def anonymous(driver, *, down_deg=40, extra=(), y_up=False, scale=1.0):
    """A character whose bones are called bone.000 ..., with tails at the next joint as artists draw them.

    extra: (name, parent joint, head, tail) of more bones, in metres with Z up.
    """
    skeleton = driver.module("shared.skeleton")
    numbered = {joint: f"bone.{k:03d}" for k, joint in enumerate(skeleton.JOINT_NAMES)}
    rig = character(driver, numbered, down_deg=down_deg, y_up=y_up, scale=scale)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    to_rest = rig.matrix_world.inverted()
    for joint, name in numbered.items():
        bone = bones[name]
        ahead = {"pelvis": "spine1", "spine3": "neck"}.get(joint)
        children = [numbered[ahead]] if ahead else [child.name for child in bone.children]
        if children:
            bone.tail = bones[children[0]].head
        else:
            side = (bone.head - bone.parent.head).normalized()
            bone.tail = bone.head + side * 0.1 / scale
    for name, parent, head, tail in extra:
        bone = bones.new(name)
        bone.parent = bones[numbered[parent]]
        bone.head, bone.tail = bone.parent.head + to_rest.to_3x3() @ Vector(head), (
            bone.parent.head + to_rest.to_3x3() @ Vector(tail))  # fmt: skip
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig, numbered


FINGERS = [
    (f"digit.{side}.{k}", f"{side}_wrist", (sign * 0.08, 0.02 * k, -0.07), (sign * 0.12, 0.02 * k, -0.1))
    for side, sign in (("left", 1), ("right", -1))
    for k in range(5)
]
FACE = [
    ("eye.1", "head", (0.04, -0.1, 0.1), (0.04, -0.14, 0.1)),
    ("eye.2", "head", (-0.04, -0.1, 0.1), (-0.04, -0.14, 0.1)),
    ("jaw", "head", (0.0, -0.03, 0.02), (0.0, -0.1, 0.0)),
]


@pytest.mark.parametrize("extra", [[], FINGERS, FINGERS + FACE], ids=["plain", "fingers", "face"])
@pytest.mark.parametrize(("down_deg", "y_up", "scale"), [(0, False, 1.0), (45, True, 0.01)])
def test_bones_without_telling_names_are_found_by_shape(driver, down_deg, y_up, scale, extra):
    rig, numbered = anonymous(driver, down_deg=down_deg, y_up=y_up, scale=scale, extra=extra)
    found = driver.module("rig.mapping").map_rig(rig)
    assert {joint: found.get(joint) for joint in numbered} == numbered


def test_the_table_goes_before_what_is_detected(driver, tmp_path):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    driver.settings.target = rig
    assert bpy.ops.moclip.detect_bones() == {"FINISHED"} and len(rig.moclip_bones) == 22
    rig.moclip_bones["left_foot"].bone = ""
    mapped = driver.module("rig.mapping").map_rig(rig)
    assert "left_foot" not in mapped and mapped["left_ankle"] == "mixamorig:LeftFoot"
    assert bpy.ops.moclip.export_bones(filepath=str(tmp_path / "rig.json")) == {"FINISHED"}
    assert bpy.ops.moclip.clear_bones() == {"FINISHED"} and not rig.moclip_bones
    assert bpy.ops.moclip.import_bones(filepath=str(tmp_path / "rig.json")) == {"FINISHED"}
    assert driver.module("rig.mapping").map_rig(rig) == mapped
    rig.moclip_bones["head"].bone = "Skull"
    with pytest.raises(
        RuntimeError, match="'Character' has no bone named Skull, which its Bones panel names for the head"
    ):
        driver.ask("a person walks")
    (tmp_path / "other.json").write_text('{"format": "moclip-bones-1", "bones": {"tail": "Tail"}}')
    for content, says in ((None, "names a joint 'tail'"), ("[]", "is no preset"), ("{", "is no preset")):
        if content:
            (tmp_path / "other.json").write_text(content)
        with pytest.raises(RuntimeError, match=says):
            bpy.ops.moclip.import_bones(filepath=str(tmp_path / "other.json"))


def test_a_rig_of_controls_is_refused_by_its_name(driver):
    names = {joint: f"DEF-{bone}" for joint, bone in OTHER_NAMES["Rigify metarig"].items()}
    rig = character(driver, names, down_deg=40, y_up=False, scale=1.0)
    assert driver.module("rig.mapping").map_rig(rig) == names  # deform bones alone, as exported for games
    bpy.ops.object.mode_set(mode="EDIT")
    control = rig.data.edit_bones.new("thigh_fk.L")
    control.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="is a Rigify control rig"):
        driver.ask("a person walks")


def test_flat_feet_stay_flat(driver, tools):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=30, y_up=True, scale=0.01)
    still = np.tile([1.0, 0, 0, 0], (2, 22, 1))
    clip = driver.module("motion.clip").Clip(20.0, still, np.tile([0.0, 0.94, 0.0], (2, 1)), "stands")
    ankle = rig.matrix_world.to_3x3() @ rig.data.bones["mixamorig:LeftFoot"].matrix_local.to_3x3()
    driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    bpy.context.scene.frame_set(1)
    posed = rig.matrix_world.to_3x3() @ rig.pose.bones["mixamorig:LeftFoot"].matrix.to_3x3()
    tilt = (posed.to_quaternion() @ ankle.to_quaternion().conjugated()).to_matrix() @ Matrix.Identity(3).col[2]
    assert np.degrees(tilt.angle((0, 0, 1))) < 1.0


def test_rotations_are_continuous(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=False, scale=1.0)
    action = driver.module("keying.keyframes").apply_clip(
        rig, lively_clip(driver, 120), bpy.context.scene, 1, plainly(driver)
    )
    for curve in driver.module("compat").fcurves_of(action):
        if curve.data_path.endswith("rotation_quaternion"):
            values = np.array([p.co[1] for p in curve.keyframe_points])
            assert np.abs(np.diff(values)).max() < 0.5, curve.data_path


def test_a_posed_root_bone_above_the_hips_is_allowed_for(driver, tools):
    rig = rooted(driver)
    clip, names = lively_clip(driver), tuple("mixamorig:" + MIXAMO[n] for n in tools.names)
    driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    plain = tools.pose_heads(rig, names, frames=40)
    rig.pose.bones["Root"].rotation_mode = "QUATERNION"
    rig.pose.bones["Root"].rotation_quaternion = Quaternion((0, 0, 1), 1.0)
    rig.pose.bones["Root"].location = (0.5, 0.2, 0.1)
    bpy.context.view_layer.update()
    driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1, plainly(driver))
    assert np.abs(tools.pose_heads(rig, names, frames=40) - plain).max() < 0.001


@pytest.mark.parametrize("bones", [["Bone"], ["root", "DEF-hips", "DEF-spine.001", "DEF-thigh.L"]])
def test_other_rigs_are_refused_with_one_sentence(driver, bones):
    armature = bpy.data.armatures.new("Robot")
    rig = bpy.data.objects.new("Robot", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in bones:
        bone = armature.edit_bones.new(name)
        bone.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="bones of 'Robot' are not recognised"):
        driver.ask("a person walks")
    assert driver.session.state == "off" and driver.session.job is None


def test_a_missing_bone_is_named(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0)
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.remove(rig.data.edit_bones["mixamorig:LeftArm"])
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.settings.target = rig
    with pytest.raises(RuntimeError, match="'Character' has no bone for left_shoulder"):
        driver.ask("a person walks")
    assert driver.session.action == "bones" and rig.moclip_bones["left_shoulder"].trouble
    assert rig.moclip_bones["left_elbow"].bone == "mixamorig:LeftForeArm" and not rig.moclip_bones["left_elbow"].trouble


def test_a_bone_without_a_telling_name_is_found_among_others_that_have_one(driver):
    rig = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0)
    rig.data.bones["mixamorig:LeftArm"].name = "upper"
    assert driver.module("rig.mapping").map_rig(rig)["left_shoulder"] == "upper"


def test_the_created_armature_stands_on_the_ground_and_mirrors_by_name(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    heights = [bone.head_local.z for bone in rig.data.bones]
    assert len(heights) == 22 and min(heights) == pytest.approx(0.0, abs=1e-6)
    assert 1.4 < max(bone.tail_local.z for bone in rig.data.bones) < 1.9
    assert rig.data.bones["left_wrist"].head_local.x > 0.5 > -0.5 > rig.data.bones["right_wrist"].head_local.x
    assert rig.data.bones["left_foot"].head_local.y < rig.data.bones["left_ankle"].head_local.y - 0.1
    assert bpy.utils.flip_name("left_wrist") == "right_wrist"
