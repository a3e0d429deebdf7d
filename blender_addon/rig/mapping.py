# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of a rig follows which of the 22 joints: by the rig's own table, else by names and shape together."""

import bpy
import numpy as np

from ..shared.body_shape import BoneShape
from ..shared.bone_names import REQUIRED
from ..shared.errors import MoclipError
from ..shared.skeleton import JOINT_NAMES
from . import table
from .controls import control_rig, match_controls
from .doubts import doubts
from .joints import find_joints, named_joints, other_body
from .oddities import Oddity, oddities
from .words import told

# Rigs of controls have bones that are driven by constraints: keys on those would do nothing.
_UNKNOWN_CONTROLS = {
    "thigh_fk.l": "a Rigify control rig of another kind than the human's",
    "upper_arm_fk.l": "a Rigify control rig of another kind than the human's",
    "c_thigh_fk.l": "an Auto-Rig Pro control rig of another kind than the human's",
}


def map_rig(rig: bpy.types.Object) -> dict[str, str]:
    """Joint name -> bone name.

    The rig's table (`rig.moclip_bones`, see `table`) goes before what is found here. Raises MoclipError when a needed
    bone is missing or named by the table but not there, and when the rig's shape contradicts the table; then the table
    holds what was found, with the rows marked that speak against it.
    """
    found = _from_table(rig) or detect_bones(rig)
    missing = [joint for joint in REQUIRED if joint not in found]
    if len(missing) > len(REQUIRED) // 2:
        raise MoclipError(
            f"The bones of '{rig.name}' are not recognised, neither by name nor by shape.",
            hint="Fill in the Bones panel, choose another target, or press Create Armature.",
            action="create_armature",
            code="unknown_rig",
        )
    if missing:
        table.show(rig, found, dict.fromkeys(missing, "This bone was not found."))
        raise MoclipError(
            f"'{rig.name}' has no bone for {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}.",
            hint="Name it in the Bones panel, or choose another target.",
            action="bones",
            code="incomplete_rig",
        )
    odd = find_oddities(rig, found)
    if odd:
        raise mark(rig, found, odd)
    table.clear_marks(rig)
    return found


def find_oddities(rig: bpy.types.Object, bone_of: dict[str, str]) -> list[Oddity]:
    """What speaks against a table with all needed joints, but for what its owner has allowed in the Bones panel."""
    if control_rig(rig, bone_of) is not None:
        return []  # controls hang on one another by constraints
    shapes = _shapes(rig)
    by_name = {bone.name: bone for bone in shapes}
    found = oddities(by_name, bone_of)
    if rig.moclip_bones_as_they_are:
        return [oddity for oddity in found if oddity.grave]
    found = found or doubts(by_name, bone_of, named_joints(shapes))
    second = None if found else other_body(shapes, bone_of)
    return found if second is None else [second]


def mark(rig: bpy.types.Object, bone_of: dict[str, str], odd: list[Oddity]) -> MoclipError:
    """Mark the rows of the rig's table; returns the error that tells of the first."""
    table.show(rig, bone_of, {o.joint: f"{told(o.joint).capitalize()} is '{o.bone}', {o.what}." for o in odd})
    first = odd[0]
    instead = ", or apply a standing pose as its rest pose" if first.of_rest else ""
    instead = instead if first.grave else ", or allow it there"
    more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
    return MoclipError(
        f"The {told(first.joint)} of '{rig.name}' is '{first.bone}', {first.what}{more}.",
        hint=f"Choose other bones in the Bones panel{instead}.",
        action="bones",
        code="odd_mapping",
    )


def detect_bones(rig: bpy.types.Object) -> dict[str, str]:
    """Joint name -> bone name, by names and shape; {} where nothing is recognised.

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
    found = find_joints(_shapes(rig))
    return {joint: found[joint] for joint in JOINT_NAMES if joint in found}


def _from_table(rig: bpy.types.Object) -> dict[str, str]:
    rows = {row.name: row.bone for row in rig.moclip_bones if row.bone}
    for joint, bone in rows.items():
        if bone not in rig.data.bones:
            raise MoclipError(
                f"'{rig.name}' has no bone named {bone}, which its Bones panel names for the {told(joint)}.",
                hint="Choose another bone there, or press Detect.",
                action="bones",
                code="incomplete_rig",
            )
    return rows


def _shapes(rig: bpy.types.Object) -> list[BoneShape]:
    """The rest bones in armature space, parents before children."""
    bones = sorted(rig.data.bones, key=lambda bone: len(bone.parent_recursive))
    return [
        BoneShape(
            bone.name,
            bone.parent.name if bone.parent else None,
            np.array(bone.head_local, dtype=np.float64),
            np.array(bone.tail_local, dtype=np.float64),
        )
        for bone in bones
    ]
