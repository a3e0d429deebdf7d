# SPDX-License-Identifier: Apache-2.0
"""BAMM (Pinyoanuntapong et al., ECCV 2024) as a generator: it tells itself when a motion is over.

The base layer comes from left to right, then in sight of what is given; MoMask's residual transformer adds the rest.
"""

from collections.abc import Sequence

import numpy as np

from moclip.generators.bamm.options import BammOptions
from moclip.generators.bamm.sampling import sample_base, sample_lengths
from moclip.generators.bamm.sequences import Model
from moclip.generators.base.generator import Generator, Stage, Watcher
from moclip.generators.base.passages import Draft, Passage
from moclip.generators.base.runtime import Call
from moclip.generators.momask.sampling import ResidualShape, sample_residual


class Bamm(Generator):
    NAME = "bamm"
    TITLE = "BAMM"
    NETWORKS = ("bamm", "residual")
    CODEC = "rvq"
    CALLS = {
        "bamm": Call("bamm", optional=True),
        "bamm_prefill": Call("bamm", "prefill"),
        "bamm_step": Call("bamm", "step"),
        "residual": Call("residual"),
    }
    STAGES = (Stage("bamm", 0.7, "going through the motion"), Stage("residual", 0.1, "adding detail"))
    OPTIONS = BammOptions
    TELLS_LENGTHS = True

    @property
    def _model(self) -> Model:
        return Model(self.runtime, self.codec.codes)

    def lengths(
        self, passages: Sequence[Passage], seeds: Sequence[int], span: tuple[int, int], watcher: Watcher
    ) -> np.ndarray:
        text = np.stack([p.text for p in passages])
        return np.clip(sample_lengths(self._model, text, seeds, self.options, watcher), *span)

    def sample(self, draft: Draft, watcher: Watcher) -> np.ndarray:
        base = sample_base(self._model, *draft.asked, self.options, watcher, known=draft.known[..., 0])
        shape = ResidualShape.of(self.codec.codes, self.configs["residual"])
        return sample_residual(self.runtime, shape, base, *draft.asked, self.options.residual, watcher, draft.known)


GENERATOR = Bamm
