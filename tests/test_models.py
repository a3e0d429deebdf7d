# SPDX-License-Identifier: Apache-2.0
"""Model folders: found by name or path, and one clear sentence for each way in which one can be broken."""

import json
import mmap
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the model under test is made with PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="graphs are written with onnx")

from safetensors import safe_open  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402
from tiny_model import make_tiny_model  # noqa: E402

from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.generators.momask.generator import MoMask  # noqa: E402
from moclip.models import find_model, list_models, model_info, needed_networks, verify_model  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights, read_weights, save_weights  # noqa: E402


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(original, tmp_path) -> Path:
    shutil.copytree(original, tmp_path / "tiny")
    return tmp_path / "tiny"


def refused(folder: Path, runtime: str = "onnx") -> MoclipError:
    with pytest.raises(MoclipError) as caught:
        TextToMotion.load(str(folder), runtime=runtime, device="cpu")
    assert caught.value.hint and "\n" not in str(caught.value)
    return caught.value


def rewrite(path: Path, arrays=None, **config) -> None:
    old_arrays, old_config = load_weights(path)
    save_weights(path, arrays or old_arrays, {**old_config, **config})


def test_a_whole_model_has_nothing_wrong(folder):
    assert verify_model(str(folder)) == []
    info = model_info(str(folder))
    assert info.name == "tiny" and info.sizes["masked.safetensors"] == (folder / "masked.safetensors").stat().st_size


def test_models_are_found_by_name_and_by_path(folder, monkeypatch):
    monkeypatch.setenv("MOCLIP_MODELS", str(folder.parent))
    assert find_model("tiny") == folder == find_model(str(folder))
    assert "tiny" in [info.name for info in list_models()]


@pytest.mark.parametrize("name", ["nonesuch", "", "../tiny", "/nowhere/at/all"])
def test_an_unknown_model_is_refused(name, monkeypatch, tmp_path):
    monkeypatch.setenv("MOCLIP_MODELS", str(tmp_path))
    with pytest.raises(MoclipError) as caught:
        TextToMotion.load(name)
    assert (caught.value.code, caught.value.action) == ("unknown_model", "models")


@pytest.mark.parametrize("network", needed_networks(MoMask))
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_truncated_weights_are_named(folder, network, share):
    path = folder / f"{network}.safetensors"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert f"{network}.safetensors" in refused(folder).message
    assert verify_model(str(folder))


def test_mapped_weights_take_no_memory_and_are_written_to_by_nobody(tmp_path):
    given = {"half": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros((0, 4), np.float32)}
    given |= {"number": np.array([7]), "flags": np.array([True, False, True])}
    path = tmp_path / "some.safetensors"
    save_weights(path, given, {})
    before = path.read_bytes()
    mapped, read = (read_weights(path, mapped=mapped)[0] for mapped in (True, False))
    for weights in (mapped, read):
        assert list(weights) == sorted(given)
        assert all(np.array_equal(weights[name], array) for name, array in given.items())
        assert (weights.stored["half"].dtype, weights["half"].dtype) == (np.float16, np.float32)
    assert _lies_in_a_map(mapped.stored["half"]) and not _lies_in_a_map(read.stored["half"])
    mapped.stored["half"][...] = -1
    assert path.read_bytes() == before


def test_int8_keeps_rows_to_half_a_step_of_their_own(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "some.safetensors"
    matrix = rng.standard_normal((64, 8, 8)) * 10.0 ** rng.integers(-3, 3, size=(64, 1, 1))
    matrix[5] = 0
    given = {"rows": matrix, "bias": rng.standard_normal(64), "small": np.eye(3), "number": np.array([7])}
    save_weights(path, given, {}, kept="int8")
    weights, _ = read_weights(path, mapped=True)
    assert list(weights) == sorted(given) and len(weights) == 4 and weights.scaled == {"rows"}
    most = np.abs(matrix).max(axis=(1, 2), keepdims=True)
    assert (np.abs(weights["rows"] - matrix) <= most / 254 * 1.001).all() and not weights["rows"][5].any()
    assert weights["rows"].dtype == np.float32 and np.array_equal(weights["small"], np.eye(3))
    read, _ = load_weights(path)
    assert fingerprint(read) == fingerprint(weights)
    # Kept once more they stay what they are, so that a file may be written again.
    again = tmp_path / "again.safetensors"
    save_weights(again, read, {}, kept="int8")
    assert fingerprint(load_weights(again)[0]) == fingerprint(read)


def test_an_engine_is_made_of_mapped_weights(folder, monkeypatch):
    asked = []

    def read(path, *, mapped=False):
        asked.append(mapped)
        return read_weights(path, mapped=mapped)

    monkeypatch.setattr("moclip.models.read_weights", read)
    TextToMotion.load(str(folder))
    assert asked and all(asked)


def _lies_in_a_map(array: np.ndarray | None) -> bool:
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap | mmap.mmap)


@pytest.mark.parametrize("network", needed_networks(MoMask))
def test_missing_weights_are_named(folder, network):
    (folder / f"{network}.safetensors").unlink()
    assert f"{network}.safetensors" in refused(folder).message


