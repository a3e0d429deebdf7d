# SPDX-License-Identifier: Apache-2.0
"""What of the released generators' training is a setting: their schedules, mask counts, smoothing, codebook resets."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="recipes know the text tower")

import torch.nn.functional as F  # noqa: E402

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.rvq import RVQ, Codebook  # noqa: E402
from moclip.generators.base.token_clips import TokenBatch  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.train import masked_loss, residual_loss  # noqa: E402
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer  # noqa: E402
from moclip.recipes.recipe import load_recipe, network_settings  # noqa: E402
from moclip.training.run import Schedule  # noqa: E402

SIZES = TransformerConfig(
    codes=20, code_dim=8, quantizers=3, text_dim=12, width=16, layers=1, heads=2, feed_forward=16, dropout=0.0
)


def test_rates_fall_at_their_milestones_behind_the_warm_up():
    schedule = Schedule(300_000, 2e-4, warmup=2000, milestones=(152_000, 252_000), factor=0.05)
    assert schedule.rate(0) == pytest.approx(2e-4 / 2001) and schedule.rate(999) == pytest.approx(2e-4 * 1000 / 2001)
    assert schedule.rate(2000) == schedule.rate(151_999) == pytest.approx(2e-4)
    assert schedule.rate(152_000) == pytest.approx(1e-5) and schedule.rate(252_000) == pytest.approx(5e-7)
    assert Schedule(10, 1e-3, warmup=0, milestones=(5,)).rate(0) == 1e-3


@pytest.mark.parametrize(("name", "network", "rates"), [
    ("official", "masked", {0: 2e-4 / 2001, 2000: 2e-4, 50_000: 2e-5}),
    ("official", "residual", {49_999: 2e-4, 50_000: 2e-5}),
    ("official", "rvq", {151_999: 2e-4, 152_000: 1e-5, 252_000: 5e-7}),
    ("official-bamm", "bamm", {50_000: 2e-5, 80_000: 2e-6}),
    ("official-bad", "bad", {0: 2e-4, 150_000: 1e-5}),
    ("official-bad", "rvq", {999: 2e-4 * 1000 / 1001, 201_000: 1e-5}),
])  # fmt: skip
def test_official_recipes_have_the_released_schedules_and_sizes(name, network, rates):
    recipe = load_recipe(Path(name))
    part, sizes = network_settings(recipe, network)
    for step, rate in rates.items():
        assert part.schedule.rate(step) == pytest.approx(rate)
    assert sizes.codes == (8192 if name == "official-bad" else 512)
    if network == "rvq":
        assert (part.loss.positions, part.loss.commitment, part.loss.hands, part.loss.speed) == (0.5, 0.02, 1.0, 0.0)
    if network == "bad":
        assert part.schedule.betas == (0.5, 0.9)
    if network == "masked":
        assert (sizes.width, sizes.layers, sizes.heads, sizes.label_smoothing, sizes.mask_counts) == (
            384, 8, 6, 0.0, "slots",
        )  # fmt: skip


def batch(tokens: int, rows: int = 200) -> TokenBatch:
    torch.manual_seed(1)
    codes = torch.randint(20, (rows, tokens, 3))
    return TokenBatch(codes, torch.zeros(rows, tokens, dtype=torch.bool), torch.randn(rows, 12))


def shown_masked(sizes: TransformerConfig, monkeypatch) -> torch.Tensor:
    """(B,) how many tokens of each sample count, in a batch whose ratio is a half everywhere."""
    network, counted = MaskedTransformer(sizes).train(), []
    own = batch(10)

    def forward(ids, text, padding):
        return torch.zeros(*ids.shape, 20, requires_grad=True)

    monkeypatch.setattr(network, "forward", forward)
    # cos(pi / 3) is a half; what else is drawn stays random.
    rand = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *shape: torch.full((200,), 2 / 3) if shape == (200,) else rand(*shape))
    entropy = F.cross_entropy

    def seen(logits, target, **told):
        counted.append(len(target))
        return entropy(logits, target, **told)

    monkeypatch.setattr(F, "cross_entropy", seen)
    masked_loss(network, own)
    return torch.tensor(counted[0] / 200)


def test_masks_are_counted_by_a_motions_own_tokens_or_by_all_slots(monkeypatch):
    assert shown_masked(SIZES, monkeypatch) == 5.0
    # round(24.5) = 24 of 49 slots, of which a motion of ten tokens has 24 / 49 of its own on the average.
    assert shown_masked(replace(SIZES, mask_counts="slots"), monkeypatch) == pytest.approx(10 * 24 / 49, abs=0.4)


@pytest.mark.parametrize(("network", "loss"), [(MaskedTransformer, masked_loss), (ResidualTransformer, residual_loss)])
def test_targets_are_smoothed_as_the_configuration_says(network, loss, monkeypatch):
    told = []
    monkeypatch.setattr(
        F, "cross_entropy", lambda logits, target, label_smoothing: told.append(label_smoothing) or logits.sum()
    )
    for smoothing in (0.05, 0.0):
        loss(network(replace(SIZES, label_smoothing=smoothing)).train(), batch(6, 4))
    loss(network(SIZES).eval(), batch(6, 4))
    assert told == [0.05, 0.0, 0.0]


def test_released_resets_put_rare_codes_on_the_first_vectors_and_leave_the_average():
    book = Codebook(RVQConfig(code_dim=2, codes=3, codebook_reset="first")).train()
    book.codebook.copy_(torch.tensor([[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]]))
    book.start_from_codebook()
    vectors = torch.tensor([[0.1, 0.0], [0.0, 0.2], [4.0, 5.0], [5.0, 4.0]])
    book.update(vectors, torch.tensor([0, 0, 1, 1]))
    # Counts: .99 + .01 * 2 for two of them, .99 for the third, which is less than one.
    assert torch.allclose(book.code_count, torch.tensor([1.01, 1.01, 0.99]))
    assert torch.allclose(book.codebook[0], (0.99 * torch.zeros(2) + 0.01 * torch.tensor([0.1, 0.2])) / 1.01)
    assert torch.equal(book.codebook[2], vectors[2]) and torch.allclose(book.code_sum[2], torch.full((2,), 0.99 * 9))


def test_released_codebooks_begin_on_the_first_vectors_of_the_first_batch():
    network = RVQ(RVQConfig(features=263, width=8, code_dim=4, codes=6, quantizers=1, codebook_reset="first")).train()
    book = network.quantizer.layers[0]
    vectors = torch.randn(1, 8, 4)
    drawn = book._fresh_codes(vectors[0])
    assert torch.equal(drawn, vectors[0, :6])
    assert book._fresh_codes(vectors[0, :2]).shape == (6, 4) and math.isfinite(float(drawn.sum()))
