# SPDX-License-Identifier: Apache-2.0
"""Rotations from joint positions: analytic, all frames at once.

Positions fix less than a pose. Pelvis and chest carry three rigid joints each, so a best-fit rotation (Wahba's problem)
gives them whole. Every other joint has one child bone: its direction gives the swing, and the twist about it comes from
evidence with a weight: the plane of a bent knee or elbow, the foot for the leg, and a prior for what is left.
Twist is measured against a frame that is carried along the bone without turning about it (parallel transport in time),
so "no evidence" means "keep still", whatever way the body faces.
"""

from dataclasses import dataclass

import numpy as np

from moclip.errors import MoclipError
from moclip.motion import Motion
from moclip.rotations import between, conjugate, continuous, from_axis_angle, multiply, normalize, rotate, slerp
from moclip.skeleton import CHILDREN, JOINT_COUNT, LEAF_JOINTS, PARENTS, REST_OFFSETS

_X, _Y, _Z = np.eye(3)
_PELVIS, _CHEST = 0, 9
_BRANCH = {_PELVIS: (1, 2, 3), _CHEST: (12, 13, 14)}
# Bones that are single children of their parent, parents first; members of a group do not depend on each other.
_CHAIN_GROUPS = ((4, 5, 6), (7, 8, 9), (10, 11), (15, 16, 17), (18, 19), (20, 21))

_FIT_PASSES = 3
_FIT_GOOD_METRES = 1e-4
_FIT_STEP_METRES = 0.05  # more than bones wobble; a body that fits nowhere keeps the pose of its directions

# A frame whose hinge shows little takes its twist from the neighbours inside this window ...
_NEIGHBOUR_SECONDS = 0.25
_NEIGHBOUR_WEIGHT = 0.3
# ... and may not twist faster than this, plus what its bone turns. Wrong evidence then passes slowly instead of flipping.
_TWIST_RATE_DEG = 200.0

_SPINE_SHARES = {3: 1 / 3, 6: 2 / 3}
_FOOT_FOR_HIP, _FOOT_FOR_KNEE, _PRIOR_WEIGHT = 0.1, 0.1, 0.1


def solve_rotations(
    joints: np.ndarray,
    *,
    offsets: np.ndarray | None = REST_OFFSETS,
    leaf_rotations: np.ndarray | None = None,
    fps: float = 20.0,
) -> Motion:
    """The motion whose joints are nearest to `joints`.

    joints: (T, 22, 3) metres, Y up. offsets: (22, 3) skeleton to pose; None fits one to the clip (`fit_offsets`).
    leaf_rotations: (T, 22, 4) local quaternions of which only the entries of LEAF_JOINTS are used; without them feet,
    head and hands follow their parent. Zero-length bones, straight limbs and every heading are allowed.
    Raises ValueError for wrong shapes, MoclipError when a number is not finite.
    """
    joints = _checked(joints, "joints", (JOINT_COUNT, 3))
    offsets = fit_offsets(joints) if offsets is None else np.asarray(offsets, dtype=np.float64)
    if offsets.shape != (JOINT_COUNT, 3):
        raise ValueError(f"offsets have shape {offsets.shape}, not {(JOINT_COUNT, 3)}")
    positions, pelvis, chest = _constant_bones(joints, offsets)
    world = _world_rotations(positions, offsets, pelvis, chest, fps)
    local = world.copy()
    children = np.arange(1, JOINT_COUNT)
    local[:, children] = multiply(conjugate(world[:, np.array(PARENTS)[children]]), world[:, children])
    leaves = list(LEAF_JOINTS)
    local[:, leaves] = (1.0, 0.0, 0.0, 0.0)
    if leaf_rotations is not None:
        leaf_rotations = _checked(leaf_rotations, "leaf_rotations", (JOINT_COUNT, 4))
        if len(leaf_rotations) != len(joints):
            raise ValueError(f"leaf_rotations have {len(leaf_rotations)} frames, joints {len(joints)}")
        local[:, leaves] = normalize(leaf_rotations[:, leaves])
    return Motion(fps, continuous(normalize(local)), positions[:, 0], offsets)


