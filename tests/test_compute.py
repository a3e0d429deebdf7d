# SPDX-License-Identifier: Apache-2.0
"""Every network trains wherever it is put: devices, half precision, batches in parts, several processes."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from devices import another_device  # noqa: E402
from test_evaluator import evaluator  # noqa: E402
from test_evaluator import pairs as judged_pairs  # noqa: E402
from test_training import SMALL, SMALL_RVQ, token_clips  # noqa: E402
from toy_dataset import make_toy_dataset  # noqa: E402

from moclip.codecs.config import VqConfig  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.codecs.train import DecoderLoss, ReconstructionTask, RVQLoss, WindowDraws  # noqa: E402
from moclip.codecs.vq import VQ  # noqa: E402
from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation.train_evaluator import EvaluatorTask  # noqa: E402
from moclip.generators.bad.config import BadConfig  # noqa: E402
from moclip.generators.bad.train import LEARNERS as BAD  # noqa: E402
from moclip.generators.bamm.config import BammConfig  # noqa: E402
from moclip.generators.bamm.train import LEARNERS as BAMM  # noqa: E402
from moclip.generators.base.learners import Learner, TokenData, TokenTask  # noqa: E402
from moclip.generators.base.length import LengthConfig, LengthEstimator  # noqa: E402
from moclip.generators.momask.train import LEARNERS  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.training.machine import Machine, move, split_rows  # noqa: E402
from moclip.training.processes import Processes  # noqa: E402
from moclip.training.run import Compute, Run, Schedule  # noqa: E402
from moclip.training.task import Task  # noqa: E402
from moclip.training.trainer import Trainer  # noqa: E402

SCHEDULE = Schedule(steps=4, learning_rate=1e-3, warmup=1, validate_every=2, save_every=2, ema=0.9)
KINDS = (
    "rvq", "decoder", "vq", "masked", "residual", "length", "bamm", "bad", "evaluator", "moclip", "moclip, phase two",
    "tower",
)  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> DatasetFolder:
    return make_toy_dataset(tmp_path_factory.mktemp("data"))


def make_task(kind: str, dataset: DatasetFolder) -> Task:
    """A task of each kind at toy sizes, ready for its first step."""
    torch.manual_seed(0)
    if kind in ("rvq", "decoder"):
        network = RVQ(SMALL_RVQ)
        for layer in network.quantizer.layers:
            layer.codebook.normal_()
        loss = RVQLoss(network) if kind == "rvq" else DecoderLoss(network)
        return ReconstructionTask(kind, loss, {}, dataset, WindowDraws(batch=4), (3,))
    if kind in LEARNERS:
        network = LEARNERS[kind].network(LengthConfig(text_dim=5) if kind == "length" else SMALL)
        return TokenTask(kind, LEARNERS[kind], network, TokenData(token_clips(), token_clips(), "tower"), batch=4)
    if kind == "vq":
        network = VQ(VqConfig(width=8, code_dim=8, codes=6))
        return ReconstructionTask(kind, RVQLoss(network), {}, dataset, WindowDraws(batch=4), (1,))
    if kind == "bamm":
        config = BammConfig(codes=6, code_dim=8, text_dim=5, width=12, layers=1, heads=2, feed_forward=16)
        network = BAMM["bamm"].network(config)
        return TokenTask(kind, BAMM[kind], network, TokenData(token_clips(), token_clips(), "tower"), batch=4)
    if kind == "bad":
        return bad_task()
    if kind == "evaluator":
        return EvaluatorTask(evaluator(), judged_pairs(), judged_pairs(), 8)
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    from moclip.text.tower import TextTower, TowerConfig

    if kind == "tower":
        from moclip.text.distill import DistillConfig, DistillTask, Sentences

        rng = np.random.default_rng(0)
        tokens = np.zeros((20, 77), np.int64)
        tokens[:, :4], tokens[:, 4] = rng.integers(1, 40, (20, 4)), 49
        targets = np.linalg.qr(rng.standard_normal((20, 16)))[0].astype(np.float32)
        sentences = Sentences(tokens, np.full(20, 5), targets)
        tower = TextTower(TowerConfig(vocab_size=50, width=32, heads=2, layers=1, embed_dim=16))
        return DistillTask(tower, sentences, sentences, DistillConfig(batch=4))
    from test_alignment_training import MOTION, TOWER, new_tower, sixteen_pairs

    from moclip.alignment.objective import MoCLIP
    from moclip.alignment.presets import AlignmentConfig
    from moclip.alignment.train import AlignmentTask

    config = AlignmentConfig(frozen_share=0.0 if "two" in kind else 0.7, duplicates=False, max_scale=50.0)
    return AlignmentTask(MoCLIP(new_tower(), MOTION, config), sixteen_pairs(), sixteen_pairs(), TOWER, 8)


def bad_task() -> TokenTask:
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    from moclip.text.tower import TextTower, TowerConfig

    tower = TextTower(TowerConfig(vocab_size=50, width=32, heads=2, layers=1, embed_dim=5)).eval()
    tokens = [np.full((len(rows), 77), 49, np.uint16) for rows in token_clips().text]
    clips = replace(token_clips(), tokens=tokens)
    config = BadConfig(
        codes=6, code_dim=8, width=16, heads=2, feed_forward=16, cross_layers=1, layers=1, head_layers=1, text_dim=5,
        word_dim=32,
    )  # fmt: skip
    network = BAD["bad"].network(config)
    return TokenTask("bad", BAD["bad"], network, TokenData(clips, clips, "tower", tower), batch=4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_and_a_validation_make_no_tensor_on_another_device_than_the_networks(kind, dataset, tmp_path):
    task = make_task(kind, dataset)
    trainer = Trainer(task, Run(tmp_path, SCHEDULE, log=lambda line: None))
    machine = trainer.machine
    batch = machine.parts(task.make_batch(np.random.default_rng(0)))
    task.prepare(0, SCHEDULE, trainer.optimizer)
    task.network.train()
    with another_device():
        loss, _ = task.gradients(batch, machine)
        assert torch.isfinite(loss)
        with torch.no_grad():
            task.validate(task.network.eval())


def test_what_would_mix_devices_is_found():
    network = LengthEstimator(LengthConfig(text_dim=5))
    with another_device(), pytest.raises(AssertionError, match="mixes"):
        network(torch.rand(2, 5))
    logits = network(torch.rand(2, 5))
    with another_device(), pytest.raises(AssertionError, match="mixes"):
        logits * torch.arange(50)
    with another_device():
        logits * torch.arange(50, device=logits.device) + torch.rand(50).to(logits.device)


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_trains_in_half_precision_in_parts_with_checkpointing(kind, dataset, tmp_path):
    compute = Compute(precision="bfloat16", chunks=2, checkpointing=True)
    lines: list[str] = []
    task = make_task(kind, dataset)
    Trainer(task, Run(tmp_path, SCHEDULE, compute, log=lines.append)).run()
    arrays, _ = load_weights(tmp_path / f"{task.name}.safetensors")
    assert len(lines) == 2 and all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")
    assert all(p.dtype == torch.float32 for p in task.network.parameters())


@pytest.mark.parametrize("kind", ["masked", "moclip"])
def test_checkpointing_changes_nothing_but_what_is_kept(kind, dataset, tmp_path):
    weights = []
    for name, compute in (("plain", Compute()), ("checkpointed", Compute(checkpointing=True))):
        task = make_task(kind, dataset)
        Trainer(task, Run(tmp_path / name, SCHEDULE, compute, log=lambda line: None)).run()
        weights.append(load_weights(tmp_path / name / f"{task.name}.safetensors")[0])
    assert all(np.allclose(weights[0][name], weights[1][name], atol=1e-4) for name in weights[0])


# --- batches in parts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    x: torch.Tensor
    lengths: tuple[torch.Tensor, torch.Tensor]
    names: list[str]
    arrays: np.ndarray
    label: str = "kept"


def test_a_batch_is_split_and_moved_whatever_it_is_made_of():
    rows = Rows(torch.arange(5), (torch.arange(5), torch.ones(5, 2)), list("abcde"), np.arange(5))
    parts = split_rows(rows, 2)
    assert [part.names for part in parts] == [["a", "b"], ["c", "d", "e"]]
    assert parts[1].x.tolist() == parts[1].lengths[0].tolist() == parts[1].arrays.tolist() == [2, 3, 4]
    assert parts[0].label == "kept" and len(split_rows(rows, 9)) == 5
    moved = move(rows, "meta")
    assert moved.x.is_meta and moved.lengths[1].is_meta and moved.names is rows.names
    with pytest.raises(TypeError, match="no rows"):
        split_rows(Rows, 2)


class MeanOfValid(Task):
    """A loss that is a mean over as many numbers as a row has."""

    def __init__(self):
        super().__init__("mean", torch.nn.Linear(3, 1), {})

    def make_batch(self, rng):
        return torch.from_numpy(rng.standard_normal((6, 4, 3)).astype(np.float32)), torch.tensor([4, 1, 2, 1, 4, 3])

    def loss(self, batch):
        x, lengths = batch
        valid = torch.arange(4)[None] < lengths[:, None]
        return (self.network(x)[..., 0].pow(2) * valid).sum() / valid.sum(), {"rows": float(len(x))}

    def weight(self, batch):
        return float(batch[1].sum())

    def validate(self, network):
        return 0.0, {}


def test_a_batch_in_parts_has_the_gradient_of_the_whole():
    found = {}
    for chunks in (1, 2, 4, 6):
        torch.manual_seed(0)
        task = MeanOfValid()
        machine = Machine.of(Compute(chunks=chunks))
        loss, _ = task.gradients(machine.parts(task.make_batch(np.random.default_rng(0))), machine)
        found[chunks] = (loss.item(), task.network.weight.grad)
    for chunks in (2, 4, 6):
        assert found[chunks][0] == pytest.approx(found[1][0], rel=1e-5)
        assert torch.allclose(found[chunks][1], found[1][1], rtol=1e-5)


def test_the_evaluators_loss_in_parts_is_that_of_all_pairs(dataset):
    gradients = []
    for chunks in (1, 3):
        task, machine = make_task("evaluator", dataset), Machine.of(Compute(chunks=chunks))
        task.network.train()
        task.gradients(machine.parts(task.make_batch(np.random.default_rng(0))), machine)
        gradients.append({n: p.grad for n, p in task.network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.allclose(gradients[0][n], gradients[1][n], rtol=1e-3, atol=1e-5) for n in gradients[0])


# --- devices and processes -----------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_one_sentence(dataset, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(MoclipError, match="finds no device 'cuda'"):
        Trainer(make_task("length", dataset), Run(tmp_path, SCHEDULE, Compute(device="cuda")))
    assert Machine.of(Compute(device="auto")).device.type in ("cpu", "mps")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_learns_what_the_cpu_does_and_each_goes_on_with_the_others_state(kind, dataset, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    for device, until in (("cuda", 2), ("cpu", 4)):
        task = make_task(kind, dataset)
        run = Run(tmp_path, SCHEDULE, Compute(device=device), until=until, log=lambda line: None)
        Trainer(task, run).run()
        state = torch.load(tmp_path / f"{task.name}.state.pt", weights_only=True)
        assert all(tensor.device.type == "cpu" for tensor in state["network"].values())
    assert state["step"] == 4


def test_what_a_run_leaves_lies_on_the_cpu_and_a_mask_is_drawn_there(dataset, tmp_path):
    drawn = []

    def loss(network, batch):
        drawn.append(torch.get_rng_state())
        return LEARNERS["masked"].loss(network, batch)

    task = make_task("masked", dataset)
    task.learner = replace(task.learner, loss=loss)
    Trainer(task, Run(tmp_path, SCHEDULE, log=lambda line: None)).run()
    state = torch.load(tmp_path / "masked.state.pt", weights_only=True)
    assert {t.device.type for part in ("network", "averaged") for t in state[part].values()} == {"cpu"}
    assert len(drawn) == 4 + 2 * 12


def test_two_processes_learn_what_one_does(tmp_path):
    pytest.importorskip("accelerate", reason="several processes need accelerate")
    script = Path(__file__).parent / "train_rvq_processes.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parents[1])}
    for count in (1, 2):
        (tmp_path / str(count)).mkdir()
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
        done = subprocess.run(
            [*launch, str(script), str(tmp_path / str(count))], env=environment, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    one, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1/0.pt", "2/0.pt", "2/1.pt"))
    assert (one["count"], first["count"]) == (1, 2)
    for network in ("rvq", "masked"):  # every process has the same network, codebooks and all
        assert all(torch.equal(first[network][name], second[network][name]) for name in first[network])
    assert all(torch.allclose(one["rvq"][name], first["rvq"][name], atol=1e-5) for name in one["rvq"])


def test_one_process_alone_waits_for_nobody():
    with Processes().first_goes_ahead():
        pass
    assert Processes().sum(torch.ones(2)).tolist() == [1, 1]


# --- words ---------------------------------------------------------------------------------------------------------


def test_a_learner_that_asks_for_words_gets_the_states_of_the_very_captions(dataset, tmp_path):
    pytest.importorskip("open_clip", reason="the text tower is open_clip's")
    from moclip.text.tower import TextTower, TowerConfig

    torch.manual_seed(0)
    tower = TextTower(TowerConfig(vocab_size=50, width=32, heads=2, layers=1, embed_dim=5)).eval()
    clips = token_clips()
    tokens = [np.zeros((len(rows), 77), np.uint16) for rows in clips.text]
    for clip, rows in enumerate(tokens):
        rows[:, 0], rows[:, 1], rows[:, 2] = clip + 1, np.arange(len(rows)) + 1, 49
    with torch.no_grad():
        text = [tower(torch.from_numpy(rows.astype(np.int64))).numpy() for rows in tokens]
    clips = replace(clips, tokens=tokens, text=text)
    seen = []

    def loss(network, batch):
        seen.append(batch)
        return network(batch.text).pow(2).mean(), {}

    learner = Learner(LengthEstimator, loss, words=lambda tower, tokens: tower.features(tokens))
    network = LengthEstimator(LengthConfig(text_dim=5))
    with pytest.raises(MoclipError, match="reads words"):
        TokenTask("words", learner, network, TokenData(clips, clips, "tower"))
    task = TokenTask("words", learner, network, TokenData(clips, clips, "tower", tower), batch=4)
    assert task.make_batch(np.random.default_rng(0)).words is None  # not before the loss needs them
    Trainer(task, Run(tmp_path, SCHEDULE, log=lambda line: None)).run()
    for batch in seen:
        assert batch.words.shape == (4, 77, 5) and not batch.words.requires_grad
        assert torch.allclose(batch.words[:, 2], batch.text, atol=1e-5)  # the state at the end is the pooled vector
