# SPDX-License-Identifier: Apache-2.0
"""What is sampled for a request: how many frames, by which text each token, and which codes are given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.generators.base.passages import Asks, Passage, passages_of, with_context

SHORTEST_FRAMES = 20
"""Of a clause, and of a motion whose length nobody says."""
TAIL_FRAMES = 20
"""What is ongoing calms down towards its end, as recordings of it do; so much is sampled beyond what is asked for."""
_SHARE_OF_WINDOW = 0.63
"""The shortest passages that dances keep their energy in, where several share a motion, as a share of the window."""


def shortest_tokens(stride: int) -> int:
    """Of a clause, at so many frames a token."""
    return -(-SHORTEST_FRAMES // stride)


@dataclass(frozen=True)
class TextStates:
    """What a text tower makes of a text: its vector (D,), and words (L, W) for generators that attend to them.

    asks: what it asks for.
    """

    vector: np.ndarray
    words: np.ndarray | None = None
    asks: Asks = Asks()


@dataclass(frozen=True)
class LinePlan:
    """A prompt of a request. frames: how long it lasts. texts: of its K clauses. lengths: (K,) their predicted lengths
    in tokens. ongoing: (K,) whether they have no end of their own. whole: as a sentence."""

    frames: int
    texts: Sequence[TextStates]
    lengths: np.ndarray
    ongoing: np.ndarray
    whole: TextStates


def plan_line(
    seconds: float | None,
    texts: Sequence[TextStates],
    lengths: np.ndarray,
    ongoing: np.ndarray,
    whole: TextStates,
    fps: float,
    longest: int,
    stride: int,
) -> LinePlan:
    """seconds: None for as long as the clauses are predicted to be, `longest` tokens at the most."""
    natural = min(int(lengths.sum()), longest) * stride
    return LinePlan(natural if seconds is None else round(seconds * fps), texts, lengths, ongoing, whole)


@dataclass(frozen=True)
class Plan:
    """frames: new ones, to keep. passages: with `request` as their row. known: (S, Q) codes, -1 where sampled.

    first, end: the tokens to sample, between given ones; of an activity without an end they may be more than the frames
    need. ongoing: there is such an activity in it, and it is bounded by a window. spans: of each line, the tokens
    first..end-1 of its clauses, counted from the first new one.
    """

    frames: int
    passages: list[Passage]
    known: np.ndarray
    first: int
    end: int
    ongoing: bool
    spans: tuple[tuple[tuple[int, int], ...], ...]


def numbered(plan: Plan, row: int) -> Plan:
    """The same plan as another row of what is sampled."""
    return replace(plan, passages=[replace(passage, request=row) for passage in plan.passages])


def plan_request(
    row: int, lines: Sequence[LinePlan], stride: int, window: int, before: np.ndarray, after: np.ndarray
) -> Plan:
    """before, after: (P, Q) and (A, Q) given codes, of no rows where there are none.

    New frames are rounded up to whole tokens, to be trimmed afterwards. The clauses of a line share it by the lengths
    predicted for them; a line too short for all of its clauses follows the sentence as a whole. What is ongoing is
    sampled in passages of at most `window` tokens (0: in one), and where it ends the request it is cut from a longer
    piece.
    """
    frames = np.cumsum([line.frames for line in lines])
    ends = np.round(frames / stride).astype(int)
    ends[-1] = -(-frames[-1] // stride)
    shortest, tail = shortest_tokens(stride), -(-TAIL_FRAMES // stride)
    shared = [_share(line, int(n), shortest) for line, n in zip(lines, np.diff(ends, prepend=0), strict=True)]
    spans = tuple(_spans(own, int(end)) for own, end in zip(shared, ends, strict=True))
    clauses = [clause for own in shared for clause in own]
    if not len(after):
        clauses[-1] = clauses[-1].with_tail(tail, window)
    parts = [part for clause in clauses for part in clause.parts(window)]
    texts = [part.text for part in parts]
    passages = passages_of(row, [t.vector for t in texts], [part.tokens for part in parts])
    passages = [
        replace(p, words=t.words, asks=t.asks) for p, t in zip(passages, texts, strict=True)
    ]  # fmt: skip
    if len(before) or len(after):
        passages = with_context(passages, len(before), len(after))
    count = sum(clause.tokens for clause in clauses)
    known = np.concatenate([before, np.full((count, before.shape[1]), -1), after])
    endless = window > 0 and any(clause.ongoing for clause in clauses)
    return Plan(int(frames[-1]), passages, known, len(before), len(before) + count, endless, spans)


@dataclass(frozen=True)
class _Clause:
    text: TextStates
    tokens: int
    ongoing: bool

    def parts(self, window: int) -> list["_Clause"]:
        """What is ongoing in equal parts of at most `window` tokens."""
        count = -(-self.tokens // window) if self.ongoing and window > 0 else 1
        ends = np.round(np.arange(1, count + 1) * self.tokens / count).astype(int)
        return [replace(self, tokens=int(tokens)) for tokens in np.diff(ends, prepend=0)]

    def with_tail(self, tail: int, window: int) -> "_Clause":
        """What is ongoing with `tail` tokens to cut off again, so many that its parts are not too short either."""
        if not self.ongoing or window <= 0:
            return self
        wanted = self.tokens + tail
        count = -(-wanted // window)
        return replace(self, tokens=max(wanted, window if count == 1 else round(_SHARE_OF_WINDOW * window) * count))


def _spans(clauses: Sequence[_Clause], end: int) -> tuple[tuple[int, int], ...]:
    """Of clauses one after the other, the last of which ends at token `end`."""
    ends = end - sum(clause.tokens for clause in clauses) + np.cumsum([clause.tokens for clause in clauses])
    return tuple((int(e) - clause.tokens, int(e)) for clause, e in zip(clauses, ends, strict=True))


def _share(line: LinePlan, tokens: int, shortest: int) -> list[_Clause]:
    texts, lengths, ongoing = line.texts, line.lengths, line.ongoing
    spare = tokens - shortest * len(texts)
    if spare < 0:
        texts, lengths, ongoing = [line.whole], lengths[:1], np.array([False])
        spare = tokens - shortest
    ends = np.round(np.cumsum(shortest + spare * lengths / lengths.sum())).astype(int)
    return [_Clause(*clause) for clause in zip(texts, np.diff(ends, prepend=0).tolist(), ongoing.tolist(), strict=True)]
