# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a rig's bones that its owner may edit, and its presets: JSON files, joint -> bone."""

import json
from pathlib import Path

import bpy

from ..errors import MoclipError
from ..skeleton import JOINT_NAMES

FORMAT = "moclip-bones-1"


class MoclipBone(bpy.types.PropertyGroup):
    """One row: `name` is the joint, `bone` the rig's bone, empty for none."""

    bone: bpy.props.StringProperty(
        name="Bone", description="The bone that follows this joint", override={"LIBRARY_OVERRIDABLE"}
    )


def fill(rig: bpy.types.Object, bone_of: dict[str, str]) -> None:
    """Write all 22 rows, empty where there is no bone."""
    rig.moclip_bones.clear()
    for joint in JOINT_NAMES:
        row = rig.moclip_bones.add()
        row.name, row.bone = joint, bone_of.get(joint, "")


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


def register() -> None:
    bpy.utils.register_class(MoclipBone)
    # Library overrides may have a table of their own, as long as each part of it may differ from the library's.
    bpy.types.Object.moclip_bones = bpy.props.CollectionProperty(
        type=MoclipBone, override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
    )


def unregister() -> None:
    del bpy.types.Object.moclip_bones
    bpy.utils.unregister_class(MoclipBone)
