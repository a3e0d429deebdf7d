# SPDX-License-Identifier: Apache-2.0
"""KIT-ML's skeleton of 21 joints as our 22."""

import numpy as np

from moclip.motion.features import KIT, features_to_joints

_OF_KIT = {0: 0, 3: 1, 9: 2, 12: 3, 15: 4}
_LEFT = {1: 11, 4: 12, 7: 13, 10: 14, 16: 5, 18: 6, 20: 7}
_RIGHT = {2: 16, 5: 17, 8: 18, 11: 19, 17: 8, 19: 9, 21: 10}
_UP_TO_NECK, _OUT_TO_SHOULDER = 0.55, 0.35


def joints_of_kit(joints: np.ndarray) -> np.ndarray:
    """(T, 21, 3) as KIT-ML's features hold them -> (T, 22, 3), +X the left. What KIT lacks lies between its joints.

    KIT's left joints (5 to 7, 11 to 15) lie at -X of somebody who faces +Z: its axes are those of a mirror.
    """
    joints = joints * np.array([-1.0, 1.0, 1.0])
    ours = np.zeros((len(joints), 22, 3))
    for joint, theirs in (_OF_KIT | _LEFT | _RIGHT).items():
        ours[:, joint] = joints[:, theirs]
    ours[:, 6] = (ours[:, 3] + ours[:, 9]) / 2
    base = ours[:, 9] + (ours[:, 12] - ours[:, 9]) * _UP_TO_NECK
    for collar, shoulder in ((13, 16), (14, 17)):
        ours[:, collar] = base + (ours[:, shoulder] - base) * _OUT_TO_SHOULDER
    return ours


def joints_of(features: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) in metres of HumanML3D's features (T, 263) or of KIT-ML's (T, 251), whose millimetres those of
    its own body are.
    """
    joints = features_to_joints(features)
    return joints if features.shape[1] != KIT.width else joints_of_kit(joints / 1000.0)
