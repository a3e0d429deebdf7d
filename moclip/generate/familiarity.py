# SPDX-License-Identifier: Apache-2.0
"""Which prompts are unlike anything that the model was trained on."""

from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.models import ModelFiles

FAR = "This prompt is far from what the model was trained on, so the motion may not show it."


def is_unfamiliar(warning: str) -> bool:
    """Whether a warning says that a model was not trained for a prompt."""
    return warning == FAR


class Familiarity:
    """How close a prompt lies to the captions that the model was trained on.

    centres: (K, D) unit vectors, k-means centres of the training captions' text vectors. threshold: cosine similarity
    under which a prompt counts as far from training.
    """

    def __init__(self, centres: np.ndarray, threshold: float):
        self.centres, self.threshold = centres, threshold

    def similarity(self, text: np.ndarray) -> np.ndarray:
        """(B, D) text vectors -> (B,) cosine similarity to the nearest centre."""
        unit = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-9)
        nearest: np.ndarray = (unit @ self.centres.T).max(axis=1)
        return nearest

    def warnings(self, text: np.ndarray) -> list[list[str]]:
        return [[FAR] if s < self.threshold else [] for s in self.similarity(text)]


def load_familiarity(files: ModelFiles) -> Familiarity | None:
    path: Path = files.info.path / "familiarity.npy"
    threshold = files.info.details.get("familiarity_threshold")
    if threshold is None or not path.is_file():
        return None
    try:
        return Familiarity(np.load(path, allow_pickle=False).astype(np.float32), float(threshold))
    except ValueError as error:
        raise MoclipError(
            f"The file {path} is damaged.", hint="Install the model again.", code="bad_weights"
        ) from error
