# SPDX-License-Identifier: Apache-2.0
"""Rotations from joint positions: analytic, all frames at once.

Positions fix less than a pose. Pelvis and chest carry three rigid joints each, so a best-fit rotation (Wahba's problem)
gives them whole. Every other joint has one child bone: its direction gives the swing, and the twist about it comes from
evidence with a weight: the plane of a bent knee or elbow, the foot for the leg, and what is usual (`twist`).
"""

import numpy as np

from moclip.errors import MoclipError
from moclip.motion.motion import Motion
from moclip.motion.rotations import between, conjugate, continuous, multiply, normalize, rotate, slerp
from moclip.motion.skeleton import CHILDREN, JOINT_COUNT, LEAF_JOINTS, PARENTS, REST_OFFSETS
from moclip.motion.twist import LEVELS, hinge_evidence, solve_twists

_X, _Y, _ = np.eye(3)
_PELVIS, _CHEST = 0, 9
_BRANCH = {_PELVIS: (1, 2, 3), _CHEST: (12, 13, 14)}
# Bones that are single children of their parent, parents first; members of a group do not depend on each other.
_CHAIN_GROUPS = ((4, 5, 6), (7, 8, 9), (10, 11), (15, 16, 17), (18, 19), (20, 21))

_FIT_PASSES = 2
_FIT_GOOD_METRES = 1e-4
_FIT_STEP_METRES = 0.05  # more than bones wobble; a body that fits nowhere keeps the pose of its directions

_SPINE_SHARES = {3: 1 / 3, 6: 1 / 2}


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
    offsets: np.ndarray = normalize(REST_OFFSETS.astype(np.float64)) * lengths[:, None]
    for parent, branch in _BRANCH.items():
        children = list(branch)
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
            "The motion holds positions that are not numbers.", hint="Check where it came from.", code="bad_motion"
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
    means: np.ndarray = below / below.sum(axis=1, keepdims=True)
    return means


_SUBTREE_MEANS = _subtree_means()


def _constant_bones(joints: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (T, 22, 3) near `joints` with constant bones, and the world rotations (T, 4) of pelvis and chest.

    A pass builds the body from the root along the bones towards its aims; where lengths do not fit, the next pass moves
    every aim by the mean error of the joints below it, so that errors are spread over the body, root included.
    """
    aims, positions = joints, np.empty_like(joints)
    for _ in range(_FIT_PASSES):
        positions[:, 0] = aims[:, 0]
        pelvis = chest = _place_branch(_PELVIS, aims, positions, offsets)
        for group in _CHAIN_GROUPS:
            _place_chain(list(group), aims, positions, offsets, pelvis if group[0] <= 11 else chest)
            if _CHEST in group:
                chest = _place_branch(_CHEST, aims, positions, offsets)
        errors = joints - positions
        if np.abs(errors).max() < _FIT_GOOD_METRES:
            break
        steps = np.einsum("jk,tkx->tjx", _SUBTREE_MEANS, errors)
        aims = positions + np.clip(steps, -_FIT_STEP_METRES, _FIT_STEP_METRES)
    return positions, pelvis, chest


def _place_branch(parent: int, aims: np.ndarray, positions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    children = list(_BRANCH[parent])
    rotation = _branch_rotation(parent, aims, offsets)
    positions[:, children] = positions[:, parent, None] + rotate(rotation[:, None], offsets[children])
    return rotation


def _place_chain(
    group: list[int], aims: np.ndarray, positions: np.ndarray, offsets: np.ndarray, trunk: np.ndarray
) -> None:
    """Put the joints of `group` at their constant distance from their parents, towards their aims."""
    parents = np.array(PARENTS)[group]
    bones = aims[:, group] - positions[:, parents]
    lengths = np.linalg.norm(offsets[group], axis=-1)
    # A bone whose ends coincide has no direction: below a fifth of its length it gradually takes that of the rest pose.
    missing = np.maximum(0.2 * lengths - np.linalg.norm(bones, axis=-1), 0.0)
    if missing.any():
        bones = bones + missing[..., None] * rotate(trunk[:, None], normalize(offsets[group]))
    positions[:, group] = positions[:, parents] + normalize(bones) * lengths[:, None]


# -- rotations ---------------------------------------------------------------------------------------------------------


def _world_rotations(
    positions: np.ndarray, offsets: np.ndarray, pelvis: np.ndarray, chest: np.ndarray, fps: float
) -> np.ndarray:
    """World rotations (T, 22, 4); leaf joints are left out."""
    bones = normalize(positions - positions[:, np.maximum(PARENTS, 0)])
    rest = normalize(offsets)
    world = np.zeros((len(positions), JOINT_COUNT, 4))
    world[:, _PELVIS], world[:, _CHEST] = pelvis, chest
    # The spine shares what the chest turns against the pelvis: each joint takes its part of what is left.
    for joint, share in _SPINE_SHARES.items():
        (child,) = CHILDREN[joint]
        between_ends = slerp(world[:, PARENTS[joint]], chest, np.array(share))
        world[:, joint] = multiply(between(rotate(between_ends, rest[child]), bones[:, child]), between_ends)
    evidence, leans = hinge_evidence(bones), np.zeros_like(bones)
    for level in LEVELS:
        joints, children = list(level.joints), level.children
        parents = world[:, level.parents]
        directions = rotate(conjugate(parents), bones[:, children])
        leans[:, joints] = directions - rest[children]
        seen = rotate(conjugate(parents), evidence[:, joints])
        local = solve_twists(level, rest[children], directions, leans[:, level.leaning], seen, fps)
        world[:, joints] = multiply(parents, local)
    return world
