# SPDX-License-Identifier: Apache-2.0
"""States of all words and of the padding behind them, as BAD's network has learned on."""

import io
import warnings

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("open_clip", reason="open_clip is not installed")

from moclip.text.tokenizer import Tokenizer  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402
from moclip.text.traceable import TraceableTower  # noqa: E402

TEXTS = ["a person walks", "a person walks forward and then waves with the left hand", "jump"]


@pytest.fixture(scope="module", params=[False, True])
def tower(request) -> TextTower:
    torch.manual_seed(0)
    return TextTower(TowerConfig(width=32, heads=2, layers=2, embed_dim=24, quick_gelu=request.param)).eval()


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.from_numpy(Tokenizer().encode(TEXTS))


@torch.no_grad()
def test_states_are_open_clips_before_its_projection(tower, tokens):
    text, theirs = tower.text, []
    hook = text.ln_final.register_forward_hook(lambda module, inputs, output: theirs.append(output))
    text(tokens)
    hook.remove()
    words = tower.words(tokens)
    assert words.shape == (3, 77, 32)
    torch.testing.assert_close(words, theirs[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_state_at_the_end_projects_to_the_pooled_vector(tower, tokens):
    ends = tokens.argmax(1)
    projected = tower.words(tokens)[torch.arange(3), ends] @ tower.text.text_projection
    torch.testing.assert_close(projected, tower(tokens), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_has_states_that_depend_on_the_text(tower, tokens):
    words = tower.words(tokens)
    behind = int(tokens.argmax(1).max()) + 1
    assert behind < 77
    assert (words[0, behind:] - words[1, behind:]).abs().mean() > 1e-4


@torch.no_grad()
def test_traceable_tower_and_its_graph_give_the_same_states(tower, tokens):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the graph is run by onnxruntime")
    pytest.importorskip("onnx", reason="graphs are written with onnx")
    traceable = TraceableTower(tower.config).eval()
    traceable.load_state_dict(tower.state_dict())
    expected = tower.words(tokens)
    torch.testing.assert_close(traceable.words(tokens), expected, atol=1e-5, rtol=1e-5)

    class Words(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = traceable

        def forward(self, tokens):
            return self.network.words(tokens)

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Words(), (tokens[:2, :9],), buffer, dynamo=False, opset_version=17, do_constant_folding=False,
            input_names=["tokens"], output_names=["out"],
            dynamic_axes={"tokens": {0: "B", 1: "L"}, "out": {0: "B", 1: "L"}},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    result = torch.from_numpy(session.run(None, {"tokens": tokens.numpy()})[0])
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)
