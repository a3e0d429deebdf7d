# SPDX-License-Identifier: Apache-2.0
"""MoCLIP's training: phases, presets, large batches in parts and in processes, resuming, and what it must reach."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="MoCLIP's training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig  # noqa: E402
from moclip.alignment.objective import MoCLIP, student_parts  # noqa: E402
from moclip.alignment.pairs import PairedClips, embed_captions, embed_motions, pair_batch, same_meaning  # noqa: E402
from moclip.alignment.presets import PRESETS, AlignmentConfig, with_preset  # noqa: E402
from moclip.alignment.train import train_moclip  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation.retrieval import load_spaces, retrieval  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402
from moclip.training.large_batch import backward  # noqa: E402
from moclip.training.machine import split_rows  # noqa: E402
from moclip.training.processes import Processes  # noqa: E402
from moclip.training.run import Compute, Run, Schedule  # noqa: E402

TOWER = TowerConfig(vocab_size=50, width=32, heads=2, layers=2, embed_dim=16)
MOTION = MotionEncoderConfig(
    part_width=8, width=32, layers=1, heads=2, embed_dim=16, dropout=0.0, cross_limb=True, limb_heads=2
)
SCHEDULE = Schedule(steps=6, learning_rate=1e-3, warmup=1, validate_every=3, save_every=3)


def new_tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(TOWER).eval()


def sixteen_pairs() -> PairedClips:
    rng = np.random.default_rng(1)
    tokens = np.zeros((16, 77), np.uint16)
    tokens[:, 0], tokens[:, 1], tokens[:, 2] = 1, np.arange(2, 18), 49
    with torch.no_grad():
        teacher = new_tower()(torch.from_numpy(tokens.astype(np.int64))).numpy()
    return PairedClips(
        joints=[rng.standard_normal((1, 22, 3)).astype(np.float32).repeat(8 + k % 4, 0) for k in range(16)],
        tokens=[row[None] for row in tokens],
        meaning=np.arange(16),
        partner=[np.array([], dtype=int)] * 16,
        weights=np.full(16, 1 / 16),
        teacher=[row[None] for row in teacher],
    )


def train(out: Path, config: AlignmentConfig | None = None, schedule: Schedule = SCHEDULE, **options) -> TextTower:
    pairs, lines = sixteen_pairs(), options.pop("lines", [])
    batch = options.pop("batch", 16)
    run = Run(out, schedule, **{"log": lines.append, **options})
    return train_moclip(new_tower(), pairs, pairs, MOTION, config or AlignmentConfig(), run, batch=batch)


def differs(one: TextTower, other: TextTower) -> set[str]:
    return {
        n for (n, a), (_, b) in zip(one.state_dict().items(), other.state_dict().items(), strict=True) if (a != b).any()
    }


def test_sixteen_pairs_are_learnt_by_heart_and_retrieved(tmp_path):
    schedule = Schedule(steps=150, learning_rate=4e-3, warmup=5, validate_every=50)
    config = AlignmentConfig(frozen_share=0.2, student_rate=1.0, tether_weight=0.01)
    before = retrieval(new_tower(), MotionEncoder(MOTION).eval(), sixteen_pairs())["text to motion"]
    save_tower(train(tmp_path, config, schedule, batch=32), tmp_path / "text.safetensors")
    found = retrieval(*load_spaces("", tmp_path), sixteen_pairs())
    assert found["text to motion"][1] == found["motion to text"][1] == 1.0 > before[1]
    assert found["chance"] == {1: 1 / 16}


def test_the_student_stays_frozen_until_its_phase_and_its_word_table_for_good_if_asked(tmp_path):
    start = new_tower()
    assert not differs(train(tmp_path / "frozen", AlignmentConfig(unfreeze="never")), start)
    whole = differs(train(tmp_path / "whole", AlignmentConfig(student_rate=1.0)), start)
    assert {"text.token_embedding.weight", "text.text_projection", "text.positional_embedding"} <= whole
    kept = differs(train(tmp_path / "kept", AlignmentConfig(student_rate=1.0, train_words=False)), start)
    assert "text.token_embedding.weight" not in kept and "text.text_projection" in kept


def test_layers_are_freed_from_the_last_to_the_first():
    network = MoCLIP(new_tower(), MOTION, AlignmentConfig(unfreeze="layers", frozen_share=0.5))
    parts = student_parts(network.student, words=True)

    def free(step: int) -> list[bool]:
        network.free_student(step, steps=100)
        return [part[0].requires_grad for part in parts]

    assert free(49) == [False] * 4
    assert free(50) == [True, False, False, False]
    assert free(57) == [True, True, False, False]
    assert free(68) == [True] * 4  # 25 steps, half of the second phase, for four parts
    assert free(99) == [True] * 4


def test_freed_one_by_one_all_layers_have_learnt_in_the_end(tmp_path):
    schedule = replace(SCHEDULE, steps=20)
    config = AlignmentConfig(unfreeze="layers", frozen_share=0.5, student_rate=1.0)
    lines: list[str] = []
    trained = train(tmp_path, config, schedule, lines=lines)
    assert differs(trained, new_tower()) == set(trained.state_dict())
    assert len(lines) == 7  # every third step and the last


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_trains(preset, tmp_path):
    part = with_preset({"motion": MOTION.to_dict()}, preset)
    motion, config = MotionEncoderConfig(**part["motion"]), AlignmentConfig(**part["alignment"])
    pairs = sixteen_pairs()
    run = Run(tmp_path, SCHEDULE, log=lambda line: None)
    train_moclip(new_tower(), pairs, pairs, motion, config, run, batch=8)
    arrays, saved = load_weights(tmp_path / "moclip.safetensors")
    assert ("motion.limbs.ln_1.weight" in arrays) == (preset != "authors")
    assert saved["motion"]["positions"] == ("batch" if preset == "authors" else "time")
    assert not any(name.startswith("teacher") for name in arrays)


def test_a_preset_by_name_wins_over_the_recipe_and_the_recipes_own_settings_over_its_preset():
    table = {"preset": "paper", "batch": 4, "alignment": {"tether_weight": 0.2, "duplicates": False}}
    assert with_preset(table)["alignment"] == {"tether_weight": 0.2, "duplicates": False}
    named = with_preset(table, "authors")
    assert named["alignment"]["tether_reduction"] == "mean" and named["alignment"]["tether_weight"] == 0.2
    assert named["preset"] == "authors" and named["batch"] == 4
    with pytest.raises(MoclipError, match="no preset 'best'"):
        with_preset(table, "best")


def test_the_authors_rates_are_the_ones_of_their_run():
    config = AlignmentConfig(**with_preset({}, "authors")["alignment"])
    schedule = Schedule(steps=50, learning_rate=1e-4)  # an epoch each
    motion = [config.rates(schedule, epoch)[0] for epoch in (0, 34, 35, 49)]
    assert motion == pytest.approx([1e-4, 2.32e-5, 1e-6, 8.19e-7], rel=3e-3)


def test_the_recommended_scale_is_clamped_and_the_papers_is_not():
    vectors = torch.tensor([[1.0, 0.0], [0.995, math.sqrt(1 - 0.995**2)]])
    for name, scale in (("paper", 1000.0), ("recommended", 100.0)):
        config = replace(AlignmentConfig(**with_preset({}, name)["alignment"]), initial_scale=1000.0)
        network = MoCLIP(new_tower(), MOTION, config)
        _, numbers = network.loss(vectors, vectors, vectors, torch.eye(2, dtype=torch.bool))
        # The other cosine is 0.005 less.
        assert numbers["contrastive"] == pytest.approx(math.log(1 + math.exp(-0.005 * scale)), rel=1e-3)


def test_equal_meaning_or_equal_words_are_no_negatives_but_in_the_paper():
    pairs = sixteen_pairs()
    batch = pair_batch(pairs, np.random.default_rng(0), 16, partners=False)
    same = same_meaning(batch.meaning)
    drawn = [tuple(row.tolist()) for row in batch.tokens]
    assert all(same[i, j] == (drawn[i] == drawn[j]) for i in range(16) for j in range(16))
    assert same.sum() > 16  # some clip was drawn twice
    motion = torch.nn.functional.normalize(torch.randn(16, 16), dim=1)
    student = torch.randn(16, 16)
    paper, ignoring = (
        MoCLIP(new_tower(), MOTION, AlignmentConfig(duplicates=d)).loss(motion, student, student, same)[0].item()
        for d in (True, False)
    )
    assert ignoring < paper


def test_lambda_weighs_the_tether():
    motion, text, moved = torch.eye(4), torch.eye(4), torch.eye(4) * 3.0
    same = torch.eye(4, dtype=torch.bool)
    light, heavy = (
        MoCLIP(new_tower(), MOTION, AlignmentConfig(tether_weight=w)).loss(motion, moved, text, same)[0].item()
        for w in (0.2, 0.7)
    )
    assert heavy - light == pytest.approx(0.5 * 4.0, abs=1e-5)  # |3 e - e|^2 = 4


def gradients_of(network: MoCLIP, chunks: int) -> tuple[float, dict[str, torch.Tensor]]:
    batch = pair_batch(sixteen_pairs(), np.random.default_rng(3), 12)
    network.free_student(1, 1)
    network.zero_grad(set_to_none=True)

    def embed(pairs):
        return (
            embed_motions(network.motion, pairs.joints), embed_captions(network.student, pairs.tokens), pairs.teacher,
            pairs.meaning,
        )  # fmt: skip

    def loss(motion, student, teacher, meaning):
        return network.loss(motion, student, teacher, same_meaning(meaning))

    total, _ = backward(split_rows(batch, chunks), embed, loss, network.shared)
    return total.item(), {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("weight", ["scalar", "matrix"])
def test_a_batch_in_parts_has_the_loss_and_gradients_of_the_whole(weight):
    network = MoCLIP(new_tower(), MOTION, AlignmentConfig(weight=weight, frozen_share=0.0)).train()
    batch = pair_batch(sixteen_pairs(), np.random.default_rng(3), 12)
    network.free_student(1, 1)
    motion, student = embed_motions(network.motion, batch.joints), network.student(batch.tokens)
    plain, _ = network.loss(motion, student, batch.teacher, same_meaning(batch.meaning))
    plain.backward()
    expected = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    for chunks in (1, 3, 5):
        total, found = gradients_of(network, chunks)
        assert total == pytest.approx(plain.item(), abs=1e-5)
        assert found.keys() == expected.keys()
        assert all(torch.allclose(found[n], expected[n], atol=1e-5) for n in expected)


def test_dropout_is_the_same_in_both_passes():
    # A loss that is linear in the embeddings has gradients that depend on the masks alone.
    layer, drop = torch.nn.Linear(4, 4), torch.nn.Dropout(0.5)
    chunks = [torch.randn(3, 4), torch.randn(3, 4)]

    def run(parts):
        torch.manual_seed(7)
        layer.zero_grad()
        backward(parts, lambda x: (layer(drop(x)),), lambda y: (y.sum(), {}))
        return layer.weight.grad.clone()

    torch.manual_seed(7)
    masks = torch.cat([drop(chunk) for chunk in chunks])
    assert torch.allclose(run(chunks), masks.sum(0).expand(4, 4), atol=1e-6)


def launched(count: int) -> list[str]:
    """By `accelerate launch`, whose --cpu would ask for MPI; the script's device is the CPU, so they speak by gloo."""
    if count == 1:
        return [sys.executable]
    told = f"--multi_gpu --num_processes {count} --num_machines 1 --mixed_precision no --dynamo_backend no"
    return [sys.executable, "-m", "accelerate.commands.launch", *told.split(), "--main_process_port", "0"]


