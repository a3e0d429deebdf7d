# SPDX-License-Identifier: Apache-2.0
"""Real characters from public repositories, not part of the project, with the tables that their bones' names say."""

import os
import shutil
from pathlib import Path

import bpy
import pytest

FOLDER = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "rigs"
_CENTRE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def _table(centre: str, sided: str, letters: str = "LR") -> dict[str, str]:
    """`@` is the side's letter, `~` a space, `-` no bone."""
    rows = dict(zip(_CENTRE, centre.split(), strict=True))
    for side, letter in zip(("left", "right"), letters, strict=True):
        for joint, bone in zip(_SIDED, sided.split(), strict=True):
            rows[f"{side}_{joint}"] = bone.replace("@", letter)
    return {joint: bone.replace("~", " ") for joint, bone in rows.items() if bone != "-"}


TABLES = {
    "rocketbox_f03.fbx": _table(
        "Bip01~Pelvis Bip01~Spine Bip01~Spine1 Bip01~Spine2 Bip01~Neck Bip01~Head",
        "Bip01~@~Thigh Bip01~@~Calf Bip01~@~Foot Bip01~@~Toe0 Bip01~@~Clavicle Bip01~@~UpperArm Bip01~@~Forearm "
        "Bip01~@~Hand",
    ),
    "manny_med_mod.gltf": _table(
        "hips spine chest - - head", "upperleg.@ lowerleg.@ foot.@ toes.@ - upperarm.@ lowerarm.@ wrist.@", "lr"
    ),
    "q_soldier.glb": _table(
        "Root Hips Abdomen Torso Neck Head", "UpperLeg.@ LowerLeg.@ Foot.@ - Shoulder.@ UpperArm.@ LowerArm.@ Hand.@"
    ),
    "q_humanoidrig.glb": _table(
        "Root Hips Abdomen Torso Neck Head", "UpperLeg.@ LowerLeg.@ Foot.@ - Shoulder.@ UpperArm.@ LowerArm.@ Fist.@"
    ),
    "m2m_human.glb": _table(
        "DEF-hips DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-neck DEF-head",
        "DEF-thigh.@ DEF-shin.@ DEF-foot.@ DEF-toe.@ DEF-shoulder.@ DEF-upper_arm.@ DEF-forearm.@ DEF-hand.@",
    ),
    "cesiumman.glb": _table(
        "Skeleton_torso_joint_1 Skeleton_torso_joint_2 torso_joint_3 - Skeleton_neck_joint_1 Skeleton_neck_joint_2",
        "leg_joint_@_1 leg_joint_@_2 leg_joint_@_3 leg_joint_@_5 - - - -",
    )
    | {
        "left_shoulder": "Skeleton_arm_joint_L__4_",
        "left_elbow": "Skeleton_arm_joint_L__3_",
        "left_wrist": "Skeleton_arm_joint_L__2_",
        "right_shoulder": "Skeleton_arm_joint_R",
        "right_elbow": "Skeleton_arm_joint_R__2_",
        "right_wrist": "Skeleton_arm_joint_R__3_",
    },
    "vrma_example.vrm": _table(
        "hips spine chest - neck head",
        "upper_leg.@ lower_leg.@ foot.@ toes.@ shoulder.@ upper_arm.@ lower_arm.@ hand.@",
    ),
}


def load(name: str, folder: Path) -> bpy.types.Object:
    """Import a file; returns its armature. folder: for copies. Skips where the files are not."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip("no ../shared/rigs")
    if path.suffix == ".vrm":  # a GLB inside
        path = Path(shutil.copy(path, folder / f"{path.stem}.glb"))
    before = set(bpy.data.objects)
    if path.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    else:
        try:
            bpy.ops.import_scene.gltf(filepath=str(path))
        except RuntimeError as error:
            if "draco" in str(error):
                pytest.skip("this Blender as a module has no decoder for the file")
            raise
    return next(obj for obj in bpy.data.objects if obj not in before and obj.type == "ARMATURE")
