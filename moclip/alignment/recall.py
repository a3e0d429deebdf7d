# SPDX-License-Identifier: Apache-2.0
"""How often the right one is among the nearest, of motions and texts in one space."""

from collections.abc import Sequence

import numpy as np


def recall(similarity: np.ndarray, same: np.ndarray, top: Sequence[int] = (1, 2, 3, 5, 10)) -> dict[int, float]:
    """Share of rows with a right column among the k most similar; similarity (N, M), same: (N, M) bool, what is right.

    Ties of right and wrong columns go against the model.
    """
    best = np.where(same, similarity, -np.inf).max(1, keepdims=True)
    ahead = ((similarity >= best) & ~same).sum(1)
    return {k: float((ahead < k).mean()) for k in top}
