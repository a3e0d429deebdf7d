# SPDX-License-Identifier: Apache-2.0
"""Every family's own names are told apart, whatever stands before and after them, and BVH files read by them."""

import os
from pathlib import Path

import numpy as np
import pytest

from moclip.files.bvh import Bvh, read_bvh
from moclip.files.joint_maps import find_joint_map
from moclip.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from moclip.skeletons.bone_names import FAMILIES, REQUIRED, match_names, read_name

CENTRE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
CASES = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "cases" / "bvh"


def table(centre: str, left: str, mirror: tuple[str, str]) -> dict[str, str]:
    """Joint -> bone from the names of the middle and the left; `-` has no bone, `~` is a space."""
    rows = dict(zip(CENTRE, centre.split(), strict=True))
    for joint, bone in zip(SIDED, left.split(), strict=True):
        rows[f"left_{joint}"] = bone
        rows[f"right_{joint}"] = bone.replace(*mirror) if bone != "-" else bone
    return {joint: bone.replace("~", " ") for joint, bone in rows.items() if bone != "-"}


LEFT, SMALL, LARGE, FIRST = ("Left", "Right"), ("_l", "_r"), (".L", ".R"), ("L", "R")
# As the makers' files have them.
NAMES = {
    "SMPL-X": table("pelvis spine1 spine2 spine3 neck head",
                    "left_hip left_knee left_ankle left_foot left_collar left_shoulder left_elbow left_wrist",
                    ("left", "right")),
    "SMPL": table("Pelvis Spine1 Spine2 Spine3 Neck Head",
                  "L_Hip L_Knee L_Ankle L_Foot L_Collar L_Shoulder L_Elbow L_Wrist", ("L_", "R_")),
    "CMU": table("Hips LowerBack Spine Spine1 Neck1 Head",
                 "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftShoulder LeftArm LeftForeArm LeftHand", LEFT),
    "Mixamo": table("Hips Spine Spine1 Spine2 Neck Head",
                    "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftShoulder LeftArm LeftForeArm LeftHand", LEFT),
    "LAFAN1": table("Hips Spine Spine1 Spine2 Neck Head",
                    "LeftUpLeg LeftLeg LeftFoot LeftToe LeftShoulder LeftArm LeftForeArm LeftHand", LEFT),
    "Rokoko": table("Hip Spine1 Spine2 Spine3 Neck Head",
                    "LeftThigh LeftShin LeftFoot LeftToe LeftShoulder LeftArm LeftForeArm LeftHand", LEFT),
    "Perception Neuron": table("Hips Spine Spine1 Spine3 Neck Head",
                               "LeftUpLeg LeftLeg LeftFoot - LeftShoulder LeftArm LeftForeArm LeftHand", LEFT),
    "Unreal 4": table("pelvis spine_01 spine_02 spine_03 neck_01 head",
                      "thigh_l calf_l foot_l ball_l clavicle_l upperarm_l lowerarm_l hand_l", SMALL),
    "MB-Lab": table("pelvis spine01 spine02 spine03 neck head",
                    "thigh_L calf_L foot_L toes_L clavicle_L upperarm_L lowerarm_L hand_L", ("_L", "_R")),
    "KayKit": table("hips spine chest - - head",
                    "upperleg.l lowerleg.l foot.l toes.l - upperarm.l lowerarm.l wrist.l", (".l", ".r")),
    "VRM": table("hips spine chest upperChest neck head",
                 "leftUpperLeg leftLowerLeg leftFoot leftToes leftShoulder leftUpperArm leftLowerArm leftHand",
                 ("left", "right")),
    "Unity": table("Hips Spine Chest Upper~Chest Neck Head",
                   "Left~Upper~Leg Left~Lower~Leg Left~Foot Left~Toes Left~Shoulder Left~Upper~Arm Left~Lower~Arm "
                   "Left~Hand", LEFT),
    "Bandai-Namco": table("Hips Spine Chest - Neck Head",
                          "UpperLeg_L LowerLeg_L Foot_L Toes_L Shoulder_L UpperArm_L LowerArm_L Hand_L", ("_L", "_R")),
    "Quaternius": table("Root Hips Abdomen Torso Neck Head",
                        "UpperLeg.L LowerLeg.L Foot.L - Shoulder.L UpperArm.L LowerArm.L Hand.L", LARGE),
    "older Quaternius": table("Body Hips Abdomen Torso Neck Head",
                              "UpperLeg.L LowerLeg.L Foot.L - Shoulder.L UpperArm.L LowerArm.L Fist.L", LARGE),
    "Rigify": table("spine spine.001 spine.002 spine.003 spine.004 spine.006",
                    "thigh.L shin.L foot.L toe.L shoulder.L upper_arm.L forearm.L hand.L", LARGE),
    "Mesh2Motion": table("hips spine.001 spine.002 spine.003 neck head",
                         "thigh.L shin.L foot.L toe.L shoulder.L upper_arm.L forearm.L hand.L", LARGE),
    "MakeHuman": table("root spine05 spine03 spine01 neck01 head",
                       "upperleg01.L lowerleg01.L foot.L toe1-1.L clavicle.L upperarm01.L lowerarm01.L wrist.L", LARGE),
    "Daz Genesis 8": table("hip abdomenLower abdomenUpper chestUpper neckLower head",
                           "lThighBend lShin lFoot lToe lCollar lShldrBend lForearmBend lHand", ("l", "r")) | {
        "right_hip": "rThighBend", "right_collar": "rCollar", "right_shoulder": "rShldrBend"},
    "Daz Genesis 9": table("hip spine1 spine2 spine4 neck1 head",
                           "l_thigh l_shin l_foot l_toes l_shoulder l_upperarm l_forearm l_hand", ("l_", "r_")),
    "Auto-Rig Pro, exported": table("root.x spine_01.x spine_02.x spine_03.x neck.x head.x",
                                    "thigh_stretch.l leg_stretch.l foot.l toes_01.l shoulder.l arm_stretch.l "
                                    "forearm_stretch.l hand.l", (".l", ".r")),
    "Character Creator": table("Hip Waist Spine01 Spine02 NeckTwist01 Head",
                               "L_Thigh L_Calf L_Foot L_ToeBase L_Clavicle L_Upperarm L_Forearm L_Hand", ("L_", "R_")),
    "Biped": table("Pelvis Spine Spine1 Spine2 Neck Head",
                   "L~Thigh L~Calf L~Foot L~Toe0 L~Clavicle L~UpperArm L~Forearm L~Hand", ("L~", "R~")),
    "Second Life": table("mPelvis mTorso mChest - mNeck mHead",
                         "mHipLeft mKneeLeft mAnkleLeft mFootLeft mCollarLeft mShoulderLeft mElbowLeft mWristLeft",
                         LEFT),
    "MVN BVH": table("Hips Chest Chest3 Chest4 Neck Head",
                     "LeftHip LeftKnee LeftAnkle LeftToe LeftCollar LeftShoulder LeftElbow LeftWrist", LEFT),
    "Xsens": table("Pelvis L5 L3 T8 Neck Head",
                   "LeftUpperLeg LeftLowerLeg LeftFoot LeftToe LeftShoulder LeftUpperArm LeftForeArm LeftHand", LEFT),
    "OptiTrack": table("Hip Ab Chest - Neck Head", "LThigh LShin LFoot LToe LShoulder LUArm LFArm LHand", FIRST) | {
        "left_shoulder": "LUArm"},
    "Blender Studio": table("Hips Spine RibCage Chest Neck Head",
                            "Thigh1.L Knee1.L Foot.L Toes.L Shoulder.L UpperArm1.L Forearm1.L Wrist.L", LARGE),
    "MikuMikuDance": table("センター 上半身 上半身2 - 首 頭", "左足 左ひざ 左足首 左つま先 左肩 左腕 左ひじ 左手首",
                           ("左", "右")),
    "MikuMikuDance in English": table("center upper~body upper~body2 - neck head",
                                      "leg_L knee_L ankle_L toe_L shoulder_L arm_L elbow_L wrist_L", ("_L", "_R")),
    "Advanced Skeleton": table("Root_M Spine1_M Spine2_M Chest_M Neck_M Head_M",
                               "Hip_L Knee_L Ankle_L Toes_L Scapula_L Shoulder_L Elbow_L Wrist_L", ("_L", "_R")),
    "Synty": table("Hips Spine_01 Spine_02 Spine_03 Neck Head",
                   "UpperLeg_L LowerLeg_L Ankle_L Ball_L Clavicle_L Shoulder_L Elbow_L Hand_L", ("_L", "_R")),
    "Roblox": table("LowerTorso UpperTorso - - - Head",
                    "LeftUpperLeg LeftLowerLeg LeftFoot - - LeftUpperArm LeftLowerArm LeftHand", LEFT),
    "humanoid3d": table("Hips Chest - - Neck Head",
                        "LeftUpLeg LeftLeg LeftFoot LeftToe - LeftArm LeftForeArm LeftHand", LEFT),
    "Spanish sides": table("Hips Spine Chest - Neck Head",
                           "UpperLeg_izquierda LowerLeg_izquierda Foot_izquierda - - UpperArm_izquierda "
                           "LowerArm_izquierda Hand_izquierda", ("izquierda", "derecha")),
}  # fmt: skip
PREFIXES = ("", "Ethan", "Actor:", "Character1_", "Skeleton 001_", "DEF-", "old:Actor:mixamorig1:", "Bip01 ")


