# SPDX-License-Identifier: Apache-2.0
"""What is sampled for a request: how many frames, by which text each token, and which codes are given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moclip.passages import Passage, passages_of, with_context

SHORTEST_TOKENS = 5


@dataclass(frozen=True)
class LinePlan:
    """A prompt of a request. frames: how long it lasts. texts: (K, D) vectors of its clauses. lengths: (K,) their
    predicted lengths in tokens. whole: (D,) its vector as a sentence."""

    frames: int
    texts: np.ndarray
    lengths: np.ndarray
    whole: np.ndarray


def plan_line(
    seconds: float | None,
    texts: np.ndarray,
    lengths: np.ndarray,
    whole: np.ndarray,
    fps: float,
    longest: int,
    stride: int,
) -> LinePlan:
    """seconds: None for as long as the clauses are predicted to be, `longest` tokens at the most."""
    natural = min(int(lengths.sum()), longest) * stride
    return LinePlan(natural if seconds is None else round(seconds * fps), texts, lengths, whole)


@dataclass(frozen=True)
class Plan:
    """frames: new ones, to keep. passages: with `request` as their row. known: (S, Q) codes, -1 where sampled.

    first, end: the tokens to sample, between given ones.
    """

    frames: int
    passages: list[Passage]
    known: np.ndarray
    first: int
    end: int


def plan_request(row: int, lines: Sequence[LinePlan], stride: int, before: np.ndarray, after: np.ndarray) -> Plan:
    """before, after: (P, Q) and (A, Q) given codes, of no rows where there are none.

    New frames are rounded up to whole tokens, to be trimmed afterwards. The clauses of a line share it by the lengths
    predicted for them; a line too short for all of its clauses follows the sentence as a whole.
    """
    frames = np.cumsum([line.frames for line in lines])
    ends = np.round(frames / stride).astype(int)
    ends[-1] = -(-frames[-1] // stride)
    texts, tokens = [], []
    for line, count in zip(lines, np.diff(ends, prepend=0), strict=True):
        own, shares = _share(line, int(count))
        texts.append(own)
        tokens += shares
    first, end = len(before), len(before) + int(ends[-1])
    passages = passages_of(row, np.concatenate(texts), tokens)
    if len(before) or len(after):
        passages = with_context(passages, len(before), len(after))
    known = np.concatenate([before, np.full((int(ends[-1]), before.shape[1]), -1), after])
    return Plan(int(frames[-1]), passages, known, first, end)


def _share(line: LinePlan, tokens: int) -> tuple[np.ndarray, list[int]]:
    texts, lengths = line.texts, line.lengths
    spare = tokens - SHORTEST_TOKENS * len(texts)
    if spare < 0:
        texts, lengths, spare = line.whole[None], lengths[:1], tokens - SHORTEST_TOKENS
    ends = np.round(np.cumsum(SHORTEST_TOKENS + spare * lengths / lengths.sum())).astype(int)
    return texts, np.diff(ends, prepend=0).tolist()
