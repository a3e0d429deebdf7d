# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of a rig follows which of the 22 joints."""

from collections.abc import Iterable

from ..errors import MoclipError
from ..skeleton import JOINT_NAMES

_MIXAMO_CENTRE = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
}  # fmt: skip
_MIXAMO_SIDES = {
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
MIXAMO = _MIXAMO_CENTRE | {
    f"{side}_{joint}": side.capitalize() + bone for side in ("left", "right") for joint, bone in _MIXAMO_SIDES.items()
}
"""Joint name -> Mixamo's bone name without its prefix."""

# Without these a rig cannot carry a motion; spine3, neck, collars, hands and toes may be missing.
REQUIRED = (
    "pelvis", "spine1", "head", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip


def _mixamo_prefix(names: Iterable[str]) -> str | None:
    """What stands before "Hips": "mixamorig:", "mixamorig_", "mixamorig1:" ... or nothing; None without Hips."""
    prefixes = [name[: -len("Hips")] for name in names if name.endswith("Hips")]
    known = [p for p in prefixes if p == "" or p.lower().startswith("mixamorig")]
    return min(known, key=len) if known else None


def map_bones(names: Iterable[str], rig_name: str = "armature") -> dict[str, str]:
    """Joint name -> bone name, for MoCLIP's own armature and for Mixamo's names.

    Raises MoclipError when the names are neither, or when a needed bone is missing.
    """
    names = set(names)
    prefix = _mixamo_prefix(names)
    if "pelvis" in names or prefix is None:
        wanted = {joint: joint for joint in JOINT_NAMES}
    else:
        wanted = {joint: prefix + bone for joint, bone in MIXAMO.items()}
    found = {joint: bone for joint, bone in wanted.items() if bone in names}
    missing = [wanted[joint] for joint in REQUIRED if joint not in found]
    if len(missing) > len(REQUIRED) // 2:
        raise MoclipError(
            f"The bones of '{rig_name}' are named neither like MoCLIP's armature nor like Mixamo's.",
            hint="Choose another target, or press Create Armature.",
            action="create_armature",
            code="unknown_rig",
        )
    if missing:
        raise MoclipError(
            f"'{rig_name}' has no bone named {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}.",
            hint="Rename or add the missing bones, or choose another target.",
            code="incomplete_rig",
        )
    return found
