# SPDX-License-Identifier: Apache-2.0
"""Facts about BAMM's transformer: what sees what, what is kept, and what the official state dicts hold."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs PyTorch")

from bamm_reference import Reference, mask  # noqa: E402

from moclip.generators.bamm.config import BammConfig  # noqa: E402
from moclip.generators.bamm.generator import Bamm  # noqa: E402
from moclip.generators.bamm.network import BammTransformer, visible  # noqa: E402
from moclip.generators.bamm.networks import token_examples  # noqa: E402

VARIANTS = ["official", "t2mgpt"]
SHARED = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).parents[2] / "shared"))


def small(variant: str, seed: int = 0) -> BammTransformer:
    """An untrained network whose answers differ as those of a trained one do."""
    config = BammConfig(
        codes=20, code_dim=16, text_dim=12, width=24, layers=3, heads=3, feed_forward=32, variant=variant
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = BammTransformer(config).eval().requires_grad_(False)
        for tensor in network.state_dict().values():
            tensor.add_(torch.randn_like(tensor) * 0.2)
    return network


def inputs(batch: int, length: int, given: float = 0.4):
    rng = torch.Generator().manual_seed(batch * 100 + length)
    ids = torch.randint(20, (batch, length), generator=rng)
    return ids, torch.randn(batch, 12, generator=rng), torch.rand(batch, length, generator=rng) < given


def test_what_is_given_sees_only_what_is_given_and_is_seen_by_all():
    # Four tokens and END; tokens 1, 3 and END are given. Rows and columns: text, four tokens, END.
    cond = torch.tensor([[False, True, False, True, True]])
    rows = ["".join(str(int(v)) for v in row) for row in visible(cond)[0]]
    assert rows == ["101011", "111011", "101011", "111111", "101011", "101011"]
    assert (mask(cond[0].tolist()) == visible(cond)[0].numpy()).all()


def test_nothing_given_is_causal():
    assert torch.equal(visible(torch.zeros(2, 4, dtype=torch.bool))[1], torch.ones(5, 5).tril().bool())


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_equal_those_of_plain_layers_row_by_row(variant):
    network = small(variant)
    ids, text, cond = inputs(3, 17)
    plain = Reference(network.state_dict(), heads=3, codes=20)
    ours = network(ids, text, cond)
    assert ours.shape == (3, 18, 21)
    theirs = np.stack([plain.logits(ids[k].numpy(), text[k].numpy(), cond[k].numpy()) for k in range(3)])
    assert np.abs(ours.numpy() - theirs).max() < 1e-5
    assert np.ptp(theirs) > 1.0
    assert torch.equal(network(ids, text), network(ids, text, torch.zeros_like(cond)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_row_k_predicts_token_k_from_the_tokens_before_it(variant):
    network = small(variant)
    ids, text, _ = inputs(1, 9)
    other = ids.clone()
    other[0, 4] = (other[0, 4] + 1) % 20
    change = (network(ids, text) - network(other, text)).abs().amax(-1)[0]
    assert (change[:5] == 0).all() and (change[5:] > 0).all()
    # The text stands at position 0 with a position of its own: without one, moving it would change nothing.
    assert not torch.allclose(network(ids, text)[:, 0], network.output_process(network.cond_emb(text)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_with_kept_keys_and_values_equal_the_whole_forward(variant):
    network = small(variant)
    batch, length = 4, 13
    ids, text, cond = inputs(batch, length)
    whole = network(ids, text, cond)
    # What is not given yet is unknown, and so are its rows: noise there must not be seen by anybody.
    running = torch.where(cond, ids, torch.randint(20, ids.shape))
    logits, cache = network.prefill(running, text, cond)
    assert cache.shape == (batch, 3, 2, 3, length + 1, 8)
    assert (logits[:, 0] - whole[:, 0]).abs().max() < 1e-5
    for at in range(length):
        fresh = torch.full((batch,), at)
        row, kept = network.step(ids[:, at], fresh, cond, cache)
        cache[:, :, :, :, at + 1] = kept
        assert (row - whole[:, at + 1]).abs().max() < 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_of_one_step_may_stand_at_different_positions(variant):
    network = small(variant)
    ids, text, cond = inputs(3, 11)
    whole, cache = network.prefill(ids, text, cond)
    position = torch.tensor([2, 10, 0])
    row, _ = network.step(ids.gather(1, position[:, None])[:, 0], position, cond, cache)
    assert (row - whole[torch.arange(3), position + 1]).abs().max() < 1e-5


def test_official_size_has_the_official_parameter_count():
    # MoMask's masked transformer, one token more to embed and one class more to predict.
    count = sum(p.numel() for p in BammTransformer(BammConfig()).parameters())
    assert count == 12_048_768 + 512 + 385


def test_another_variant_is_refused():
    with pytest.raises(ValueError, match="official and t2mgpt"):
        BammConfig(variant="mamba")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("bamm_transformer_official", BammConfig()),
        ("bamm_transformer_tiny", BammConfig(48, 32, 512, 64, 2, 4, 96)),
        ("bamm_transformer_tiny_t2mgpt", BammConfig(48, 32, 512, 64, 2, 4, 96, variant="t2mgpt")),
    ],
)
def test_names_and_shapes_are_the_official_ones(model, config):
    path = SHARED / "reference/checkpoint_keys.json"
    if not path.is_file():
        pytest.skip("the list of official names is not here")
    official = {
        name: shape for name, shape in json.loads(path.read_text())[model].items() if "position_enc" not in name
    }
    assert {name: list(tensor.shape) for name, tensor in BammTransformer(config).state_dict().items()} == official


class _Call(torch.nn.Module):
    def __init__(self, network, method):
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *given):
        return getattr(self.network, self.method)(*given)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["bamm", "bamm_prefill", "bamm_step"])
def test_onnx_graphs_answer_as_the_network_at_any_batch_and_length(tmp_path, variant, name):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    network, path = small(variant), tmp_path / "call.onnx"
    call, example = Bamm.CALLS[name], token_examples(network.config)[name]
    outputs = {name: {0: "B", **axes} for name, axes in (example.outputs or {"out": example.out}).items()}
    axes = {name: {0: "B", **example.axes.get(name, {})} for name in example.inputs} | outputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that keeps names is called the old one
        torch.onnx.export(
            _Call(network, call.method).eval(), tuple(example.inputs.values()), str(path), dynamo=False,
            opset_version=17, input_names=list(example.inputs), output_names=list(outputs), dynamic_axes=axes,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(path))
    for batch, length in ((1, 1), (5, 50), (2, 12)):
        given = token_examples(network.config, batch, length)[name].inputs
        expected = getattr(network, call.method)(**given)
        expected = expected if isinstance(expected, tuple) else (expected,)
        answers = session.run(None, {key: tensor.numpy() for key, tensor in given.items()})
        for answer, tensor in zip(answers, expected, strict=True):
            assert answer.shape == tensor.shape
            assert np.abs(answer - tensor.numpy()).max() < 1e-4
