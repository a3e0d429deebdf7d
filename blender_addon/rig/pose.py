# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose of a rig over time, in armature space, and the keys that give its bones that pose."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import bpy
import numpy as np

from .. import rotations
from .rest import RigRest


@dataclass(frozen=True)
class BoneCurves:
    """Values for one pose bone: rotation (T, 4) quaternions wxyz; location (T, 3) in the bone's axes, or None."""

    bone: str
    rotation: np.ndarray
    location: np.ndarray | None = None


@dataclass
class Pose:
    """turned: bone -> (T, 4) its rotation in armature space. hips: (T, 3) where the hips bone's head is.

    above: bone -> (4, 4) or (T, 4, 4) matrices of the bones that carry the hips: roots. driven: curves of such bones,
    for the root that carries the travel.
    """

    rest: RigRest
    turned: dict[str, np.ndarray]
    hips: np.ndarray
    above: dict[str, np.ndarray]
    driven: list[BoneCurves] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.hips)

    @property
    def hips_bone(self) -> str:
        return self.rest.bone_of["pelvis"]

    def bones(self) -> list[bpy.types.Bone]:
        """The mapped bones and everything between them and the root, parents first."""
        return bones_parents_first(self.rest.rig, self.rest.bone_of)

    def heads(self) -> dict[str, np.ndarray]:
        """Bone -> (T, 3) its head in armature space."""
        heads, posed = {}, {}
        for bone in self.bones():
            name = bone.name
            if name in self.above and name not in self.turned:
                heads[name], posed[name] = self.above[name][..., :3, 3], _turn_of(self.above[name])
                continue
            if bone.parent is None:
                heads[name] = self.rest.matrices[name][:3, 3]
            else:
                parent = bone.parent.name
                arm = self.rest.matrices[name][:3, 3] - self.rest.matrices[parent][:3, 3]
                since_rest = rotations.multiply(
                    posed[parent], rotations.conjugate(_turn_of(self.rest.matrices[parent]))
                )
                arm = np.broadcast_to(arm, since_rest[..., 1:].shape)
                heads[name] = heads[parent] + rotations.rotate(since_rest, arm)
            if name == self.hips_bone:
                heads[name] = self.hips
            posed[name] = self._posed(bone, posed)
        return heads

    def curves(self) -> list[BoneCurves]:
        """The keys of all bones that the motion drives."""
        posed: dict[str, np.ndarray] = {}
        curves = list(self.driven)
        for bone in self.bones():
            if bone.name in self.above and bone.name not in self.turned:
                posed[bone.name] = _turn_of(self.above[bone.name])
                continue
            posed[bone.name] = self._posed(bone, posed)
            if bone.name in self.turned:
                inherited = rotations.conjugate(self._inherited(bone, posed))
                rotation = rotations.continuous(rotations.multiply(inherited, posed[bone.name]))
                location = self._hips_location() if bone.name == self.hips_bone else None
                curves.append(BoneCurves(bone.name, rotation, location))
        return curves

    def _posed(self, bone: bpy.types.Bone, posed: Mapping[str, np.ndarray]) -> np.ndarray:
        if bone.name in self.turned:
            return self.turned[bone.name]
        basis = np.array(self.rest.rig.pose.bones[bone.name].matrix_basis.to_quaternion(), dtype=np.float64)
        return rotations.multiply(self._inherited(bone, posed), basis)

    def _inherited(self, bone: bpy.types.Bone, posed: Mapping[str, np.ndarray]) -> np.ndarray:
        """Where the bone would point with no rotation of its own: (4,) or (T, 4)."""
        own = self.rest.matrices[bone.name][:3, :3]
        if bone.parent is None or not bone.use_inherit_rotation:
            return rotations.from_matrix(own)
        relative = self.rest.matrices[bone.parent.name][:3, :3].T @ own
        return rotations.multiply(posed[bone.parent.name], rotations.from_matrix(relative))

    def _hips_location(self) -> np.ndarray:
        """(T, 3) location of the hips bone in its own axes; what its parents (a root bone) do is undone."""
        matrix = self.rest.matrices[self.hips_bone]
        parent = self.rest.rig.data.bones[self.hips_bone].parent
        if parent is not None:
            matrix = self.above[parent.name] @ np.linalg.inv(self.rest.matrices[parent.name]) @ matrix
        offset = self.hips - matrix[..., :3, 3]
        return np.einsum("...ij,...j->...i", np.linalg.inv(matrix[..., :3, :3]), offset)


def bones_parents_first(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> list[bpy.types.Bone]:
    needed: dict[str, bpy.types.Bone] = {}
    for name in bone_of.values():
        bone = rig.data.bones[name]
        for ancestor in (*reversed(bone.parent_recursive), bone):
            needed.setdefault(ancestor.name, ancestor)
    return sorted(needed.values(), key=lambda bone: len(bone.parent_recursive))


def bones_above(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The matrices, as they are now, of the bones that carry the hips."""
    return {
        bone.name: np.array(rig.pose.bones[bone.name].matrix, dtype=np.float64)
        for bone in rig.data.bones[bone_of["pelvis"]].parent_recursive
    }


def _turn_of(matrix: np.ndarray) -> np.ndarray:
    """(..., 4) the rotation of (..., 4, 4) matrices, whatever their scale."""
    return rotations.from_matrix(rotations.normalize(matrix[..., :3, :3], axis=-2))
