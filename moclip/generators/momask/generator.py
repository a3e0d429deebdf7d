# SPDX-License-Identifier: Apache-2.0
"""MoMask (Guo et al., CVPR 2024) as a generator: masked transformer for the base layer, residual one for the others."""

import numpy as np

from moclip.generators.base.generator import Choose, Generator, Stage, Watcher
from moclip.generators.base.passages import Draft
from moclip.generators.base.runtime import Call
from moclip.generators.momask.sampling import MoMaskOptions, ResidualShape, sample_base, sample_residual


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

    def sample(self, draft: Draft, watcher: Watcher) -> np.ndarray:
        return self._refined(self._base(draft, watcher), draft, watcher)

    def sample_best(self, draft: Draft, choose: Choose, watcher: Watcher) -> np.ndarray:
        if self.options.casting_step == 0:
            return super().sample_best(draft, choose, watcher)
        chosen = np.arange(len(draft.lengths))

        def cast(base: np.ndarray) -> np.ndarray:
            nonlocal chosen
            chosen = choose(np.where(draft.known >= 0, draft.known, _base_alone(base, draft.known.shape)))
            return chosen

        base = self._base(draft, watcher, cast)
        return self._refined(base, draft.of(chosen), watcher)

    def _base(self, draft: Draft, watcher: Watcher, choose: Choose | None = None) -> np.ndarray:
        asked = (*draft.asked, self.options, watcher)
        return sample_base(self.runtime, self.codec.codes, *asked, draft.known[..., 0], choose)

    def _refined(self, base: np.ndarray, draft: Draft, watcher: Watcher) -> np.ndarray:
        shape = ResidualShape.of(self.codec.codes, self.configs["residual"])
        return sample_residual(self.runtime, shape, base, *draft.asked, self.options.residual, watcher, draft.known)


def _base_alone(base: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(B, S) codes of the base layer as (B, S, layers), the others left out."""
    codes = np.full(shape, -1, dtype=np.int64)
    codes[..., 0] = base
    return codes


GENERATOR = MoMask
