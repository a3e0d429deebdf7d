# SPDX-License-Identifier: Apache-2.0
"""Which prompts are unlike anything that the model was trained on: in their words, or in the action that they name."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.models import ModelFiles
from moclip.nn.checkpoint import load_weights
from moclip.recognition.config import ActionClass
from moclip.recognition.text_classifier import TextClassifier, unit_vectors
from moclip.recognition.wording import Wording

FAR = "This prompt is far from what the model was trained on, so the motion may not show it."
ACTIONS_FILE, WORDING_FILE = "actions.safetensors", "wording.safetensors"
_BY_VECTORS = 0.4
"""What the classifier of vectors counts beside the one of words, which reads more of them right."""
_TOLD = 3
"""Of the actions that a model has, the nearest that a warning names."""


def said(action: str) -> str:
    """An action's name in a sentence."""
    return action.replace("_", " ")


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
    """What texts ask for: one of the A actions that a model has, each by a side of its own, or something else.

    classifier: of text vectors, its last class is all that the model has not. threshold: probability of that one from
    which a clause names nothing that the model can do. prototypes: (A, D), of each action the mean text vector of its
    captions; None for a model that does not tell them. wording: a second opinion, by the words of a text; None for a
    model without.

    What a text asks for is told by `shares` (A + 1,): how probably each action, and at last something else.
    """

    classes: tuple[ActionClass, ...]
    classifier: TextClassifier
    threshold: float
    prototypes: np.ndarray | None = None
    wording: Wording | None = None

    def read(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """vectors: (N, D) of the texts -> (N, A + 1) shares."""
        found = self.classifier.probabilities(vectors)
        if self.wording is None:
            return found
        return _BY_VECTORS * found + (1 - _BY_VECTORS) * self.wording.probabilities(texts)

    def sided(self, shares: np.ndarray, sides: Sequence[str]) -> np.ndarray:
        """(N, A + 1) shares, by the side that each text names, "" for none or both. Texts of two sides lie near each
        other: what an action would have by its other side is its own then."""
        found = shares.copy()
        for row, side in zip(found, sides, strict=True):
            for other, own in self._pairs if side else ():
                if self.classes[own].way == side:
                    row[own] += row[other]
                    row[other] = 0.0
        return found

    def share_of(self, shares: np.ndarray, actions: Collection[str]) -> float:
        """How probably one of the texts of (N, A + 1) asks for one of these actions."""
        own = [one.action in actions for one in self.classes]
        return float(shares[:, [*own, False]].sum(axis=1).max())

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        """Both ways, of the classes that are each other's mirror images."""
        place = {shown: k for k, shown in enumerate(self.classes)}
        found = [(k, place.get(shown.mirrored, k)) for k, shown in enumerate(self.classes)]
        return [pair for pair in found if pair[0] != pair[1]]

    def toward_prototypes(
        self, vectors: np.ndarray, shares: np.ndarray, sides: Sequence[str], part: float
    ) -> np.ndarray:
        """(N, D) text vectors, moved by a part of the way to the prototypes of the actions that they name; less of it
        as they name none. Prototypes are those of Snell et al., "Prototypical Networks" (2017), equation 1.

        shares: (N, A + 1) that the texts were read as. sides: that they name. Captions lie closely around their
        prototype, sentences of people farther out, where a generator was not trained. What lies with the other side
        than the one that it names is moved over, too.
        """
        if self.prototypes is None or not part:
            return vectors
        meant, heard = self.sided(shares, sides)[:, :-1], shares[:, :-1]
        named = part * meant
        moved: np.ndarray = (1 - named.sum(axis=1, keepdims=True)) * vectors + named @ self.prototypes
        moved += (meant - heard) @ self.prototypes
        return moved.astype(vectors.dtype, copy=False)

    def nearest_to_unknown(self, clauses: np.ndarray) -> list[str] | None:
        """The actions nearest to the strangest of a prompt's clauses, by their shares (N, A + 1); None where all of
        them are known."""
        strangest = _strangest(clauses)
        return self._nearest(strangest) if strangest[-1] >= self.threshold else None

    def nearest(self, clauses: np.ndarray) -> list[str]:
        """The same, whether the clauses are known or not."""
        return self._nearest(_strangest(clauses))

    def _nearest(self, shares: np.ndarray) -> list[str]:
        total: dict[str, float] = {}
        for shown, share in zip(self.classes, shares[:-1].tolist(), strict=True):
            total[shown.action] = total.get(shown.action, 0.0) + share
        return [said(action) for action in sorted(total, key=lambda action: -total[action])[:_TOLD]]


def _strangest(clauses: np.ndarray) -> np.ndarray:
    """(A + 1,) shares of the clause that is known least."""
    strangest: np.ndarray = clauses[int(clauses[:, -1].argmax())]
    return strangest


class Examples:
    """What a model can do, by the sentences of its menu: which of them is nearest to a prompt.

    actions: as `model.json` has them. embed: sentences -> (N, D) text vectors; they are asked for when first wanted.
    """

    def __init__(self, actions: Sequence[Mapping[str, str]], embed: Callable[[Sequence[str]], np.ndarray]):
        self._actions, self._embed = [one for one in actions if one.get("name") and one.get("example")], embed

    @cached_property
    def _vectors(self) -> np.ndarray:
        return unit_vectors(self._embed([one["example"] for one in self._actions]))

    def nearest(self, text: np.ndarray) -> tuple[str, ...]:
        """Names of the actions nearest to a text vector (D,); () for a model that tells none."""
        if not self._actions:
            return ()
        order = np.argsort(-(self._vectors @ text))[:_TOLD]
        names = [self._actions[row]["name"] for row in order]
        return tuple(name[:1].lower() + name[1:] for name in names)


class Familiarity:
    """How close a prompt lies to the captions that the model was trained on.

    centres: (K, D) unit vectors, k-means centres of the training captions' text vectors. threshold: cosine similarity
    under which a prompt counts as far from training. actions: what the model can do, where it has learnt to tell;
    examples: where it has not.
    """

    def __init__(
        self,
        centres: np.ndarray,
        threshold: float,
        actions: KnownActions | None = None,
        examples: Examples | None = None,
    ):
        self.centres, self.threshold, self.actions, self.examples = centres, threshold, actions, examples

    def similarity(self, text: np.ndarray) -> np.ndarray:
        """(B, D) text vectors -> (B,) cosine similarity to the nearest centre."""
        nearest: np.ndarray = (unit_vectors(text) @ self.centres.T).max(axis=1)
        return nearest

    def judge(self, text: np.ndarray, clauses: Sequence[np.ndarray | None]) -> list[Familiar]:
        """One a prompt. text: (B, D) of the prompts. clauses: (N, A + 1) shares of each prompt's clauses, None where
        the model does not tell its actions."""
        rows = zip(self.similarity(text), text, clauses, strict=True)
        return [self._judged(float(near), whole, own) for near, whole, own in rows]

    def _judged(self, similarity: float, text: np.ndarray, clauses: np.ndarray | None) -> Familiar:
        far, nearest = similarity < self.threshold, None
        if self.actions is not None and clauses is not None:
            nearest = self.actions.nearest_to_unknown(clauses)
            # Far in its words, of an action that seems known: that one is told.
            nearest = self.actions.nearest(clauses) if far and nearest is None else nearest
        elif far:
            nearest = [*self.examples.nearest(text)] if self.examples else []
        return Familiar() if nearest is None else Familiar(True, tuple(nearest))


def load_familiarity(files: ModelFiles, embed: Callable[[Sequence[str]], np.ndarray]) -> Familiarity | None:
    """embed: as in `Examples`. Raises MoclipError for tables that are damaged."""
    path: Path = files.info.path / "familiarity.npy"
    threshold = files.info.details.get("familiarity_threshold")
    if threshold is None or not path.is_file():
        return None
    try:
        centres = np.load(path, allow_pickle=False).astype(np.float32)
        actions = _load_actions(files.info.path)
        return Familiarity(centres, float(threshold), actions, Examples(files.info.actions, embed))
    except (ValueError, KeyError) as error:
        raise MoclipError(
            f"The file {path} is damaged.", hint="Install the model again.", code="bad_weights"
        ) from error


def _load_actions(folder: Path) -> KnownActions | None:
    if not (folder / ACTIONS_FILE).is_file():
        return None
    arrays, config = load_weights(folder / ACTIONS_FILE)
    classifier = TextClassifier.of_arrays(arrays)
    names = tuple(config["names"])
    sides = tuple(config.get("sides", [""] * len(names)))
    prototypes = arrays["prototypes"].astype(np.float32) if "prototypes" in arrays else None
    if len(classifier.biases) != len(names) + 1 or len(sides) != len(names):
        raise ValueError(f"{len(names)} names, {len(sides)} sides and {len(classifier.biases)} classes")
    if prototypes is not None and prototypes.shape != (len(names), classifier.dim):
        raise ValueError(f"prototypes {prototypes.shape} of {len(names)} actions in {classifier.dim} dimensions")
    classes = tuple(ActionClass(*pair) for pair in zip(names, sides, strict=True))
    words = folder / WORDING_FILE
    wording = Wording.of_arrays(load_weights(words)[0]) if words.is_file() else None
    if wording is not None and wording.biases.shape != classifier.biases.shape:
        raise ValueError(f"{len(wording.biases)} classes by words and {len(classifier.biases)} by vectors")
    return KnownActions(classes, classifier, float(config["threshold"]), prototypes, wording)
