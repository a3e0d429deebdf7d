# SPDX-License-Identifier: Apache-2.0
"""BAD's transformer and VQ-VAE: names, shapes, and numbers of an implementation that shares nothing with them."""

import io
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch")

from bad_reference import attention_mask, logits_of, positions  # noqa: E402

from moclip.codecs.config import VqConfig  # noqa: E402
from moclip.codecs.vq import VQ  # noqa: E402
from moclip.generators.bad.config import BadConfig  # noqa: E402
from moclip.generators.bad.network import BadTransformer  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402

SMALL = BadConfig(
    codes=12, code_dim=8, width=32, heads=2, feed_forward=48, cross_layers=2, layers=2, head_layers=2, text_dim=10,
    word_dim=14,
)  # fmt: skip
SMALL_VQ = VqConfig(features=20, joints=2, width=16, code_dim=8, codes=12)


def shared(name: str):
    folder = os.environ.get("MOCLIP_SHARED")
    if not folder:
        pytest.skip("MOCLIP_SHARED names no folder with the list of official tensors")
    return json.loads((Path(folder) / "reference" / name).read_text(encoding="utf-8"))


def made(config: BadConfig = SMALL, seed: int = 0) -> BadTransformer:
    torch.manual_seed(seed)
    network = BadTransformer(config).eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            # Untrained logits are all but equal, and untrained biases nothing.
            tensor.add_(0.15 * torch.randn_like(tensor))
    return network


def inputs(config: BadConfig, lengths=(7, 12), slots: int = 50, seed: int = 0):
    """Half-masked motions: ids, masks, text, words."""
    rng = np.random.default_rng(seed)
    ids, masks = np.full((len(lengths), slots), config.codes + 1), []
    for row, length in enumerate(lengths):
        masked, order = np.zeros(slots, dtype=bool), np.arange(slots)
        masked[:length], order[:length] = rng.random(length) < 0.5, rng.permutation(length)
        ids[row, :length] = np.where(masked, config.codes + 2 + order, rng.integers(config.codes, size=slots))[:length]
        ids[row, length] = config.codes
        masks.append(attention_mask(masked, order, length, slots, 2 if config.time_cond else 1))
    text = rng.standard_normal((len(lengths), config.text_dim)).astype(np.float32)
    words = rng.standard_normal((len(lengths), 77, config.word_dim)).astype(np.float32)
    return tuple(torch.from_numpy(np.asarray(x)) for x in (ids, masks, text, words))


@pytest.mark.parametrize("key, time_cond", [("trans_t2m", True), ("trans_t2m_notime", False)])
def test_names_and_shapes_are_the_official_ones(key, time_cond):
    official = {name: tuple(shape) for name, shape in shared("checkpoint_keys_bad.json")[key].items()}
    with torch.device("meta"):
        network = BadTransformer(BadConfig(time_cond=time_cond))
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert own.items() <= official.items()
    unused = {"trans_base.pos_embedding.weight", "trans_base.pos_embed.embed"}
    unused |= {f"trans_base.cross_att.{layer}.attn.mask" for layer in (0, 1)}
    of_vq = {name for name in official if name.startswith("trans_base.vqvae.") and not name.endswith(".codebook")}
    assert official.keys() - own.keys() == unused | of_vq
    assert not time_cond or (len(official), len(of_vq)) == (381, 66)


def test_official_size():
    with torch.device("meta"):
        network, vq = BadTransformer(BadConfig()), VQ(VqConfig())
    # 238.89 million with a table of 52 positions that nothing reads.
    assert sum(p.numel() for p in network.parameters()) == 238_891_648 - 52 * 1024
    assert round(sum(p.numel() for p in vq.parameters()) / 1e6, 2) == 17.96