def hierarchy(joints: dict[str, str]) -> dict[str, str | None]:
    """Bone -> parent: each joint's on that of the nearest joint above that has one."""
    parents: dict[str, str | None] = {}
    for joint, name in enumerate(JOINT_NAMES):
        if name not in joints:
            continue
        above = PARENTS[joint]
        while above >= 0 and JOINT_NAMES[above] not in joints:
            above = PARENTS[above]
        parents[joints[name]] = joints[JOINT_NAMES[above]] if above >= 0 else None
    return parents


def with_company(parents: dict[str, str | None], joints: dict[str, str]) -> dict[str, str | None]:
    """And what other bones rigs have: twists, ends, fingers, helpers of inverse kinematics."""
    more = {}
    for side, letter in (("left", "L"), ("right", "R")):
        more[f"{joints[f'{side}_shoulder']}_twist_01"] = joints[f"{side}_shoulder"]
        more[f"{joints[f'{side}_shoulder']}.001"] = joints[f"{side}_shoulder"]
        more[f"{joints[f'{side}_wrist']}_end"] = joints[f"{side}_wrist"]
        more[f"ik_foot_{letter}"] = None
        more[f"ik_hand_{letter}"] = None
        more[f"Index1.{letter}"] = joints[f"{side}_wrist"]
    more[f"{joints['head']}_end"] = joints["head"]
    return {"Armature": None, **parents, **more}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("family", NAMES)
