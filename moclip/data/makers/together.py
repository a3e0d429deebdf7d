# SPDX-License-Identifier: Apache-2.0
"""Two things at once: the legs and the pelvis of one motion, the arms of another, where the trunks agree."""

import numpy as np

from moclip.data.sequences import cut, stretch, take, to_and_fro
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import JOINT_INDEX

_ARM = ("collar", "shoulder", "elbow", "wrist")
ARMS = {side: [JOINT_INDEX[f"{side}_{part}"] for part in _ARM] for side in ("left", "right")}
TRUNK = [JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3")]
HEAD = [JOINT_INDEX[name] for name in ("neck", "head")]
_CHEST = JOINT_INDEX["spine3"]
_MOST_APART = np.radians(32.0)


def trunks_agree(lower: Motion, upper: Motion) -> bool:
    """Whether both lean alike: the chest's direction upwards, seen from the body's heading, in the middle of each."""
    ways = []
    for motion in (lower, upper):
        chest = world_rotations(motion.rotations)[:, _CHEST].astype(np.float64)
        up = rot.rotate(chest, np.array([0.0, 1.0, 0.0])).mean(axis=0)
        ahead = rot.rotate(motion.rotations[:, 0].astype(np.float64), np.array([0.0, 0.0, 1.0])).mean(axis=0)
        lean = np.arctan2(up @ (ahead * (1.0, 0.0, 1.0)) / max(np.linalg.norm(ahead[[0, 2]]), 1e-6), up[1])
        ways.append(float(lean))
    return abs(ways[0] - ways[1]) < _MOST_APART


def joined(lower: Motion, upper: Motion, sides: tuple[str, ...], *, head: bool = False, trunk: float = 0.0) -> Motion:
    """The lower motion with the arms of `sides` as the upper one has them, for as long as the shorter lasts.

    head: whether the head is the upper one's, too. trunk: how much of what the spine does is the upper one's, 0 to 1.
    """
    frames = min(lower.frames, upper.frames)
    rotations = lower.rotations[:frames].astype(np.float64)
    theirs = upper.rotations[:frames].astype(np.float64)
    for side in sides:
        rotations[:, ARMS[side]] = theirs[:, ARMS[side]]
    if head:
        rotations[:, HEAD] = theirs[:, HEAD]
    if trunk:
        share = np.full((frames, len(TRUNK)), trunk)
        rotations[:, TRUNK] = rot.slerp(rotations[:, TRUNK], theirs[:, TRUNK], share)
    return Motion(lower.fps, rot.continuous(rotations), lower.root_translation[:frames])


def lasting(motion: Motion, frames: int, rng: np.random.Generator) -> Motion:
    """A gesture for so many frames: a part of a longer one, a shorter one a little slower or to and fro."""
    if motion.frames >= frames:
        first = int(rng.integers(motion.frames - frames + 1))
        return cut(motion, first, first + frames)
    if motion.frames * 1.35 >= frames:
        return cut(stretch(motion, frames / motion.frames + 0.02), 0, frames)
    return to_and_fro(motion, frames)


def settled(motion: Motion, frames: int) -> Motion:
    """The motion, and after it so many frames of its last pose, into which it slows down."""
    if frames <= 0:
        return motion
    last, ease = motion.frames - 1, min(6, motion.frames // 3)
    slow = last - ease + ease * (1 - (1 - np.linspace(0, 1, 2 * ease + 1)) ** 2) if ease else np.array([float(last)])
    at = np.concatenate([np.arange(last - ease), slow, np.full(frames, float(last))])
    return take(motion, at)


def led_in(motion: Motion, frames: int) -> Motion:
    """The motion after so many frames of its first pose, out of which it speeds up."""
    turned = Motion(motion.fps, motion.rotations[::-1], motion.root_translation[::-1])
    back = settled(turned, frames)
    return Motion(motion.fps, back.rotations[::-1], back.root_translation[::-1])
