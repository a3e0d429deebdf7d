# SPDX-License-Identifier: Apache-2.0
"""Distillation of a sentence encoder into a small CLIP-style text tower.

Targets are the teacher's unit vectors, in their strongest directions if the teacher has more of them than the tower,
times ten, a norm like that of CLIP's own text vectors. The input embeddings come from the teacher too
(`teacher.token_table`) and stay frozen, so unseen words keep their meaning and steps stay cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.captions.corpus import WORDNET_DIR, build_corpus
from moclip.errors import MoclipError
from moclip.text.teacher import MPNET, SentenceTeacher, token_table
from moclip.text.tokenizer import Tokenizer
from moclip.text.tower import TextTower, TowerConfig, tower_config
from moclip.training.trainer import Schedule, Trainer

NORM = 10.0
BLOCKS = 8  # a batch is one block of similar length out of this many


@dataclass(frozen=True)
class DistillConfig:
    """teacher: folder or hub id of a sentence-transformers model. corpus_size: sentences to write.

    batch: sentences a step. whitened_weight: of the whitened error in the loss.
    ridge: how far whitening lifts small directions, as a share of the mean variance.
    """

    teacher: str = MPNET
    corpus_size: int = 100_000
    corpus_seed: int = 0
    wordnet: str = str(WORDNET_DIR)
    batch: int = 128
    whitened_weight: float = 0.3
    ridge: float = 0.1
    held_out: int = 1000
    tower: TowerConfig = field(default_factory=TowerConfig)
    schedule: Schedule = field(
        default_factory=lambda: Schedule(
            steps=2200, learning_rate=1.5e-3, warmup=200, ema=0.995, validate_every=200, save_every=100
        )
    )


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
    return reduced / np.linalg.norm(reduced, axis=1, keepdims=True)


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


def cosine_to_teacher(tower: nn.Module, sentences: Sentences, batch: int = 256) -> float:
    """Mean cosine between the tower's and the teacher's vectors."""
    order = np.argsort(sentences.lengths)
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(order), batch):
            tokens, targets = sentences.take(order[start : start + batch])
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


def train_text_tower(
    config: DistillConfig, out: Path, *, resume: bool = True, log: Callable[[str], None] = print
) -> Path:
    """Distil a tower and return its file, `<out>/tower.safetensors`.

    Needs the packages of the training extra and WordNet's files. The teacher's vectors stay in `<out>/teacher_cache`.
    """
    out = Path(out)
    tokenizer = Tokenizer()
    teacher = SentenceTeacher(out / "teacher_cache", log, config.teacher)
    table = token_table(teacher, tokenizer, config.tower.width)
    texts = build_corpus(config.corpus_size, config.corpus_seed, Path(config.wordnet))
    targets = strongest_directions(teacher.encode(texts), config.tower.embed_dim)
    every = prepare_sentences(texts, targets, tokenizer, config.tower.context_length)
    held, rest = np.split(np.random.default_rng(1).permutation(len(every)), [config.held_out])
    train, val = (Sentences(every.tokens[rows], every.lengths[rows], every.targets[rows]) for rows in (rest, held))
    log(f"distil: {len(train)} sentences, {train.lengths.mean():.1f} tokens each")
    whiten = whitening(train.targets, config.ridge)
    tower = new_tower(config.tower, table, config.schedule.seed)

    def loss(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        return distill_loss(tower(batch[0]), batch[1], whiten, config.whitened_weight)

    def validate(network: nn.Module) -> tuple[float, dict[str, float]]:
        cosine = cosine_to_teacher(network, val)
        return 1 - cosine, {"cosine_held_out": cosine}

    trainer = Trainer(
        "tower", tower, out=out, config=tower_config(config.tower), schedule=config.schedule,
        make_batch=lambda rng: draw_batch(train, rng, config.batch), loss=loss, validate=validate, log=log,
    )  # fmt: skip
    trainer.run(resume=resume)
    (out / "tower.json").write_text(_describe(config, len(train)), encoding="utf-8")
    return trainer.weights_path


def _describe(config: DistillConfig, sentences: int) -> str:
    import json

    return json.dumps({"sentences": sentences, **asdict(config)}, indent=2)
