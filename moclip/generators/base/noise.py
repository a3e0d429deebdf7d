# SPDX-License-Identifier: Apache-2.0
"""What sampling loops share: a request's own random numbers, drawing codes, guidance.

All noise is drawn per request from its own seed, so a request gives the same tokens alone and in a batch, in every
runtime.
"""

from collections.abc import Callable, Sequence

import numpy as np


class RequestNoise:
    """The random numbers of a batch: every request draws from a generator of its own."""

    def __init__(self, seeds: Sequence[int], stream: int):
        self.generators = [np.random.default_rng([stream, seed]) for seed in seeds]

    def gumbel(self, lengths: np.ndarray, longest: int, width: int) -> np.ndarray:
        """(B, longest, width); a request draws numbers for its own length only, whatever the batch's longest."""
        noise = np.zeros((len(lengths), longest, width), dtype=np.float32)
        for row, (generator, length) in enumerate(zip(self.generators, lengths, strict=True)):
            noise[row, :length] = generator.gumbel(size=(length, width))
        return noise

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these requests only, each with its own numbers as before."""
        self.generators = [self.generators[row] for row in rows]


def draw(logits: np.ndarray, noise: np.ndarray, temperature: float, top_share: float) -> np.ndarray:
    """Draw one code per position from the most likely `top_share` of them: logits, noise (B, S, V) -> (B, S)."""
    keep = int(np.ceil(top_share * logits.shape[-1]))
    threshold = np.partition(logits, -keep, axis=-1)[..., -keep, None]
    allowed = np.where(logits >= threshold, logits, -np.inf)
    codes: np.ndarray = np.argmax(allowed / max(temperature, 1e-10) + noise, axis=-1)
    return codes


def softmax(logits: np.ndarray) -> np.ndarray:
    exponent = np.exp(logits - logits.max(axis=-1, keepdims=True))
    share: np.ndarray = exponent / exponent.sum(axis=-1, keepdims=True)
    return share


def guided(call: Callable[[np.ndarray], np.ndarray], text: np.ndarray, scale: float) -> np.ndarray:
    """Classifier-free guidance in one doubled batch: uncond + scale * (cond - uncond); the half at a scale of 1."""
    if scale == 1.0:
        return call(text)
    conditional, unconditional = np.split(call(np.concatenate([text, np.zeros_like(text)])), 2)
    logits: np.ndarray = unconditional + scale * (conditional - unconditional)
    return logits


def like(array: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """A batch as often as `guided` has its texts: once or twice."""
    return array if len(array) == len(texts) else np.concatenate([array, array])