def test_a_generator_of_another_tower_is_refused(folder, tmp_path):
    other = make_tiny_model(tmp_path / "other", seed=1)
    shutil.copy(other / "text.safetensors", folder / "text.safetensors")
    assert refused(folder).code == "tower_mismatch"


def test_weights_of_other_programs_are_refused(folder):
    save_file({"x": np.zeros(3, np.float32)}, folder / "rvq.safetensors")
    assert "not one of ours" in refused(folder).message


@pytest.mark.parametrize("config", ["{", "[1]", '"text"'])
def test_weights_whose_configuration_is_damaged_are_refused(folder, config):
    path = folder / "rvq.safetensors"
    with safe_open(str(path), framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    save_file(arrays, path, metadata={"format": "1", "config": config})
    assert "rvq.safetensors" in refused(folder).message


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_weights_that_do_not_fit_their_configuration_are_refused(folder, runtime):
    arrays, _ = load_weights(folder / "masked.safetensors")
    name = next(k for k, a in arrays.items() if a.ndim == 2)
    rewrite(folder / "masked.safetensors", {**arrays, name: arrays[name][:-1]})
    assert refused(folder, runtime).code == "bad_weights"


def test_a_configuration_of_a_newer_version_is_refused(folder):
    rewrite(folder / "masked.safetensors", experts=4)
    assert "experts" in refused(folder, "torch").message


def test_numbers_that_are_not_finite_are_found(folder):
    arrays, _ = load_weights(folder / "rvq.safetensors")
    name = next(k for k in arrays if k.startswith("decoder"))
    arrays[name].flat[0] = np.nan
    rewrite(folder / "rvq.safetensors", arrays)
    assert any("rvq" in p and name in p for p in verify_model(str(folder)))


@pytest.mark.parametrize("text", ["", "{"])
def test_a_damaged_description_is_refused(folder, text):
    (folder / "model.json").write_text(text)
    assert refused(folder).code == "bad_weights"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fps": "twenty"}, "fps is a number above 0, not 'twenty'"),
        ({"licence": None}, "licence is a text, not nothing"),
        ({"lisence": "MIT"}, r"no setting 'lisence' \(did you mean 'licence'"),
        ({"text_fingerprint": ...}, "text_fingerprint is missing"),
        ({"sampling": {"step": 4}}, r"no setting 'step' \(did you mean 'steps'"),
        ({"sampling": {"steps": "ten"}}, "steps is a whole number, not 'ten'"),
        ({"sampling": [1]}, "sampling is a table"),
    ],
)
def test_a_mistake_in_a_description_is_one_sentence(folder, change, told):
    details = {**json.loads((folder / "model.json").read_text()), **change}
    (folder / "model.json").write_text(json.dumps({k: v for k, v in details.items() if v is not ...}))
    error = refused(folder)
    assert error.code == "bad_settings" and re.search(told, error.message), error.message


@pytest.mark.parametrize("text", ["[]", '"x"', "3"])
def test_a_description_that_is_no_table_is_refused(folder, text):
    (folder / "model.json").write_text(text)
    assert refused(folder).code == "bad_settings"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"masked": 3}', '{"masked": ["no_such_tensor"]}', "{}"])
def test_a_damaged_list_of_graphs_is_refused_by_the_onnx_runtime(folder, text):
    (folder / "graphs.json").write_text(text)
    assert refused(folder).code == "bad_weights"


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_damaged_graph_is_refused_by_the_onnx_runtime_only(folder, share):
    graph = folder / "masked.onnx"
    graph.write_bytes(graph.read_bytes()[: int(graph.stat().st_size * share)])
    assert "masked.onnx" in refused(folder).message
    assert TextToMotion.load(str(folder), runtime="torch", device="cpu").runtime == "torch"


def test_without_graphs_torch_serves(folder):
    for path in [*folder.glob("*.onnx"), folder / "graphs.json"]:
        path.unlink()
    assert refused(folder).code == "bad_weights"
    engine = TextToMotion.load(str(folder), runtime="auto", device="cpu")
    assert engine.runtime == "torch" and engine.generate([Request("a person walks", 1.0)])


def test_a_damaged_familiarity_table_is_refused(folder):
    (folder / "familiarity.npy").write_bytes(b"\x93NUMPY")
    assert "familiarity.npy" in refused(folder).message


def test_a_network_may_lie_in_the_model_beside(original, tmp_path):
    whole, slim = (shutil.copytree(original, tmp_path / name) for name in ("whole", "slim"))
    (slim / "text.safetensors").unlink()
    details = json.loads((slim / "model.json").read_text())
    (slim / "model.json").write_text(json.dumps({**details, "shares": {"text": "whole"}}))
    assert verify_model(str(slim)) == []
    told = [
        TextToMotion.load(str(path), runtime="onnx").generate([Request("a man walks", 2.0)]) for path in (whole, slim)
    ]
    assert np.array_equal(told[0][0].motion.rotations, told[1][0].motion.rotations)
    shutil.rmtree(whole)
    assert "text.safetensors" in str(refused(slim))
    (slim / "model.json").write_text(json.dumps({**details, "shares": {"text": "../whole"}}))
    assert "a model beside it for text, not '../whole'" in str(refused(slim))
