# SPDX-License-Identifier: Apache-2.0
"""Cutting, mirroring, stretching, looping and joining motions."""

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT, MIRROR

_UP = np.array([0.0, 1.0, 0.0])
_GROUND = [0, 2]


def cut(motion: Motion, first: int, end: int) -> Motion:
    """Frames first..end-1, both clipped to the motion."""
    return Motion(motion.fps, motion.rotations[max(0, first) : end], motion.root_translation[max(0, first) : end])


def mirror(motion: Motion) -> Motion:
    """The mirror image across the X = 0 plane, left and right joints swapped."""
    rotations = motion.rotations[:, list(MIRROR)] * np.array([1, 1, -1, -1], dtype=np.float32)
    return Motion(motion.fps, rotations, motion.root_translation * np.array([-1, 1, 1], dtype=np.float32))


def take(motion: Motion, at: np.ndarray) -> Motion:
    """The motion at fractional frames `at` (N,), interpolated."""
    low = np.clip(np.floor(at).astype(int), 0, motion.frames - 1)
    high = np.minimum(low + 1, motion.frames - 1)
    weight = at - low
    turned = rot.slerp(
        motion.rotations[low].astype(np.float64), motion.rotations[high].astype(np.float64),
        np.broadcast_to(weight[:, None], (len(at), JOINT_COUNT)),
    )  # fmt: skip
    moved = motion.root_translation[low] * (1 - weight)[:, None] + motion.root_translation[high] * weight[:, None]
    return Motion(motion.fps, rot.continuous(turned), moved)


def stretch(motion: Motion, factor: float) -> Motion:
    """Slower (factor > 1) or faster, at the same frame rate."""
    count = max(2, round(motion.frames * factor))
    return take(motion, np.linspace(0, motion.frames - 1, count))


def to_and_fro(motion: Motion, frames: int) -> Motion:
    """`frames` frames that play the motion forwards and backwards in turn."""
    cycle = np.concatenate([np.arange(motion.frames), np.arange(motion.frames - 2, 0, -1)])
    return take(motion, np.resize(cycle, frames).astype(np.float64))


def heading(root_rotations: np.ndarray) -> np.ndarray:
    """Yaw (...) in radians of root rotations (..., 4); 0 faces +Z."""
    forward = rot.rotate(root_rotations, np.array([0.0, 0.0, 1.0]))
    return rot.arctan2(forward[..., 0], forward[..., 2])


def placed(motion: Motion, yaw: float, position: np.ndarray) -> Motion:
    """Turned by `yaw` about +Y, with frame 0 above ground position (2,)."""
    turn = rot.from_axis_angle(_UP, np.asarray(yaw))
    root = rot.rotate(turn[None], motion.root_translation.astype(np.float64))
    root[:, _GROUND] += position - root[0, _GROUND]
    rotations = motion.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(turn[None], rotations[:, 0])
    return Motion(motion.fps, rotations, root)


def straightened(motion: Motion) -> Motion:
    """The motion without its steady turning, heading and path alike; what sways about it stays.

    A cycle that ends facing two degrees beside where it began walks in circles once it is repeated.
    """
    if motion.frames < 3:
        return motion
    rotations = motion.rotations.astype(np.float64)
    time = np.arange(motion.frames)
    rate = np.polyfit(time, np.unwrap(heading(rotations[:, 0])), 1)[0]
    turn = rot.from_axis_angle(_UP, -rate * time)
    rotations[:, 0] = rot.multiply(turn, rotations[:, 0])
    step = rot.rotate(turn[:-1], np.diff(motion.root_translation.astype(np.float64), axis=0))
    start = motion.root_translation[:1].astype(np.float64)
    return Motion(motion.fps, rotations, np.concatenate([start, start + np.cumsum(step, axis=0)]))


