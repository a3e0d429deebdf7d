# SPDX-License-Identifier: Apache-2.0
"""Facts about the RVQ and the transformers that a wrong architecture would break."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.convolutions import ResidualStack  # noqa: E402
from moclip.codecs.rvq import RVQ, Codebook  # noqa: E402
from moclip.generators.base.length import LengthConfig, LengthEstimator  # noqa: E402
from moclip.generators.base.token_clips import TokenBatch  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.train import residual_loss  # noqa: E402
from moclip.generators.momask.transformers import EncoderStack, MaskedTransformer, ResidualTransformer  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402

SMALL_RVQ = RVQConfig(features=20, joints=2, width=16, code_dim=16, codes=8, quantizers=3)
SMALL = TransformerConfig(codes=8, code_dim=16, quantizers=3, text_dim=12, width=24, layers=2, heads=3, feed_forward=32)


def parameter_count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_official_sizes_have_the_official_parameter_counts():
    assert round(parameter_count(RVQ(RVQConfig())) / 1e6, 2) == 19.44
    assert round(parameter_count(MaskedTransformer(TransformerConfig())) / 1e6, 2) == 12.05
    assert round(parameter_count(ResidualTransformer(TransformerConfig())) / 1e6, 2) == 13.36
    assert len(LengthEstimator(LengthConfig()).state_dict()) == 14


def test_dilations_shrink_in_encoder_and_decoder():
    dilations = [block.conv1.dilation[0] for block in ResidualStack(SMALL_RVQ).model]
    assert dilations == [9, 3, 1]


def test_four_frames_become_one_token_and_come_back():
    rvq = RVQ(SMALL_RVQ).eval()
    codes = rvq.encode(torch.randn(2, 24, 20))
    assert codes.shape == (2, 6, 3)
    assert rvq.decode(codes).shape == (2, 24, 20)


def test_code_minus_one_adds_nothing():
    rvq = RVQ(SMALL_RVQ).eval()
    for layer in rvq.quantizer.layers:
        layer.codebook.normal_()
    codes = torch.tensor([[[3, 5, -1], [1, -1, -1]]])
    books = [layer.codebook for layer in rvq.quantizer.layers]
    expected = torch.stack([books[0][3] + books[1][5], books[0][1]])[None]
    assert torch.allclose(rvq.quantizer.decode(codes), expected)


def test_loaded_codebook_survives_the_first_training_batch():
    book = Codebook(RVQConfig(code_dim=4, codes=6, sample_temperature=0.0)).train()
    book.codebook.copy_(torch.arange(24.0).view(6, 4))
    before = book.codebook.clone()
    book.start_from_codebook()
    book(before[None] + 0.01, torch.ones(1, 6, dtype=torch.bool))
    assert (book.codebook - before).abs().max() < 0.02


def test_padding_frames_never_reach_the_codebook():
    book = Codebook(RVQConfig(code_dim=2, codes=4, sample_temperature=0.0)).train()
    x = torch.cat([torch.rand(1, 5, 2), torch.full((1, 5, 2), 1000.0)], dim=1)
    valid = torch.arange(10)[None] < 5
    book(x, valid)
    assert book.codebook.max() < 2


@pytest.mark.parametrize("pre_norm", [False, True])
def test_encoder_equals_torchs_own_layer(pre_norm):
    config = TransformerConfig(width=32, layers=2, heads=4, feed_forward=48, pre_norm=pre_norm)
    ours = EncoderStack(config).eval()
    layer = torch.nn.TransformerEncoderLayer(32, 4, 48, 0.2, "gelu", batch_first=True, norm_first=pre_norm)
    theirs = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    theirs.load_state_dict(ours.state_dict())
    x, padding = torch.randn(2, 9, 32), torch.arange(9)[None] >= torch.tensor([[9], [6]])
    difference = (ours(x, ~padding[:, None, None]) - theirs(x, src_key_padding_mask=padding))[~padding]
    assert difference.abs().max() < 1e-5


def test_padding_changes_nothing():
    network = MaskedTransformer(SMALL).eval()
    ids, text = torch.randint(8, (1, 5)), torch.randn(1, 12)
    alone = network(ids, text, torch.zeros(1, 5, dtype=torch.bool))
    padded_ids = torch.cat([ids, torch.full((1, 4), network.pad_id)], dim=1)
    padded = network(padded_ids, text, torch.arange(9)[None] >= 5)
    assert torch.allclose(alone, padded[:, :5], atol=1e-5)


def test_residual_prediction_ignores_layers_at_or_above_its_own():
    network = ResidualTransformer(SMALL).eval()
    codes, text, padding = torch.randint(8, (1, 6, 2)), torch.randn(1, 12), torch.zeros(1, 6, dtype=torch.bool)
    other = codes.clone()
    other[..., 1] = (other[..., 1] + 1) % 8
    first, second = torch.tensor([1]), torch.tensor([2])
    assert torch.equal(network(codes, first, text, padding), network(other, first, text, padding))
    assert not torch.allclose(network(codes, second, text, padding), network(other, second, text, padding))


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_known_of_a_layer_is_read_and_what_is_learned_is_hidden(shared):
    config = TransformerConfig(**{**SMALL.to_dict(), "own_layer": True, "share_weight": shared})
    network = ResidualTransformer(config).eval()
    codes, text, padding = torch.randint(8, (2, 6, 3)), torch.randn(2, 12), torch.zeros(2, 6, dtype=torch.bool)
    other = codes.clone()
    other[..., 2] = (other[..., 2] + 1) % 8
    first, second = torch.tensor([1, 1]), torch.tensor([2, 2])
    assert torch.equal(network(codes, first, text, padding), network(other, first, text, padding))
    assert not torch.allclose(network(codes, second, text, padding), network(other, second, text, padding))
    seen = []

    class Spy(ResidualTransformer):
        def forward(self, codes, layer, text, padding):
            seen.append((codes.clone(), layer))
            return super().forward(codes, layer, text, padding)

    padding[1, 4:] = True
    for _ in range(20):
        residual_loss(Spy(config), TokenBatch(codes, padding, text))
    for shown, layer in seen:
        for row in range(2):
            own, true = shown[row, :, layer[row]], codes[row, :, layer[row]]
            assert bool(((own == true) | (own == network.pad_id)).all()) and bool((own == network.pad_id).any())
            assert torch.equal(shown[row, ~padding[row], : layer[row]], codes[row, ~padding[row], : layer[row]])
    assert any(bool((shown[0, :, layer[0]] == codes[0, :, layer[0]]).any()) for shown, layer in seen)


def test_residual_tables_are_shared_between_input_and_output():
    network = ResidualTransformer(SMALL)
    assert network.input_table(0).shape == network.output_table(2).shape == (9, 16)
    assert torch.equal(network.input_table(1), network.output_table(1))
    apart = ResidualTransformer(TransformerConfig(**{**SMALL.to_dict(), "share_weight": False}))
    assert not torch.equal(apart.input_table(1), apart.output_table(1))


@pytest.mark.parametrize("shared", [True, False])
def test_a_batch_in_one_layer_is_computed_as_rows_in_several_are(shared):
    network = ResidualTransformer(TransformerConfig(**{**SMALL.to_dict(), "share_weight": shared})).eval()
    codes, text, padding = torch.randint(9, (2, 6, 2)), torch.randn(2, 12), torch.zeros(2, 6, dtype=torch.bool)
    both = network(codes, torch.tensor([1, 2]), text, padding)
    for row, layer in enumerate((1, 2)):
        alone = network(codes, torch.full((2,), layer), text, padding)
        assert torch.allclose(both[row], alone[row], atol=1e-5)


def test_guidance_dropout_zeroes_whole_text_vectors_while_training_only():
    network = MaskedTransformer(TransformerConfig(**{**SMALL.to_dict(), "cond_drop": 0.5}))
    text = torch.ones(400, 12)
    dropped = network.train().drop_text(text)
    rows = dropped.sum(1)
    assert set(rows.tolist()) == {0.0, 12.0}
    assert 130 < (rows == 0).sum() < 270
    assert torch.equal(network.eval().drop_text(text), text)


def test_sinusoids_start_with_zeros_and_ones():
    table = sinusoids(3, 4)
    assert table[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert table[2, 0].item() == pytest.approx(np.sin(2.0))
    assert table[2, 2].item() == pytest.approx(np.sin(0.02))
