# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose of a rig over time, in armature space, and the keys that give its bones that pose."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..shared import rotations
from .rest import RigRest
from .rolled import Roll

_NO_SCALE = 1e-5


@dataclass(frozen=True)
class BoneCurves:
    """Values for one pose bone: rotation (T, 4) quaternions wxyz; location (T, 3) as its channel has it, or None.

    keeps_scale: the scale that its owner gave it counts; that of other bones is 1 while the motion plays.
    idle: (T,) bool, frames that need no key, as their values are those of the keys beside; None is none.
    """

    bone: str
    rotation: np.ndarray
    location: np.ndarray | None = None
    keeps_scale: bool = False
    idle: np.ndarray | None = None


@dataclass(frozen=True)
class Size:
    """How bones above the hips enlarge the body: a point of armature space -> scale * point + shift.

    scale: () or (T,); shift: (3,) or (T, 3). A body is posed as if it had the size of its rest; this is what is shown.
    """

    scale: np.ndarray
    shift: np.ndarray

    def shown(self, points: np.ndarray) -> np.ndarray:
        return self.scale[..., None] * points + self.shift

    def hidden(self, points: np.ndarray) -> np.ndarray:
        return (points - self.shift) / self.scale[..., None]

    def shown_path(self, path: np.ndarray) -> np.ndarray:
        """The movement (T, 4, 4) of what is shown, when the body of rest size moves by `path`."""
        moved = path.copy()
        start = self.hidden(np.zeros(3))
        moved[..., :3, 3] = self.shown(np.einsum("...ij,...j->...i", path[..., :3, :3], start) + path[..., :3, 3])
        return moved

    def hidden_path(self, path: np.ndarray) -> np.ndarray:
        """The inverse of `shown_path`."""
        moved = path.copy()
        start = self.shown(np.zeros(3))
        moved[..., :3, 3] = self.hidden(np.einsum("...ij,...j->...i", path[..., :3, :3], start) + path[..., :3, 3])
        return moved


