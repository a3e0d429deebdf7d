# SPDX-License-Identifier: Apache-2.0
"""A pose that meets aims of some joints and is as near to its own as it can be.

Damped least squares over all joints at once (Wampler 1986; as "full-body IK" does), with what each joint gives way by
as its share. Positions in metres, angles in radians.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .motion import forward_kinematics, world_rotations
from .pins import Aim
from .skeleton import CHILDREN, JOINT_COUNT, JOINT_INDEX, PARENTS

_STEPS, _GAIN, _DAMPING, _MOST_DAMPING, _MOST_TURN = 30, 1e-3, 1e-2, 1e6, 0.6
_PLACE_M, _TURN = 0.0005, np.radians(0.15)
"""How far off an aim may be to weigh as much as a joint that gives way by all it should."""
_STAND_M, _STAND = 0.004, np.radians(4.0)
"""The same of a foot that stands."""
_ROOT_M = np.array([0.12, 0.06, 0.12])
_GIVES = {
    "pelvis": 0.12, "spine1": 0.13, "spine2": 0.13, "spine3": 0.13, "neck": 0.2, "head": 0.25, "collar": 0.15,
    "shoulder": 0.7, "elbow": 0.8, "wrist": 0.5, "hip": 0.4, "knee": 0.5, "ankle": 0.4,
}  # fmt: skip
"""By how much each joint turns gladly."""
_STIFF = 0.04
"""The same of a hinge out of its plane."""
_BENT, _LOCK = 0.06, 0.03
"""Elbows and knees are bent by so much at the least, or as far as they were; and how strictly."""
_HINGES = {
    JOINT_INDEX["left_elbow"]: (np.array([0.0, -1.0, 0.0]), 0.5),
    JOINT_INDEX["right_elbow"]: (np.array([0.0, 1.0, 0.0]), 0.5),
    JOINT_INDEX["left_knee"]: (np.array([1.0, 0.0, 0.0]), _STIFF),
    JOINT_INDEX["right_knee"]: (np.array([1.0, 0.0, 0.0]), _STIFF),
}
"""The axis about which a straight one bends, and how gladly its bone turns about itself."""
_USUALLY = 0.15
"""How far a hinge must be bent to tell its axis by itself."""
_FREE = [j for j in range(JOINT_COUNT) if j not in (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])]


def _ancestors() -> np.ndarray:
    above = np.zeros((JOINT_COUNT, JOINT_COUNT), dtype=bool)
    for joint in range(1, JOINT_COUNT):
        above[joint] = above[PARENTS[joint]]
        above[joint, PARENTS[joint]] = True
    return above


_ABOVE = _ancestors()


def _gives() -> np.ndarray:
    """(22, 3)"""
    names = list(JOINT_INDEX)
    found = [next((v for k, v in _GIVES.items() if name == k or name.endswith(f"_{k}")), _STIFF) for name in names]
    return np.repeat(np.array(found)[:, None], 3, axis=1)


@dataclass
class Pose:
    """rotations (22, 4) local, root (3,); both float64."""

    rotations: np.ndarray
    root: np.ndarray


def solve_pose(
    own: Pose, offsets: np.ndarray, aims: Mapping[int, Aim], stands: Mapping[int, Aim], begin: Pose | None = None
) -> Pose:
    """The pose nearest to `own` that meets `aims`, by joint, as near as the body reaches.

    stands: what feet keep to as long as the aims let them. begin: where to look first; its own pose where None.
    """
    start = own if begin is None else begin
    held = _Held(own, offsets, aims, stands)
    pose, damping = Pose(start.rotations.copy(), start.root.copy()), _DAMPING
    matrix, lacks = held.lacks(pose)
    for _ in range(_STEPS):
        step = np.linalg.solve(matrix.T @ matrix + damping * np.eye(matrix.shape[1]), matrix.T @ lacks)
        step *= min(1.0, _MOST_TURN / max(np.abs(step[3:]).max(), 1e-9))
        turns = pose.rotations.copy()
        turns[_FREE] = rot.normalize(rot.multiply(turns[_FREE], rot.from_vector(step[3:].reshape(-1, 3))))
        tried = Pose(turns, pose.root + step[:3])
        found = held.lacks(tried)
        better = float(found[1] @ found[1]) < float(lacks @ lacks)
        # Where a step made it worse, a shorter one is nearer to the way down.
        damping = max(damping / 4, _DAMPING / 100) if better else damping * 8 + 1e-2
        if better:
            gained = 1 - float(found[1] @ found[1]) / float(lacks @ lacks)
            pose, (matrix, lacks) = tried, found
            if gained < _GAIN:
                break
        elif damping > _MOST_DAMPING:
            break
    return pose


class _Held:
    """What a pose lacks to what it should be, and how that changes."""

    def __init__(self, own: Pose, offsets: np.ndarray, aims: Mapping[int, Aim], stands: Mapping[int, Aim]):
        self._own, self._aims, self._stands = own, aims, stands
        self._offsets = offsets.astype(np.float64)
        self._axes, self._gives = _hinge_frames(own, self._offsets)
        keep = np.zeros((3 + 3 * len(_FREE), 3 + 3 * len(_FREE)))
        keep[:3, :3] = np.diag(1 / _ROOT_M)
        for at, joint in zip(range(3, len(keep), 3), _FREE, strict=True):
            keep[at : at + 3, at : at + 3] = self._axes[joint] / self._gives[joint][:, None]
        self._keep = keep
        self._hinges = {joint: _hinge(own.rotations, self._offsets, joint) for joint in _HINGES}
        self._least = {
            joint: min(_BENT, _bent(own.rotations, self._offsets, joint, axis)) for joint, axis in self._hinges.items()
        }

    def lacks(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Rows (R, 3 + 3 F) by the root's shift and the joints' turns, and what lacks (R,), in shares of what may."""
        rows, lacks = _aim_rows(pose.rotations, pose.root, self._offsets, self._aims, self._stands)
        turned = rot.to_vector(rot.multiply(rot.conjugate(self._own.rotations), pose.rotations))
        given = np.einsum("jka,ja->jk", self._axes, turned) / self._gives
        kept = np.concatenate([(pose.root - self._own.root) / _ROOT_M, given[_FREE].ravel()])
        straight, wanted = _bend_rows(pose.rotations, self._offsets, self._least, self._hinges)
        return np.concatenate([rows, self._keep, straight]), np.concatenate([lacks, -kept, wanted])


