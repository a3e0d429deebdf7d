# SPDX-License-Identifier: Apache-2.0
"""Both runtimes do the same arithmetic and give the same tokens, alone and in a batch."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

pytest.importorskip("torch", reason="the torch runtime is one of the two compared")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="graphs are written with onnx")

from tiny_model import make_tiny_model  # noqa: E402

from moclip.errors import Cancelled, MoclipError  # noqa: E402
from moclip.generate import pipeline  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.models import load_model, read_model  # noqa: E402
from moclip.motion.features import WIDTH  # noqa: E402
from moclip.motion.skeleton import REST_OFFSETS  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights  # noqa: E402
from moclip.runtimes import make_runtime  # noqa: E402
from moclip.runtimes.export import OPSET, export_graphs  # noqa: E402
from moclip.runtimes.onnx_runtime import ROWS  # noqa: E402
from moclip.text.tokenizer import Tokenizer  # noqa: E402

PROMPTS = ["a person walks forward", "Someone waves with the left hand, then kicks.", "jump"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def runtimes(folder):
    files = load_model(str(folder))
    return make_runtime(files, "onnx"), make_runtime(files, "torch", "cpu")


@pytest.fixture(scope="module")
def engines(folder):
    return [TextToMotion.load(str(folder), runtime=name, device="cpu") for name in ("onnx", "torch")]


def inputs(name: str, batch: int, length: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([batch, length])
    text = rng.standard_normal((batch, 16)).astype(np.float32)
    padding = np.arange(length)[None] >= rng.integers(1, length + 1, size=(batch, 1))
    layer = rng.integers(1, 3, size=batch)
    return {
        "text": {"tokens": Tokenizer().encode([PROMPTS[k % 3] for k in range(batch)])[:, : 20 + length]},
        "masked": {"ids": rng.integers(14, size=(batch, length)), "text": text, "padding": padding},
        "residual": {
            "codes": rng.integers(13, size=(batch, length, 2)), "layer": layer, "text": text, "padding": padding,
        },
        "length": {"text": text},
        "decode": {"codes": rng.integers(-1, 12, size=(batch, length, 3))},
        "encode": {"features": rng.standard_normal((batch, 4 * length, WIDTH)).astype(np.float32)},
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["text", "masked", "residual", "length", "decode", "encode"])
@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 49), (5, 13)])
def test_both_runtimes_answer_the_same(runtimes, name, batch, length):
    given = inputs(name, batch, length)
    onnx, torch = (runtime.call(name, **given) for runtime in runtimes)
    assert onnx.shape == torch.shape and onnx.dtype == torch.dtype
    assert np.abs(onnx - torch).max() <= (0 if name == "encode" else 1e-4)
    assert np.ptp(torch) > 0.01  # not a constant that anything would equal


def test_answers_have_the_shapes_of_the_contract(runtimes):
    shapes = {"text": (5, 16), "masked": (5, 13, 12), "residual": (5, 13, 13), "length": (5, 50)}
    shapes |= {"decode": (5, 52, WIDTH), "encode": (5, 13, 3)}
    for runtime in runtimes:
        assert {name: runtime.call(name, **inputs(name, 5, 13)).shape for name in shapes} == shapes
        assert runtime.device == "cpu"


def test_rows_of_a_batch_do_not_mix(runtimes):
    given = inputs("masked", 5, 13)
    length = int((~given["padding"][2]).sum())
    one = {"ids": given["ids"][2:3, :length], "text": given["text"][2:3], "padding": given["padding"][2:3, :length]}
    for runtime in runtimes:
        together, alone = runtime.call("masked", **given), runtime.call("masked", **one)
        assert np.abs(alone[0] - together[2, :length]).max() < 1e-4


def test_same_tokens_alone_in_a_batch_and_in_both_runtimes(engines):
    requests = [Request(PROMPTS[0], 2.0, 1), Request(PROMPTS[1], None, 2), Request(PROMPTS[2], 9.8, 3)]
    batches = [engine.generate(requests) for engine in engines]
    for k, request in enumerate(requests):
        everywhere = [batch[k] for batch in batches] + [engine.generate([request])[0] for engine in engines]
        for result in everywhere[1:]:
            assert np.array_equal(result.tokens, everywhere[0].tokens)
            assert np.abs(result.motion.joints() - everywhere[0].motion.joints()).max() < 1e-3
    assert len(np.unique(batches[0][2].tokens[:, 0])) > 3  # tokens differ at all


def test_other_seeds_give_other_tokens(engines, monkeypatch):
    # With one code of the tiny model's twelve to draw from, the best takes of two seeds would be the same.
    generator = engines[0].generator
    monkeypatch.setattr(generator, "options", replace(generator.options, top_share=0.5))
    one, other, again = (engines[0].generate([Request(PROMPTS[0], 4.0, seed)])[0] for seed in (1, 2, 1))
    assert not np.array_equal(one.tokens, other.tokens)
    assert np.array_equal(one.tokens, again.tokens)


@pytest.mark.parametrize(("seconds", "frames", "tokens"), [(1.0, 20, 5), (1.05, 21, 6), (3.3, 66, 17), (9.8, 196, 49)])
def test_seconds_are_kept_to_the_frame(engines, seconds, frames, tokens):
    result = engines[0].generate([Request(PROMPTS[0], seconds)])[0]
    assert (result.motion.frames, result.tokens.shape) == (frames, (tokens, 3))
    assert result.seconds == pytest.approx(frames / 20)
    # A residual layer may say "nothing to add", which is -1; the base layer never may.
    assert result.tokens[:, 0].min() >= 0 and result.tokens.min() >= -1 and result.tokens.max() < 12


def test_clauses_change_the_motion_unless_it_is_too_short_for_them(folder):
    by_clause = TextToMotion.load(str(folder), runtime="onnx")
    files = read_model(str(folder), mapped=True)
    as_a_whole = TextToMotion(files, make_runtime(files, "onnx"), replace(by_clause.options, by_clause=False))
    several = "walks, then waves, then bows"
    for seconds, same in ((2.0, True), (3.0, False)):
        tokens = [engine.generate([Request(several, seconds, 5)])[0].tokens for engine in (by_clause, as_a_whole)]
        assert tokens[0].shape == tokens[1].shape == (20 * seconds / 4, 3)
        assert np.array_equal(*tokens) == same
    # One clause a word: far too many for any length.
    assert by_clause.generate([Request(", then ".join(["walk", "wave"] * 8), None, 5)])[0].seconds <= 9.8


def test_results_carry_prompt_seed_and_the_constant_skeleton(engines):
    result = engines[0].generate([Request("  a person walks  ", 2.0, 11)])[0]
    motion = result.motion
    assert (motion.text, motion.seed, result.seed, motion.fps) == ("a person walks", 11, 11, 20.0)
    assert np.array_equal(motion.offsets, REST_OFFSETS)
    assert np.abs(np.linalg.norm(motion.rotations, axis=-1) - 1).max() < 1e-5


def test_lengths_come_from_the_predictor_within_limits(engines):
    seconds = [engines[0].generate([Request(PROMPTS[0], None, seed)])[0].seconds for seed in range(6)]
    assert all(1.0 <= s <= 9.8 for s in seconds) and len(set(seconds)) > 1


def test_progress_rises_and_names_the_stages(engines):
    seen: list[tuple[str, float]] = []
    engines[0].generate([Request(PROMPTS[0], 2.0)], progress=lambda stage, fraction: seen.append((stage, fraction)))
    stages = list(dict.fromkeys(stage for stage, _ in seen))
    assert stages == ["text", "masked", "residual", "solve", "done"]
    assert len([s for s, _ in seen if s == "masked"]) == engines[0].generator.options.steps
    assert len([s for s, _ in seen if s == "residual"]) == 2
    for stage in stages:
        fractions = [f for s, f in seen if s == stage]
        assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1


def test_cancel_takes_effect_before_the_next_iteration(engines):
    seen: list[str] = []
    with pytest.raises(Cancelled):
        engines[0].generate(
            [Request(PROMPTS[0], 9.8)], progress=lambda stage, _: seen.append(stage), cancelled=lambda: len(seen) >= 4
        )
    assert seen == ["text", "masked", "masked", "masked"]
    assert engines[0].generate([Request(PROMPTS[0], 1.0)])  # nothing is left behind


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        ([], "bad_batch"),
        ([Request("walk")] * 17, "bad_batch"),
        ([Request("walk", seed=-1)], "bad_seed"),
        ([Request("walk", seed=2**63)], "bad_seed"),
        ([Request("walk", seed=1.5)], "bad_seed"),
        ([Request("walk", seed=True)], "bad_seed"),
        ([Request("walk", seconds=0)], "bad_seconds"),
        ([Request("walk", seconds=-3.0)], "bad_seconds"),
        ([Request("walk", seconds=1000)], "bad_seconds"),
        ([Request("walk", seconds=float("nan"))], "bad_seconds"),
        ([Request("walk"), Request("")], "bad_prompt"),
        ([Request("x" * 5000)], "bad_prompt"),
        ([Request("一个人走路")], "bad_prompt"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_sentence(engines, requests, code):
    with pytest.raises(MoclipError) as caught:
        engines[0].generate(requests)
    assert caught.value.code == code and caught.value.hint and "\n" not in caught.value.message


def test_prompts_far_from_training_are_generated_with_a_warning(folder, tmp_path):
    strange = tmp_path / "strange"
    shutil.copytree(folder, strange)
    details = json.loads((strange / "model.json").read_text())
    (strange / "model.json").write_text(json.dumps({**details, "familiarity_threshold": 1.1}))
    result = TextToMotion.load(str(strange), runtime="onnx").generate([Request("a person swims", 1.0)])[0]
    assert len(result.warnings) == 1 and "far from" in result.warnings[0]
    assert TextToMotion.load(str(folder), runtime="onnx").generate([Request("a person swims", 1.0)])[0].warnings == ()


def test_sampling_options_of_a_model_are_used(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    details = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**details, "sampling": {"steps": 4, "window": 7}}))
    engine = TextToMotion.load(str(other), runtime="onnx")
    assert (engine.generator.options.steps, engine.options.window) == (4, 7)


def test_graphs_carry_no_weights_and_serve_other_weights_of_their_sizes(folder, tmp_path):
    other = make_tiny_model(tmp_path / "other", seed=5)
    for graph in folder.glob("*.onnx"):
        assert graph.read_bytes() == (other / graph.name).read_bytes()
        assert graph.stat().st_size < 120_000
        shutil.copy(graph, other / graph.name)
    files = load_model(str(other))
    given = inputs("masked", 2, 9)
    onnx, torch = (make_runtime(files, name, "cpu").call("masked", **given) for name in ("onnx", "torch"))
    assert np.abs(onnx - torch).max() < 1e-4


def test_what_hangs_on_no_weight_is_worked_out_in_a_graph(folder):
    import onnx

    told = json.loads((folder / "graphs.json").read_text())
    for path in folder.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        weights = [one.name for one in model.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
        assert sorted(weights) == told[path.stem] and not {info.name for info in model.graph.input} & set(weights)
        assert {node.domain for node in model.graph.node} == {""}
        assert [(used.domain, used.version) for used in model.opset_import] == [("", OPSET)]
        known = {one.name for one in model.graph.initializer} - set(weights)
        told_already = [n for n in model.graph.node if n.op_type == "Constant" or (n.input and set(n.input) <= known)]
        assert [node.op_type for node in told_already] == []


def test_exporting_leaves_the_model_as_it_was(folder, tmp_path):
    files = load_model(str(folder))
    before = files.arrays["masked"]["token_emb.weight"].copy()
    export_graphs(files, tmp_path)
    assert np.array_equal(files.arrays["masked"]["token_emb.weight"], before)


def test_weights_are_fed_as_they_lie_in_their_file(folder, tmp_path):
    files, other = load_model(str(folder)), make_tiny_model(tmp_path / "other")
    told = json.loads((folder / "graphs.json").read_text())
    assert told["float16"]["masked"] == told["masked"] and told["float16"]["text"] == told["text"]
    # A network that is kept in full precision stays so: to the last bit, as tokens hang on it.
    for network in ("masked", "residual"):
        exact = {name: array + np.float32(1e-6) for name, array in files.arrays[network].items()}
        save_weights(other / f"{network}.safetensors", exact, files.configs[network], kept="float32")
    full = load_model(str(other))
    export_graphs(full, other)
    halves = json.loads((other / "graphs.json").read_text())["float16"]
    assert halves["masked"] == halves["residual"] == [] and halves["text"] == told["text"]
    for name in ("masked", "residual", "text"):
        given = inputs(name, 2, 9)
        onnx, torch = (make_runtime(full, runtime, "cpu").call(name, **given) for runtime in ("onnx", "torch"))
        assert np.abs(onnx - torch).max() < 1e-4


def test_weights_in_int8_are_fed_as_they_lie_in_their_file(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("moclip.nn.checkpoint._FEWEST_IN_INT8", 1)
    files, other = load_model(str(folder)), make_tiny_model(tmp_path / "other")
    rows = {}
    for network in ("masked", "residual"):
        save_weights(other / f"{network}.safetensors", files.arrays[network], files.configs[network], kept="int8")
        rows[network] = [name for name, array in files.arrays[network].items() if array.ndim > 1]
    small = load_model(str(other))
    assert small.arrays["masked"].bytes < 0.7 * files.arrays["masked"].bytes
    export_graphs(small, other)
    told = json.loads((other / "graphs.json").read_text())
    assert set(told["int8"]["masked"]) == set(rows["masked"]) & set(told["masked"]) and told["int8"]["text"] == []
    for name in ("masked", "residual"):
        given = inputs(name, 2, 9)
        onnx, torch = (make_runtime(small, runtime, "cpu").call(name, **given) for runtime in ("onnx", "torch"))
        assert np.abs(onnx - torch).max() < 1e-4


def test_a_table_in_int8_is_read_row_by_row(folder, tmp_path):
    import onnx

    other, files = tmp_path / "other", load_model(str(folder))
    shutil.copytree(folder, other)
    save_weights(other / "text.safetensors", files.arrays["text"], files.configs["text"], kept="int8")
    tower = fingerprint(load_weights(other / "text.safetensors")[0])
    for network in set(files.arrays) - {"text", "rvq"}:
        told = {**files.configs[network], "text_fingerprint": tower}
        save_weights(other / f"{network}.safetensors", files.arrays[network], told)
    small = load_model(str(other))
    export_graphs(small, other)
    (table,) = (name for name in small.arrays["text"].scaled if "token_embedding" in name)
    users = [
        node for node in onnx.load(other / "text.onnx", load_external_data=False).graph.node if table in node.input
    ]
    assert [node.op_type for node in users] == ["Gather"]
    given = inputs("text", 2, 9)
    onnx_made, torch_made = (make_runtime(small, runtime, "cpu").call("text", **given) for runtime in ("onnx", "torch"))
    assert np.abs(onnx_made - torch_made).max() < 1e-4


def test_a_graph_for_float16_does_not_take_other_weights(folder, tmp_path):
    other, files = tmp_path / "other", load_model(str(folder))
    shutil.copytree(folder, other)
    save_weights(other / "masked.safetensors", files.arrays["masked"], files.configs["masked"], kept="float32")
    with pytest.raises(MoclipError, match=r"masked\.onnx"):
        make_runtime(load_model(str(other)), "onnx")


def test_a_loaded_runtime_needs_the_weights_no_more(folder):
    files = load_model(str(folder))
    runtime, given = make_runtime(files, "onnx"), inputs("masked", 2, 9)
    before, vectors = runtime.call("masked", **given), runtime.call("text", **inputs("text", 2, 9))
    for weights in files.arrays.values():
        for array in weights.stored.values():
            array[...] = 0
    assert np.array_equal(runtime.call("masked", **given), before)
    assert np.array_equal(runtime.call("text", **inputs("text", 2, 9)), vectors)


def test_no_network_keeps_what_a_batch_took(folder):
    runtime = make_runtime(load_model(str(folder)), "onnx")
    assert not any(session.get_session_options().enable_cpu_mem_arena for session in runtime._sessions.values())


def test_while_networks_are_made_the_rest_is_done(folder, monkeypatch):
    begun, made = {"check_towers": Event(), "Tokenizer": Event()}, pipeline.make_runtime

    def make(*given):
        assert all(event.wait(20.0) for event in begun.values())
        return made(*given)

    for name, event in begun.items():
        own = getattr(pipeline, name)
        monkeypatch.setattr(pipeline, name, lambda *given, own=own, event=event: (event.set(), own(*given))[1])
    monkeypatch.setattr(pipeline, "make_runtime", make)
    assert TextToMotion.load(str(folder), "onnx").runtime == "onnx"


def test_another_tower_is_told_of_whatever_networks_are_made_of_it(folder, tmp_path):
    other, files = tmp_path / "other", load_model(str(folder))
    shutil.copytree(folder, other)
    save_weights(other / "masked.safetensors", {}, {**files.configs["masked"], "text_fingerprint": "0" * 16})
    with pytest.raises(MoclipError) as caught:
        TextToMotion.load(str(other), "onnx")
    assert caught.value.code == "tower_mismatch"


def test_large_batches_go_through_the_networks_in_parts(runtimes):
    onnx, _ = runtimes
    given = inputs("masked", 2 * ROWS + 3, 9)
    parts = [onnx.call("masked", **{k: a[n : n + 1] for k, a in given.items()}) for n in (0, ROWS, 2 * ROWS + 2)]
    whole = onnx.call("masked", **given)
    assert len(whole) == 2 * ROWS + 3
    for part, n in zip(parts, (0, ROWS, 2 * ROWS + 2), strict=True):
        assert np.abs(part[0] - whole[n]).max() < 1e-5


def test_runtime_and_device_that_do_not_exist_are_refused(folder):
    files = load_model(str(folder))
    for runtime, device, code in (
        ("tensorflow", "auto", "bad_runtime"), ("onnx", "cuda", "bad_device"), ("torch", "abacus", "bad_device"),
    ):  # fmt: skip
        with pytest.raises(MoclipError) as caught:
            make_runtime(files, runtime, device)
        assert caught.value.code == code


def test_the_built_in_runtime_does_not_import_torch(folder):
    code = (
        "import sys\nfrom moclip.generate.pipeline import Request, TextToMotion\n"
        f"TextToMotion.load({str(folder)!r}).generate([Request('a person walks', 1.0)])\n"
        "print([m for m in ('torch', 'open_clip', 'onnx', 'scipy', 'matplotlib', 'zmq', 'bpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr
