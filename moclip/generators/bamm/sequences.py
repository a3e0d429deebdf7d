# SPDX-License-Identifier: Apache-2.0
"""Sequences that grow token by token, with the keys and values of what was computed before."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.generators.base.runtime import Runtime

Array = NDArray[Any]


@dataclass(frozen=True)
class Model:
    """A runtime with the calls "bamm_prefill" and "bamm_step", and how many codes its transformer knows."""

    runtime: Runtime
    codes: int


class Sequences:
    """Network rows of one pass: N sequences of S tokens, and for each a twin without text where guidance needs one.

    ids (N, S): tokens, those that are not given being of no
    matter until they are put. text (N, D). cond (N, S): which tokens are given. guidance: uncond + guidance * (cond -
    uncond); 0 and 1 need but one of the two.

    Each call is the exact equal of the network's whole forward. What is given sees nothing but what is given, so its
    rows are computed once; a row that is not given sees nothing that comes after it but what is given, so it is
    computed once too, when its token is put. Only a given token that is replaced changes rows computed before: those of
    its sequence are computed anew.
    """

    def __init__(self, model: Model, ids: Array, text: Array, cond: Array, guidance: float):
        self._runtime, self._guidance = model.runtime, guidance
        self.ids, self.cond = ids.copy(), cond
        blank = np.zeros_like(text)
        self._texts = {0.0: [blank], 1.0: [text]}.get(guidance, [text, blank])
        self._cache = np.zeros(0, dtype=np.float32)
        self._logits = np.zeros(0, dtype=np.float32)
        everything = np.arange(len(ids))
        # With nothing given, nothing but the text's row is of use yet; the network wants a token all the same.
        self._prefill(everything, ids.shape[1] if cond.any() else 1)

    def logits(self, rows: Array, position: Array) -> Array:
        """Guided logits (R, codes + 1) of the tokens at `position` (R,), which are the next ones of their `rows`."""
        return self._logits[rows, position]

    def put(self, rows: Array, position: Array, tokens: Array) -> None:
        """Let the next tokens of some rows be `tokens`, and know the logits of the ones behind: all (R,)."""
        given = self.cond[rows, position]
        replaced = rows[given & (tokens != self.ids[rows, position])]
        self.ids[rows, position] = tokens
        if len(replaced):
            self._prefill(replaced, self.ids.shape[1])
        if not given.all():
            self._step(rows[~given], position[~given], tokens[~given])

    def _prefill(self, rows: Array, length: int) -> None:
        ids, cond = self._twins(self.ids[rows, :length]), self._twins(self.cond[rows, :length])
        logits, cache = self._runtime.outputs("bamm_prefill", ids=ids, text=self._text(rows), cond=cond)
        guided = self._guided(logits)
        if not self._cache.size:
            tokens, (_, layers, two, heads, _, width) = self.ids.shape[1], cache.shape
            self._cache = np.zeros((len(cache), layers, two, heads, tokens + 1, width), dtype=np.float32)
            self._logits = np.zeros((len(rows), tokens + 1, logits.shape[-1]), dtype=np.float32)
        self._cache[self._places(rows), ..., : length + 1, :] = cache
        self._logits[rows, : length + 1] = guided

    def _step(self, rows: Array, position: Array, tokens: Array) -> None:
        places = self._places(rows)
        whole = len(places) == len(self._cache)
        logits, fresh = self._runtime.outputs(
            "bamm_step",
            token=self._twins(tokens.astype(np.int64)),
            position=self._twins(position.astype(np.int64)),
            cond=self._twins(self.cond[rows]),
            cache=self._cache if whole else self._cache[places],
        )
        self._cache[places, ..., self._twins(position) + 1, :] = fresh
        self._logits[rows, position + 1] = self._guided(logits)

    def _twins(self, array: Array) -> Array:
        return np.concatenate([array] * len(self._texts))

    def _text(self, rows: Array) -> Array:
        return np.concatenate([text[rows] for text in self._texts])

    def _places(self, rows: Array) -> Array:
        return np.concatenate([rows + len(self.ids) * k for k in range(len(self._texts))])

    def _guided(self, logits: Array) -> Array:
        if len(self._texts) == 1:
            return logits
        conditional, unconditional = np.split(logits, 2)
        guided: Array = unconditional + self._guidance * (conditional - unconditional)
        return guided
