# SPDX-License-Identifier: Apache-2.0
"""BAD (Hosseyni et al., 2024) as a generator: one code a token, decided in any order."""

from collections.abc import Sequence

import numpy as np

from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.sampling import BadOptions, sample
from moclip.generators.base.generator import Generator, Stage, Watcher
from moclip.generators.base.passages import Draft, Passage
from moclip.generators.base.runtime import Call
from moclip.generators.base.turns import sample_in_turns
from moclip.nn.config import sizes


class Bad(Generator):
    NAME = "bad"
    TITLE = "BAD"
    NETWORKS = ("bad",)
    CODEC = "vq"
    # ids (B, S), mask (B, C + S, C + S), text (B, D), words (B, L, W) -> logits (B, S, codes)
    CALLS = {"bad": Call("bad")}
    STAGES = (Stage("bad", 0.8, "deciding the motion"),)
    OPTIONS = BadOptions
    READS_WORDS = True

    def sample(self, draft: Draft, watcher: Watcher) -> np.ndarray:
        config = BadConfig.from_dict(sizes(self.configs["bad"]))

        def rows(parts: Sequence[Passage], tokens: np.ndarray, drawn: Sequence[int], given: np.ndarray) -> np.ndarray:
            text, words = np.stack([p.text for p in parts]), np.stack([p.words for p in parts if p.words is not None])
            codes = sample(self.runtime, config, text, words, tokens, drawn, self.options, watcher, given[..., 0])
            return codes[..., None]

        codes = sample_in_turns(draft.passages, draft.seeds, draft.known, config.most_tokens, rows)
        return np.where(np.arange(codes.shape[1])[None, :, None] < draft.lengths[:, None, None], codes, -1)


GENERATOR = Bad
