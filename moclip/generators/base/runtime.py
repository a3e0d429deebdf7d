# SPDX-License-Identifier: Apache-2.0
"""The network calls that the numpy core is built on."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Runtime(Protocol):
    """A model's networks on numpy arrays; float32, int64 and bool in, float32 and int64 out.

    What calls there are is told by `Call`s: some are common to all models, the rest are the generator's.
    """

    name: str
    device: str

    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        """The first output of a call. Raises MoclipError for one that this model does not have."""
        ...

    def outputs(self, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """All outputs of a call that has several."""
        ...


@dataclass(frozen=True)
class Call:
    """A method of a network. network: its name in the model folder. optional: a model may come without it.

    Inputs are named as the method's parameters are.
    """

    network: str
    method: str = "forward"
    optional: bool = False


COMMON_CALLS = {
    "text": Call("text"),
    "words": Call("text", "words", optional=True),
    "length": Call("length", optional=True),
    "length_text": Call("length_text", optional=True),
    "motion": Call("motion", optional=True),
}
"""text: tokens (B, L) -> pooled text vectors (B, D), not normalised; words: -> states (B, L, W) of all tokens;
length: text (B, D) -> logits over token counts (B, classes); length_text: as text, by the length estimator's own tower;
motion: joints (B, T, 22, 3) in metres, valid (B, T) -> unit vectors (B, D) in the text tower's space."""
