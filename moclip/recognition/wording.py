# SPDX-License-Identifier: Apache-2.0
"""Which class a sentence belongs to, by the words that it is made of, as it is used; `train_wording` makes it.

A text tower is there for meaning, and lets go of words: of "walks over to the chair" it keeps the chair. This one is
fastText's: Joulin et al., "Bag of Tricks for Efficient Text Classification" (EACL 2017), section 2, with the n-grams of
letters of Bojanowski et al., "Enriching Word Vectors with Subword Information" (TACL 2017), by which it reads typos and
forms of a word that it never saw.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moclip.generators.base.noise import softmax

_LETTERS = 4
_WORD = re.compile(r"[^\W\d_][\w']*|\d+")


@dataclass(frozen=True)
class Wording:
    """keys: (K,) uint32 of the n-grams that are known, rising. vectors: (K, E) of each. weights (C, E), biases (C,): of
    the classes, read from the sum of a sentence's vectors over the root of how many there are."""

    keys: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def __post_init__(self) -> None:
        shapes = self.keys.shape, self.vectors.shape, self.weights.shape, self.biases.shape
        fit = shapes[1:2] == ((*shapes[0], *shapes[2][1:]),) and shapes[2][:1] == shapes[3]
        if not fit or (np.diff(self.keys.astype(np.int64)) <= 0).any():
            raise ValueError(f"keys, vectors, weights and biases of {shapes}")

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Sentences -> (N, C)."""
        bags = np.zeros((len(texts), self.vectors.shape[1]), np.float32)
        for bag, text in zip(bags, texts, strict=True):
            if len(rows := rows_of(self.keys, text)):
                bag += self.vectors[rows].sum(axis=0) / np.sqrt(len(rows))
        return softmax(bags @ self.weights.T + self.biases)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As `of_arrays` reads them."""
        return {"keys": self.keys, "vectors": self.vectors, "weights": self.weights, "biases": self.biases}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Wording":
        """Raises KeyError or ValueError for arrays that are none."""
        floats = (arrays[name].astype(np.float32) for name in ("vectors", "weights", "biases"))
        return cls(np.asarray(arrays["keys"], np.uint32), *floats)


def rows_of(keys: np.ndarray, text: str) -> np.ndarray:
    """Where the n-grams of a text stand among the known ones; those that are not known are left out."""
    asked = keys_of(text)
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    found: np.ndarray = places[keys[places] == asked] if len(keys) else places[:0]
    return found


def keys_of(text: str) -> np.ndarray:
    """(N,) uint32 of a text's n-grams: its words, pairs of neighbours, and the letters of the longer ones."""
    return np.array([zlib.crc32(gram.encode()) for gram in _grams(text)], np.uint32)


def _grams(text: str) -> Iterator[str]:
    words = _WORD.findall(text.lower())
    yield from words
    yield from (f"{one} {other}" for one, other in zip(words, words[1:], strict=False))
    for word in words:
        marked = f"<{word}>"
        if len(marked) > _LETTERS:
            yield from (marked[k : k + _LETTERS] for k in range(len(marked) - _LETTERS + 1))
