# SPDX-License-Identifier: Apache-2.0
"""What of a recording can be used: converted archives hold takes whose pelvis flips over, or faces the wrong way.

CMU's walks in the usual exponential-map release do both beyond a quarter turn: their turning takes were clipped there.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from moclip.captions.labels import ActionLabel
from moclip.data.sequences import cut, join, straightened
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion

# Backflips, spin kicks and rolls turn the pelvis by 650 degrees a second at most.
_FASTEST_TURN_DEG_PER_SECOND = 800.0
_FASTEST_HEADING_DEG_PER_SECOND = 720.0
_LEVEL = 0.6
_GLITCH_M = 0.3
"""How far a joint may be from the middle between where it was and where it will be, a twentieth of a second apart."""
_UNUSUAL = 4.0
"""Times as far as in the frames about: in a backflip all frames are fast."""
_SECONDS_AROUND_A_FLIP = 0.15
FORWARD_ACTIONS = {"walk", "run", "sprint", "jog"}
_LEAST_ALIGNMENT = 0.85  # sound walks and runs have 0.97 and more, the broken ones 0.8 and less
_LARGEST_GAP_M = 0.08


def breaks(motion: Motion) -> np.ndarray:
    """Frames after which the pelvis turns faster than a body can, an upright one's heading leaps, or a joint does."""
    pelvis = motion.rotations[:, 0].astype(np.float64)
    turned = np.degrees(rot.angle_between(pelvis[1:], pelvis[:-1])) * motion.fps
    ahead = rot.rotate(pelvis, np.array([0.0, 0.0, 1.0]))[:, [0, 2]]
    length = np.linalg.norm(ahead, axis=1)
    cosine = (ahead[1:] * ahead[:-1]).sum(axis=1) / np.maximum(length[1:] * length[:-1], 1e-9)
    leaps = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) * motion.fps > _FASTEST_HEADING_DEG_PER_SECOND
    # Of a pelvis that points up or down the heading says nothing.
    leaps &= np.minimum(length[1:], length[:-1]) > _LEVEL
    joints = motion.joints()
    glitch = np.zeros(motion.frames, dtype=bool)
    if motion.frames > 2:
        off = np.linalg.norm(joints[1:-1] - (joints[:-2] + joints[2:]) / 2, axis=-1).max(axis=1)
        # Padded by what is inside, so that a glitch at an end is not its own measure.
        usual = np.median(sliding_window_view(np.pad(off, 4, mode="reflect"), 9), axis=1)
        glitch[1:-1] = (off > _GLITCH_M) & (off > _UNUSUAL * usual)
    flips = (turned > _FASTEST_TURN_DEG_PER_SECOND) | leaps
    # A flip throws the joints about, too; it is cut where it is.
    near = np.convolve(flips, np.ones(5), mode="same") > 0 if len(flips) else flips
    return np.flatnonzero(flips | ((glitch[1:] | glitch[:-1]) & ~near[: len(flips)]))


def sound_parts(motion: Motion, least: int) -> list[Motion]:
    """The parts of at least so many frames between the places where a motion breaks; itself where it never does."""
    broken = breaks(motion)
    if not len(broken):
        return [motion]
    around = round(_SECONDS_AROUND_A_FLIP * motion.fps)
    starts = [0, *(broken + 1 + around)]
    ends = [*(broken + 1 - around), motion.frames]
    return [cut(motion, first, end) for first, end in zip(starts, ends, strict=True) if end - first >= least]


def longest_unbroken(motion: Motion) -> Motion | None:
    """The longest part that does not break; None if none is left."""
    return max(sound_parts(motion, 1), key=lambda part: part.frames, default=None)


def forward_alignment(motion: Motion) -> float:
    """1 where the body travels where it faces, -1 where it travels backwards; weighted by distance. 1 if it rests."""
    facing = rot.rotate(motion.rotations[:-1, 0].astype(np.float64), np.array([0.0, 0.0, 1.0]))[:, [0, 2]]
    step = np.diff(motion.root_translation.astype(np.float64), axis=0)[:, [0, 2]]
    travelled = np.linalg.norm(step, axis=1).sum()
    return float((rot.normalize(facing) * step).sum() / travelled) if travelled > 0.2 else 1.0


def faces_where_it_goes(motion: Motion, label: ActionLabel) -> bool:
    """Whether a clip of an action that goes forwards does; true for all other actions."""
    return label.action not in FORWARD_ACTIONS or forward_alignment(motion) >= _LEAST_ALIGNMENT


def repeated_cycle(motion: Motion, label: ActionLabel, frames: int) -> Motion | None:
    """A single step cycle repeated straight on to `frames` frames; None for clips that are not one."""
    if label.action not in FORWARD_ACTIONS or motion.frames < 10:
        return None
    joints = motion.joints().astype(np.float64)
    pose = joints[[0, -1]] - joints[[0, -1], :1]
    velocity = np.diff(joints, axis=0)
    change = np.linalg.norm(velocity[-1] - velocity[0], axis=-1).max()
    # Legs pass each other twice in a cycle, in the same pose but the other way round.
    turned_back = change > 0.75 * np.linalg.norm(velocity, axis=-1).max()
    if turned_back or np.linalg.norm(pose[1] - pose[0], axis=-1).max() > _LARGEST_GAP_M:
        return None
    result = motion
    while result.frames < frames:
        result = join(result, motion, blend=1)
    return straightened(result)