def fit_offsets(joints: np.ndarray) -> np.ndarray:
    """Rest offsets (22, 3) metres that fit a clip's joints (T, 22, 3).

    Lengths are medians over the frames. Single bones keep the direction they have in REST_OFFSETS; the three bones on
    the pelvis and the three on the chest get the mean shape that they keep in the clip.
    """
    joints = np.asarray(joints, dtype=np.float64)
    bones = joints - joints[:, np.maximum(PARENTS, 0)]
    lengths = np.median(np.linalg.norm(bones, axis=-1), axis=0)
    offsets = normalize(REST_OFFSETS.astype(np.float64)) * lengths[:, None]
    for parent, children in _BRANCH.items():
        children = list(children)
        for _ in range(3):
            rotation = _branch_rotation(parent, joints, offsets)
            mean = np.mean(rotate(conjugate(rotation)[:, None], bones[:, children]), axis=0)
            offsets[children] = normalize(mean) * lengths[children, None]
    return offsets


def _checked(array: np.ndarray, name: str, shape: tuple[int, int]) -> np.ndarray:
    array = np.asarray(array, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != shape or len(array) == 0:
        raise ValueError(f"{name} have shape {array.shape}, not (frames, {shape[0]}, {shape[1]})")
    if not np.isfinite(array).all():
        raise MoclipError(
            "The motion holds joint positions that are not numbers.", hint="Check where it came from.", code="bad_motion"
        )
    return array


# -- positions ---------------------------------------------------------------------------------------------------------


def _wahba(attitude: np.ndarray) -> np.ndarray:
    """The rotation R that maximises trace(R^T B), B = sum of target x rest^T: (..., 3, 3) -> (..., 4).

    Davenport's q-method: the eigenvector of the largest eigenvalue. Unlike an SVD it never yields a reflection.
    """
    b = attitude
    k = np.empty((*b.shape[:-2], 4, 4))
    k[..., 1:, 1:] = b + np.swapaxes(b, -1, -2)
    trace = np.trace(b, axis1=-2, axis2=-1)
    k[..., 1:, 1:] -= trace[..., None, None] * np.eye(3)
    k[..., 0, 0] = trace
    k[..., 0, 1:] = k[..., 1:, 0] = np.stack(
        [b[..., 2, 1] - b[..., 1, 2], b[..., 0, 2] - b[..., 2, 0], b[..., 1, 0] - b[..., 0, 1]], axis=-1
    )
    return np.linalg.eigh(k)[1][..., :, -1]


def _branch_rotation(parent: int, joints: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """World rotation (T, 4) of pelvis or chest: best fit of its three bones.

    Coincident joints can leave it open. Then the shoulder line and the trunk decide, with weights too small to matter
    otherwise.
    """
    children = list(_BRANCH[parent])
    bones = joints[:, children] - joints[:, parent, None]
    attitude = np.einsum("tki,kj->tij", bones, offsets[children])
    line = normalize(joints[:, 16] - joints[:, 17])
    hips = normalize(joints[:, 1] - joints[:, 2])
    trunk = normalize(joints[:, 12] - joints[:, 0])
    attitude += 1e-6 * (line + 0.1 * hips)[..., None] * _X + 1e-6 * trunk[..., None] * _Y + 1e-9 * np.eye(3)
    return _wahba(attitude)


def _subtree_means() -> np.ndarray:
    """(22, 22): row j averages over joint j and all below it, which a turn of j's bone moves together."""
    below = np.eye(JOINT_COUNT)
    for joint in range(JOINT_COUNT - 1, 0, -1):
        below[PARENTS[joint]] += below[joint]
    return below / below.sum(axis=1, keepdims=True)


_SUBTREE_MEANS = _subtree_means()


def _constant_bones(joints: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (T, 22, 3) near `joints` with constant bones, and the world rotations (T, 4) of pelvis and chest.

    A pass builds the body from the root along the bones towards its aims; where lengths do not fit, the next pass moves
    every aim by the mean error of the joints below it, so that errors are spread over the body, root included.
    """
    aims, positions = joints, np.empty_like(joints)
    for _ in range(_FIT_PASSES):
        positions[:, 0] = aims[:, 0]
        pelvis = _place_branch(_PELVIS, aims, positions, offsets)
        for group in _CHAIN_GROUPS:
            _place_chain(list(group), aims, positions, offsets, pelvis if group[0] <= 11 else chest)
            if _CHEST in group:
                chest = _place_branch(_CHEST, aims, positions, offsets)
        errors = joints - positions
        if np.abs(errors).max() < _FIT_GOOD_METRES:
            break
        aims = positions + np.clip(np.einsum("jk,tkx->tjx", _SUBTREE_MEANS, errors), -_FIT_STEP_METRES, _FIT_STEP_METRES)
    return positions, pelvis, chest


def _place_branch(parent: int, aims: np.ndarray, positions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    children = list(_BRANCH[parent])
    rotation = _branch_rotation(parent, aims, offsets)
    positions[:, children] = positions[:, parent, None] + rotate(rotation[:, None], offsets[children])
    return rotation


def _place_chain(group: list[int], aims: np.ndarray, positions: np.ndarray, offsets: np.ndarray, trunk: np.ndarray) -> None:
    """Put the joints of `group` at their constant distance from their parents, towards their aims."""
    parents = np.array(PARENTS)[group]
    bones = aims[:, group] - positions[:, parents]
    lengths = np.linalg.norm(offsets[group], axis=-1)
    # A bone whose ends coincide has no direction: it takes the one of the rest pose, gradually below a fifth of its length.
    missing = np.maximum(0.2 * lengths - np.linalg.norm(bones, axis=-1), 0.0)
    if missing.any():
        bones = bones + missing[..., None] * rotate(trunk[:, None], normalize(offsets[group]))
    positions[:, group] = positions[:, parents] + normalize(bones) * lengths[:, None]


# -- rotations ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Level:
    """Joints with one child bone each, whose parents are solved before them.

    hinges: (K, 3) axis in the rest pose about which the child's own bone bends. bends: (K,) the joint itself is that hinge.
    """

    joints: tuple[int, ...]
    hinges: np.ndarray
    bends: np.ndarray

    @property
    def children(self) -> list[int]:
        return [CHILDREN[j][0] for j in self.joints]

    @property
    def parents(self) -> list[int]:
        return [PARENTS[j] for j in self.joints]


# Knees bend about +X: the shank goes back. Elbows bend forward: the left forearm from +X to +Z.
_HINGES = {16: -_Y, 17: _Y, 18: -_Y, 19: _Y, 13: -_Y, 14: _Y}
_BENDING = (4, 5, 18, 19)
_LEVELS = tuple(
    _Level(joints, np.stack([_HINGES.get(j, _X) for j in joints]), np.isin(joints, _BENDING))
    for joints in ((1, 2, 12, 13, 14), (4, 5, 16, 17), (7, 8, 18, 19))
)


def _world_rotations(
    positions: np.ndarray, offsets: np.ndarray, pelvis: np.ndarray, chest: np.ndarray, fps: float
) -> np.ndarray:
    """World rotations (T, 22, 4); leaf joints are left out."""
    bones = normalize(positions - positions[:, np.maximum(PARENTS, 0)])
    rest = normalize(offsets)
    world = np.zeros((len(positions), JOINT_COUNT, 4))
    world[:, _PELVIS], world[:, _CHEST] = pelvis, chest
    for joint, share in _SPINE_SHARES.items():
        between_ends = slerp(pelvis, chest, np.full(len(pelvis), share))
        (child,) = CHILDREN[joint]
        world[:, joint] = multiply(between(rotate(between_ends, rest[child]), bones[:, child]), between_ends)
    evidence = _evidence(bones)
    for level in _LEVELS:
        joints, children = list(level.joints), level.children
        parents = world[:, level.parents]
        directions = rotate(conjugate(parents), bones[:, children])
        local = _twist(level, rest[children], directions, rotate(conjugate(parents), evidence[:, joints]), fps)
        world[:, joints] = multiply(parents, local)
    return world


def _evidence(bones: np.ndarray) -> np.ndarray:
    """World vectors (T, 22, 3) along each joint's hinge as far as it shows; the length is the confidence."""
    evidence = np.zeros_like(bones)
    foot = np.cross(bones[:, [10, 11]], bones[:, [7, 8]])
    evidence[:, [1, 2]] = np.cross(bones[:, [4, 5]], bones[:, [7, 8]]) + _FOOT_FOR_HIP * foot
    evidence[:, [4, 5]] = _FOOT_FOR_KNEE * foot
    evidence[:, [16, 17]] = np.cross(bones[:, [18, 19]], bones[:, [20, 21]])
    return evidence


def _twist(level: _Level, rest: np.ndarray, directions: np.ndarray, evidence: np.ndarray, fps: float) -> np.ndarray:
    """Local rotations (T, K, 4) that take rest (K, 3) to directions (T, K, 3), with the most likely twist."""
    expected = _expected(level, rest, directions)
    carried = _carry(expected[0], directions)
    # Angles about the bone relative to the carried frame, as complex numbers: argument the angle, modulus the weight.
    relative = multiply(conjugate(carried), expected)
    prior = (relative[..., 0] + 1j * np.sum(relative[..., 1:] * rest, axis=-1)) ** 2
    seen = rotate(conjugate(carried), evidence)
    hinges = normalize(level.hinges - np.sum(level.hinges * rest, axis=-1, keepdims=True) * rest)
    seen = np.sum(seen * hinges, axis=-1) + 1j * np.sum(seen * np.cross(rest, hinges), axis=-1)
    total = seen + _NEIGHBOUR_WEIGHT * _nearby(seen, fps) + _PRIOR_WEIGHT * prior
    angle = _limit_rate(np.unwrap(np.angle(total), axis=0), directions, fps)
    twist = np.concatenate([np.cos(angle / 2)[..., None], np.sin(angle / 2)[..., None] * rest], axis=-1)
    return normalize(multiply(carried, twist))


def _nearby(values: np.ndarray, fps: float) -> np.ndarray:
    """Gaussian mean over time of (T, K) values; nothing lies beyond the ends."""
    sigma = _NEIGHBOUR_SECONDS * fps
    reach = int(np.ceil(3 * sigma))
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    full = [np.convolve(column, window / window.sum()) for column in values.T]
    return np.stack(full, axis=-1)[reach : reach + len(values)]


def _expected(level: _Level, rest: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The rotation (T, K, 4) that a joint most likely has when nothing but its bone's direction is known."""
    forward = np.cross(level.hinges, rest)
    bend = np.arctan2(np.sum(directions * forward, axis=-1), np.sum(directions * rest, axis=-1))
    flexed = from_axis_angle(level.hinges, np.where(level.bends, bend, 0.0))
    return multiply(between(rotate(flexed, rest), directions), flexed)


def _carry(first: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Parallel transport: `first` (K, 4) turned from frame to frame by the smallest rotation that follows directions."""
    steps = np.concatenate([first[None], between(directions[:-1], directions[1:])])
    # Running product by doubling: after step n, entry t holds the product of its 2^n predecessors.
    span = 1
    while span < len(steps):
        steps[span:] = multiply(steps[span:], steps[:-span])
        span *= 2
    return normalize(steps)


def _limit_rate(angle: np.ndarray, directions: np.ndarray, fps: float) -> np.ndarray:
    """The angles (T, K) midway between the largest rate-limited curve below and the smallest above.

    Angles that keep the limit are returned unchanged.
    """
    turned = np.arccos(np.clip(np.sum(directions[1:] * directions[:-1], axis=-1), -1, 1))
    budget = np.concatenate([np.zeros((1, angle.shape[1])), np.cumsum(np.radians(_TWIST_RATE_DEG) / fps + turned, axis=0)])
    if np.all(np.abs(np.diff(angle, axis=0)) <= np.diff(budget, axis=0)):
        return angle
    low, high = np.minimum.accumulate, np.maximum.accumulate
    below = np.minimum(low(angle - budget) + budget, low((angle + budget)[::-1])[::-1] - budget)
    above = np.maximum(high(angle + budget) - budget, high((angle - budget)[::-1])[::-1] + budget)
    return (below + above) / 2
