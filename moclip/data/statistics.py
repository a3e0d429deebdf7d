# SPDX-License-Identifier: Apache-2.0
"""By what features are normalised."""

import numpy as np

FEAT_BIAS = 5.0
"""The official training divides the standard deviation of root and contact features by this, which weighs them up."""


def biased_std(std: np.ndarray, joints: int) -> np.ndarray:
    """Standard deviation (F,) with root and contact entries divided by FEAT_BIAS, rounded to the precision on disk."""
    std = std.astype(np.float32).copy()
    std[:4] /= FEAT_BIAS
    std[4 + 9 * (joints - 1) + 3 * joints :] /= FEAT_BIAS
    return std.astype(np.float16).astype(np.float32)
