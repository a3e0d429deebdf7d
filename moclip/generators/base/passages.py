# SPDX-License-Identifier: Apache-2.0
"""Motions that several texts describe, one after the other: which text each token follows, and how they join."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.prompts.amounts import Amounts

OVERLAP = 2
"""Tokens by which a passage reaches into its neighbours', for a smooth change from one to the next."""


@dataclass(frozen=True)
class Asks:
    """What a text asks for.

    shares: (A + 1,) how probably each action of a model, and none of them; None for a model that does not tell its
    actions. side: the one that it names, "left" or "right", "" for none or both. amounts: that it names.
    """

    shares: np.ndarray | None = None
    side: str = ""
    amounts: Amounts = Amounts()


@dataclass(frozen=True)
class Passage:
    """Tokens first..end-1 of a request (its row in the batch), to be sampled by a text vector (D,) of their own.

    words: (L, W) states of the text's tokens, for generators that attend to them. asks: what the text asks
    for, by which motions are judged.
    """

    request: int
    first: int
    end: int
    text: np.ndarray
    words: np.ndarray | None = None
    asks: Asks = Asks()


def passages_of(request: int, texts: Sequence[np.ndarray], lengths: Sequence[int]) -> list[Passage]:
    """One passage a clause, one after the other and overlapping: K texts (D,), lengths in tokens."""
    ends = np.cumsum(lengths)
    return [
        Passage(request, max(0, int(end - length) - OVERLAP), min(int(ends[-1]), int(end) + OVERLAP), text)
        for text, end, length in zip(texts, ends, lengths, strict=True)
    ]


def with_context(passages: Sequence[Passage], before: int, after: int) -> list[Passage]:
    """The passages of one request between so many given tokens, into which the first and the last one look.

    They look as far as into a neighbouring passage: seeing more of a walk, the networks walk on whatever the text says.
    """
    grown = [replace(p, first=p.first + before, end=p.end + before) for p in passages]
    grown[0] = replace(grown[0], first=before - min(before, OVERLAP))
    grown[-1] = replace(grown[-1], end=grown[-1].end + min(after, OVERLAP))
    return grown


def of_requests(passages: Sequence[Passage], rows: np.ndarray) -> list[Passage]:
    """The passages of some requests of a batch, which are numbered anew in the order of `rows`."""
    place = {int(row): k for k, row in enumerate(rows)}
    kept = [replace(p, request=place[p.request]) for p in passages if p.request in place]
    return sorted(kept, key=lambda p: p.request)


@dataclass(frozen=True)
class Draft:
    """A batch of requests to be sampled.

    passages: in the requests' order, together they cover each request. lengths (B,) in tokens, S the longest.
    seeds: one a request; a request gives the same codes alone and in a batch. known: (B, S, layers) codes that are
    given, -1 where they are to be sampled.
    """

    passages: Sequence[Passage]
    lengths: np.ndarray
    seeds: Sequence[int]
    known: np.ndarray

    @property
    def asked(self) -> tuple[Sequence[Passage], np.ndarray, Sequence[int]]:
        """(passages, lengths, seeds)"""
        return self.passages, self.lengths, self.seeds

    def of(self, rows: np.ndarray) -> "Draft":
        """Some of the requests, numbered anew in the order of `rows`."""
        kept = [self.seeds[row] for row in rows]
        return Draft(of_requests(self.passages, rows), self.lengths[rows], kept, self.known[rows])


class PassageRows:
    """The passages of a batch of requests as rows of network calls, and their logits joined per request.

    Each passage sees its own tokens only, so that it looks to the networks like the single actions that they know best.
    Where passages overlap, the mean of their logits counts, weighted by the distance to the passage's end (as
    MultiDiffusion, Bar-Tal et al., ICML 2023, joins windows of an image).
    """

    def __init__(self, passages: Sequence[Passage], lengths: np.ndarray, longest: int | None = None):
        """longest: tokens of a row, where that is more than the longest request has."""
        self.text = np.stack([p.text for p in passages])
        states = [p.words for p in passages if p.words is not None]
        self.words = np.stack(states) if len(states) == len(passages) else None
        self.request = np.array([p.request for p in passages])
        spans = np.array([[p.first, p.end] for p in passages])
        inside = np.arange(int((spans[:, 1] - spans[:, 0]).max()))[None]
        self.padding = inside >= (spans[:, 1] - spans[:, 0])[:, None]
        # Positions in the request; those of padding point anywhere and are masked.
        self.position = np.where(self.padding, 0, spans[:, :1] + inside)
        self.shape = (len(lengths), longest or int(lengths.max()))
        nearness = np.minimum(inside + 1, (spans[:, 1] - spans[:, 0])[:, None] - inside)
        self.weight = np.where(self.padding, 0, np.minimum(nearness, 2 * OVERLAP + 1)).astype(np.float32)
        # One passage a request from end to end: there is nothing to join.
        self._alone = bool(np.array_equal(self.request, np.arange(len(lengths))) and not spans[:, 0].any())
        self._total = np.zeros(self.shape, dtype=np.float32)
        np.add.at(self._total, (self.request[:, None], self.position), self.weight)

    def split(self, values: np.ndarray, pad: int) -> np.ndarray:
        """(B, S, ...) of the requests -> (N, L, ...) of the passages, `pad` where padded."""
        parts: np.ndarray = values[self.request[:, None], self.position]
        parts[self.padding] = pad
        return parts

    def join(self, logits: np.ndarray) -> np.ndarray:
        """(N, L, V) logits of the passages -> (B, S, V) of the requests; zeros past a request's length."""
        joined = np.zeros((*self.shape, logits.shape[-1]), dtype=np.float32)
        if self._alone:
            joined[:, : logits.shape[1]] = np.where(self.padding[..., None], 0.0, logits)
            return joined
        share = self.weight / np.maximum(self._total[self.request[:, None], self.position], 1e-9)
        np.add.at(joined, (self.request[:, None], self.position), logits * share[..., None])
        return joined
