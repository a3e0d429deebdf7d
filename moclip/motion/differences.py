# SPDX-License-Identifier: Apache-2.0
"""How far one motion is from another."""

import numpy as np

from moclip.motion.features import features_to_joints


def reconstruction_error(rebuilt: np.ndarray, features: np.ndarray) -> tuple[float, float, float]:
    """Centimetres: mean joint error with roots aligned, mean root path error, root path error at the end.

    rebuilt: (T, F). features: (T or more, F), of which the first T count.
    """
    joints, truth = features_to_joints(rebuilt), features_to_joints(features[: len(rebuilt)])
    aligned = np.linalg.norm((joints - joints[:, :1]) - (truth - truth[:, :1]), axis=-1).mean()
    path = np.linalg.norm(joints[:, 0] - truth[:, 0], axis=-1)
    return 100 * float(aligned), 100 * float(path.mean()), 100 * float(path[-1])