def join(first: Motion, second: Motion, blend: int = 8) -> Motion:
    """The second after the first, turned and moved to where the first ends; `blend` frames of both overlap."""
    blend = min(blend, first.frames // 2, second.frames // 2)
    start, middle = first.frames - blend, blend // 2
    yaw = heading(first.rotations[start + middle, 0].astype(np.float64)) - heading(
        second.rotations[middle, 0].astype(np.float64)
    )
    second = placed(second, float(yaw), first.root_translation[start, _GROUND].astype(np.float64))
    gap = first.root_translation[start + middle] - second.root_translation[middle]
    gap[1] = 0.0  # heights stay: the floor is the same
    moved = second.root_translation + gap
    weight = np.arange(1, blend + 1) / (blend + 1)
    weight = weight * weight * (3 - 2 * weight)
    turned = _crossfade(first.rotations[start:], second.rotations[:blend], weight)
    crossing = first.root_translation[start:] * (1 - weight)[:, None] + moved[:blend] * weight[:, None]
    return Motion(
        first.fps,
        rot.continuous(np.concatenate([first.rotations[:start], turned, second.rotations[blend:]])),
        np.concatenate([first.root_translation[:start], crossing, moved[blend:]]),
    )


def _crossfade(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rotations from a to b (N, J, 4 each) as weight (N,) goes from 0 to 1, by one way round for the whole crossing.

    Shortest ways frame by frame would jump to the other side where two poses lie half a turn apart.
    """
    between = rot.multiply(rot.conjugate(b.astype(np.float64)), a.astype(np.float64))
    between = rot.continuous(between)
    between = between * np.where(between[len(b) // 2, :, :1] < 0, -1.0, 1.0)
    angle = 2 * rot.arctan2(np.linalg.norm(between[..., 1:], axis=-1), between[..., 0])
    axis = rot.normalize(between[..., 1:])
    return rot.multiply(b.astype(np.float64), rot.from_axis_angle(axis, angle * (1 - weight[:, None])))


def pose_descriptor(motion: Motion) -> np.ndarray:
    """(T, 135): joint positions and velocities in the heading frame, and root velocity; near means easy to blend."""
    turn = rot.from_axis_angle(_UP, -heading(motion.rotations[:, 0].astype(np.float64)))
    joints = motion.joints().astype(np.float64)
    joints = rot.rotate(turn[:, None], joints - joints[:, :1] * np.array([1.0, 0.0, 1.0]))
    if motion.frames == 1:
        return np.concatenate([joints.reshape(1, -1), np.zeros((1, joints[0].size + 3))], axis=1)
    velocity = 4 * np.gradient(joints, axis=0)
    root = 6 * rot.rotate(turn, np.gradient(motion.root_translation.astype(np.float64), axis=0))
    return np.concatenate([joints.reshape(motion.frames, -1), velocity.reshape(motion.frames, -1), root], axis=1)


def _nearest(distances: np.ndarray, rng: np.random.Generator, among: int) -> tuple[int, int]:
    order = np.argsort(distances, axis=None)[:among]
    row, column = np.unravel_index(order[rng.integers(len(order))], distances.shape)
    return int(row), int(column)


def join_matched(first: Motion, second: Motion, rng: np.random.Generator, window: int = 14, blend: int = 8) -> Motion:
    """Join where the last `window` frames of the first and the first of the second are most alike."""
    late = max(first.frames - window, first.frames // 2)
    early = min(window, second.frames // 2)
    a, b = pose_descriptor(first)[late:], pose_descriptor(second)[: early + 1]
    leave, enter = _nearest(((a[:, None] - b[None]) ** 2).sum(-1), rng, among=3)
    return join(cut(first, 0, late + leave + 1 + blend // 2), cut(second, enter - blend // 2, second.frames), blend)


def loop(motion: Motion, frames: int, rng: np.random.Generator) -> Motion | None:
    """`frames` frames of a gait that goes straight on, repeated where its poses meet again.

    None for a clip too short to hold a cycle.
    """
    count = motion.frames
    if count < 24:
        return None
    poses = pose_descriptor(motion)
    distances = ((poses[:, None] - poses[None]) ** 2).sum(-1)
    start, end = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    possible = (end - start >= 14) & (start >= 2) & (end <= count - 4)
    if not possible.any():
        return None
    # Longer cycles keep more of the recording's variety.
    enter, leave = _nearest(np.where(possible, distances - 0.004 * (end - start), np.inf), rng, among=4)
    result = cut(motion, 0, leave + 4)
    while result.frames < frames:
        result = join(result, cut(motion, enter - 3, leave + 4), 7)
    return straightened(cut(result, 0, frames))