@pytest.mark.parametrize("key, features", [("vq_t2m", 263), ("vq_kit", 251)])
def test_names_and_shapes_of_the_vq_are_the_official_ones(key, features):
    official = {name: tuple(shape) for name, shape in shared("checkpoint_keys_bad.json")[key].items()}
    with torch.device("meta"):
        own = {name: tuple(t.shape) for name, t in VQ(VqConfig(features=features)).state_dict().items()}
    assert len(official) == 67
    assert own == {**official, "mean": (features,), "std": (features,)}


@pytest.mark.parametrize("time_cond", [True, False])
@torch.no_grad()
def test_logits_are_those_of_the_plainest_implementation(time_cond):
    config = BadConfig(**{**SMALL.to_dict(), "time_cond": time_cond})
    network = made(config)
    ids, masks, text, words = inputs(config)
    logits = network(ids, masks, text, words)
    assert logits.shape == (2, 50, 12)
    for row in range(2):
        expected = logits_of(network.state_dict(), 2, ids[row], masks[row], text[row], words[row])
        torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-4)
        assert expected.std() > 0.1


def test_positions_are_sine_and_cosine():
    torch.testing.assert_close(sinusoids(52, 32), positions(52, 32), atol=1e-5, rtol=0)


@torch.no_grad()
def test_fewer_slots_give_the_same_logits():
    network = made()
    ids, masks, text, words = inputs(SMALL)
    few = network(ids[:, :13], masks[:, :15, :15], text, words)
    torch.testing.assert_close(few, network(ids, masks, text, words)[:, :13], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_changes_no_logit_unless_it_counts_as_masked():
    network = made()
    ids, masks, text, words = inputs(SMALL, lengths=(7,))
    before = network(ids, masks, text, words)[:, :8]
    other, counted = ids.clone(), ids.clone()
    other[0, 20], counted[0, 20] = 3, 12 + 2 + 5
    torch.testing.assert_close(network(other, masks, text, words)[:, :8], before, atol=1e-6, rtol=0)
    assert (network(counted, masks, text, words)[:, :8] - before).abs().max() > 1e-3


@torch.no_grad()
def test_shut_columns_are_not_seen_and_open_ones_are():
    network = made(BadConfig(**{**SMALL.to_dict(), "layers": 1, "head_layers": 0, "time_cond": False}))
    ids, masks, text, words = inputs(network.config, lengths=(7,))
    masks[:, :, 1 + 3] = False
    other = ids.clone()
    other[0, 3] = (ids[0, 3] + 1) % 12
    before, after = network(ids, masks, text, words), network(other, masks, text, words)
    rest = [0, 1, 2, 4, 5, 6, 7]
    torch.testing.assert_close(before[0, rest], after[0, rest], atol=1e-6, rtol=0)
    masks[:, 1 + 5, 1 + 3] = True
    before, after = network(ids, masks, text, words), network(other, masks, text, words)
    assert (before[0, 5] - after[0, 5]).abs().max() > 1e-4
    torch.testing.assert_close(before[0, 4], after[0, 4], atol=1e-6, rtol=0)


def test_text_dropout_is_off_unless_asked_for():
    text, words = torch.ones(400, 10), torch.ones(400, 3, 14)
    plain = BadTransformer(SMALL).train()
    assert all(a is b for a, b in zip(plain.drop_text(text, words), (text, words), strict=True))
    dropped = BadTransformer(BadConfig(**{**SMALL.to_dict(), "cond_drop": 0.5})).train().drop_text(text, words)
    gone = dropped[0].sum(1) == 0
    assert torch.equal(gone, dropped[1].sum((1, 2)) == 0) and 130 < gone.sum() < 270


def exported(network: torch.nn.Module, arguments: dict, axes: dict):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the graph is run by onnxruntime")
    pytest.importorskip("onnx", reason="graphs are written with onnx")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, tuple(arguments.values()), buffer, dynamo=False, opset_version=17, do_constant_folding=False,
            input_names=list(arguments), output_names=["out"], dynamic_axes=axes,
        )  # fmt: skip
    return onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("time_cond", [True, False])
