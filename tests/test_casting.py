# SPDX-License-Identifier: Apache-2.0
"""Takes that are judged before they are worked out, and guidance that costs nothing where it says nothing."""

from dataclasses import replace

import numpy as np
import pytest

from moclip.generators.base.generator import Watcher
from moclip.generators.base.passages import Draft, Passage, of_requests
from moclip.generators.momask.generator import MoMask
from moclip.generators.momask.sampling import MoMaskOptions

CODES, LAYERS, LENGTHS = 8, 3, np.array([9, 9, 6, 6])
RVQ = {"down_t": 2, "codes": CODES, "quantizers": LAYERS, "features": 263}
CONFIGS = {"rvq": RVQ, "residual": {"quantizers": LAYERS}}
OPTIONS = MoMaskOptions(top_share=1.0, casting_step=4)


class UnsureRuntime:
    """Logits that depend on each row alone; remembers how many rows each call had."""

    name, device = "unsure", "cpu"

    def __init__(self):
        self.rows = {"masked": [], "residual": []}

    def call(self, name, **inputs):
        shown = inputs["ids"] if name == "masked" else inputs["codes"].sum(axis=-1) + 7 * inputs["layer"][:, None]
        self.rows[name].append(len(shown))
        width = CODES if name == "masked" else CODES + 1
        phase = shown[..., None] + np.arange(shown.shape[1])[:, None] * np.arange(width) + inputs["text"][:, :1, None]
        return np.sin(phase).astype(np.float32) - 100 * (np.arange(width) == CODES).astype(np.float32)


def sampled(options: MoMaskOptions, choose=None, known=None):
    """Two requests of two takes each, the second in two passages; (codes, runtime)."""
    runtime = UnsureRuntime()
    texts = [np.full(4, value, dtype=np.float32) for value in (1, 2, 3)]
    spans = [(0, 0, 9, 0), (1, 0, 9, 0), (2, 0, 4, 1), (2, 2, 6, 2), (3, 0, 4, 1), (3, 2, 6, 2)]
    passages = [Passage(row, first, end, texts[text]) for row, first, end, text in spans]
    known = np.full((4, 9, LAYERS), -1) if known is None else known
    draft = Draft(passages, LENGTHS, [5, 6, 7, 8], known)
    generator = MoMask(runtime, CONFIGS, options)
    codes = generator.sample(draft, Watcher()) if choose is None else generator.sample_best(draft, choose, Watcher())
    return codes, runtime


@pytest.mark.parametrize("kept", [[0, 2], [1, 3], [1, 2]])
def test_the_take_that_goes_on_becomes_what_it_would_have_become_among_all(kept):
    known = np.full((4, 9, LAYERS), -1)
    known[:, :2] = 3
    everything, _ = sampled(OPTIONS, known=known)
    chosen, _ = sampled(OPTIONS, lambda codes: np.array(kept), known)
    assert chosen.tolist() == everything[kept].tolist()


def test_takes_are_judged_by_their_base_layer_and_one_alone_is_worked_out():
    seen = []

    def choose(codes):
        seen.append(codes.copy())
        return np.array([1, 2])

    _, runtime = sampled(OPTIONS, choose)
    assert len(seen) == 1 and seen[0].shape == (4, 9, LAYERS)
    assert (seen[0][:2, :, 0] >= 0).all() and (seen[0][..., 1:] == -1).all() and (seen[0][2:, 6:] == -1).all()
    # Six passages of four takes with guidance, but for the first step, whose scale is 1; then three of two.
    assert runtime.rows["masked"] == [6] + [12] * 3 + [6] * 6
    assert runtime.rows["residual"] == [6] * (LAYERS - 1)


def test_without_a_casting_step_finished_motions_are_judged():
    seen = []

    def choose(codes):
        seen.append(codes)
        return np.array([0, 3])

    codes, runtime = sampled(replace(OPTIONS, casting_step=0), choose)
    everything, _ = sampled(replace(OPTIONS, casting_step=0))
    assert seen[0].tolist() == everything.tolist() and codes.tolist() == everything[[0, 3]].tolist()
    assert set(runtime.rows["residual"]) == {12}


def test_the_first_steps_can_go_without_guidance():
    _, runtime = sampled(replace(OPTIONS, plain_steps=3))
    assert runtime.rows["masked"] == [6] * 3 + [12] * 7
    _, runtime = sampled(replace(OPTIONS, ramp_guidance=False, casting_step=0))
    assert runtime.rows["masked"] == [12] * 10


def test_passages_of_some_requests_are_numbered_anew():
    text = np.zeros(2)
    passages = [Passage(0, 0, 4, text), Passage(1, 0, 3, text), Passage(1, 2, 6, text), Passage(2, 0, 5, text)]
    assert [(p.request, p.first, p.end) for p in of_requests(passages, np.array([1, 2]))] == [
        (0, 0, 3),
        (0, 2, 6),
        (1, 0, 5),
    ]
