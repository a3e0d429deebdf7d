# SPDX-License-Identifier: Apache-2.0
"""The table of text-motion metrics, and retrieval in MoCLIP's space."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the evaluator needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from test_evaluator import SMALL, WORDS, evaluator, table  # noqa: E402
from tiny_model import make_tiny_model  # noqa: E402
from toy_dataset import make_toy_dataset  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip.alignment.motion_encoder import MotionEncoderConfig  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation.text_motion import evaluate_text_motion  # noqa: E402
from moclip.evaluation.train_evaluator import JudgedClips, judged_clips  # noqa: E402
from moclip.nn.checkpoint import save_weights  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402
from moclip_backend.commands.evaluate import app  # noqa: E402

MOTION = MotionEncoderConfig(part_width=8, width=32, layers=1, heads=2, embed_dim=16, dropout=0.0)


def clips(count: int = 40) -> JudgedClips:
    rng = np.random.default_rng(3)
    features = [rng.standard_normal((20 + 4 * (k % 3), 263)).astype(np.float32) for k in range(count)]
    sentences = [[[(WORDS[3 + k % 16], "NOUN"), (WORDS[3 + k // 16], "NOUN")]] for k in range(count)]
    captions = [[f"clip {k}"] for k in range(count)]
    return JudgedClips(features, sentences, captions, np.arange(count), list(range(count)), np.full(count, 1 / count))


class Copyist:
    """A model that gives each caption its own clip back, with some noise."""

    fps, codec = 20.0, SimpleNamespace(features=263)

    def __init__(self, noise: float = 0.0):
        self.noise, self.seeds = noise, []

    def features(self, requests):
        self.seeds += [r.seed for r in requests]
        return [self._copy(request) for request in requests]

    def _copy(self, request):
        own = clips(70).features[int(request.text.split()[1])]
        assert len(own) == round(request.seconds * 20)
        return own + self.noise * np.random.default_rng(request.seed).standard_normal(own.shape).astype(np.float32)


def test_a_model_that_gives_back_the_real_motion_has_the_numbers_of_real_motion():
    report = evaluate_text_motion(evaluator(), clips(), {"copy": Copyist()}, repeats=2)
    real, copy = report.rows["real"], report.rows["copy"]
    assert copy["FID"][0] == pytest.approx(0.0, abs=1e-4) and real["FID, halves"][0] > 0.001
    for metric in ("Top-1", "Top-3", "Top-1 distinct", "MM-Dist", "FID, halves"):
        assert copy[metric] == pytest.approx(real[metric])
    assert not report.differences and report.clips == 40


def test_repeats_use_other_seeds_and_the_same_ones_every_time():
    model = Copyist(0.5)
    first = evaluate_text_motion(evaluator(), clips(), {"noisy": model}, repeats=2)
    assert len(set(model.seeds)) == 80
    again = evaluate_text_motion(evaluator(), clips(), {"noisy": Copyist(0.5)}, repeats=2)
    assert first == again and first.rows["noisy"]["FID"][1] > 0


def test_two_models_are_compared_on_the_same_samples():
    same = evaluate_text_motion(evaluator(), clips(70), {"a": Copyist(0.5), "b": Copyist(0.5)}, repeats=1)
    assert set(same.differences["a"]) == {"Top-1", "Top-3", "Top-1 distinct", "Top-3 distinct", "FID"}
    assert all(low == high == 0.0 for low, high in same.differences["a"].values()) and len(same.differences) == 1
    models = {"a": Copyist(3.0), "b": Copyist(), "c": Copyist()}
    worse = evaluate_text_motion(evaluator(), clips(), models, repeats=1).differences
    assert worse["a"]["FID"][0] > 0 and set(worse["a"]) == {"FID"}  # one group has no spread
    assert worse["b"]["FID"] == (0.0, 0.0) and "c" not in worse


def test_multimodality_is_nothing_for_a_model_that_never_varies():
    report = evaluate_text_motion(evaluator(), clips(), {"copy": Copyist()}, repeats=1, modality_texts=3)
    assert report.rows["copy"]["MultiModality"][0] == 0.0
    varied = evaluate_text_motion(evaluator(), clips(), {"copy": Copyist(1.0)}, repeats=1, modality_texts=3)
    assert varied.rows["copy"]["MultiModality"][0] > 0


def test_too_few_clips_and_other_features_are_one_sentence():
    with pytest.raises(MoclipError, match="groups of 32"):
        evaluate_text_motion(evaluator(), clips(31), {"copy": Copyist()}, repeats=1)
    other = Copyist()
    other.codec = SimpleNamespace(features=251)
    with pytest.raises(MoclipError, match="251 features"):
        evaluate_text_motion(evaluator(), clips(), {"other": other}, repeats=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset of 33 clips with a split for each purpose."""
    path = tmp_path_factory.mktemp("dataset")
    for part in ("new_joint_vecs", "texts"):
        (path / part).mkdir()
    ids = [f"c{k}" for k in range(33)]
    rng = np.random.default_rng(0)
    for k, name in enumerate(ids):
        np.save(path / "new_joint_vecs" / f"{name}.npy", rng.standard_normal((24, 263)).astype(np.float32))
        (path / "texts" / f"{name}.txt").write_text(f"a person moves {k} times#a/DET#0.0#0.0\n")
    for split in ("train", "val", "test"):
        (path / f"{split}.txt").write_text("\n".join(ids))
    lines = [{"id": i, "kind": "clip", "actions": [{"action": i, "style": None, "side": None}]} for i in ids]
    (path / "clips.jsonl").write_text("\n".join(map(json.dumps, lines)))
    np.save(path / "Mean.npy", np.zeros(263, np.float32))
    np.save(path / "Std.npy", np.ones(263, np.float32))
    return path


