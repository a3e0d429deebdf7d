# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's joints: the motion's own, but alike on both sides, on feet whose soles are flat.

The motion's rest pose has its feet stretched out level with the ankles; whoever stands has the ankles above the soles.
"""

import numpy as np

from ..shared.skeleton import JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS, REST_OFFSETS
from ..shared.stance import USUAL

_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_TOES = ("left_foot", "right_foot")
_TOE_M = 0.07


def joints() -> np.ndarray:
    """(22, 3) metres in the motion's axes: a T-pose, the floor at height 0, the pelvis at x = z = 0."""
    mirrored = REST_OFFSETS[list(MIRROR)].astype(np.float64) * (-1.0, 1.0, 1.0)
    offsets = (REST_OFFSETS + mirrored) / 2
    for name in _TOES:
        length = np.linalg.norm(offsets[JOINT_INDEX[name]])
        slope = float(np.mean(USUAL.slopes))
        offsets[JOINT_INDEX[name]] = length * np.array([0.0, -np.sin(slope), np.cos(slope)])
    places = np.zeros_like(offsets)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            places[joint] = places[parent] + offsets[joint]
    places[:, 1] += USUAL.ankle - places[_ANKLES, 1].mean()
    return places


def toe_tails() -> dict[str, np.ndarray]:
    """Joint -> (3,) where its bone ends, of the toes: they lie along the floor."""
    places = joints()
    return {name: places[JOINT_NAMES.index(name)] + (0.0, 0.0, _TOE_M) for name in _TOES}