def _aim_rows(
    turns: np.ndarray, root: np.ndarray, offsets: np.ndarray, aims: Mapping[int, Aim], stands: Mapping[int, Aim]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the linear system (R, 3 + 3 F) and what they should come to (R,)."""
    joints = forward_kinematics(turns[None], root[None], offsets)[0]
    world = world_rotations(turns[None])[0]
    # Local turns are to the right of a joint's own: their axes are the columns of its world rotation.
    axes = rot.to_matrix(world)[_FREE].transpose(0, 2, 1)  # (F, 3 axes, 3)
    rows, wants = [], []
    for group, place_off, turn_off in ((aims, _PLACE_M, _TURN), (stands, _STAND_M, _STAND)):
        for joint, aim in group.items():
            if aim.place is not None:
                arms = joints[joint] - joints[_FREE]
                moved = np.cross(axes, arms[:, None]) * _ABOVE[joint][_FREE][:, None, None]
                row = np.concatenate([np.eye(3), moved.reshape(-1, 3).T], axis=1)
                rows.append(row / place_off)
                wants.append((aim.place - joints[joint]) / place_off)
            if aim.turn is not None:
                mask = _ABOVE[joint].copy()
                mask[joint] = True
                turned = axes * mask[_FREE][:, None, None]
                rows.append(np.concatenate([np.zeros((3, 3)), turned.reshape(-1, 3).T], axis=1) / turn_off)
                lack = rot.multiply(aim.turn, rot.conjugate(world[joint]))
                wants.append(rot.to_vector(lack[None])[0] / turn_off)
    return np.concatenate(rows), np.concatenate(wants)


def _bent(turns: np.ndarray, offsets: np.ndarray, joint: int, axis: np.ndarray) -> float:
    """Radians by which a hinge is bent about an axis (3,) in its own frame, negative the wrong way."""
    upper, lower = _bones(turns, offsets, joint)
    return float(np.arctan2(np.cross(upper, lower) @ axis, upper @ lower))


def _bones(turns: np.ndarray, offsets: np.ndarray, joint: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions of the bones before and after a hinge, in its own frame."""
    (child,) = CHILDREN[joint]
    return rot.normalize(rot.rotate(rot.conjugate(turns[joint]), offsets[joint])), rot.normalize(offsets[child])


def _hinge(turns: np.ndarray, offsets: np.ndarray, joint: int) -> np.ndarray:
    """The axis about which a hinge bends: by how it is bent, as far as that tells."""
    upper, lower = _bones(turns, offsets, joint)
    axis = np.cross(upper, lower) + _USUALLY * _HINGES[joint][0]
    hinge: np.ndarray = rot.normalize(axis - lower * (axis @ lower))
    return hinge


def _bend_rows(
    turns: np.ndarray, offsets: np.ndarray, least: Mapping[int, float], axes: Mapping[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that keep elbows and knees from bending the wrong way: no less than `least` about `axes`, by joint."""
    rows, wants = [np.zeros((0, 3 + 3 * len(_FREE)))], [np.zeros(0)]
    for joint, enough in least.items():
        bent = _bent(turns, offsets, joint, axes[joint])
        if bent < enough:
            row = np.zeros((1, 3 + 3 * len(_FREE)))
            at = 3 + 3 * _FREE.index(joint)
            row[0, at : at + 3] = axes[joint] / _LOCK
            rows.append(row)
            wants.append(np.array([(enough - bent) / _LOCK]))
    return np.concatenate(rows), np.concatenate(wants)


def _hinge_frames(own: Pose, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each joint the axes (22, 3, 3), as rows, along which it gives way, and by how much (22, 3)."""
    axes, gives = np.tile(np.eye(3), (JOINT_COUNT, 1, 1)), _gives()
    for joint, (_, twist) in _HINGES.items():
        (child,) = CHILDREN[joint]
        bone = rot.normalize(offsets[child].astype(float))
        hinge = _hinge(own.rotations, offsets, joint)
        axes[joint] = np.stack([bone, hinge, np.cross(bone, hinge)])
        gives[joint] = twist, gives[joint][1], _STIFF
    return axes, gives