def test_the_command_measures_a_model_folder(folder, tmp_path):
    model = make_tiny_model(tmp_path / "tiny")
    config = {"kind": "evaluator", "sizes": SMALL.to_dict(), "vocabulary": list(table().vocabulary)}
    save_weights(tmp_path / "evaluator.safetensors", evaluator().state_dict(), config)
    command = ["text-motion", "--dataset", str(folder), "--evaluator", str(tmp_path / "evaluator.safetensors"),
               "--model", str(model), "--repeats", "1"]  # fmt: skip
    report = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert report["clips"] == 33 and report["rows"][str(model)]["FID"][0] > 0
    assert "real" in report["rows"] and "Top-3 distinct" in report["rows"]["real"]
    printed = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert "MM-Dist" in printed and "33 clips of test" in printed
    missing = CliRunner().invoke(app, [*command[:4], "nowhere.safetensors"])
    assert isinstance(missing.exception, MoclipError) and "moclip train evaluator" in missing.exception.hint


def test_retrieval_by_model_by_work_folder_and_what_is_missing(folder, tmp_path):
    model = make_tiny_model(tmp_path / "tiny")
    command = ["retrieval", "--dataset", str(folder), "--model", str(model)]
    found = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert found["clips"] == 33 and 0 <= found["text to motion"]["1"] <= found["text to motion"]["10"] <= 1
    assert "text to motion" in CliRunner().invoke(app, command).stdout
    for args, says in (
        ([*command[:3], "--work", str(tmp_path)], "There is no weights file"),
        ([*command, "--tower", str(other_tower(tmp_path))], "makes 8 numbers"),
    ):
        refused = CliRunner().invoke(app, args)
        assert isinstance(refused.exception, MoclipError) and says in refused.exception.message
    (model / "motion.safetensors").unlink()
    without = CliRunner().invoke(app, command)
    assert isinstance(without.exception, MoclipError) and "comes without" in without.exception.message


def other_tower(folder):
    save_tower(TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=8)), folder / "other.safetensors")
    return folder / "other.safetensors"


@pytest.mark.parametrize("command", [["retrieval"], ["text-motion", "--evaluator", "none"]])
def test_without_torch_the_commands_say_what_to_install(command, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    refused = CliRunner().invoke(app, [*command, "--dataset", "none"])
    assert isinstance(refused.exception, MoclipError) and "torch" in refused.exception.message


def test_clips_may_be_judged_in_new_words_only(tmp_path):
    folder = make_toy_dataset(tmp_path)
    (folder.path / "texts" / "right.txt").write_text(
        "someone: left#a/DET#0.0#0.0\nan arm goes up#b/DET b/DET#0.0#0.0\n"
    )
    every, new = judged_clips(folder, "test"), judged_clips(folder, "test", new_wordings=True)
    assert [len(c) for c in every.captions] == [2, 2]  # "walk" is a training clip as well
    assert new.captions == [["an arm goes up"]] and new.sentences == [[[("b", "DET"), ("b", "DET")]]]
    assert len(new.features) == 1 and np.array_equal(new.features[0], every.features[1])
    with pytest.raises(MoclipError, match="no clip of a second or more in new words"):
        judged_clips(folder, "train", new_wordings=True)


def test_a_sample_of_clips_is_the_same_every_time():
    some, again = clips(40).sample(10), clips(40).sample(10)
    assert some.captions == again.captions and len(some) == 10 and some.weights.sum() == pytest.approx(1)
    row = int(some.captions[3][0].split()[1])
    assert np.array_equal(some.features[3], clips(40).features[row]) and some.labels[3] == row
    assert len(clips(40).sample(100)) == 40
