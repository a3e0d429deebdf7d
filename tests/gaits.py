# SPDX-License-Identifier: Apache-2.0
"""Made-up motions for tests."""

import numpy as np

from moclip.data.makers.legs import with_ankles
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


def stepping(frames: int = 80, stride_m: float = 0.6, period: int = 24) -> Motion:
    """A walk whose feet stand: each step goes `stride_m` ahead of the other foot's, two in `period` frames."""
    t = np.arange(frames)
    still = gesture(frames, 16, 0, floor=0.93)
    phase = (t[:, None] / period + np.array([0.0, 0.5])) % 1.0
    begun = np.floor(t[:, None] / period + np.array([0.0, 0.5])) - np.array([0.0, 0.5])
    swing = np.clip((phase - 0.6) / 0.4, 0.0, 1.0)
    feet = np.zeros((frames, 2, 3))
    feet[..., 0] = 0.1, -0.1
    feet[..., 1] = 0.08 + 0.1 * np.sin(np.pi * swing)
    feet[..., 2] = 2 * stride_m * (begun + 0.3 + swing * swing * (3 - 2 * swing))
    root = still.root_translation + np.stack([0 * t, 0 * t, 2 * stride_m * t / period], axis=1)
    flat = np.broadcast_to(rot.IDENTITY, (frames, 2, 4))
    bent = still.rotations.copy()
    for hip, knee in ((1, 4), (2, 5)):  # so that it is known which way knees bend
        bent[:, hip], bent[:, knee] = rot.from_euler_deg(np.array([[-20.0, 0, 0], [40.0, 0, 0]]), "XYZ")
    return with_ankles(Motion(20.0, bent, root), feet, flat)
