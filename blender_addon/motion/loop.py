# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a motion repeat: find the cycle within it, of whole strides where it walks, and close that.

Motions are in MoCLIP's axes: rotations (T, 22, 4) wxyz local to the parents, root (T, 3) metres, +Y up, +Z ahead.
"""

import numpy as np

from ..shared import rotations
from .fit import heading, path_of

_UP = np.array([0.0, 1.0, 0.0])
_AXES = np.eye(3)[1:]
_SHARE, _SECONDS = 0.3, 1.0
"""The part at the end of a motion that is bent towards its beginning: this share of it, at most so long."""
_CYCLE_SHARE, _CYCLE_SECONDS = 0.25, 0.4
"""The same for the end of a cycle that was found, which needs less bending."""
_SHORTEST = 0.7
"""Seconds that a cycle lasts at least: a double step of a run."""
_EVEN = (0.8, 0.6, 0.4)
"""Of its usual pace, and half of that of its usual liveliness: where it has less, a motion begins, stops or rests. A
cycle in the most even part is the best one."""
_ALIKE = 0.35
"""Of how much poses of the motion differ from each other: as alike must the two ends of a cycle be."""
_AS_GOOD = 1.3
"""Of the best match: up to this the longer cycle is the better one, as it repeats less often."""
_WALKING_M_S = 0.3
_CONTEXT_SECONDS = 2.0


def looped(turns: np.ndarray, root: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """A motion whose last frame has the first one's pose and heading, where the motion has come to.

    It is the cycle within the motion where it has one, so that who walks goes on walking, at its pace; else the whole,
    and one frame more. Its end bends towards the first pose; what the heading lacks to whole turns is spread over all.
    """
    if len(turns) < 4:
        return turns, root
    found = cycle_of(turns, root, fps)
    if found is not None:
        first, last = found
        return _closed(turns[first : last + 1], root[first : last + 1], fps, _CYCLE_SHARE, _CYCLE_SECONDS)
    turned, moved = np.concatenate([turns, turns[-1:]]), np.concatenate([root, root[-1:]])
    moved[-1, [0, 2]] += root[-1, [0, 2]] - root[-2, [0, 2]]
    return _closed(turned, moved, fps, _SHARE, _SECONDS)


def laps_around(count: int, fps: float) -> int:
    """How many laps of `count` frames on each side of one are enough for it to be as if there were no end of them."""
    return max(1, int(np.ceil(_CONTEXT_SECONDS * fps / max(count - 1, 1))))


def repeated(turns: np.ndarray, root: np.ndarray, laps: int) -> tuple[np.ndarray, np.ndarray]:
    """So many laps of a motion that `looped` made; the last frame of each is the first of the next."""
    lap = len(turns) - 1
    step = (root[-1] - root[0]) * (1.0, 0.0, 1.0)
    at = np.arange(laps * lap + 1)
    done = np.minimum(at // max(lap, 1), laps - 1)
    within = at - done * lap
    return turns[within], root[within] + done[:, None] * step


def cycle_of(turns: np.ndarray, root: np.ndarray, fps: float) -> tuple[int, int] | None:
    """The first and last frame of the best cycle within a motion: the same pose on its way the same way, the longest of
    those that match about as well; None where nothing in it repeats."""
    poses = _poses(turns, root)
    speeds = np.gradient(poses, axis=0) * fps
    # Speed weighs as much as pose: on its way up a leg is not where it is on its way down.
    seen = np.concatenate([poses, speeds * (poses.std() / max(float(speeds.std()), 1e-9))], axis=1)
    for even in _EVEN:
        begins, end = _lively(speeds, root, fps, even)
        found = _best_pair(seen[begins:end], max(3, round(_SHORTEST * fps)))
        if found is not None:
            return begins + found[0], begins + found[1]
    return None


def _best_pair(seen: np.ndarray, shortest: int) -> tuple[int, int] | None:
    """Two frames of (T, D), at least so far apart, that look alike; None where none do."""
    if len(seen) <= shortest:
        return None
    square = (seen * seen).sum(axis=1)
    apart = np.sqrt(np.maximum(square[:, None] + square[None] - 2.0 * seen @ seen.T, 0.0))
    usual = float(np.median(apart))
    far = np.subtract.outer(np.arange(len(seen)), np.arange(len(seen))) <= -shortest
    best = float(apart[far].min())
    if best > _ALIKE * usual:
        return None
    first, last = np.nonzero(far & (apart <= max(_AS_GOOD * best, 0.05 * usual)))
    longest = int(np.argmax(last - first))
    return int(first[longest]), int(last[longest])


def _poses(turns: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(T, D) what a pose looks like, wherever it is and faces: two axes of each joint, the hips' height and tilt."""
    seen = turns.copy()
    seen[:, 0] = rotations.multiply(rotations.from_axis_angle(_UP, -heading(turns[:, 0])), turns[:, 0])
    axes = np.stack([rotations.rotate(seen, np.broadcast_to(axis, (*seen.shape[:2], 3))) for axis in _AXES], axis=2)
    return np.concatenate([axes.reshape(len(turns), -1), root[:, 1:2]], axis=1)


def _lively(speeds: np.ndarray, root: np.ndarray, fps: float, even: float) -> tuple[int, int]:
    """First frame and end of the longest part in which the motion is about as lively, and as fast, as it usually is."""
    limbs = path_of(np.linalg.norm(speeds, axis=1)[:, None], fps, 0.6)[:, 0]
    busy = limbs >= 0.5 * even * np.percentile(limbs, 80)
    way = path_of(root[:, [0, 2]], fps, 1.6)  # who hops to and fro on the spot does not walk
    pace = np.linalg.norm(np.gradient(way, axis=0), axis=1) * fps
    if np.percentile(pace, 80) > _WALKING_M_S:
        busy &= pace >= even * np.percentile(pace, 80)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(int)))
    parts = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return max(parts, key=lambda part: part[1] - part[0], default=(0, 0))


def _closed(
    turns: np.ndarray, root: np.ndarray, fps: float, share: float, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """The motion with the first frame's pose, height and whole turns of heading in its last frame."""
    count = len(turns)
    gained = heading(turns[-1, 0]) - heading(turns[0, 0])
    turned, moved = _wound(turns, root, -np.arctan2(np.sin(gained), np.cos(gained)))
    bent = max(2, min(round(share * count), round(seconds * fps)))
    part = np.linspace(0.0, 1.0, bent + 1)[1:]
    weight = part * part * (3 - 2 * part)
    # Of what the last frame lacks, each frame before takes its share.
    lack = rotations.multiply(turned[0], rotations.conjugate(turned[-1]))
    still = np.broadcast_to(np.array([1.0, 0.0, 0.0, 0.0]), lack.shape)
    turned[-bent:] = rotations.multiply(rotations.slerp(still[None], lack[None], weight[:, None]), turned[-bent:])
    moved[-bent:, 1] += weight * (root[0, 1] - moved[-1, 1])
    return rotations.continuous(turned), moved


def _wound(turns: np.ndarray, root: np.ndarray, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """The motion turned by more and more, by `yaw` in the end, its way bent with it."""
    turn = rotations.from_axis_angle(_UP, np.linspace(0.0, yaw, len(turns)))
    turned = turns.copy()
    turned[:, 0] = rotations.multiply(turn, turns[:, 0])
    step = rotations.rotate(turn[:-1], np.diff(root, axis=0))
    return turned, np.concatenate([root[:1], root[:1] + np.cumsum(step, axis=0)])
