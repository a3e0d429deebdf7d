# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig's rest pose: where its joints are, which way it faces, and how its size compares to the motion's skeleton."""

from collections.abc import Mapping
from functools import cached_property

import bpy
import numpy as np
from mathutils import Vector

from ..motion import axes
from ..shared import rotations
from ..shared.errors import MoclipError
from ..shared.skeleton import JOINT_INDEX, REST_OFFSETS
from ..shared.stance import USUAL
from .hierarchy import hierarchy_of
from .sole import Sole, sole_of

_SNAP_COSINE = np.cos(np.radians(12.0))
_LEG = tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
)
_SIDES = ("left", "right")
_LEGS_UP = 0.4
"""Cosine between trunk and legs from which on a rest pose is none that anybody stands or sits in."""
_STOOPING = np.cos(np.radians(65.0))
"""Cosine between a trunk and the legs' axis: farther down it hangs rather than stands."""
_LYING = np.cos(np.radians(45.0))
_LEAST_BENT = np.cos(np.radians(110.0))
"""Cosine between upper arm and forearm from which on a bone points back where no forearm does."""
_LEVEL_FOOT = np.sin(np.radians(1.5))
_HIP_CENTRE = REST_OFFSETS[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(axis=0).astype(np.float64)


class RigRest:
    """Read once. matrices: (4, 4) in armature space, by bone name.

    upright: (4, 4) in armature space that makes a rest pose stand which lies in the scene, the identity as a rule;
    `head`, `direction` and `standing` are those of the rest pose that stands.
    frame: (3, 3) from Blender's axes (left +X, back +Y, up +Z) to the way the rig faces in armature space.
    ratio: armature units a metre of the motion, by the legs' length. bare: its feet are the motion's own, horizontal
    lines without a sole; such a rig shows feet as the motion has them. Raises MoclipError for a rig without legs or
    whose rest pose nobody can stand in, and for what `hierarchy_of` refuses.
    """

    def __init__(self, rig: bpy.types.Object, bone_of: Mapping[str, str]):
        self.rig, self.bone_of = rig, bone_of
        self.hierarchy = hierarchy_of(rig, bone_of)
        self.matrices = self.hierarchy.matrices
        self.upright = np.eye(4)
        self.frame = self._frame()
        self.upright, self.frame = self._stood_up()
        own = sum(float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX[end]])) for _, end in _LEG)
        self.ratio = 2 * self._leg_length() / own
        self.bare = self._is_bare()
        # What coincides: the hips from above, and the height of ankles over the floor where soles are flat.
        height = 0.0 if self.bare else USUAL.ankle
        self._motion_anchor = np.array([_HIP_CENTRE[0], height, _HIP_CENTRE[2]])
        ankles = [float(self.up @ self.head(f"{side}_ankle")) for side in _SIDES]
        rig_height = min(ankles) if self.bare else float(np.mean(ankles))
        self._rig_anchor = self._hip_centre()
        self._rig_anchor += self.up * (rig_height - self.up @ self._rig_anchor)

    def head(self, joint: str) -> np.ndarray:
        bone = self.hierarchy.anchor if joint == "pelvis" else self.bone_of[joint]
        return self.standing(bone)[:3, 3]

    def standing(self, bone: str) -> np.ndarray:
        """(4, 4) of a bone in the rest pose that stands, in armature space."""
        return self.upright @ self.matrices[bone]

    def direction(self, joint: str, child: str) -> np.ndarray:
        return rotations.normalize(self.head(child) - self.head(joint))

    def forearm(self, elbow: str) -> np.ndarray:
        """(3,) unit direction of a forearm that has no hand: to where its fingers begin, else to its tail where that is
        plausible, else on from the upper arm.
        """
        head = self.head(elbow)
        upper = head - self.head(elbow.replace("elbow", "shoulder"))
        length = float(np.linalg.norm(upper))
        bone = self.rig.data.bones[self.bone_of[elbow]]

        def stood(point: Vector) -> np.ndarray:
            return self.upright[:3, :3] @ np.array(point, dtype=np.float64) + self.upright[:3, 3] - head

        fingers = [stood(child.head_local) for child in bone.children]
        fingers = [finger for finger in fingers if 0.5 * length < np.linalg.norm(finger) < 2 * length]
        for end in (*([np.mean(fingers, axis=0)] if fingers else ()), stood(bone.tail_local)):
            reach = float(np.linalg.norm(end))
            if 0.3 * length < reach < 2 * length and end @ upper > _LEAST_BENT * reach * length:
                return end / reach
        return rotations.normalize(upper)

    @property
    def up(self) -> np.ndarray:
        return self.frame[:, 2]

    @cached_property
    def soles(self) -> dict[str, Sole]:
        """Side -> what the foot stands on, in the rest pose that stands."""
        return {side: sole_of(self, side) for side in _SIDES}

    def to_armature(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points in the motion's axes and metres -> armature space."""
        return self._rig_anchor + axes.vectors_to_blender(points - self._motion_anchor) * self.ratio @ self.frame.T

    def to_motion(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `to_armature`."""
        return axes.vectors_from_blender((points - self._rig_anchor) @ self.frame / self.ratio) + self._motion_anchor

    def leg_length(self) -> float:
        """In armature units."""
        return self._leg_length()

    def _leg_length(self) -> float:
        return sum(float(np.linalg.norm(self.head(a) - self.head(b))) / 2 for a, b in _LEG)

    def _hip_centre(self) -> np.ndarray:
        return (self.head("left_hip") + self.head("right_hip")) / 2

    def _frame(self) -> np.ndarray:
        up = self._upright()
        left = self.head("left_hip") - self.head("right_hip")
        left = rotations.normalize(left - up * (left @ up))
        if not np.isfinite(self._leg_length()) or self._leg_length() < 1e-9 or np.linalg.norm(left) < 0.5:
            raise MoclipError(
                f"The legs of '{self.rig.name}' have no length or no left and right.",
                hint="Check the rig's rest pose.",
                code="bad_rig",
            )
        legs = sum(self.direction(f"{side}_hip", f"{side}_ankle") for side in _SIDES) / 2
        if np.linalg.norm(up) < 0.5 or legs @ up > _LEGS_UP:
            raise MoclipError(
                f"The rest pose of '{self.rig.name}' is none that anybody stands in: its legs do not hang below its "
                "trunk.",
                hint="Pose it standing with arms to the sides, then use Pose > Apply > Apply Pose as Rest Pose.",
                code="bad_rest",
            )
        left = _snapped(left)
        left = rotations.normalize(left - up * (left @ up))
        return np.stack([left, np.cross(up, left), up], axis=-1)

    def _upright(self) -> np.ndarray:
        """The way up of a trunk that stands along an axis; of one that stoops, the axis that its legs stand along."""
        trunk = self.direction("pelvis", "head")
        up = _snapped(trunk)
        if up is trunk:
            feet = (self.head("left_ankle") + self.head("right_ankle")) / 2
            legs = rotations.normalize(self._hip_centre() - feet)
            axis = _snapped(legs)
            if axis is not legs and trunk @ axis > _STOOPING:
                return axis
        return up

    def _stood_up(self) -> tuple[np.ndarray, np.ndarray]:
        """(4, 4) `upright` and the frame with it.

        A rig whose object is tilted was tilted on purpose, and its motion is tilted with it. One that lies within its
        object, as of a program with another up axis, is not: it stands up about the armature's origin.
        """
        sizes = np.abs(self.rig.matrix_world.to_scale())
        if sizes.min() <= 1e-6 * sizes.max():
            raise MoclipError(
                f"The object '{self.rig.name}' is scaled to nothing.",
                hint="Give its scale, and that of what it hangs on, other values than 0.",
                code="bad_rig",
            )
        world = np.array(self.rig.matrix_world.to_3x3(), dtype=np.float64)
        scene_up = rotations.normalize(np.linalg.inv(world) @ np.array([0.0, 0.0, 1.0]))
        if self.up @ scene_up > _LYING or self.up[2] > _LYING:
            return np.eye(4), self.frame
        matrix = np.eye(4)
        matrix[:3, :3] = rotations.to_matrix(rotations.between(self.up, _snapped(scene_up)))
        return matrix, matrix[:3, :3] @ self.frame

    def _is_bare(self) -> bool:
        """Is it the armature that we make, whose feet are the horizontal lines of `REST_OFFSETS`?"""
        feet = all(f"{side}_{joint}" in self.bone_of for side in _SIDES for joint in ("ankle", "foot"))
        return (
            feet
            and all(bone == joint for joint, bone in self.bone_of.items())
            and all(abs(self.up @ self.direction(f"{s}_ankle", f"{s}_foot")) < _LEVEL_FOOT for s in _SIDES)
        )


def _snapped(direction: np.ndarray) -> np.ndarray:
    """The axis next to a direction when it lies close: rigs stand upright, their spines a little less so."""
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(direction)))
    axis[largest] = np.sign(direction[largest])
    return axis if direction @ axis > _SNAP_COSINE else direction


def rest_hips(world_pelvis: np.ndarray) -> np.ndarray:
    """(T, 3) from the pelvis joint to the middle of the hips, by the pelvis' world rotations (T, 4)."""
    return rotations.rotate(world_pelvis, _HIP_CENTRE[None])
