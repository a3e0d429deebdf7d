# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a rig's bones that its owner may edit, and its presets: JSON files, joint -> bone."""

import json
from collections.abc import Mapping
from pathlib import Path

import bpy

from ..shared.errors import MoclipError
from ..shared.skeleton import JOINT_NAMES

FORMAT = "moclip-bones-1"
_OTHER = {"left": "right", "right": "left"}


def _judged_anew(row: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    row.trouble = ""


class MoclipBone(bpy.types.PropertyGroup):
    """One row: `name` is the joint, `bone` the rig's bone, empty for none, `trouble` what speaks against it."""

    bone: bpy.props.StringProperty(
        name="Bone",
        description="The bone that follows this joint",
        update=_judged_anew,
        override={"LIBRARY_OVERRIDABLE"},
    )
    trouble: bpy.props.StringProperty(override={"LIBRARY_OVERRIDABLE"})


def fill(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> None:
    """Write all 22 rows, empty where there is no bone."""
    empty(rig)
    rows = {row.name: row for row in rig.moclip_bones}
    for joint in JOINT_NAMES:
        if joint not in rows:
            row = rig.moclip_bones.add()
            row.name = joint
    for row in rig.moclip_bones:
        row.bone = bone_of.get(row.name, "")


def empty(rig: bpy.types.Object) -> None:
    """Take out all rows; those that came with a library override stay, without bones."""
    if rig.override_library is None:
        rig.moclip_bones.clear()
    for row in rig.moclip_bones:
        row.bone = ""
    rig.moclip_bones_as_they_are = False


def swap(rig: bpy.types.Object) -> None:
    """Left for right and right for left."""
    bones = {row.name: row.bone for row in rig.moclip_bones}
    for row in rig.moclip_bones:
        side, _, part = row.name.partition("_")
        if side in _OTHER:
            row.bone = bones.get(f"{_OTHER[side]}_{part}", "")


def is_filled(rig: bpy.types.Object) -> bool:
    return any(row.bone for row in rig.moclip_bones)


def show(rig: bpy.types.Object, bone_of: Mapping[str, str], troubles: Mapping[str, str]) -> None:
    """Fill the table with what was found, if it is empty, and mark rows. troubles: joint -> what speaks against it."""
    if rig.library is not None:
        return  # it cannot be written to
    if not is_filled(rig):
        fill(rig, bone_of)
    for row in rig.moclip_bones:
        row.trouble = troubles.get(row.name, "")


def clear_marks(rig: bpy.types.Object) -> None:
    for row in rig.moclip_bones:
        if row.trouble:
            row.trouble = ""


def in_order(rig: bpy.types.Object) -> list[MoclipBone]:
    """The rows, those in trouble first."""
    return sorted(rig.moclip_bones, key=lambda row: not row.trouble)


def save_preset(rig: bpy.types.Object, bone_of: dict[str, str], path: Path) -> None:
    """Raises MoclipError when the file cannot be written."""
    content = {"format": FORMAT, "rig": rig.name, "bones": bone_of}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise MoclipError(
            f"The file {path} cannot be written.", hint="Choose another folder.", code="bad_file"
        ) from error


def load_preset(path: Path) -> dict[str, str]:
    """Joint -> bone. Raises MoclipError for a file that is no preset or names joints that do not exist."""
    hint = "Choose a file that Export Bones wrote."
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        bones = content["bones"]
        if content["format"] != FORMAT or not all(isinstance(bone, str) for bone in bones.values()):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MoclipError(f"{path} is no preset of bones.", hint=hint, code="bad_preset") from error
    unknown = sorted(set(bones) - set(JOINT_NAMES))
    if unknown:
        raise MoclipError(f"{path} names a joint '{unknown[0]}' that does not exist.", hint=hint, code="bad_preset")
    return bones


def attach() -> None:
    bpy.types.Object.moclip_bones = bpy.props.CollectionProperty(
        type=MoclipBone, override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
    )
    bpy.types.Object.moclip_bones_as_they_are = bpy.props.BoolProperty(
        name="Use These Bones",
        description="Key this rig although limbs are of unlike length or left and right look swapped",
        override={"LIBRARY_OVERRIDABLE"},
    )


def detach() -> None:
    del bpy.types.Object.moclip_bones_as_they_are
    del bpy.types.Object.moclip_bones