def test_each_familys_names_are_known_with_any_prefix(family, prefix):
    joints = {joint: prefix + bone for joint, bone in NAMES[family].items()}
    parents = hierarchy(joints)
    assert dict(match_names(list(parents), parents).joints) == joints
    crowd = with_company(parents, joints)
    assert dict(match_names(list(crowd), crowd).joints) == joints


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("change", [str.lower, str.upper, "{}_Joint_01".format, "{}.001".format])
def test_case_and_suffixes_do_not_matter(family, change):
    joints = {joint: change(bone) for joint, bone in NAMES[family].items()}
    if len(set(joints.values())) < len(joints):
        pytest.skip("names that differ in nothing else")
    parents = hierarchy(joints)
    assert dict(match_names(list(parents), parents).joints) == joints


def test_numbers_that_an_exporter_gave_every_bone_are_passed_over():
    joints = {joint: f"mixamorig:{bone}_{k:02d}" for k, (joint, bone) in enumerate(NAMES["Mixamo"].items(), 7)}
    assert dict(match_names(list(joints.values()), hierarchy(joints)).joints) == joints


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("mCollarLeft", {"left"}), ("thigh.R", {"right"}), ("左足首", {"left"}), ("RForeArm", {"right"}),
        ("Bip01 L UpperArm", {"left"}), ("upright", set()), ("spine_01", set()), ("Bright", set()),
    ],
)  # fmt: skip
def test_sides_are_words_of_their_own(name, sides):
    assert {side for side, _ in read_name(name)[0] if side} == sides


def test_shoulders_are_collars_only_where_upper_arms_hang_on_them():
    joints = table("Hips Spine Chest - Neck Head",
                   "LeftHip LeftKnee LeftAnkle LeftToe - LeftShoulder LeftElbow LeftWrist", LEFT)  # fmt: skip
    assert dict(match_names(list(joints.values()), hierarchy(joints)).joints) == joints


