# SPDX-License-Identifier: Apache-2.0
"""MoMask (Guo et al., CVPR 2024) as a generator: masked transformer for the base layer, residual one for the others."""

from collections.abc import Sequence

import numpy as np

from moclip.generators.base.generator import Generator, Stage, Watcher
from moclip.generators.base.passages import Passage
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
        codec, options = self.codec, self.options
        rest = (passages, lengths, seeds)
        base = sample_base(self.runtime, codec.codes, *rest, options, watcher, known[..., 0])
        shape = (codec.codes, codec.layers)
        return sample_residual(self.runtime, shape, base, *rest, options.residual, watcher, known)


GENERATOR = MoMask
