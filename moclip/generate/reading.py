# SPDX-License-Identifier: Apache-2.0
"""Prompts to what the networks read: vectors of sentences and of their clauses, and states of their words."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.generate.familiarity import KnownActions
from moclip.generate.options import PlanOptions
from moclip.generate.plan import TextStates
from moclip.generators.base.passages import Asks
from moclip.generators.base.runtime import Runtime
from moclip.prompts.amounts import named_amounts
from moclip.prompts.clauses import split_clauses
from moclip.prompts.sides import named_side
from moclip.text.tokenizer import Tokenizer


class TextReader:
    """A runtime's text tower. call: the runtime's name for it. words: read single words as well. actions: of the model,
    to tell which of them texts ask for; None for one that does not tell."""

    def __init__(self, runtime: Runtime, call: str = "text", words: bool = False, actions: KnownActions | None = None):
        self._runtime, self._call, self._words, self._actions = runtime, call, words, actions
        self._tokenizer = Tokenizer()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Text vectors (N, D) float32, not normalised."""
        return self._vectors(self._tokenizer.encode(texts))

    def _vectors(self, tokens: np.ndarray) -> np.ndarray:
        # The tower is causal and reads its result at the end-of-text token: what follows it changes nothing.
        return self._runtime.call(self._call, tokens=tokens[:, : int(tokens.argmax(axis=1).max()) + 1])

    def read(self, texts: Sequence[str]) -> list[TextStates]:
        tokens = self._tokenizer.encode(texts)
        vectors = self._vectors(tokens)
        states = self._runtime.call("words", tokens=tokens) if self._words else [None] * len(texts)
        shares = self._actions.read(texts, vectors) if self._actions else [None] * len(texts)
        asks = [
            Asks(own, named_side(text), named_amounts(text)) for own, text in zip(shares, texts, strict=True)
        ]  # fmt: skip
        return [TextStates(*own) for own in zip(vectors, states, asks, strict=True)]

    def read_clauses(
        self, prompts: Sequence[str], whole: Sequence[TextStates], options: PlanOptions, most: int
    ) -> list[list[TextStates]]:
        """Of each prompt's clauses, one after the other; its own where it has but one, or more than `most`.

        whole: of the prompts. No motion is long enough for more clauses, and reading them all would take its time.
        """
        parts = [split_clauses(prompt) if options.by_clause else [prompt] for prompt in prompts]
        parts = [part if len(part) <= most else [prompt] for part, prompt in zip(parts, prompts, strict=True)]
        several = [clause for clauses in parts if len(clauses) > 1 for clause in clauses]
        read = iter(self.read(several)) if several else iter(())
        return [
            [_within(sentence, next(read), options.sentence_share) for _ in clauses] if len(clauses) > 1 else [sentence]
            for sentence, clauses in zip(whole, parts, strict=True)
        ]


def _within(sentence: TextStates, clause: TextStates, share: float) -> TextStates:
    return replace(clause, vector=share * sentence.vector + (1 - share) * clause.vector)
