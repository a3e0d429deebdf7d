# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a motion into the pose of a rig, whatever its rest pose, bone rolls, axes and scale.

All of it happens in the rig's own armature space, so the object's transform (a scale of 0.01, a quarter turn, a place
in the scene) carries over by itself. Each bone takes over how far its joint has turned *from rest*: the motion's rest
is a T-pose, the rig's may be an A-pose, so limbs are first brought from the one to the other by their directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from .. import axes, rotations
from ..errors import MoclipError
from ..skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS
from .create import rest_joints

# Joints whose bone direction is the same as the motion's in every pose, and the joint that they point to.
_LIMBS = {
    f"{side}_{joint}": f"{side}_{child}"
    for side in ("left", "right")
    for joint, child in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
# A foot that stands flat in both rests must stay flat, though rigs draw the bone at any slope: only its heading counts.
_FEET = {"left_ankle": "left_foot", "right_ankle": "right_foot"}
_FOLLOWERS = {
    "left_wrist": "left_elbow",
    "right_wrist": "right_elbow",
    "left_foot": "left_ankle",
    "right_foot": "right_ankle",
}
_SNAP_COSINE = np.cos(np.radians(12.0))


@dataclass(frozen=True)
class BoneCurves:
    """Values for one pose bone: rotation (T, 4) quaternions wxyz; location (T, 3) in the bone's axes, hips only."""

    bone: str
    rotation: np.ndarray
    location: np.ndarray | None = None


def world_rotations(local: np.ndarray) -> np.ndarray:
    """(T, 22, 4) rotations relative to the parents -> relative to the world."""
    world = np.array(local, dtype=np.float64)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            world[:, joint] = rotations.multiply(world[:, parent], world[:, joint])
    return world


class RigRest:
    """A rig's rest pose, read once: matrices in armature space, by bone name."""

    def __init__(self, rig: bpy.types.Object, bone_of: Mapping[str, str]):
        self.rig, self.bone_of = rig, bone_of
        self.matrices = {bone.name: np.array(bone.matrix_local, dtype=np.float64) for bone in rig.data.bones}
        self.frame = self._frame()

    def head(self, joint: str) -> np.ndarray:
        return self.matrices[self.bone_of[joint]][:3, 3]

    def direction(self, joint: str, child: str) -> np.ndarray:
        return rotations.normalize(self.head(child) - self.head(joint))

    def leg_length(self) -> float:
        return sum(
            float(np.linalg.norm(self.head(f"{side}_{a}") - self.head(f"{side}_{b}"))) / 2
            for side in ("left", "right")
            for a, b in (("hip", "knee"), ("knee", "ankle"))
        )

    def _frame(self) -> np.ndarray:
        """(3, 3) rotation from Blender's axes (left +X, back +Y, up +Z) to the way the rig faces in armature space."""
        up = _snapped(self.direction("pelvis", "head"))
        left = self.head("left_hip") - self.head("right_hip")
        left = rotations.normalize(left - up * (left @ up))
        if not np.isfinite(self.leg_length()) or self.leg_length() < 1e-9 or np.linalg.norm(left) < 0.5:
            raise MoclipError(
                f"The legs of '{self.rig.name}' have no length or no left and right.",
                hint="Check the rig's rest pose.",
                code="bad_rig",
            )
        left = _snapped(left)
        left = rotations.normalize(left - up * (left @ up))
        return np.stack([left, np.cross(up, left), up], axis=-1)


def _in_frame(frame: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Rotations (..., 4) in Blender's axes -> in the rig's armature space; frame (4,) turns the one into the other."""
    return rotations.multiply(rotations.multiply(frame, turns), rotations.conjugate(frame))


def _snapped(direction: np.ndarray) -> np.ndarray:
    """The axis next to a direction when it lies close: rigs stand upright, their spines a little less so."""
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(direction)))
    axis[largest] = np.sign(direction[largest])
    return axis if direction @ axis > _SNAP_COSINE else direction


def rest_alignment(rest: RigRest) -> dict[str, np.ndarray]:
    """Joint name -> quaternion in Blender's axes that turns the rig's rest limb into the T-pose."""
    joints = axes.vectors_to_blender(rest_joints())
    aligned = {}
    for joint, child in (_LIMBS | _FEET).items():
        if joint not in rest.bone_of or child not in rest.bone_of:
            continue
        own = rest.frame.T @ rest.direction(joint, child)
        wanted = joints[JOINT_INDEX[child]] - joints[JOINT_INDEX[joint]]
        if joint in _FEET:
            own, wanted = own * (1, 1, 0), wanted * (1, 1, 0)
        aligned[joint] = rotations.between(own, wanted)
    for joint, leader in _FOLLOWERS.items():
        if leader in aligned:
            aligned[joint] = aligned[leader]
    return aligned


def retarget(
    rig: bpy.types.Object, bone_of: Mapping[str, str], local_rotations: np.ndarray, root_translation: np.ndarray
) -> list[BoneCurves]:
    """Poses for a rig.

    bone_of: from `mapping.map_rig`. local_rotations (T, 22, 4) wxyz and root_translation (T, 3) metres: a motion in
    MoCLIP's axes. Limbs of the rig point where the motion's do; the hips travel in proportion to the legs' length.
    Raises MoclipError for a rig without legs.
    """
    rest = RigRest(rig, bone_of)
    frame = rotations.from_matrix(rest.frame)
    world = _in_frame(frame, axes.quaternions_to_blender(world_rotations(local_rotations)))
    alignment = {j: _in_frame(frame, q) for j, q in rest_alignment(rest).items()}
    joint_of = {bone: joint for joint, bone in bone_of.items()}
    posed: dict[str, np.ndarray] = {}
    curves = []
    for bone in _bones_parents_first(rig, bone_of):
        inherited = _inherited_rotation(bone, rest, posed)
        joint = joint_of.get(bone.name)
        if joint is None:
            basis = np.array(rig.pose.bones[bone.name].matrix_basis.to_quaternion(), dtype=np.float64)
            posed[bone.name] = rotations.multiply(inherited, basis)
            continue
        turned = world[:, JOINT_NAMES.index(joint)]
        if joint in alignment:
            turned = rotations.multiply(turned, alignment[joint])
        posed[bone.name] = rotations.multiply(turned, rotations.from_matrix(rest.matrices[bone.name][:3, :3]))
        rotation = rotations.continuous(rotations.multiply(rotations.conjugate(inherited), posed[bone.name]))
        location = _hips_location(rest, root_translation) if joint == "pelvis" else None
        curves.append(BoneCurves(bone.name, rotation, location))
    return curves


def _bones_parents_first(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> list[bpy.types.Bone]:
    """The mapped bones and everything between them and the root."""
    needed: dict[str, bpy.types.Bone] = {}
    for name in bone_of.values():
        bone = rig.data.bones[name]
        for ancestor in (*reversed(bone.parent_recursive), bone):
            needed.setdefault(ancestor.name, ancestor)
    return sorted(needed.values(), key=lambda bone: len(bone.parent_recursive))


def _inherited_rotation(bone: bpy.types.Bone, rest: RigRest, posed: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where the bone would point with no rotation of its own: (4,) or (T, 4), armature space."""
    own = rest.matrices[bone.name][:3, :3]
    if bone.parent is None or not bone.use_inherit_rotation:
        return rotations.from_matrix(own)
    relative = rest.matrices[bone.parent.name][:3, :3].T @ own
    return rotations.multiply(posed[bone.parent.name], rotations.from_matrix(relative))


def _hips_location(rest: RigRest, root_translation: np.ndarray) -> np.ndarray:
    """(T, 3) location of the hips bone in its own axes; what its parents (a root bone) do now is undone."""
    joints = rest_joints()
    own_leg = np.mean([np.linalg.norm(joints[JOINT_INDEX[f"{s}_hip"]] - joints[JOINT_INDEX[f"{s}_knee"]])
                       + np.linalg.norm(joints[JOINT_INDEX[f"{s}_knee"]] - joints[JOINT_INDEX[f"{s}_ankle"]])
                       for s in ("left", "right")])  # fmt: skip
    travel = axes.vectors_to_blender(root_translation - joints[0]) * (rest.leg_length() / own_leg)
    target = rest.head("pelvis") + travel @ rest.frame.T
    hips = rest.rig.pose.bones[rest.bone_of["pelvis"]]
    matrix = rest.matrices[hips.name]
    if hips.parent is not None:
        parent_now = np.array(hips.parent.matrix, dtype=np.float64)
        matrix = parent_now @ np.linalg.inv(rest.matrices[hips.parent.name]) @ matrix
    return (target - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
