# SPDX-License-Identifier: Apache-2.0
"""Gaits that go nowhere, and loops that were drawn in place and are to go somewhere."""

from dataclasses import replace

import numpy as np

from moclip.data.posture import smoothed
from moclip.data.sequences import heading
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

_GROUND = [0, 2]
_FEET = [JOINT_INDEX[name] for name in ("left_foot", "right_foot")]
_HIPS = [JOINT_INDEX[name] for name in ("left_hip", "right_hip")]
_CYCLE_S = 1.0
"""About as long as two steps take."""
_STAYS_M_S = 0.2


def _way(ground: np.ndarray, frames: int) -> np.ndarray:
    """(T, 2) where the pelvis is without its sway, also at both ends: as if it had come and went on as in there."""
    reach = min(frames, len(ground) - 1)
    before, after = 2 * ground[0] - ground[reach:0:-1], 2 * ground[-1] - ground[-2 : -reach - 2 : -1]
    return smoothed(np.concatenate([before, ground, after]), frames)[reach : reach + len(ground)]


def in_place(motion: Motion, stride: float = 1.0) -> Motion:
    """A straight gait without its travel; what the pelvis sways stays. stride: by how much the thighs swing, against
    the recording: all of it as on a treadmill, less of it as somebody steps on the spot.
    """
    root = motion.root_translation.astype(np.float64)
    path = _way(root[:, _GROUND], round(_CYCLE_S * motion.fps))
    still = root.copy()
    still[:, _GROUND] = root[:, _GROUND] - path + path[:1]
    rotations = motion.rotations.astype(np.float64)
    if stride < 1.0:
        for hip in _HIPS:
            # A walking thigh swings about where it hangs when somebody stands, not about the middle of its swing.
            hangs = rot.IDENTITY
            share = np.full(len(rotations), stride)
            rotations[:, hip] = rot.slerp(np.broadcast_to(hangs, rotations[:, hip].shape), rotations[:, hip], share)
    made = Motion(motion.fps, rotations, still)
    return on_the_floor(made, motion) if stride < 1.0 else made


def on_the_floor(motion: Motion, like: Motion) -> Motion:
    """Raised or lowered, softly, so that its lowest foot is as high as that of another motion in the same frame."""
    theirs, ours = (m.joints()[:, _FEET, 1].min(axis=1) for m in (like, motion))
    lift = smoothed((theirs - ours)[:, None].astype(np.float64), 3)[:, 0]
    root = motion.root_translation.copy()
    root[:, 1] += lift
    return replace(motion, root_translation=root)


def stays(motion: Motion) -> bool:
    """Whether it ends about where it began, for the time that it takes."""
    gone = np.linalg.norm(motion.root_translation[-1, _GROUND] - motion.root_translation[0, _GROUND])
    return bool(gone < _STAYS_M_S * motion.seconds)


def travel_of(motion: Motion, joints: list[int] | None = None) -> np.ndarray:
    """(2,) metres a second in which the body would go if the lowest of these joints (the toes) stood on the floor.

    In the frame of the body: to the left, and ahead.
    """
    watched = _FEET if joints is None else joints
    places = motion.joints().astype(np.float64)
    turn = -heading(motion.rotations[:, 0].astype(np.float64))
    local = rot.rotate(rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), turn)[:, None], places - places[:, :1])
    lowest = np.argmin(places[:-1][:, watched, 1], axis=1)
    rows = np.arange(motion.frames - 1)
    moved = np.diff(local[:, watched][..., _GROUND], axis=0)[rows, lowest]
    return np.asarray(-np.median(moved, axis=0) * motion.fps)


def with_travel(motion: Motion, velocity: np.ndarray) -> Motion:
    """The motion, and steady travel added to it. velocity: (2,) metres a second to the body's left and ahead."""
    yaw = float(heading(motion.rotations[:1, 0].astype(np.float64))[0])
    left, ahead = velocity
    way = np.array([ahead * np.sin(yaw) + left * np.cos(yaw), ahead * np.cos(yaw) - left * np.sin(yaw)])
    root = motion.root_translation.copy()
    root[:, _GROUND] += (np.arange(motion.frames)[:, None] / motion.fps) * way
    return replace(motion, root_translation=root)