@torch.no_grad()
def test_graph_gives_torchs_logits_for_other_batches_and_slots(time_cond):
    network = made(BadConfig(**{**SMALL.to_dict(), "time_cond": time_cond}))
    names = ("ids", "mask", "text", "words")
    axes = {"ids": {0: "B", 1: "S"}, "mask": {0: "B", 1: "N", 2: "N"}, "text": {0: "B"}, "words": {0: "B", 1: "L"}}
    traced = dict(zip(names, inputs(network.config, (7, 12), 20), strict=True))
    session = exported(network, traced, {**axes, "out": {0: "B", 1: "S"}})
    for lengths, slots in (((9,), 10), ((3, 30, 49), 50)):
        arguments = dict(zip(names, inputs(network.config, lengths, slots), strict=True))
        expected = network(*arguments.values()).numpy()
        result = session.run(None, {name: tensor.numpy() for name, tensor in arguments.items()})[0]
        np.testing.assert_allclose(result, expected, atol=1e-4)


def made_vq() -> VQ:
    torch.manual_seed(0)
    vq = VQ(SMALL_VQ).eval()
    vq.parts.quantizer.codebook.normal_()
    vq.mean.normal_()
    vq.std.uniform_(0.5, 2)
    return vq


@torch.no_grad()
def test_vq_decodes_codebook_rows_and_minus_one_adds_nothing():
    vq, codes = made_vq(), torch.tensor([[[3], [-1], [5]]])
    rows = torch.stack([vq.parts.quantizer.codebook[3], torch.zeros(8), vq.parts.quantizer.codebook[5]])[None]
    expected = vq.parts.decoder(rows.transpose(1, 2)).transpose(1, 2) * vq.std + vq.mean
    torch.testing.assert_close(vq.decode(codes), expected)
    assert expected.shape == (1, 12, 20)


@torch.no_grad()
def test_vq_takes_the_nearest_code_of_normalised_features():
    vq, features = made_vq(), torch.randn(2, 24, 20)
    latent = vq.parts.encoder(((features - vq.mean) / vq.std).transpose(1, 2)).transpose(1, 2)
    nearest = torch.cdist(latent.double(), vq.parts.quantizer.codebook.double()[None]).argmin(-1)
    assert torch.equal(vq.encode(features), nearest[..., None])


def test_vq_has_no_dropout_and_shrinking_dilations():
    vq = VQ(SMALL_VQ)
    assert all(m.p == 0 for m in vq.modules() if isinstance(m, torch.nn.Dropout))
    for half in (vq.parts.encoder, vq.parts.decoder):
        wide = [m.dilation[0] for m in half.modules() if isinstance(m, torch.nn.Conv1d) and m.dilation != (1,)]
        assert wide == [9, 3, 9, 3]


@torch.no_grad()
def test_vq_graphs_give_torchs_numbers():
    vq, features = made_vq(), torch.randn(1, 16, 20)
    codes = vq.encode(features)

    class Call(torch.nn.Module):
        def __init__(self, method):
            super().__init__()
            self.vq, self.method = vq, method

        def forward(self, x):
            return getattr(self.vq, self.method)(x)

    other = torch.randn(3, 40, 20)
    encode = exported(Call("encode"), {"x": features}, {"x": {0: "B", 1: "T"}, "out": {0: "B", 1: "N"}})
    assert np.array_equal(encode.run(None, {"x": other.numpy()})[0], vq.encode(other).numpy())
    decode = exported(Call("decode"), {"x": codes}, {"x": {0: "B", 1: "S"}, "out": {0: "B", 1: "N"}})
    several = vq.encode(other)
    several[0, 2] = -1
    expected = vq.decode(several).numpy()
    np.testing.assert_allclose(decode.run(None, {"x": several.numpy()})[0], expected, atol=1e-4)
