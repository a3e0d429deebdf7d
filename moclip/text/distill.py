# SPDX-License-Identifier: Apache-2.0
"""Distillation of a sentence encoder into a small CLIP-style text tower.

Targets are the teacher's unit vectors, in their strongest directions if the teacher has more of them than the tower,
times ten, a norm like that of CLIP's own text vectors. The input embeddings come from the teacher too
(`teacher.token_table`) and stay frozen, so unseen words keep their meaning and steps stay cheap.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.captions.corpus import WORDNET_DIR, build_corpus
from moclip.errors import MoclipError
from moclip.nn.config import Count, Natural, NotNegative, Positive
from moclip.text.teacher import MPNET, SentenceTeacher, token_table
from moclip.text.tokenizer import Tokenizer
from moclip.text.tower import TextTower, TowerConfig, tower_config
from moclip.training.machine import Machine
from moclip.training.run import Run, Schedule
from moclip.training.task import Numbers, Task
from moclip.training.trainer import Trainer

NORM = 10.0
BLOCKS = 8  # a batch is one block of similar length out of this many


@dataclass(frozen=True)
class DistillConfig:
    """teacher: folder or hub id of a sentence-transformers model. corpus_size: sentences to write.

    batch: sentences a step. whitened_weight: of the whitened error in the loss.
    ridge: how far whitening lifts small directions, as a share of the mean variance.
    """

    teacher: str = MPNET
    corpus_size: Count = 100_000
    corpus_seed: Natural = 0
    wordnet: str = str(WORDNET_DIR)
    batch: Count = 128
    whitened_weight: NotNegative = 0.3
    ridge: Positive = 0.1
    held_out: Count = 1000
    tower: TowerConfig = field(default_factory=TowerConfig)


@dataclass(frozen=True)
class Sentences:
    """tokens (N, L) int64, lengths (N,) up to and with EOT, targets (N, D) unit vectors of the teacher."""

    tokens: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(tokens cut to the longest, targets) of some rows."""
        end = int(self.lengths[rows].max())
        return torch.from_numpy(self.tokens[rows, :end]), torch.from_numpy(self.targets[rows])


def prepare_sentences(texts: list[str], targets: np.ndarray, tokenizer: Tokenizer, context_length: int) -> Sentences:
    tokens = tokenizer.encode(texts, context_length)
    return Sentences(tokens, tokens.argmax(axis=1) + 1, targets)


def draw_batch(sentences: Sentences, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
    """Sentences of similar length: one block of a larger random draw sorted by length."""
    drawn = rng.integers(len(sentences), size=batch * BLOCKS)
    drawn = drawn[np.argsort(sentences.lengths[drawn], kind="stable")]
    start = int(rng.integers(BLOCKS)) * batch
    return sentences.take(drawn[start : start + batch])


def strongest_directions(vectors: np.ndarray, dim: int) -> np.ndarray:
    """(N, dim) unit vectors: those given, (N, D), in the directions that hold most of them; unchanged if D = dim.

    Raises MoclipError if they have fewer directions.
    """
    if vectors.shape[1] < dim:
        raise MoclipError(
            f"The sentence encoder has {vectors.shape[1]} dimensions, fewer than the text tower's {dim}.",
            hint="Take a larger encoder as `teacher`.",
        )
    if vectors.shape[1] == dim:
        return vectors
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    reduced = vectors @ axes[:, ::-1][:, :dim]
    unit: np.ndarray = reduced / np.linalg.norm(reduced, axis=1, keepdims=True)
    return unit


def whitening(targets: np.ndarray, ridge: float) -> Tensor:
    """(D, D) matrix that evens out the variance of the targets.

    Sentences about movement point in one general direction; what tells left from right is a small part of their
    variance, and a plain cosine hardly pays for it.
    """
    centred = targets - targets.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    scale = 1 / np.sqrt(np.maximum(values, 0) + ridge * values.mean())
    return torch.from_numpy(((axes * scale) @ axes.T).astype(np.float32))


def distill_loss(student: Tensor, target: Tensor, whiten: Tensor, weight: float) -> tuple[Tensor, dict[str, float]]:
    """1 - cosine + 0.02 mean squared norm error + weight * whitened mean squared error.

    student: (B, D) raw vectors; target: (B, D) unit vectors; whiten: (D, D).
    """
    cosine = F.cosine_similarity(student, target, dim=-1).mean()
    norm = (student.norm(dim=-1) - NORM).pow(2).mean()
    whitened = ((student / NORM - target) @ whiten).pow(2).mean()
    total = (1 - cosine) + 0.02 * norm + weight * whitened
    return total, {"cosine": cosine.item(), "norm": norm.item(), "whitened": whitened.item()}


def cosine_to_teacher(tower: TextTower, sentences: Sentences, batch: int = 256) -> float:
    """Mean cosine between the tower's and the teacher's vectors."""
    order, device = np.argsort(sentences.lengths), tower.text.positional_embedding.device
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(order), batch):
            tokens, targets = (part.to(device) for part in sentences.take(order[start : start + batch]))
            total += F.cosine_similarity(tower(tokens), targets, dim=-1).sum().item()
    return total / len(sentences)


