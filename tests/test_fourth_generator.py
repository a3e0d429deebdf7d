# SPDX-License-Identifier: Apache-2.0
"""A generator that the project does not know, in a package of its own: nothing else has to change for it."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="the networks are traced and run in PyTorch")
pytest.importorskip("onnx", reason="graphs are written by onnx")

from tiny_model import make_tiny_model  # noqa: E402

from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.generators.base import generator as registry  # noqa: E402
from moclip.models import load_model, model_info  # noqa: E402
from moclip.motion.motion import Motion  # noqa: E402
from moclip.runtimes.export import export_graphs  # noqa: E402

GENERATOR = '''
from dataclasses import dataclass

import numpy as np

from moclip.generators.base.generator import Generator, Stage
from moclip.generators.base.passages import PassageRows
from moclip.generators.base.runtime import Call


@dataclass(frozen=True)
class Options:
    shift: int = 0


class Wheel(Generator):
    """Turns through the codes, from one that the text says."""

    NAME, TITLE, NETWORKS, CODEC = "wheel", "Wheel", ("hub",), "rvq"
    CALLS = {"first": Call("hub", "first")}
    STAGES = (Stage("turning", 0.8, "turning the wheel"),)
    OPTIONS = Options
    EDITS = False

    def sample(self, draft, watcher):
        watcher.step("turning", 0.0)
        rows = PassageRows(draft.passages, draft.lengths)
        first = self.runtime.call("first", text=rows.text).argmax(axis=1)
        codes = np.full((*rows.shape, self.codec.layers), -1, dtype=np.int64)
        for row, request in enumerate(rows.request):
            inside = rows.position[row][~rows.padding[row]]
            codes[request, inside] = ((first[row] + self.options.shift + inside) % self.codec.codes)[:, None]
        return codes


GENERATOR = Wheel
'''

NETWORKS = """
from dataclasses import dataclass

import torch

from moclip.generators.base.tracing import Example, codec_examples
from moclip.codecs.rvq import RVQ
from moclip.nn.config import Config
from moclip.nn.networks import Network


@dataclass(frozen=True)
class HubConfig(Config):
    text_dim: int = 16
    codes: int = 12


class Hub(Network):
    KIND, CONFIG = "hub", HubConfig

    def __init__(self, config):
        super().__init__(config)
        self.linear = torch.nn.Linear(config.text_dim, config.codes)

    def first(self, text):
        return self.linear(text)


NETWORKS = {"hub": Hub, "rvq": RVQ}


def examples(configs):
    text = torch.randn(2, configs["hub"]["text_dim"])
    return {"first": Example({"text": text}, out={1: "V"}), **codec_examples(configs["rvq"])}
"""


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A model folder of a generator that an installed package brings."""
    package, info = tmp_path / "site" / "wheel_of_motion", tmp_path / "site" / "wheel_of_motion-1.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("")
    (package / "generator.py").write_text(GENERATOR)
    (package / "networks.py").write_text(NETWORKS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wheel-of-motion\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[moclip.generators]\nwheel = wheel_of_motion\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    registry.known_packages.cache_clear()
    yield _model_folder(tmp_path / "model")
    registry.known_packages.cache_clear()
    for name in [name for name in sys.modules if name.startswith("wheel_of_motion")]:
        del sys.modules[name]


def _model_folder(folder):
    import torch

    from moclip.nn.checkpoint import save_weights

    make_tiny_model(folder)
    details = json.loads((folder / "model.json").read_text())
    for path in [*folder.glob("masked.*"), *folder.glob("residual.*")]:
        path.unlink()
    networks = registry.generator_part("wheel", "networks")
    torch.manual_seed(0)
    hub = networks.Hub(networks.HubConfig())
    config = {"kind": "hub", **hub.config.to_dict(), "text_fingerprint": details["text_fingerprint"]}
    save_weights(folder / "hub.safetensors", hub.state_dict(), config)
    (folder / "model.json").write_text(json.dumps({**details, "generator": "wheel", "sampling": {"shift": 3}}))
    export_graphs(load_model(str(folder)), folder)
    return folder


def test_a_package_of_its_own_is_all_that_a_generator_needs(wheel):
    assert model_info(str(wheel)).generator.TITLE == "Wheel" and "wheel" in registry.generator_names()
    engines = [TextToMotion.load(str(wheel), runtime, "cpu") for runtime in ("onnx", "torch")]
    stages = []
    results = [
        engine.generate(
            [Request("a person walks, then jumps", 3.0, 1)], progress=lambda stage, _: stages.append(stage)
        )[0]
        for engine in engines
    ]
    assert isinstance(results[0].motion, Motion) and results[0].motion.frames == 60
    assert np.array_equal(results[0].tokens, results[1].tokens) and "turning" in stages
    steps = np.diff(results[0].tokens[:, 0]) % 12
    assert (steps == 1).mean() > 0.8  # but where one clause gives way to the next
    assert engines[0].generator.options.shift == 3
    assert [stage.words for stage in engines[0].stages] == [
        "reading the prompt",
        "turning the wheel",
        "solving the pose",
    ]


def test_what_a_generator_cannot_do_is_told_before_it_samples(wheel):
    engine = TextToMotion.load(str(wheel), "onnx")
    before = engine.generate([Request("a person walks", 2.0)])[0].motion
    with pytest.raises(MoclipError, match="Wheel") as caught:
        engine.generate([Request("a person jumps", 2.0, before=before)])
    assert caught.value.code == "no_edits" and caught.value.hint


def test_a_model_of_an_unknown_generator_says_so(wheel):
    details = json.loads((wheel / "model.json").read_text())
    (wheel / "model.json").write_text(json.dumps({**details, "generator": "mill"}))
    with pytest.raises(MoclipError, match="no generator 'mill'") as caught:
        load_model(str(wheel))
    assert "momask" in caught.value.hint


def test_a_generator_that_tells_lengths_is_asked_where_nothing_else_tells(wheel, monkeypatch):
    kind, asked = registry.find_generator("wheel"), []

    def lengths(self, passages, seeds, span, watcher):
        asked.append((len(passages), list(seeds)))
        return np.full(len(passages), 8)

    monkeypatch.setattr(kind, "TELLS_LENGTHS", True)
    monkeypatch.setattr(kind, "lengths", lengths)
    engine = TextToMotion.load(str(wheel), "onnx")
    assert engine.generate([Request("a person walks", 2.0, 3)])[0].motion.frames == 40 and asked == []
    assert engine.generate([Request("a person walks", None, 3)])[0].motion.frames == 32 and asked == [(1, [3])]
    both = engine.generate([Request("a person walks", 2.0, 4), Request("a person walks, then jumps", 3.0, 5)])
    assert [result.motion.frames for result in both] == [40, 60] and asked[1:] == [(2, [5, 5])]
