# SPDX-License-Identifier: Apache-2.0
"""Another text tower under a generator: fine-tuned on purpose only, and the length estimator keeps its own."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="packing writes graphs with onnx")

from tiny_model import make_tiny_model  # noqa: E402
from toy_dataset import make_toy_dataset  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.generators.base import learners  # noqa: E402
from moclip.generators.base.token_clips import TokenBatch  # noqa: E402
from moclip.generators.momask.train import LEARNERS  # noqa: E402
from moclip.generators.momask.transformers import MaskedTransformer  # noqa: E402
from moclip.models import load_model, verify_model  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights  # noqa: E402
from moclip.recipes import downstream  # noqa: E402
from moclip.recipes.downstream import FineTuneConfig, FineTuning  # noqa: E402
from moclip.recipes.downstream import fine_tune_generator as tune  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402
from moclip_backend.commands.train import app  # noqa: E402

CONFIG = FineTuneConfig(learning_rate=1e-3, masked_steps=3, residual_steps=2, batch=2, captions=1)
REQUESTS = [Request("a person walks and then waves", None, 3), Request("someone jumps", 2.0, 4)]


def fine_tune_generator(generator, tower, dataset, work, out, config, *, judge=None, **options) -> None:
    tune(FineTuning(generator, tower, work, out, judge), dataset, config, **options)


def new_tower(path: Path, seed: int = 5, width: int = 16) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_tower(TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=width)), path)
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> DatasetFolder:
    return make_toy_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tuned(dataset, generator, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    tower = new_tower(folder / "new.safetensors")
    fine_tune_generator(
        str(generator), str(tower), dataset, folder / "work", folder / "out", CONFIG, log=lambda line: None
    )
    return folder / "out"


def test_the_new_model_is_whole_reads_the_new_tower_and_was_trained(tuned, generator):
    assert verify_model(str(tuned)) == []
    files, before = load_model(str(tuned)), load_model(str(generator))
    own = fingerprint(files.arrays["text"])
    assert own == files.info.text_fingerprint != before.info.text_fingerprint
    for kind in ("masked", "residual"):
        assert files.configs[kind]["text_fingerprint"] == own
        assert fingerprint(files.arrays[kind]) != fingerprint(before.arrays[kind])
    assert fingerprint(files.arrays["rvq"]) == fingerprint(before.arrays["rvq"])
    assert "motion" not in files.arrays  # the judge of takes belonged to the old tower


def test_both_runtimes_give_the_same_tokens_and_lengths_are_those_of_the_old_model(tuned, generator):
    results = {name: TextToMotion.load(str(tuned), name).generate(REQUESTS) for name in ("onnx", "torch")}
    old = TextToMotion.load(str(generator), "onnx").generate(REQUESTS)
    for one, other, before in zip(*results.values(), old, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert one.motion.frames == before.motion.frames
    assert any(not np.array_equal(a.tokens, b.tokens) for a, b in zip(results["onnx"], old, strict=True))


def test_a_second_swap_keeps_the_length_estimators_first_tower(tuned, generator, dataset, tmp_path):
    again = tmp_path / "again"
    tower = str(new_tower(tmp_path / "third.safetensors", seed=6))
    fine_tune_generator(str(tuned), tower, dataset, tmp_path / "work", again, CONFIG, log=lambda line: None)
    first = load_model(str(generator)).info.text_fingerprint
    assert fingerprint(load_model(str(again)).arrays["length_text"]) == first


def test_codes_are_made_once_for_several_towers(generator, dataset, tmp_path, monkeypatch):
    encoded: list[int] = []
    encode = downstream.encode_clips
    monkeypatch.setattr(
        downstream, "encode_clips", lambda clips, vq, device: encoded.append(len(clips)) or encode(clips, vq)
    )
    weights, codes = [], {}
    for name, shared in (("first", codes), ("second", codes), ("alone", None)):
        tower = str(new_tower(tmp_path / f"{name}.safetensors", seed=4))
        fine_tune_generator(
            str(generator), tower, dataset, tmp_path / f"{name}-work", tmp_path / name, CONFIG, codes=shared,
            log=lambda line: None,
        )  # fmt: skip
        weights.append(fingerprint(load_model(str(tmp_path / name)).arrays["masked"]))
    assert len(encoded) == 4 and len(set(weights)) == 1  # two splits, once for both and once alone


def test_fine_tuning_to_its_own_tower_needs_no_second_one(generator, dataset, tmp_path):
    tower = str(generator / "text.safetensors")
    fine_tune_generator(
        str(generator), tower, dataset, tmp_path / "work", tmp_path / "out", CONFIG, log=lambda line: None
    )
    assert not (tmp_path / "out" / "length_text.safetensors").exists()


@pytest.mark.parametrize("missing", ["length_text.safetensors", "text.safetensors"])
def test_a_network_whose_tower_is_gone_is_refused(tuned, missing, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tuned, broken)
    (broken / missing).unlink()
    if missing == "text.safetensors":
        new_tower(broken / missing, seed=9)
    with pytest.raises(MoclipError, match="trained with another text tower"):
        TextToMotion.load(str(broken))


def test_two_towers_are_trained_on_the_same_draws(generator, dataset, tmp_path, monkeypatch):
    seen: list[list[TokenBatch]] = []
    draw = learners.token_batch

    def noted(*args):
        seen[-1].append(draw(*args))
        return seen[-1][-1]

    shown: list[list[torch.Tensor]] = []
    forward = MaskedTransformer.forward

    def noted_forward(network, ids, *args):
        shown[-1].append(ids.clone())
        return forward(network, ids, *args)

    monkeypatch.setattr(learners, "token_batch", noted)
    monkeypatch.setattr(MaskedTransformer, "forward", noted_forward)
    for seed in (1, 2):
        seen.append([])
        shown.append([])
        tower = str(new_tower(tmp_path / f"{seed}.safetensors", seed))
        work, out = tmp_path / f"work{seed}", tmp_path / f"out{seed}"
        fine_tune_generator(str(generator), tower, dataset, work, out, CONFIG, log=lambda line: None)
    assert len(seen[0]) == len(seen[1]) >= 5
    for one, other in zip(*seen, strict=True):
        assert torch.equal(one.codes, other.codes) and torch.equal(one.padding, other.padding)
        assert not torch.equal(one.text, other.text)
    assert len(shown[0]) >= CONFIG.masked_steps
    assert all(torch.equal(one, other) for one, other in zip(*shown, strict=True))


def test_a_run_that_is_done_is_not_done_again(generator, dataset, tmp_path):
    tower, lines = str(new_tower(tmp_path / "new.safetensors")), []
    for _ in range(2):
        lines.clear()
        fine_tune_generator(
            str(generator), tower, dataset, tmp_path / "work", tmp_path / "out", CONFIG, log=lines.append
        )
    assert "masked: resumed at step 3" in lines and not any("embedded" in line for line in lines)


def test_the_papers_rate_is_constant_and_without_warm_up():
    schedule = FineTuneConfig().schedule("masked")
    assert [schedule.rate(step) for step in (0, 1000, 1999)] == [1e-6] * 3


def test_the_command_writes_a_model_and_asks_for_the_flag(generator, dataset, tmp_path):
    tower = new_tower(tmp_path / "new.safetensors")
    command = [
        "downstream", "--generator", str(generator), "--text-encoder", str(tower), "--dataset", str(dataset.path),
        "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--batch", "2",
        "--masked-steps", "1", "--residual-steps", "1",
    ]  # fmt: skip
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2 and "add --fine-tune" in " ".join(refused.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(app, [*command, "--fine-tune"], catch_exceptions=False).exit_code == 0
    assert load_weights(tmp_path / "out" / "masked.safetensors")[1]["text_fingerprint"] == fingerprint(
        load_weights(tower)[0]
    )


@pytest.mark.parametrize(
    ("tower", "says"), [("wide", "makes 8 numbers, and the generator reads 16"), ("rvq", "is not a text tower"),
                        ("gone.safetensors", "There is no text tower")],
)  # fmt: skip
def test_what_is_no_tower_of_the_generator_is_one_sentence(tower, says, generator, dataset, tmp_path):
    path = {"wide": new_tower(tmp_path / "wide.safetensors", width=8), "rvq": generator / "rvq.safetensors"}.get(tower)
    with pytest.raises(MoclipError, match=says):
        fine_tune_generator(
            str(generator), str(path or tmp_path / tower), dataset, tmp_path, tmp_path / "out", replace(CONFIG)
        )


def test_the_generators_own_folder_is_not_written_over(generator, dataset, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(generator, own)
    tower = str(new_tower(tmp_path / "new.safetensors"))
    with pytest.raises(MoclipError, match="holds the generator"):
        fine_tune_generator(str(own), tower, dataset, tmp_path / "work", own, CONFIG, log=lambda line: None)
    assert verify_model(str(own)) == []


def test_work_of_another_tower_is_not_resumed_but_started_over_when_asked(generator, dataset, tmp_path):
    one, other = (str(new_tower(tmp_path / f"{seed}.safetensors", seed)) for seed in (5, 6))
    work, out = tmp_path / "work", tmp_path / "out"
    fine_tune_generator(str(generator), one, dataset, work, out, CONFIG, log=lambda line: None)
    with pytest.raises(MoclipError, match="another generator or text tower"):
        fine_tune_generator(str(generator), other, dataset, work, out, CONFIG, log=lambda line: None)
    fine_tune_generator(str(generator), other, dataset, work, out, CONFIG, resume=False, log=lambda line: None)
    assert load_model(str(out)).info.text_fingerprint == fingerprint(load_weights(Path(other))[0])


def test_work_cut_off_ends_as_if_it_had_not_been(generator, dataset, tmp_path, monkeypatch):
    tower = str(new_tower(tmp_path / "new.safetensors"))
    config = replace(CONFIG, residual_steps=10)
    run = partial(fine_tune_generator, str(generator), tower, dataset, config=config, log=lambda line: None)
    run(work=tmp_path / "whole", out=tmp_path / "one")
    learner, drawn = LEARNERS["residual"], []

    def cut_off(network, batch):
        if network.training:
            drawn.append(batch)
            if len(drawn) == 6:
                raise KeyboardInterrupt
        return learner.loss(network, batch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(LEARNERS, "residual", replace(learner, loss=cut_off))
        run(work=tmp_path / "parts", out=tmp_path / "two")
    lines: list[str] = []
    run(work=tmp_path / "parts", out=tmp_path / "two", log=lines.append)
    assert "masked: resumed at step 3" in lines and "residual: resumed at step 4" in lines
    one, other = (load_model(str(tmp_path / name)).arrays for name in ("one", "two"))
    for kind in ("masked", "residual"):
        assert fingerprint(one[kind]) == fingerprint(other[kind])


def moclip_of(tower: Path, path: Path, generator: Path) -> Path:
    """A MoCLIP whose student is this tower, with the motion encoder of the tiny model."""
    arrays, config = load_weights(tower)
    motion, encoder = load_weights(generator / "motion.safetensors")
    tensors = {f"student.{k}": v for k, v in arrays.items()} | {f"motion.{k}": v for k, v in motion.items()}
    save_weights(path, tensors, {"kind": "moclip", "motion": encoder, "tower": config})
    return path


def test_a_judge_is_packed_for_its_own_tower_only(dataset, tmp_path):
    judged = make_tiny_model(tmp_path / "judged")
    own, other = (new_tower(tmp_path / f"{seed}.safetensors", seed) for seed in (5, 6))
    judge = moclip_of(own, tmp_path / "moclip.safetensors", judged)
    work, out = tmp_path / "work", tmp_path / "out"
    run = partial(fine_tune_generator, str(judged), dataset=dataset, work=work, out=out, config=CONFIG, judge=judge)
    with pytest.raises(MoclipError, match="motion encoder in .* another text tower"):
        run(str(other), log=lambda line: None)
    assert not out.exists()
    run(str(own), log=lambda line: None)
    assert "motion" in load_model(str(out)).arrays


def test_a_folder_written_before_keeps_nothing_of_another_tower(tuned, generator, dataset, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tuned, out)
    own = str(generator / "text.safetensors")
    fine_tune_generator(str(generator), own, dataset, tmp_path / "work", out, CONFIG, log=lambda line: None)
    assert verify_model(str(out)) == [] and not (out / "length_text.safetensors").exists()


def test_open_clip_towers_of_two_names_are_told_apart(tmp_path, monkeypatch):
    seeds = {"ViT-B-32-quickgelu": 1, "ViT-B-32": 2}

    def made(name, pretrained):
        torch.manual_seed(seeds[name])
        return TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=16))

    monkeypatch.setattr(downstream, "load_open_clip_tower", made)
    first, second = (downstream._read_tower(name, tmp_path)[0] for name in ("ViT-B-32-quickgelu", "ViT-B-32/laion2b"))
    assert fingerprint(first) != fingerprint(second)
