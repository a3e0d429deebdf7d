# SPDX-License-Identifier: Apache-2.0
"""The ablation at toy sizes: shared phases, what is kept, fair comparison of generators, and the report."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="packing writes graphs with onnx")

from test_evaluator import SMALL, evaluator, table  # noqa: E402
from test_recipe import RECIPE  # noqa: E402
from tiny_model import make_tiny_model  # noqa: E402
from toy_dataset import make_toy_dataset  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.nn.checkpoint import load_weights, save_weights  # noqa: E402
from moclip.recipes.ablation import Ablation, run_alignment  # noqa: E402
from moclip.recipes.ablation_report import markdown, write_report  # noqa: E402
from moclip.recipes.arms import ARMS, TEACHER, arm_settings, find_arm  # noqa: E402
from moclip.recipes.recipe import load_recipe  # noqa: E402
from moclip_backend.cli import _make_app  # noqa: E402


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> DatasetFolder:
    folder = make_toy_dataset(tmp_path_factory.mktemp("data"))
    # Enough test clips for groups of 32; the sentences of two of the four are in the training split, too.
    (folder.path / "test.txt").write_text("\n".join(["walk", "right", "stroll", "left"] * 18))
    return folder


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "toy.toml"
    path.write_text(RECIPE.replace("frozen_share = 0.0", "frozen_share = 0.5"))
    return path


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def work(generator, tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "tower.safetensors").write_bytes((generator / "text.safetensors").read_bytes())
    return folder


def test_arms_that_differ_later_share_the_frozen_phase_and_its_batches(dataset, recipe_file, work):
    lines: list[str] = []
    ablation = Ablation(dataset, work, load_recipe(recipe_file), log=lines.append)
    found = run_alignment(ablation, [TEACHER, "paper", "no tether", "no alignment"], [0])
    phases = [path.name for path in (work / "seed0").iterdir() if path.name.startswith("first-phase")]
    assert len(phases) == 2  # no alignment needs its own
    assert found[TEACHER]["cosine to teacher"]["mean"] == pytest.approx(1.0, abs=1e-5)
    assert found[TEACHER]["norm ratio"]["mean"] == pytest.approx(1.0, abs=1e-5)
    assert found["paper"]["cosine to teacher"]["mean"] < 1 - 1e-6
    assert set(found["paper"]) == {*(f"{w} R@{k}" for w in ("t2m", "m2t") for k in (1, 2, 3, 5, 10)), "norm ratio",
                                   "cosine to teacher"}  # fmt: skip
    # A teacher's motion encoder went on learning.
    frozen, shared = (load_weights(ablation.folder(n, 0) / "moclip.safetensors")[0] for n in (TEACHER, "paper"))
    assert np.array_equal(
        frozen["student.text.token_embedding.weight"],
        load_weights(work / "tower.safetensors")[0]["text.token_embedding.weight"],
    )
    assert not np.array_equal(shared["student.text.text_projection"], frozen["student.text.text_projection"])
    lines.clear()
    assert run_alignment(ablation, [TEACHER, "paper"], [0])["paper"] == found["paper"]
    assert lines == []  # what is done is not done again


def test_an_arm_through_a_shared_phase_is_the_arm_trained_alone(dataset, recipe_file, tmp_path, generator):
    weights = []
    for order in (["paper", "no tether"], ["no tether"]):
        folder = tmp_path / str(len(order))
        folder.mkdir()
        (folder / "tower.safetensors").write_bytes((generator / "text.safetensors").read_bytes())
        ablation = Ablation(dataset, folder, load_recipe(recipe_file), log=lambda line: None)
        for name in order:
            ablation.train(name, 1)
        weights.append(load_weights(ablation.folder("no tether", 1) / "moclip.safetensors")[0])
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_arms_may_go_on_from_a_motion_encoder(dataset, recipe_file, work):
    recipe = load_recipe(recipe_file)
    recipe["moclip"]["schedule"]["learning_rate"] = 1e-7
    Ablation(dataset, work, recipe, log=lambda line: None).train("no cross-limb attention", 0)
    start = work / "seed0" / "no-cross-limb-attention" / "moclip.safetensors"
    went_on = Ablation(dataset, work, recipe, start=start, log=lambda line: None)
    for name in ("no cross-limb attention", "paper"):
        went_on.train(name, 1)
        weights, _ = load_weights(went_on.folder(name, 1) / "moclip.safetensors")
        assert np.allclose(weights["motion.embed.weight"], load_weights(start)[0]["motion.embed.weight"], atol=1e-3)


def test_a_recipe_may_make_the_motion_encoder_that_arms_go_on_from(dataset, recipe_file, work):
    recipe = load_recipe(recipe_file)
    recipe["moclip"]["schedule"]["learning_rate"] = 1e-7
    recipe["start"] = {"batch": 4, "schedule": {"steps": 3, "learning_rate": 1e-3, "warmup": 1}}
    lines: list[str] = []
    ablation = Ablation(dataset, work, recipe, log=lines.append)
    ablation.train("paper", 0)
    made = load_weights(work / "start" / "moclip.safetensors")[0]
    assert not any(name.startswith("motion.limbs.") for name in made)
    tower = load_weights(work / "tower.safetensors")[0]
    assert np.array_equal(made["student.text.text_projection"], tower["text.text_projection"])  # it stayed frozen
    arm = load_weights(ablation.folder("paper", 0) / "moclip.safetensors")[0]
    assert np.allclose(arm["motion.embed.weight"], made["motion.embed.weight"], atol=1e-3)
    again: list[str] = []
    Ablation(dataset, work, recipe, log=again.append).train("no cross-limb attention", 0)
    assert sum("all arms go on from" in line for line in lines) == 1
    assert not any("all arms go on from" in line for line in again)
    recipe["start"]["batch"] = 2
    with pytest.raises(MoclipError, match="trained with other settings"):
        Ablation(dataset, work, recipe, log=again.append).train("paper", 1)


def test_every_arm_differs_from_the_paper_in_one_thing(recipe_file):
    recipe = load_recipe(recipe_file)
    paper = arm_settings(recipe, ARMS["paper"], 0)
    for name in set(ARMS) - {"paper", "authors", "recommended"}:
        other = arm_settings(recipe, ARMS[name], 0)
        changed = [k for part in ("config", "motion") for k, v in getattr(other, part).to_dict().items()
                   if v != getattr(paper, part).to_dict()[k]]  # fmt: skip
        assert len(changed) == 1, name
        assert other.schedule == paper.schedule and other.batch == paper.batch


def test_other_settings_in_the_same_folder_are_refused(dataset, recipe_file, work):
    recipe = load_recipe(recipe_file)
    Ablation(dataset, work, recipe, log=lambda line: None).train("paper", 0)
    recipe["moclip"]["batch"] = 2
    with pytest.raises(MoclipError, match="trained with other settings"):
        Ablation(dataset, work, recipe, log=lambda line: None).train("paper", 0)
    with pytest.raises(MoclipError, match="no arm 'best'"):
        find_arm("best")


def test_the_command_compares_generators_and_writes_the_report(dataset, recipe_file, work, generator, tmp_path):
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    config = {"kind": "evaluator", "sizes": SMALL.to_dict(), "vocabulary": list(table().vocabulary)}
    save_weights(tmp_path / "evaluator.safetensors", evaluator().state_dict(), config)
    out = tmp_path / "report"
    command = [
        "ablate", "--dataset", str(dataset.path), "--work", str(work), "--out", str(out), "--config", str(recipe_file),
        "--arms", "teacher,no tether,lambda 0.2", "--seeds", "2", "--generator", str(generator), "--evaluator",
        str(tmp_path / "evaluator.safetensors"), "--fine-tune-steps", "2", "--rate", "1e-3", "--repeats", "1",
        "--captions", "1",
    ]  # fmt: skip
    first = CliRunner().invoke(_make_app(), command, catch_exceptions=False)
    assert first.exit_code == 0 and "generator of no tether, seed 1" in first.output
    report = json.loads((out / "ablation.json").read_text())
    assert set(report["retrieval"]) == {"teacher", "no tether", "lambda 0.2"} and report["seeds"] == [0, 1]
    generators = report["generators"]
    assert set(generators["arms"]) == {"no tether", "teacher"} and generators["clips"] == 36
    assert len(generators["minus teacher"]["no tether"]["FID"]) == 2
    assert generators["arms"]["teacher"]["FID"]["mean"] > 0
    text = (out / "ablation.md").read_text()
    assert "| no tether |" in text and "no tether minus teacher" in text and "real motion" in text
    assert (out / "ablation.png").stat().st_size > 5000
    again = CliRunner().invoke(_make_app(), command, catch_exceptions=False)
    assert "--" not in again.output.split("# What")[0] and json.loads((out / "ablation.json").read_text()) == report


def test_a_generator_without_an_evaluator_is_refused(dataset, work, generator, tmp_path):
    command = ["ablate", "--dataset", str(dataset.path), "--work", str(work), "--out", str(tmp_path), "--generator",
               str(generator)]  # fmt: skip
    refused = CliRunner().invoke(_make_app(), command)
    assert refused.exit_code == 2 and "evaluator" in refused.output


def test_the_report_without_generators(tmp_path):
    summary = {"mean": 0.5, "half": 0.1, "least": 0.4, "most": 0.6}
    report = {"seeds": [0], "retrieval": {"paper": {m: summary for m in ("t2m R@1", "t2m R@3")}}, "generators": None}
    assert "| paper | 0.500 ± 0.100 | 0.500 ± 0.100 |" in markdown(report)
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    assert [path.name for path in write_report(report, tmp_path / "r")] == [
        "ablation.json",
        "ablation.md",
        "ablation.png",
    ]
