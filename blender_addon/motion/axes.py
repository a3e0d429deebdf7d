# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where axes change: MoCLIP's Y up, +Z forward, +X left to Blender's Z up, -Y forward, +X left.

Both are metres and right-handed; the change is a quarter turn about X.
"""

import numpy as np


def vectors_to_blender(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) points or directions: (x, y, z) -> (x, -z, y)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], axis=-1)


def vectors_from_blender(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) points or directions: (x, y, z) -> (x, z, -y)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return np.stack([vectors[..., 0], vectors[..., 2], -vectors[..., 1]], axis=-1)


def quaternions_to_blender(quaternions: np.ndarray) -> np.ndarray:
    """(..., 4) rotations wxyz: the axis changes like any vector, the angle stays."""
    quaternions = np.asarray(quaternions, dtype=np.float64)
    return np.concatenate([quaternions[..., :1], vectors_to_blender(quaternions[..., 1:])], axis=-1)


def quaternions_from_blender(quaternions: np.ndarray) -> np.ndarray:
    """The inverse of `quaternions_to_blender`."""
    quaternions = np.asarray(quaternions, dtype=np.float64)
    return np.concatenate([quaternions[..., :1], vectors_from_blender(quaternions[..., 1:])], axis=-1)
