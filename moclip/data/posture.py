# SPDX-License-Identifier: Apache-2.0
"""How a body holds itself in each frame: standing, crouching, sitting, lying, in the air; how it travels and turns."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moclip.data.sequences import heading
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

LEG_M = 0.86
"""Height of the pelvis over the toes of a body of ours that stands upright."""
_UPRIGHT, _LYING = np.cos(np.radians(50.0)), np.cos(np.radians(68.0))
_LOW, _FLOOR = 0.8, 0.35
_WINDOW_S = 0.4


@dataclass(frozen=True)
class Posture:
    """Of a motion's joints (T, 22, 3) in metres at `fps`."""

    joints: np.ndarray
    fps: float
    yaw: np.ndarray

    @classmethod
    def of(cls, motion: Motion) -> "Posture":
        yaw = np.unwrap(heading(motion.rotations[:, 0].astype(np.float64)))
        return cls(motion.joints().astype(np.float64), motion.fps, yaw)

    @cached_property
    def pelvis(self) -> np.ndarray:
        """(T,) height of the pelvis over the floor, by that of a body that stands."""
        height: np.ndarray = self.joints[:, 0, 1] / LEG_M
        return height

    @cached_property
    def upright(self) -> np.ndarray:
        """(T,) cosine between the trunk and the vertical."""
        trunk = self.joints[:, JOINT_INDEX["neck"]] - self.joints[:, 0]
        cosine: np.ndarray = trunk[:, 1] / np.linalg.norm(trunk, axis=1)
        return cosine

    @cached_property
    def standing(self) -> np.ndarray:
        """(T,) bool: upright on straight legs."""
        stands: np.ndarray = (self.pelvis > 0.9) & (self.upright > _UPRIGHT)
        return stands

    @cached_property
    def lying(self) -> np.ndarray:
        lies: np.ndarray = (self.pelvis < _FLOOR) & (self.upright < _LYING)
        return lies

    @cached_property
    def low(self) -> np.ndarray:
        """(T,) bool: the pelvis is where it is when somebody sits, crouches or lies."""
        is_low: np.ndarray = self.pelvis < _LOW
        return is_low

    @cached_property
    def speed(self) -> np.ndarray:
        """(T,) metres a second over the ground, of the pelvis without its sway."""
        return np.asarray(np.linalg.norm(self.velocity, axis=1))

    @cached_property
    def velocity(self) -> np.ndarray:
        """(T, 2) metres a second over the ground: to the body's left, and ahead."""
        ground = smoothed(self.joints[:, 0][:, [0, 2]], round(_WINDOW_S * self.fps))
        moved = np.gradient(ground, axis=0) * self.fps if len(ground) > 1 else np.zeros_like(ground)
        turn = smoothed(self.yaw[:, None], round(_WINDOW_S * self.fps))[:, 0]
        sine, cosine = np.sin(turn), np.cos(turn)
        return np.stack([moved[:, 0] * cosine - moved[:, 1] * sine, moved[:, 0] * sine + moved[:, 1] * cosine], axis=1)

    @cached_property
    def liveliness(self) -> np.ndarray:
        """(T,) metres a second that the joints go on the average."""
        if len(self.joints) < 2:
            return np.zeros(len(self.joints))
        return np.asarray(np.linalg.norm(np.gradient(self.joints, axis=0), axis=2).mean(axis=1) * self.fps)


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """(T, D) running means over `width` frames; the ends go on as they are."""
    if width < 2 or len(values) < 2:
        return values
    padded = np.pad(values, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    sums = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), padded]), axis=0)
    means: np.ndarray = (sums[width:] - sums[:-width]) / width
    return means


def spans(flags: np.ndarray, least: int) -> list[tuple[int, int]]:
    """(first, end) of the stretches of at least so many true frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]


def fits_after(first: Motion, second: Motion) -> bool:
    """Whether somebody who ends the first may begin the second: both as high, and as upright."""
    a, b = Posture.of(first), Posture.of(second)
    return bool(abs(a.pelvis[-1] - b.pelvis[0]) < 0.12 and abs(a.upright[-1] - b.upright[0]) < 0.3)