def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path):
    pytest.importorskip("accelerate", reason="several processes need accelerate")
    script = Path(__file__).parent / "train_moclip_processes.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parents[1])}
    for count, chunks in ((1, 1), (2, 2)):
        command = [*launched(count), str(script), str(tmp_path / str(count)), str(chunks)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (torch.load(tmp_path / n / "found.pt", weights_only=True) for n in ("1", "2"))
    assert one["count"] == 1 and two["count"] == 2
    assert one["losses"] == pytest.approx(two["losses"], abs=1e-5)
    assert one["gradients"].keys() == two["gradients"].keys()
    assert all(torch.allclose(one["gradients"][n], two["gradients"][n], atol=1e-5) for n in one["gradients"])
    assert any(name.startswith("student") for name in one["gradients"])


def test_a_batch_must_divide_among_the_processes():
    assert Processes(1, 2).share(8) == slice(4, 8)
    with pytest.raises(MoclipError, match="9 does not divide among 2"):
        Processes(1, 2).share(9)


def test_resumed_training_is_equal_to_the_last_bit(tmp_path):
    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("moclip 6/"):
            raise Stopped

    config, schedule = AlignmentConfig(frozen_share=0.4, student_rate=0.5), replace(SCHEDULE, steps=10, save_every=4)
    whole = train(tmp_path / "whole", config, schedule)
    with pytest.raises(Stopped):
        train(tmp_path / "broken", config, schedule, log=stop)
    lines: list[str] = []
    resumed = train(tmp_path / "broken", config, schedule, lines=lines)
    assert lines[0] == "moclip: resumed at step 4"
    assert not differs(whole, resumed) and differs(whole, new_tower())
    states = [torch.load(tmp_path / n / "moclip.state.pt", weights_only=True)["network"] for n in ("whole", "broken")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_numbers_that_stop_being_numbers_end_the_run_with_one_sentence(tmp_path):
    pairs = sixteen_pairs()
    for joints in pairs.joints:
        joints[:] = np.nan
    with pytest.raises(MoclipError, match="moclip stopped at step 0: the loss is not a number"):
        run = Run(tmp_path, SCHEDULE, log=lambda line: None)
        train_moclip(new_tower(), pairs, pairs, MOTION, AlignmentConfig(), run, batch=16)
    assert not (tmp_path / "moclip.safetensors").exists()


def test_mixed_precision_and_checkpointing_reach_about_the_same_loss(tmp_path):
    lines: dict[str, list[str]] = {"plain": [], "mixed": []}
    config = AlignmentConfig(frozen_share=0.0)
    train(tmp_path / "plain", config, lines=lines["plain"])
    compute = Compute(precision="bfloat16", checkpointing=True, chunks=2)
    train(tmp_path / "mixed", config, lines=lines["mixed"], compute=compute)
    plain, mixed = (float(lines[n][-1].split("loss=")[1].split()[0]) for n in lines)
    assert mixed == pytest.approx(plain, rel=0.02) and mixed != plain


def test_unknown_words_are_named():
    for make, says in (
        (lambda: AlignmentConfig(unfreeze="all"), "unfreeze is whole or layers or never"),
        (lambda: AlignmentConfig(frozen_share=1.5), "frozen_share is from 0 to 1"),
        (lambda: Compute(precision="float8"), "float32 or bfloat16"),
        (lambda: Compute(chunks=0), "chunks is 1 or more"),
    ):
        with pytest.raises(ValueError, match=says):
            make()


def test_what_is_saved_tells_how_it_was_made(tmp_path):
    train(tmp_path, AlignmentConfig(weight="matrix"))
    arrays, config = load_weights(tmp_path / "moclip.safetensors")
    assert arrays["weight"].shape == (16, 16) and config["weight"] == "matrix"
    assert config["tower"] == TOWER.to_dict() and json.dumps(config)
