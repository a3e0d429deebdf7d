# SPDX-License-Identifier: GPL-3.0-or-later
"""What keys animate of bones and of the object: which channels count, and what a curve's path names."""

import re

import bpy
import numpy as np

_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]\.?(.*)')


def rotation_channel(mode: str) -> str:
    """The channel that counts in a rotation mode."""
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")


def object_scale(rig: bpy.types.Object) -> np.ndarray:
    """(3,) with its signs, which no matrix tells, and its delta."""
    return np.array(rig.scale, dtype=np.float64) * np.array(rig.delta_scale, dtype=np.float64)


def bone_of(data_path: str) -> tuple[str, str]:
    """The bone that a path leads to and what of it, ("", "") where it leads elsewhere."""
    found = _BONE.fullmatch(data_path)
    return (bpy.utils.unescape_identifier(found[1]), found[2]) if found else ("", "")
