# SPDX-License-Identifier: Apache-2.0
"""The released evaluator: its own mean and std, GloVe's words, the tail behind a generated motion, both bodies."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the evaluator needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

import torch.nn.functional as F  # noqa: E402
from official_folder import TEXT, write_evaluator, write_momask  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation import text_motion  # noqa: E402
from moclip.evaluation.official import load_official_folder  # noqa: E402
from moclip.evaluation.text_motion import evaluate_text_motion, generate_with_tail  # noqa: E402
from moclip.evaluation.train_evaluator import JudgedClips  # noqa: E402
from moclip.generate.pipeline import TextToMotion  # noqa: E402
from moclip.generators.importing import import_released  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402
from moclip_backend.commands import evaluate  # noqa: E402

WORDS = {"person", "walk", "nowhere"}
TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=TEXT, quick_gelu=True)


def movement_reference(state, normalised):
    """The released movement encoder on one motion padded to 196 frames, contacts left out."""
    x = normalised[None, :, :-4].transpose(1, 2)
    for name in ("main.0", "main.3"):
        x = F.leaky_relu(F.conv1d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1), 0.2)
    return F.linear(x.transpose(1, 2), state["out_net.weight"], state["out_net.bias"])


def sequence_reference(state, x):
    """The released GRU encoders on one sequence of vectors, by the equations."""
    x = F.linear(x, state["input_emb.weight"], state["input_emb.bias"])
    ends = []
    for side, end in enumerate(("", "_reverse")):
        h = state["hidden"][side, 0]
        for step in x if side == 0 else x.flip(0):
            gates = F.linear(step, state[f"gru.weight_ih_l0{end}"], state[f"gru.bias_ih_l0{end}"]).chunk(3)
            own = F.linear(h, state[f"gru.weight_hh_l0{end}"], state[f"gru.bias_hh_l0{end}"]).chunk(3)
            reset, keep = torch.sigmoid(gates[0] + own[0]), torch.sigmoid(gates[1] + own[1])
            h = (1 - keep) * torch.tanh(gates[2] + reset * own[2]) + keep * h
        ends.append(h)
    x = F.linear(torch.cat(ends), state["output_net.0.weight"], state["output_net.0.bias"])
    x = F.layer_norm(x, x.shape, state["output_net.1.weight"], state["output_net.1.bias"])
    return F.linear(F.leaky_relu(x, 0.2), state["output_net.3.weight"], state["output_net.3.bias"])


@pytest.mark.parametrize("body", ["t2m", "kit"])
@torch.no_grad()
def test_embeddings_are_those_of_the_released_code(tmp_path, body):
    root = write_evaluator(tmp_path / body, body)
    judge = load_official_folder(root, WORDS)
    content = torch.load(root / "text_mot_match/model/finest.tar", weights_only=False)
    mean, std = (torch.from_numpy(np.load(root / f"Comp_v6_KLD005/meta/{name}.npy")) for name in ("mean", "std"))
    rng = np.random.default_rng(0)
    motion = torch.from_numpy(rng.standard_normal((41, len(mean))).astype(np.float32)) * std + mean
    # A real motion: zeros follow its 40 frames in normalised space.
    normalised = torch.zeros(196, len(mean))
    normalised[:40] = ((motion - mean) / std)[:40]
    moved = movement_reference(content["movement_encoder"], normalised)[0, :10]
    expected = sequence_reference(content["motion_encoder"], moved)
    assert np.abs(judge.embed_motions([motion.numpy()])[0] - expected.numpy()).max() < 1e-4
    # A generated one: its tail follows, of which the last of its ten vectors sees something.
    tail = torch.from_numpy(rng.standard_normal((196, len(mean))).astype(np.float32))
    tail[:40] = normalised[:40]
    moved = movement_reference(content["movement_encoder"], tail)[0, :10]
    expected = sequence_reference(content["motion_encoder"], moved)
    found = judge.embed_motions([(tail * std + mean).numpy()], lengths=[40])[0]
    assert np.abs(found - expected.numpy()).max() < 1e-4
    assert np.abs(found - judge.embed_motions([motion.numpy()])[0]).max() > 1e-3

    vectors = np.load(root / "glove/our_vab_data.npy")
    rows, classes = [0, 3, 4, 2, 1], [14, 1, 12, 14, 14]  # sos person/NOUN walk/VERB (telling) unknown eos
    one_hot = F.one_hot(torch.tensor(classes), 15).float()
    text = content["text_encoder"]
    words = torch.from_numpy(vectors[rows]).float() + F.linear(one_hot, text["pos_emb.weight"], text["pos_emb.bias"])
    expected = sequence_reference(text, words)
    found = judge.embed_texts([[("person", "NOUN"), ("walk", "VERB"), ("nowhere", "NOUN")]])[0]
    assert np.abs(found - expected.numpy()).max() < 1e-4


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda r: (r / "text_mot_match/model/finest.tar").unlink(), "no text_mot_match/model/finest.tar"),
        (lambda r: (r / "text_mot_match/model/finest.tar").write_bytes(b"x"), "damaged"),
        (lambda r: torch.save({"epoch": 1}, r / "text_mot_match/model/finest.tar"), "no entry movement_encoder"),
        (lambda r: (r / "Comp_v6_KLD005/meta/std.npy").unlink(), "no Comp_v6_KLD005/meta/std.npy"),
        (lambda r: np.save(r / "Comp_v6_KLD005/meta/std.npy", np.ones(251)), "251 features, and the network reads 263"),
        (lambda r: np.save(r / "Comp_v6_KLD005/meta/std.npy", np.zeros(263)), "not above 0"),
        (lambda r: (r / "glove").rename(r / "words"), "no folder glove"),
        (lambda r: (r / "glove/our_vab_idx.pkl").write_bytes(b"x"), "GloVe folder"),
        (lambda r: np.save(r / "glove/our_vab_data.npy", np.ones(3)), "GloVe folder"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(tmp_path, spoil, sentence):
    root = write_evaluator(tmp_path / "t2m")
    spoil(root)
    with pytest.raises(MoclipError, match=sentence) as caught:
        load_official_folder(root, WORDS)
    assert caught.value.hint and "\n" not in str(caught.value)


def judged(body: str, count: int = 33) -> JudgedClips:
    rng = np.random.default_rng(2)
    width = 263 if body == "t2m" else 251
    features = [rng.standard_normal((40 + 4 * (k % 3), width)).astype(np.float32) for k in range(count)]
    sentences = [[[("person", "NOUN"), ("walk", "VERB")]] for _ in range(count)]
    return JudgedClips(
        features,
        sentences,
        [["a person walks"]] * count,
        np.arange(count),
        list(range(count)),
        np.full(count, 1 / count),
    )


@pytest.mark.parametrize("body", ["t2m", "kit"])
def test_a_released_model_is_measured_from_the_command_line(tmp_path, monkeypatch, body):
    root = write_evaluator(write_momask(tmp_path / body, body), body)
    import_released(root, tmp_path / "model", TextTower(TOWER))
    monkeypatch.setattr("moclip.data.folder.DatasetFolder", lambda path: None)
    monkeypatch.setattr("moclip.evaluation.train_evaluator.judged_clips", lambda *args, **told: judged(body))
    command = ["text-motion", "--dataset", str(tmp_path), "--evaluator", str(root), "--model", str(tmp_path / "model")]
    outcome = CliRunner().invoke(evaluate.app, [*command, "--repeats", "1", "--json"])
    assert outcome.exit_code == 0, outcome.output
    rows = json.loads(outcome.stdout)["rows"]
    assert np.isfinite(rows[str(tmp_path / "model")]["FID"]).all() and "Top-1" in rows["real"]


def test_the_tail_is_what_the_decoder_makes_of_no_codes(tmp_path):
    root = write_momask(tmp_path / "t2m")
    import_released(root, tmp_path / "model", TextTower(TOWER))
    model = TextToMotion.load(str(tmp_path / "model"), "torch", "cpu")
    made = generate_with_tail(model, ["a person walks", "a person jumps"], [40, 23], seed=5)
    assert [f.shape for f in made] == [(196, 263)] * 2
    codes = model.codes(["a person jumps"], [5], [6])
    padded = np.concatenate([codes, np.full((1, 44, codes.shape[2]), -1)], axis=1)
    largest = np.abs(made[1]).max()
    assert np.abs(model.codec.decode(padded)[0] - made[1]).max() < 1e-4 * largest
    assert np.abs(model.codec.decode(codes)[0] - made[1][:20]).max() > 1e-2 * largest  # the end sees the tail


def test_crops_are_the_protocols_and_drawn_anew(tmp_path, monkeypatch):
    root = write_evaluator(write_momask(tmp_path / "t2m"))
    judge = load_official_folder(root, WORDS)
    asked: list[list[int]] = []

    def made(model, captions, frames, **told):
        asked.append(list(frames))
        return [np.zeros((196, 263), np.float32)] * len(frames)

    monkeypatch.setattr(text_motion, "generate_with_tail", made)
    model = type("Model", (), {"fps": 20.0, "codec": type("Codec", (), {"features": 263})})()
    evaluate_text_motion(judge, judged("t2m"), {"m": model}, repeats=2)
    whole = [len(f) for f in judged("t2m").features]
    assert asked[0] != asked[1] and all(n in (own, own - 4) for n, own in zip(asked[0], whole, strict=True))
    assert 0 < sum(n < own for n, own in zip(asked[0], whole, strict=True)) < 33