@pytest.mark.parametrize(
    ("spine", "wanted"),
    [
        ("torso1 torso2 chest", "torso1 torso2 chest"),
        ("torso_01 torso_02 torso_03 torso_04", "torso_01 torso_02 torso_04"),
        ("abdomen1 abdomen2 chest1 chest2", "abdomen1 abdomen2 chest2"),
        ("Trunk.001 Trunk.002", "Trunk.001 Trunk.002"),
        ("spine chest", "spine chest"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "Actor:", "DEF-"])
def test_numbered_bones_of_a_trunk_are_its_spine_in_order(spine, wanted, prefix):
    trunk = ["hips", *spine.split(), "neck", "head"]
    parents = dict(zip([prefix + bone for bone in trunk], [None, *[prefix + bone for bone in trunk]], strict=False))
    for side in ("Left", "Right"):
        above = {"upperLeg": "hips", "collar": spine.split()[-1]}
        for limb in ("upperLeg lowerLeg foot toe", "collar upperArm lowerArm hand"):
            for part, before in zip(limb.split(), [None, *limb.split()], strict=False):
                carrier = above[part] if before is None else f"{before}.{side}"
                parents[f"{prefix}{part}.{side}"] = prefix + carrier
    joints = match_names(list(parents), parents).joints
    found = [joints[joint] for joint in ("spine1", "spine2", "spine3") if joint in joints]
    assert found == [prefix + bone for bone in wanted.split()]
    assert joints["pelvis"] == f"{prefix}hips" and joints["left_knee"] == f"{prefix}lowerLeg.Left"


@pytest.mark.parametrize(
    "names",
    [
        ["Chassis", "Wheel.FL", "Wheel.FR", "Wheel.BL", "Wheel.BR", "Body", "Door.L", "Door.R"],
        ["hand.L", *(f"finger{k}.{j}.L" for k in range(5) for j in range(3))],
        [f"snake.{k:03d}" for k in range(30)],
        ["Base", "Shoulder", "UpperArm", "Elbow", "ForeArm", "Wrist", "Hand", "Gripper.L", "Gripper.R"],
        ["head", "jaw", "eye.L", "eye.R", "brow.L", "brow.R", "lip.L", "lip.R", "neck", "tongue"],
        [],
    ],
)
def test_what_is_no_body_is_no_match(names):
    assert not match_names(names).joints


def test_every_family_says_a_name_for_every_needed_joint():
    for family in FAMILIES:
        said = {joint for joint, _, words in family.words() if words}
        assert {joint for joint in REQUIRED if joint != "spine1"} <= said and "spine:0" in said, family.title


def a_bvh(joints: dict[str, str], offsets: np.ndarray = REST_OFFSETS) -> Bvh:
    names = tuple(joints[joint] for joint in JOINT_NAMES if joint in joints)
    parents = hierarchy(joints)
    numbers = tuple(names.index(parents[name]) if parents[name] else -1 for name in names)
    placed = np.array([offsets[k] for k, joint in enumerate(JOINT_NAMES) if joint in joints], dtype=np.float64)
    still = np.tile([1.0, 0, 0, 0], (2, len(names), 1))
    return Bvh(names, numbers, placed, still, np.tile(placed, (2, 1, 1)), 20.0, {})


@pytest.mark.parametrize("family", NAMES)
def test_bvh_files_are_read_by_the_same_table(family):
    joints = {joint: f"Actor:{bone}" for joint, bone in NAMES[family].items()}
    found = find_joint_map(a_bvh(joints), Path("clip.bvh"))
    wanted = dict(joints)
    if "spine3" not in wanted and "spine2" in wanted:
        wanted["spine3"] = wanted.pop("spine2")  # what carries the arms
    assert found.joints == wanted and not found.axes and not found.twists


def test_bandais_axes_are_for_bandais_zero_pose_alone():
    joints = NAMES["Bandai-Namco"]
    straight = np.array(REST_OFFSETS, dtype=np.float64)
    for k, joint in enumerate(JOINT_NAMES):
        straight[k] = (-1 if joint.startswith("right") else 1) * np.linalg.norm(straight[k]) * np.eye(3)[0]
    assert find_joint_map(a_bvh(joints, straight), Path("clip.bvh")).axes
    assert not find_joint_map(a_bvh(joints), Path("clip.bvh")).axes


def test_cmus_twists_are_for_spread_legs_alone():
    joints, spread = NAMES["CMU"], np.array(REST_OFFSETS, dtype=np.float64)
    assert not find_joint_map(a_bvh(joints), Path("clip.bvh")).twists
    for side, k in ((1, JOINT_NAMES.index("left_knee")), (-1, JOINT_NAMES.index("right_knee"))):
        spread[k] = 0.39 * np.array([side * np.sin(np.radians(20)), -np.cos(np.radians(20)), 0.0])
    assert find_joint_map(a_bvh(joints, spread), Path("clip.bvh")).twists


@pytest.mark.shared
@pytest.mark.parametrize("case", ["joint_namespace", "mixamo1", "lowercase_names"])
def test_files_with_prefixes_are_recognised(case):
    path = CASES / f"{case}.bvh"
    if not path.exists():
        pytest.skip("no ../shared/cases")
    assert len(find_joint_map(read_bvh(path), path).joints) == 22
