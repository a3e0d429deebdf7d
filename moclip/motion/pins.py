# SPDX-License-Identifier: Apache-2.0
"""What a motion can be held to: pins of a hand, foot, the head or the hips, and whole poses."""

from dataclasses import dataclass

import numpy as np

from .skeleton import JOINT_INDEX

EFFECTORS: dict[str, int] = {
    "left_hand": JOINT_INDEX["left_wrist"],
    "right_hand": JOINT_INDEX["right_wrist"],
    "left_foot": JOINT_INDEX["left_ankle"],
    "right_foot": JOINT_INDEX["right_ankle"],
    "head": JOINT_INDEX["head"],
    "hips": JOINT_INDEX["pelvis"],
}
"""What can be pinned, by the joint whose place and turn a pin tells."""


@dataclass(frozen=True)
class Pin:
    """Where an effector is. effector: a name of EFFECTORS. seconds: when, from the motion's first new frame on; until:
    up to when it stays there, None for that moment only. place: (x, y, z) metres in the motion's own space. turn: (w,
    x, y, z) of the joint in that space; identity as in the T-pose. One of the two may be None, which leaves it free."""

    effector: str
    seconds: float
    place: tuple[float, float, float] | None = None
    turn: tuple[float, float, float, float] | None = None
    until: float | None = None

    def moments(self, fps: float, frames: int) -> list[float]:
        """The frames of a motion of so many, whole ones or between two, at which it is met; all of one that stays."""
        last = frames - 1
        if self.until is None or self.until <= self.seconds:
            return [min(self.seconds * fps, last)]
        ends = int(np.floor(self.seconds * fps + 1e-4)), int(np.ceil(self.until * fps - 1e-4))
        return [float(frame) for frame in range(min(ends[0], last), min(ends[1], last) + 1)]


@dataclass(frozen=True)
class Anchor:
    """A pose that is met. seconds: when, from the first new frame on. rotations (22, 4), root_translation (3,): as
    those of a `Motion`."""

    seconds: float
    rotations: np.ndarray
    root_translation: np.ndarray

    def moment(self, fps: float, frames: int) -> float:
        """The frame of a motion of so many at which it is met, whole or between two."""
        return min(self.seconds * fps, frames - 1)


@dataclass(frozen=True)
class Stop:
    """Where the root is over the floor. seconds: when. place: x and z in metres. yaw: radians about +Y that the body
    faces, 0 along +Z; None is as the way goes on, as much to the side of it as the motion does."""

    seconds: float
    place: tuple[float, float]
    yaw: float | None = None


@dataclass(frozen=True)
class Aim:
    """What a joint is to meet at one frame, either part of it."""

    place: np.ndarray | None
    turn: np.ndarray | None
