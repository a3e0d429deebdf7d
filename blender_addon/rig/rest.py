# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig's rest pose: where its joints are, which way it faces, and how its size compares to the motion's skeleton."""

from collections.abc import Mapping

import bpy
import numpy as np

from .. import axes, rotations
from ..errors import MoclipError
from ..skeleton import JOINT_INDEX
from .create import rest_joints
from .hierarchy import hierarchy_of

_SNAP_COSINE = np.cos(np.radians(12.0))
_LEG = tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
)


class RigRest:
    """Read once. matrices: in armature space, by bone name.

    frame: (3, 3) from Blender's axes (left +X, back +Y, up +Z) to the way the rig faces in armature space.
    ratio: armature units a metre of the motion, by the legs' length. Raises MoclipError for a rig without legs, and for
    what `hierarchy_of` refuses.
    """

    def __init__(self, rig: bpy.types.Object, bone_of: Mapping[str, str]):
        self.rig, self.bone_of = rig, bone_of
        self.hierarchy = hierarchy_of(rig, bone_of)
        self.matrices = self.hierarchy.matrices
        self.frame = self._frame()
        joints = rest_joints()
        own = sum(float(np.linalg.norm(joints[JOINT_INDEX[a]] - joints[JOINT_INDEX[b]])) for a, b in _LEG)
        self.ratio = 2 * self._leg_length() / own

    def head(self, joint: str) -> np.ndarray:
        bone = self.hierarchy.anchor if joint == "pelvis" else self.bone_of[joint]
        return self.matrices[bone][:3, 3]

    def direction(self, joint: str, child: str) -> np.ndarray:
        return rotations.normalize(self.head(child) - self.head(joint))

    def to_armature(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points in the motion's axes and metres -> armature space; the rest pelvises coincide."""
        travel = axes.vectors_to_blender(points - rest_joints()[0]) * self.ratio
        return self.head("pelvis") + travel @ self.frame.T

    def to_motion(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `to_armature`."""
        return axes.vectors_from_blender((points - self.head("pelvis")) @ self.frame / self.ratio) + rest_joints()[0]

    def _leg_length(self) -> float:
        return sum(float(np.linalg.norm(self.head(a) - self.head(b))) / 2 for a, b in _LEG)

    def _frame(self) -> np.ndarray:
        up = _snapped(self.direction("pelvis", "head"))
        left = self.head("left_hip") - self.head("right_hip")
        left = rotations.normalize(left - up * (left @ up))
        if not np.isfinite(self._leg_length()) or self._leg_length() < 1e-9 or np.linalg.norm(left) < 0.5:
            raise MoclipError(
                f"The legs of '{self.rig.name}' have no length or no left and right.",
                hint="Check the rig's rest pose.",
                code="bad_rig",
            )
        left = _snapped(left)
        left = rotations.normalize(left - up * (left @ up))
        return np.stack([left, np.cross(up, left), up], axis=-1)


def _snapped(direction: np.ndarray) -> np.ndarray:
    """The axis next to a direction when it lies close: rigs stand upright, their spines a little less so."""
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(direction)))
    axis[largest] = np.sign(direction[largest])
    return axis if direction @ axis > _SNAP_COSINE else direction
