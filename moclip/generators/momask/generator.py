# SPDX-License-Identifier: Apache-2.0
"""MoMask (Guo et al., CVPR 2024) as a generator: masked transformer for the base layer, residual one for the others."""

from collections.abc import Sequence

import numpy as np

from moclip.generators.base.generator import Choose, Generator, Stage, Watcher
from moclip.generators.base.passages import Passage, of_requests
from moclip.generators.base.runtime import Call
from moclip.generators.momask.sampling import MoMaskOptions, sample_base, sample_residual


class MoMask(Generator):
    NAME = "momask"
    TITLE = "MoMask"
    NETWORKS = ("masked", "residual")
    CODEC = "rvq"
    # ids (B, S), text (B, D), padding (B, S) -> logits (B, S, codes); codes (B, S, layers - 1), layer (B,), text,
    # padding -> logits (B, S, codes + 1).
    CALLS = {"masked": Call("masked"), "residual": Call("residual")}
    STAGES = (Stage("masked", 0.6, "sketching the motion"), Stage("residual", 0.2, "adding detail"))
    OPTIONS = MoMaskOptions

    def sample(
        self,
        passages: Sequence[Passage],
        lengths: np.ndarray,
        seeds: Sequence[int],
        known: np.ndarray,
        watcher: Watcher,
    ) -> np.ndarray:
        base = self._base(passages, lengths, seeds, known, watcher)
        return self._refined(base, passages, lengths, seeds, known, watcher)

    def sample_best(
        self,
        passages: Sequence[Passage],
        lengths: np.ndarray,
        seeds: Sequence[int],
        known: np.ndarray,
        choose: Choose,
        watcher: Watcher,
    ) -> np.ndarray:
        if self.options.casting_step == 0:
            return super().sample_best(passages, lengths, seeds, known, choose, watcher)
        chosen = np.arange(len(lengths))

        def cast(base: np.ndarray) -> np.ndarray:
            nonlocal chosen
            chosen = choose(np.where(known >= 0, known, _base_alone(base, known.shape)))
            return chosen

        base = self._base(passages, lengths, seeds, known, watcher, cast)
        kept = (of_requests(passages, chosen), lengths[chosen], [seeds[row] for row in chosen], known[chosen])
        return self._refined(base, *kept, watcher)

    def _base(
        self,
        passages: Sequence[Passage],
        lengths: np.ndarray,
        seeds: Sequence[int],
        known: np.ndarray,
        watcher: Watcher,
        choose: Choose | None = None,
    ) -> np.ndarray:
        rest = (passages, lengths, seeds, self.options, watcher)
        return sample_base(self.runtime, self.codec.codes, *rest, known[..., 0], choose)

    def _refined(
        self,
        base: np.ndarray,
        passages: Sequence[Passage],
        lengths: np.ndarray,
        seeds: Sequence[int],
        known: np.ndarray,
        watcher: Watcher,
    ) -> np.ndarray:
        shape, drawing = (self.codec.codes, self.codec.layers), self.options.residual
        return sample_residual(self.runtime, shape, base, passages, lengths, seeds, drawing, watcher, known)


def _base_alone(base: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(B, S) codes of the base layer as (B, S, layers), the others left out."""
    codes = np.full(shape, -1, dtype=np.int64)
    codes[..., 0] = base
    return codes


GENERATOR = MoMask
