# SPDX-License-Identifier: Apache-2.0
"""Turning round on the spot: somebody who steps in place and turns by so much, from standing to standing."""

import numpy as np

from moclip.data.makers.paths import planted
from moclip.data.posture import Posture, spans
from moclip.motion import rotations as rot
from moclip.motion.feet import toe_contacts
from moclip.motion.motion import Motion

_UP = np.array([0.0, 1.0, 0.0])
_LEAST_DEG, _MOST_M = 60.0, 0.45


def turned_on_the_spot(steps: Motion, angle: float, lead: int) -> Motion:
    """Steps in place that turn by `angle` radians to the left; `lead` frames at either end face one way."""
    frames = steps.frames
    t = np.clip((np.arange(frames) - lead) / max(frames - 2 * lead - 1, 1), 0.0, 1.0)
    turn = rot.from_axis_angle(_UP, angle * t * t * (3 - 2 * t))
    rotations = steps.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(turn, rotations[:, 0])
    root = steps.root_translation.astype(np.float64)
    centre = root.mean(axis=0) * (1.0, 0.0, 1.0)
    made = Motion(steps.fps, rot.continuous(rotations), rot.rotate(turn, root - centre) + centre)
    return planted(made, toe_contacts(steps.joints(), steps.fps))


def turns_in(motion: Motion) -> list[tuple[int, int, float]]:
    """(first, end, radians to the left) of the places where somebody who stands turns and goes nowhere."""
    posture = Posture.of(motion)
    found = []
    rate = np.abs(np.gradient(posture.yaw)) * motion.fps
    for first, end in spans((rate > 0.5) & posture.standing & (posture.speed < 0.6), 6):
        begin, over = max(0, first - 6), min(motion.frames, end + 6)
        angle = float(posture.yaw[over - 1] - posture.yaw[begin])
        ground = posture.joints[begin:over, 0][:, [0, 2]]
        gone = np.linalg.norm(ground - ground[0], axis=1).max()
        if abs(angle) > np.radians(_LEAST_DEG) and gone < _MOST_M and over - begin < 100:
            found.append((begin, over, angle))
    return found


def how_far(angle: float) -> str:
    """ "quarter", "half" or "full", as captions tell a turn."""
    degrees = abs(np.degrees(angle))
    return "quarter" if degrees < 135 else "half" if degrees < 270 else "full"
