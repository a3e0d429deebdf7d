# SPDX-License-Identifier: Apache-2.0
"""Which prompts are unlike anything that the model was trained on: in their words, or in the action that they name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.models import ModelFiles
from moclip.nn.checkpoint import load_weights

FAR = "This prompt is far from what the model was trained on, so the motion may not show it."
ACTIONS_FILE = "actions.safetensors"
_TOLD = 3
"""Of the actions that a model has, the nearest that a warning names."""


def is_unfamiliar(warning: str) -> bool:
    """Whether a warning says that a model was not trained for a prompt."""
    return warning.startswith(FAR)


@dataclass(frozen=True)
class Familiar:
    """far: is a prompt far from what the model was trained on? nearest: what it can do instead, the nearest first;
    () where it does not tell."""

    far: bool = False
    nearest: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """For the user, in sentences."""
        if not self.far:
            return []
        return [f"{FAR} The nearest that it can do: {', '.join(self.nearest)}." if self.nearest else FAR]


@dataclass(frozen=True)
class KnownActions:
    """A linear reading of text vectors: weights (A + 1, D), biases (A + 1,) for the A actions that a model has, and for
    all that it has not.

    threshold: probability of the latter from which a clause names nothing that the model can do.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    biases: np.ndarray
    threshold: float

    def probabilities(self, text: np.ndarray) -> np.ndarray:
        """(N, D) text vectors -> (N, A + 1)."""
        unit = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-9)
        logits = unit @ self.weights.T + self.biases
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: np.ndarray = share / share.sum(axis=1, keepdims=True)
        return found

    def nearest_to_unknown(self, clauses: np.ndarray) -> list[str] | None:
        """The actions nearest to the strangest of a prompt's clauses (N, D); None where all of them are known."""
        strangest = self._strangest(clauses)
        return self._nearest(strangest) if strangest[-1] >= self.threshold else None

    def nearest(self, clauses: np.ndarray) -> list[str]:
        """The same, whether the clauses are known or not."""
        return self._nearest(self._strangest(clauses))

    def _strangest(self, clauses: np.ndarray) -> np.ndarray:
        """(A + 1,) probabilities of the clause that is known least."""
        found = self.probabilities(clauses)
        strangest: np.ndarray = found[int(found[:, -1].argmax())]
        return strangest

    def _nearest(self, shares: np.ndarray) -> list[str]:
        return [self.names[row].replace("_", " ") for row in np.argsort(-shares[:-1])[:_TOLD]]


class Familiarity:
    """How close a prompt lies to the captions that the model was trained on.

    centres: (K, D) unit vectors, k-means centres of the training captions' text vectors. threshold: cosine similarity
    under which a prompt counts as far from training. actions: what the model can do, where it says so.
    """

    def __init__(self, centres: np.ndarray, threshold: float, actions: KnownActions | None = None):
        self.centres, self.threshold, self.actions = centres, threshold, actions

    def similarity(self, text: np.ndarray) -> np.ndarray:
        """(B, D) text vectors -> (B,) cosine similarity to the nearest centre."""
        unit = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-9)
        nearest: np.ndarray = (unit @ self.centres.T).max(axis=1)
        return nearest

    def judge(self, text: np.ndarray, clauses: Sequence[np.ndarray]) -> list[Familiar]:
        """One a prompt. text: (B, D) of the prompts. clauses: (N, D) of each prompt's clauses."""
        return [self._judged(float(near), own) for near, own in zip(self.similarity(text), clauses, strict=True)]

    def _judged(self, similarity: float, clauses: np.ndarray) -> Familiar:
        nearest = self.actions.nearest_to_unknown(clauses) if self.actions else None
        if nearest:
            return Familiar(True, tuple(nearest))
        if similarity >= self.threshold:
            return Familiar()
        # Far in its words, of an action that seems known: that one is told.
        return Familiar(True, tuple(self.actions.nearest(clauses)) if self.actions else ())


def load_familiarity(files: ModelFiles) -> Familiarity | None:
    """Raises MoclipError for tables that are damaged."""
    path: Path = files.info.path / "familiarity.npy"
    threshold = files.info.details.get("familiarity_threshold")
    if threshold is None or not path.is_file():
        return None
    try:
        centres = np.load(path, allow_pickle=False).astype(np.float32)
        return Familiarity(centres, float(threshold), _load_actions(files.info.path / ACTIONS_FILE))
    except (ValueError, KeyError) as error:
        raise MoclipError(
            f"The file {path} is damaged.", hint="Install the model again.", code="bad_weights"
        ) from error


def _load_actions(path: Path) -> KnownActions | None:
    if not path.is_file():
        return None
    arrays, config = load_weights(path)
    weights, biases = (arrays[name].astype(np.float32) for name in ("weights", "biases"))
    names = tuple(config["names"])
    if weights.shape[0] != len(names) + 1 or biases.shape != weights.shape[:1]:
        raise ValueError(f"{len(names)} names and weights {weights.shape}")
    return KnownActions(names, weights, biases, float(config["threshold"]))