def new_tower(config: TowerConfig, table: np.ndarray, seed: int) -> TextTower:
    """An untrained tower with the given, frozen input embeddings."""
    torch.manual_seed(seed)
    tower = TextTower(config)
    with torch.no_grad():
        tower.text.token_embedding.weight.copy_(torch.from_numpy(table))
    tower.text.token_embedding.weight.requires_grad_(False)
    return tower


class DistillTask(Task[tuple[Tensor, Tensor]]):
    """Best by the cosine to the teacher on sentences that were held out."""

    def __init__(self, tower: TextTower, train: Sentences, val: Sentences, config: DistillConfig):
        super().__init__("tower", tower, tower_config(tower.config))
        self.network: TextTower = tower
        self.train, self.val, self.settings = train, val, config
        self.whiten = whitening(train.targets, config.ridge)

    def begin(self, machine: Machine) -> None:
        self.whiten = self.whiten.to(machine.device)

    def make_batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        return draw_batch(self.train, rng, self.settings.batch)

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Numbers]:
        tokens, targets = batch
        return distill_loss(self.network(tokens).float(), targets, self.whiten, self.settings.whitened_weight)

    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        assert isinstance(network, TextTower)
        cosine = cosine_to_teacher(network, self.val)
        return 1 - cosine, {"cosine_held_out": cosine}


def train_text_tower(config: DistillConfig, run: Run) -> Path:
    """Distil a tower and return its file, `<run.out>/tower.safetensors`.

    Needs the packages of the training extra and WordNet's files. The teacher's vectors stay in `teacher_cache` there.
    """
    out, log = Path(run.out), run.log
    tokenizer = Tokenizer()
    teacher = SentenceTeacher(out / "teacher_cache", log, config.teacher, run.compute.precision)
    table = token_table(teacher, tokenizer, config.tower.width)
    texts = build_corpus(config.corpus_size, config.corpus_seed, Path(config.wordnet))
    targets = strongest_directions(teacher.encode(texts), config.tower.embed_dim)
    every = prepare_sentences(texts, targets, tokenizer, config.tower.context_length)
    held, rest = np.split(np.random.default_rng(1).permutation(len(every)), [config.held_out])
    train, val = (Sentences(every.tokens[rows], every.lengths[rows], every.targets[rows]) for rows in (rest, held))
    log(f"distil: {len(train)} sentences, {train.lengths.mean():.1f} tokens each")
    trainer = Trainer(DistillTask(new_tower(config.tower, table, run.schedule.seed), train, val, config), run)
    trainer.run()
    (out / "tower.json").write_text(_describe(config, run.schedule, len(train)), encoding="utf-8")
    return trainer.weights_path


def _describe(config: DistillConfig, schedule: Schedule, sentences: int) -> str:
    return json.dumps({"sentences": sentences, **asdict(config), "schedule": asdict(schedule)}, indent=2)
