# SPDX-License-Identifier: Apache-2.0
"""Made-up motions for tests."""

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.motion import Motion


def walk(frames: int = 60, turn_deg_per_frame: float = 0.0, seed: int = 0) -> Motion:
    """A made-up gait: swinging legs and arms, 5 cm a frame forwards, turning to the left at an even rate.

    Seeds other than 0 bend the spine, neck and hands.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(frames)
    angles = np.zeros((frames, 22, 3))
    for joint, sign in ((1, 1), (2, -1), (16, -1), (17, 1)):
        angles[:, joint, 0] = sign * 25 * np.sin(t / 4)
    angles[:, 4, 0] = angles[:, 5, 0] = 20
    angles[:, [3, 6, 9, 12, 15, 20, 21]] = rng.uniform(-10, 10, size=(7, 3)) if seed else 0.0
    angles[:, 0, 1] = turn_deg_per_frame * t
    yaw = np.radians(turn_deg_per_frame * t)
    root = np.cumsum(0.05 * np.stack([np.sin(yaw), 0 * t, np.cos(yaw)], axis=-1), axis=0) + [0, 0.9, 0]
    return Motion(20.0, rot.from_euler_deg(angles, "XYZ"), root)


def gesture(frames: int, shoulder: int, degrees: float, floor: float = 0.95) -> Motion:
    """Standing with hanging arms; the arm of joint `shoulder` goes up by `degrees` and down again."""
    t = np.linspace(0, np.pi, frames)
    angles = np.zeros((frames, 22, 3))
    angles[:, 16, 2], angles[:, 17, 2] = -80, 80
    angles[:, shoulder, 2] += (1 if shoulder == 16 else -1) * degrees * np.sin(t)
    return Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.tile([0.0, floor, 0.0], (frames, 1)))
