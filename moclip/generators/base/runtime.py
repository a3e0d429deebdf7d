# SPDX-License-Identifier: Apache-2.0
"""The network calls that the numpy core is built on."""

from typing import Protocol

import numpy as np


class Runtime(Protocol):
    """The network calls of text to motion on numpy arrays; float32 and int64 in, float32 and int64 out."""

    name: str
    device: str
    codes: int
    quantizers: int

    def text(self, tokens: np.ndarray) -> np.ndarray:
        """(B, L) tokens -> (B, D) pooled text vectors, not normalised."""
        ...

    def length_text(self, tokens: np.ndarray) -> np.ndarray:
        """The same by the length estimator's own tower; not in every model."""
        ...

    def masked(self, ids: np.ndarray, text: np.ndarray, padding: np.ndarray) -> np.ndarray:
        """(B, S), (B, D), (B, S) bool -> logits (B, S, codes)."""
        ...

    def residual(self, codes: np.ndarray, layer: np.ndarray, text: np.ndarray, padding: np.ndarray) -> np.ndarray:
        """(B, S, Q-1), (B,), (B, D), (B, S) bool -> logits (B, S, codes + 1)."""
        ...

    def length(self, text: np.ndarray) -> np.ndarray:
        """(B, D) -> logits over token counts (B, classes)."""
        ...

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(B, S, Q), -1 adds nothing -> features (B, 4 S, F) in their own units."""
        ...

    def motion(self, joints: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """(B, T, 22, 3) metres, (B, T) bool -> unit vectors (B, D) in the text tower's space; not in every model."""
        ...

    def encode(self, features: np.ndarray) -> np.ndarray:
        """(B, 4 S, F) -> codes (B, S, Q)."""
        ...
