# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of a rig follows which of the 22 joints: by the rig's own table, by known names, else by shape."""

from collections.abc import Collection

import bpy
import numpy as np

from ..errors import MoclipError
from ..skeleton import JOINT_NAMES
from .controls import match_controls
from .families import FAMILIES
from .guess import BoneShape, guess_bones

# Without these a rig cannot carry a motion; spine3, neck, collars, hands and toes may be missing.
REQUIRED = (
    "pelvis", "spine1", "head", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
# Rigs of controls have bones that are driven by constraints: keys on those would do nothing.
_UNKNOWN_CONTROLS = {
    "thigh_fk.l": "a Rigify control rig of another kind than the human's",
    "upper_arm_fk.l": "a Rigify control rig of another kind than the human's",
    "c_thigh_fk.l": "an Auto-Rig Pro control rig of another kind than the human's",
}


def map_rig(rig: bpy.types.Object) -> dict[str, str]:
    """Joint name -> bone name.

    The rig's table (`rig.moclip_bones`, see `table`) goes before what is found here. Raises MoclipError when a needed
    bone is missing or named by the table but not there.
    """
    found = _from_table(rig) or detect_bones(rig)
    missing = [joint for joint in REQUIRED if joint not in found]
    if not missing:
        return found
    if len(missing) > len(REQUIRED) // 2:
        raise MoclipError(
            f"The bones of '{rig.name}' are not recognised, neither by name nor by shape.",
            hint="Fill in the Bones panel, choose another target, or press Create Armature.",
            action="create_armature",
            code="unknown_rig",
        )
    raise MoclipError(
        f"'{rig.name}' has no bone for {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}.",
        hint="Name it in the Bones panel, or choose another target.",
        code="incomplete_rig",
    )


def detect_bones(rig: bpy.types.Object) -> dict[str, str]:
    """Joint name -> bone name, by known names, else by shape; {} where nothing is recognised.

    Raises MoclipError for a rig of controls that is not known.
    """
    names = rig.data.bones.keys()
    if found := match_controls(names):
        return found
    unknown = {_UNKNOWN_CONTROLS[name.lower()] for name in names if name.lower() in _UNKNOWN_CONTROLS}
    if unknown:
        raise MoclipError(
            f"'{rig.name}' is {unknown.pop()}.",
            hint="Choose its metarig or an exported copy, or press Create Armature.",
            action="create_armature",
            code="control_rig",
        )
    return map_names(names) or guess_bones(_shapes(rig))


def map_names(names: Collection[str]) -> dict[str, str]:
    """Joint name -> bone name by the family that knows most of the needed names; {} when none knows half of them."""
    found = [family.match(names) for family in FAMILIES]
    best = max(found, key=lambda match: (sum(joint in match for joint in REQUIRED), len(match)))
    known = sum(joint in best for joint in REQUIRED) > len(REQUIRED) // 2
    return {joint: best[joint] for joint in JOINT_NAMES if joint in best} if known else {}


def _from_table(rig: bpy.types.Object) -> dict[str, str]:
    table = {row.name: row.bone for row in rig.moclip_bones if row.bone}
    for joint, bone in table.items():
        if bone not in rig.data.bones:
            raise MoclipError(
                f"'{rig.name}' has no bone named {bone}, which its Bones panel names for {joint}.",
                hint="Choose another bone there, or press Detect.",
                code="incomplete_rig",
            )
    return table


def _shapes(rig: bpy.types.Object) -> list[BoneShape]:
    """The rest bones in the scene's axes, parents before children."""
    turn = np.array(rig.matrix_world.to_3x3(), dtype=np.float64)
    bones = sorted(rig.data.bones, key=lambda bone: len(bone.parent_recursive))
    return [
        BoneShape(bone.name, bone.parent.name if bone.parent else None, turn @ np.array(bone.head_local),
                  turn @ np.array(bone.tail_local))
        for bone in bones
    ]  # fmt: skip
