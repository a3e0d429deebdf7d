# SPDX-License-Identifier: Apache-2.0
"""Commands whose options are a dataclass: required and optional ones, their order, and what arrives."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from moclip_backend.commands.options import from_options


@dataclass(kw_only=True)
class Shared:
    device: Annotated[str | None, typer.Option(help="Where.")] = None
    threads: Annotated[int, typer.Option(min=1)] = 2


@dataclass(kw_only=True)
class Options(Shared):
    data: Annotated[list[Path], typer.Option(help="Folders.")]
    out: Annotated[Path, typer.Option()]
    seeds: Annotated[int, typer.Option(min=1)] = 3
    fine_tune: Annotated[bool, typer.Option("--fine-tune")] = False


app = typer.Typer()
seen: list[Options] = []


@app.command()
@from_options(Options)
def command(options: Options) -> None:
    """What it does."""
    seen.append(options)


def test_options_arrive_as_the_dataclass():
    given = ["--data", "a", "--data", "b", "--out", "c", "--seeds", "4", "--fine-tune", "--device", "cpu"]
    assert CliRunner().invoke(app, given, catch_exceptions=False).exit_code == 0
    expected = Options(data=[Path("a"), Path("b")], out=Path("c"), seeds=4, fine_tune=True, device="cpu", threads=2)
    assert seen[-1] == expected


def test_what_is_missing_or_out_of_range_is_refused():
    assert CliRunner().invoke(app, ["--data", "a"]).exit_code == 2
    assert CliRunner().invoke(app, ["--data", "a", "--out", "c", "--threads", "0"]).exit_code == 2


def test_the_help_has_a_commands_own_options_before_the_shared_ones():
    text = CliRunner().invoke(app, ["--help"]).output
    places = [text.index(f"--{name}") for name in ("data", "out", "seeds", "fine-tune", "device", "threads")]
    assert places == sorted(places) and "What it does." in text


def test_a_model_is_measured_by_the_commands(tmp_path, moclip):
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    pytest.importorskip("onnx", reason="packing writes graphs with onnx")
    from test_evaluator import SMALL, evaluator, table
    from tiny_model import make_tiny_model
    from toy_dataset import make_toy_dataset

    from moclip.nn.checkpoint import save_weights

    dataset, model = make_toy_dataset(tmp_path / "data"), make_tiny_model(tmp_path / "tiny")
    (dataset.path / "test.txt").write_text("\n".join(["walk", "right", "stroll", "left"] * 10))
    config = {"kind": "evaluator", "sizes": SMALL.to_dict(), "vocabulary": list(table().vocabulary)}
    save_weights(tmp_path / "evaluator.safetensors", evaluator().state_dict(), config)
    judged = ("--dataset", str(dataset.path), "--evaluator", str(tmp_path / "evaluator.safetensors"))
    code, out, _ = moclip(
        "evaluate", "text-motion", *judged, "--model", str(model), "--repeats", "1", "--clips", "32", "--json"
    )
    assert code == 0 and json.loads(out)["clips"] == 32 and json.loads(out)["repeats"] == 1
    (tmp_path / "prompts.json").write_text(
        json.dumps({"prompts": [{"text": "a person walks", "actions": ["walk"], "seconds": 2.0}]})
    )
    asked = ("--prompts", str(tmp_path / "prompts.json"), "--seeds", "2", "--first-seed", "5", "--json")
    code, out, _ = moclip("evaluate", "prompts", "--model", str(model), *asked)
    assert code == 0 and (json.loads(out)["samples"], json.loads(out)["first_seed"]) == (2, 5)


@pytest.mark.parametrize(
    ("option", "says"), [(("--device", "cuda:9"), "no device"), (("--precision", "half"), "float32 or bfloat16")]
)
def test_a_machine_that_is_not_there_is_one_sentence(tmp_path, moclip, option, says):
    from test_recipe import RECIPE
    from toy_dataset import make_toy_dataset

    dataset = make_toy_dataset(tmp_path / "data")
    (tmp_path / "toy.toml").write_text(RECIPE)
    command = ("train", "rvq", "--dataset", str(dataset.path), "--work", "w", "--config", str(tmp_path / "toy.toml"))
    code, _, said = moclip(*command, *option)
    assert code == 1 and says in " ".join(said.split()) and not (tmp_path / "w").exists()


def test_the_recipes_device_gives_way_to_the_command_lines(tmp_path, moclip):
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    from test_recipe import RECIPE
    from toy_dataset import make_toy_dataset

    dataset = make_toy_dataset(tmp_path / "data")
    (tmp_path / "toy.toml").write_text(RECIPE + '[compute]\ndevice = "nowhere"\n')
    command = ("train", "rvq", "--dataset", str(dataset.path), "--work", "w", "--config", str(tmp_path / "toy.toml"))
    assert moclip(*command)[0] == 1
    assert moclip(*command, "--device", "cpu", "--precision", "bfloat16")[0] == 0
    assert (tmp_path / "w" / "rvq.safetensors").is_file()