@dataclass
class Pose:
    """turned: bone -> (T, 4) its rotation in armature space. hips: (T, 3) where the pelvis joint is.

    Both as if the body had the size of its rest pose, see `size`.

    above: bone -> (4, 4) or (T, 4, 4) matrices of the bones that carry the body, roots, and of those that carry its
    loose ends (`Hierarchy.beside`); as they are shown. driven:
    curves of such bones, for the root that takes the travel. between: own rotations (T, 4) of bones on the way that
    follow no joint; without, they keep those that they have now. rolls: side -> how a foot rolls beside the IK control
    that holds it.
    """

    rest: RigRest
    turned: dict[str, np.ndarray]
    hips: np.ndarray
    above: dict[str, np.ndarray]
    driven: list[BoneCurves] = field(default_factory=list)
    between: Mapping[str, np.ndarray] = field(default_factory=dict)
    rolls: dict[str, Roll] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.hips)

    def part(self, first: int, end: int) -> "Pose":
        """The frames from `first` to before `end`, of a pose in which nothing is driven yet."""
        above = {name: m if m.ndim == 2 else m[first:end] for name, m in self.above.items()}
        turned, between = ({k: v[first:end] for k, v in own.items()} for own in (self.turned, self.between))
        rolls = {side: roll.part(first, end) for side, roll in self.rolls.items()}
        return Pose(self.rest, turned, self.hips[first:end], above, between=between, rolls=rolls)

    @property
    def size(self) -> Size:
        return size_of(self.rest, self.above)

    def heads(self) -> dict[str, np.ndarray]:
        """Bone -> (T, 3) its head in armature space, at the size of the rest pose."""
        heads, _ = self._followed()
        return heads

    def shown(self) -> dict[str, np.ndarray]:
        """Bone -> (4, 4) or (T, 4, 4) in armature space, as it is shown."""
        heads, posed = self._followed()
        return {name: self._shown(name, heads, posed) for name in self.rest.hierarchy.order}

    def curves(self) -> list[BoneCurves]:
        """The keys of all bones that the motion drives."""
        heads, posed = self._followed()
        curves = list(self.driven)
        for name in self.rest.hierarchy.order:
            if name not in self.turned:
                continue
            back = rotations.conjugate(inherited(self.rest, name, posed))
            rotation = rotations.continuous(rotations.multiply(back, posed[name]))
            tree = self.rest.hierarchy
            moves = name == tree.carrier or name in tree.rides
            location = self._location(name, heads, posed) if moves else None
            curves.append(BoneCurves(name, rotation, location))
        return curves

    def _followed(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Heads (T, 3) and rotations (4,) or (T, 4) of all bones, from the roots down."""
        tree, size, heads, posed = self.rest.hierarchy, self.size, {}, {}
        for name in tree.order:
            if name in self.above and name not in self.turned:
                heads[name] = np.broadcast_to(size.hidden(self.above[name][..., :3, 3]), self.hips.shape)
                posed[name] = turn_of(self.above[name])
                continue
            posed[name] = self._posed(name, posed)
            leader = tree.leader(name)
            if leader is None or name == tree.carrier:
                heads[name] = np.broadcast_to(self.rest.matrices[name][:3, 3], self.hips.shape)
                continue
            arm = self.rest.matrices[name][:3, 3] - self.rest.matrices[leader][:3, 3]
            since_rest = rotations.multiply(posed[leader], rotations.conjugate(turn_of(self.rest.matrices[leader])))
            heads[name] = heads[leader] + rotations.rotate(since_rest, np.broadcast_to(arm, self.hips.shape))
        # The carrier goes where it must for the pelvis joint to be where it should, and takes its followers along.
        shift = self.hips - heads[tree.anchor]
        carried = {tree.carrier}
        for name in tree.order:
            if name in carried or tree.leader(name) in carried:
                carried.add(name)
                heads[name] = heads[name] + shift
        return heads, posed

    def _posed(self, name: str, posed: Mapping[str, np.ndarray]) -> np.ndarray:
        if name in self.turned:
            return self.turned[name]
        before = inherited(self.rest, name, posed)
        if name == self.rest.hierarchy.anchor:
            return before
        if name in self.between:
            return rotations.multiply(before, self.between[name])
        basis = np.array(self.rest.rig.pose.bones[name].matrix_basis.to_quaternion(), dtype=np.float64)
        return rotations.multiply(before, basis)

    def _location(self, name: str, heads: Mapping[str, np.ndarray], posed: Mapping[str, np.ndarray]) -> np.ndarray:
        """(T, 3) location of a bone in its own axes; what its parents do (a root, or limbs under a loose end) is
        undone."""
        rest, parent, since_rest = self.rest.matrices[name], self.rest.hierarchy.parents[name], np.eye(4)
        if parent is not None:
            since_rest = self._shown(parent, heads, posed) @ np.linalg.inv(self.rest.matrices[parent])
        offset = self.size.shown(heads[name]) - (since_rest @ rest)[..., :3, 3]
        axes = (since_rest @ location_axes(self.rest, name))[..., :3, :3]
        return np.einsum("...ij,...j->...i", np.linalg.inv(axes), offset)

    def _shown(self, name: str, heads: Mapping[str, np.ndarray], posed: Mapping[str, np.ndarray]) -> np.ndarray:
        """(4, 4) or (T, 4, 4) of a bone as it is shown."""
        if name in self.above and name not in self.turned:
            return self.above[name]
        matrices = np.tile(np.eye(4), (len(self), 1, 1))
        matrices[:, :3, :3] = rotations.to_matrix(posed[name]) * np.asarray(self.size.scale)[..., None, None]
        matrices[:, :3, 3] = self.size.shown(heads[name])
        return matrices


def size_of(rest: RigRest, above: Mapping[str, np.ndarray]) -> Size:
    """above: matrices (4, 4) or (T, 4, 4) in armature space of the bones that carry the body, whose scale is uniform.

    Each enlarges what it carries about its own head, where its rest has it: how they turn and move is left out.
    """
    scale, shift = np.ones(()), np.zeros(3)
    for name in rest.hierarchy.above:
        if name in above:
            own = _scale_of(above[name])
            shift = shift + (scale - own)[..., None] * rest.matrices[name][:3, 3]
            scale = own
    carrier = rest.hierarchy.carrier
    head, placed = rest.matrices[carrier][:3, 3], scale
    if rest.rig.data.bones[carrier].inherit_scale in ("NONE", "NONE_LEGACY"):
        scale = np.ones_like(placed)
    return Size(scale, shift + (placed - scale)[..., None] * head)


def _scale_of(matrix: np.ndarray) -> np.ndarray:
    """() or (T,) the scale of matrices that have the same one along all axes; 1 exactly where it is nearly so."""
    scale = np.cbrt(np.linalg.det(matrix[..., :3, :3]))
    return np.where(np.abs(scale - 1.0) < _NO_SCALE, 1.0, scale)


def location_axes(rest: RigRest, name: str) -> np.ndarray:
    """(4, 4) in whose axes a bone's location counts at rest: its own, or without *Local Location* its parent's."""
    bone = rest.rig.data.bones[name]
    if bone.use_local_location:
        return rest.matrices[name]
    return np.array(bone.parent.matrix_local, dtype=np.float64) if bone.parent else np.eye(4)


def turn_of(matrix: np.ndarray) -> np.ndarray:
    """(..., 4) the rotation of (..., 4, 4) matrices, whatever their scale."""
    return rotations.from_matrix(rotations.normalize(matrix[..., :3, :3], axis=-2))


def inherited(rest: RigRest, name: str, posed: Mapping[str, np.ndarray]) -> np.ndarray:
    """(4,) or (T, 4) where a bone points with no rotation of its own; posed: that of its parent in armature space."""
    own, parent = turn_of(rest.matrices[name]), rest.hierarchy.parents[name]
    if parent is None or name in rest.hierarchy.loose:
        return own
    relative = rotations.multiply(rotations.conjugate(turn_of(rest.matrices[parent])), own)
    return rotations.multiply(posed[parent], relative)
