# SPDX-License-Identifier: Apache-2.0
"""Passages sampled one after the other, for generators that go on from codes that are given.

MoMask's logits are joined where passages overlap, at every step; where steps are not alike in two passages of unlike
length, the later one begins in sight of the last codes of the one before it instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from moclip.generators.base.passages import OVERLAP, Passage

_TURN = 1 << 80
"""Seeds of takes are smaller (`moclip.generate.takes`), so no passage has another's noise."""

SampleRows = Callable[[Sequence[Passage], np.ndarray, Sequence[int], np.ndarray], np.ndarray]
"""Passages, one a row and each from token 0, lengths (R,), seeds and known codes (R, S, layers) -> codes."""


def sample_in_turns(
    passages: Sequence[Passage], seeds: Sequence[int], known: np.ndarray, most: int, sample: SampleRows
) -> np.ndarray:
    """Codes (B, S, layers) of requests whose first passages are sampled together, then their second ones, and so on.

    passages, seeds, known: as a `Draft` has them. most: tokens that a row may have.
    """
    codes = known.copy()
    own: list[list[Passage]] = [[] for _ in seeds]
    for passage in passages:
        own[passage.request].append(passage)
    for turn in range(max(len(listed) for listed in own)):
        rows = [_own_part(listed, turn, known, most) for listed in own if len(listed) > turn]
        lengths = np.array([row.end - row.first for row in rows])
        given = np.full((len(rows), int(lengths.max()), known.shape[2]), -1, dtype=np.int64)
        for k, row in enumerate(rows):
            given[k, : lengths[k]] = codes[row.request, row.first : row.end]
        drawn = [seeds[row.request] + turn * _TURN for row in rows]
        made = sample([replace(row, first=0, end=row.end - row.first) for row in rows], lengths, drawn, given)
        for k, row in enumerate(rows):
            codes[row.request, row.first : row.end] = made[k, : lengths[k]]
    return codes


def _own_part(listed: Sequence[Passage], turn: int, known: np.ndarray, most: int) -> Passage:
    """A passage up to where the next one's own tokens begin; of given ones in its sight no more than there is room."""
    passage = listed[turn]
    if turn + 1 < len(listed):
        passage = replace(passage, end=listed[turn + 1].first + OVERLAP)
    wanted = np.flatnonzero(known[passage.request, passage.first : passage.end, 0] < 0) + passage.first
    if turn:
        wanted = wanted[wanted >= passage.first + OVERLAP]
    last = int(wanted[-1]) + 1 if len(wanted) else passage.end
    first = max(passage.first, last - most)
    return replace(passage, first=first, end=min(passage.end, first + most))
