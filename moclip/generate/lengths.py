# SPDX-License-Identifier: Apache-2.0
"""How long a text's motion lasts, from what the length estimator says."""

from collections.abc import Sequence

import numpy as np

from moclip.generators.base.noise import softmax

ONGOING = 0.8
"""Share of the longest motion that the median of the predicted length has at least, for an activity without an end."""

SHORTER, MIDDLE, LONGER = (0.02, 0.4), (0.25, 0.75), (0.5, 0.95)
"""Parts of a distribution, by its quantiles. Where a motion was too short to show its text, a longer one does, and in a
shorter one less is done than three times."""


def ongoing(logits: np.ndarray, longest: int) -> np.ndarray:
    """Which texts tell of an activity without an end of its own, such as a dance: (B, classes) -> (B,) bool.

    Their recordings fill whatever a motion may last, so the length that is predicted for them comes near to `longest`.
    """
    cumulative = np.cumsum(softmax(logits[:, : longest + 1]), axis=1)
    endless: np.ndarray = (cumulative < 0.5).sum(axis=1) >= ONGOING * longest
    return endless


def sample_lengths(
    logits: np.ndarray, seeds: Sequence[int], shortest: int, longest: int, part: tuple[float, float] = MIDDLE
) -> np.ndarray:
    """Token counts from a part of the predicted distribution: (B, classes) -> (B,).

    The tails of the distribution (a two-second walk, a nine-second bow) surprise more than they serve.
    """
    probability = softmax(logits[:, shortest : longest + 1])
    cumulative = np.cumsum(probability, axis=1)
    at = np.array([np.random.default_rng([2, seed]).uniform(*part) for seed in seeds])
    tokens: np.ndarray = shortest + np.minimum((cumulative < at[:, None]).sum(1), longest - shortest)
    return tokens
