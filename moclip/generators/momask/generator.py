# SPDX-License-Identifier: Apache-2.0
"""MoMask (Guo et al., CVPR 2024) as a generator: masked transformer for the base layer, residual one for the others."""

from dataclasses import replace

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

        def cast(tokens: np.ndarray) -> np.ndarray:
            nonlocal chosen
            chosen = choose(self._with_base(draft.known, tokens))
            return chosen

        tokens = self._base(draft, watcher, cast)
        return self._refined(tokens, draft.of(chosen), watcher)

    @property
    def _layers(self) -> int:
        """Layers of the codec that the masked transformer draws, each code a token of its."""
        return int(self.configs["masked"].get("base_layers", 1))

    def _base(self, draft: Draft, watcher: Watcher, choose: Choose | None = None) -> np.ndarray:
        """(B, longest) tokens of the masked transformer."""
        count = self._layers
        passages = [replace(p, first=p.first * count, end=p.end * count) for p in draft.passages]
        known = draft.known[..., :count].reshape(len(draft.known), -1)
        asked = (passages, draft.lengths * count, draft.seeds, self.options, watcher)
        return sample_base(self.runtime, self.codec.codes, *asked, known, choose)

    def _refined(self, tokens: np.ndarray, draft: Draft, watcher: Watcher) -> np.ndarray:
        known = self._with_base(draft.known, tokens)
        shape = ResidualShape.of(self.codec.codes, self.configs["residual"])
        drawing = self.options.residual
        return sample_residual(self.runtime, shape, known[..., 0], *draft.asked, drawing, watcher, known)

    def _with_base(self, known: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """(B, S, layers) known codes, those of the base among them as they are drawn."""
        base, codes = tokens.reshape(*known.shape[:2], self._layers), known.copy()
        codes[..., : self._layers] = np.where(base >= 0, base, known[..., : self._layers])
        return codes


GENERATOR = MoMask
