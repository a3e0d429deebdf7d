# SPDX-License-Identifier: Apache-2.0
"""Which class a text vector belongs to: a perceptron of one hidden layer, as it is used; `train_text` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moclip.generators.base.noise import softmax

SCALE = 12.0
"""Unit vectors are that much too short for a hidden layer to learn from quickly."""


@dataclass(frozen=True)
class TextClassifier:
    """weights (C, H), biases (C,): of the classes. hidden_weights (H, D), hidden_biases (H,): of the units below, with
    ReLU; None where the classes are read from the vectors themselves, H = D."""

    weights: np.ndarray
    biases: np.ndarray
    hidden_weights: np.ndarray | None = None
    hidden_biases: np.ndarray | None = None

    def __post_init__(self) -> None:
        below = self.hidden_weights, self.hidden_biases
        if self.biases.shape != self.weights.shape[:1] or (below[0] is None) != (below[1] is None):
            raise ValueError(f"weights {self.weights.shape} and biases {self.biases.shape}")
        if below[0] is not None and below[1] is not None and not below[0].shape[:1] == below[1].shape == self.units:
            raise ValueError(f"weights {self.weights.shape} on {below[0].shape}")

    @property
    def units(self) -> tuple[int, ...]:
        """(H,)."""
        return self.weights.shape[1:]

    @property
    def dim(self) -> int:
        """D."""
        own = self.weights if self.hidden_weights is None else self.hidden_weights
        return int(own.shape[1])

    def probabilities(self, text: np.ndarray) -> np.ndarray:
        """(N, D) text vectors, of any length -> (N, C)."""
        read = unit_vectors(text)
        if self.hidden_weights is not None and self.hidden_biases is not None:
            read = np.maximum(SCALE * read @ self.hidden_weights.T + self.hidden_biases, 0.0)
        return softmax(read @ self.weights.T + self.biases)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As `of_arrays` reads them."""
        arrays: dict[str, np.ndarray] = {
            "weights": self.weights.astype(np.float16),
            "biases": self.biases.astype(np.float32),
        }
        if self.hidden_weights is not None and self.hidden_biases is not None:
            arrays["hidden_weights"] = self.hidden_weights.astype(np.float16)
            arrays["hidden_biases"] = self.hidden_biases.astype(np.float32)
        return arrays

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TextClassifier":
        """Raises KeyError or ValueError for arrays that are none."""
        names = ("hidden_weights", "hidden_biases")
        below = {name: arrays[name].astype(np.float32) for name in names if name in arrays}
        return cls(arrays["weights"].astype(np.float32), arrays["biases"].astype(np.float32), **below)


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """(N, D) of length one; zeros stay."""
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
