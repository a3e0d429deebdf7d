# SPDX-License-Identifier: Apache-2.0
"""Training of the evaluator on the dataset in use: matching pairs near, all others a margin apart."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.data.stored import chosen, lengths_of
from moclip.errors import MoclipError
from moclip.evaluation.evaluator import STRIDE, Evaluator, EvaluatorConfig, pad_motions
from moclip.evaluation.metrics import GROUP, matching_distance, r_precision, random_groups
from moclip.evaluation.words import Sentence, WordTable
from moclip.training.large_batch import EmbeddingTask
from moclip.training.run import Run
from moclip.training.task import Numbers
from moclip.training.trainer import Trainer

T = TypeVar("T")
MARGIN = 10.0
"""Of the official evaluator."""


@dataclass(frozen=True)
class JudgedClips:
    """features: per clip (T, F) in their own units. sentences: its captions' words. meaning: (N,) what a clip shows;
    clips of one meaning are no negatives of one another. labels: the (action, style) pairs of each clip.
    """

    features: Sequence[np.ndarray]
    sentences: list[list[Sentence]]
    captions: list[list[str]]
    meaning: np.ndarray
    labels: list[Hashable]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    def sample(self, count: int, seed: int = 0) -> "JudgedClips":
        """`count` of the clips, drawn once for all; all of them when there are no more."""
        if count >= len(self):
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))

        def kept(values: list[T]) -> list[T]:
            return [values[k] for k in rows]

        weights = self.weights[rows] / self.weights[rows].sum()
        listed = kept(self.sentences), kept(self.captions)
        return JudgedClips(
            chosen(self.features, rows.tolist()), *listed, self.meaning[rows], kept(self.labels), weights
        )


def judged_clips(dataset: DatasetFolder, split: str, *, new_wordings: bool = False) -> JudgedClips:
    """A split as the evaluator reads it, without clips under one second (20 frames, the shortest that is generated).

    A clip without labels means what its first caption says. new_wordings: only with captions that no training clip has,
    word for word. Raises MoclipError when nothing is left.
    """
    clips = load_clips(dataset, split)
    known = {c.lower() for i in dataset.ids("train") for c in dataset.captions(i)} if new_wordings else set()
    rows = [[r for r, caption in enumerate(captions) if caption.lower() not in known] for captions in clips.captions]
    kept = [k for k, frames in enumerate(lengths_of(clips.features)) if frames >= 5 * STRIDE and rows[k]]
    if not kept:
        raise MoclipError(
            f"The split {split} has no clip of a second or more{' in new words' if new_wordings else ''}.",
            hint="Use another split.",
            code="too_few_clips",
        )
    actions = [dataset.clips.get(clips.ids[k], {}).get("actions") or [] for k in kept]
    captions = [[clips.captions[k][r] for r in rows[k]] for k in kept]
    tagged = [dataset.tagged_words(clips.ids[k]) for k in kept]
    shown = [
        tuple((a["action"], a.get("style"), a.get("side")) for a in listed) or (texts[0],)
        for listed, texts in zip(actions, captions, strict=True)
    ]
    names = {key: k for k, key in enumerate(dict.fromkeys(shown))}
    return JudgedClips(
        features=chosen(clips.features, kept),
        sentences=[[words[r] for r in rows[k]] for k, words in zip(kept, tagged, strict=True)],
        captions=captions,
        meaning=np.array([names[key] for key in shown]),
        labels=[tuple(part[:2] if isinstance(part, tuple) else part for part in key) for key in shown],
        weights=clips.weights[kept] / clips.weights[kept].sum(),
    )


def margin_loss(text: Tensor, motion: Tensor, same: Tensor, margin: float = MARGIN) -> Tensor:
    """Contrastive loss with a margin, Hadsell et al. 2006 eq. 4 without its halves, over all pairs of a batch.

    text, motion: (B, D), row i of one belongs to row i of the other; d is their Euclidean distance.
    Mean of d^2 over the B pairs, plus mean of (margin - d)^2 over the negatives nearer than the margin (0 without any).
    same: (B, B) bool, pairs that are no negatives. Raises ValueError if the shapes differ.
    """
    if text.shape != motion.shape:
        raise ValueError(f"text {tuple(text.shape)} and motion {tuple(motion.shape)} embeddings differ in shape")
    matching = (text - motion).pow(2).sum(1).mean()
    # Not cdist: the gradient of a root at distance 0 is not a number.
    squared = (text[:, None] - motion[None]).pow(2).sum(-1)
    own = torch.eye(len(text), dtype=torch.bool, device=text.device)
    near = ~(same | own) & (squared < margin**2)
    short = (margin - squared.clamp(min=1e-12).sqrt()) * near
    return matching + short.pow(2).sum() / near.sum().clamp(min=1)


@dataclass(frozen=True)
class JudgedBatch:
    features: Tensor
    frames: Tensor
    words: tuple[Tensor, Tensor, Tensor]
    meaning: Tensor


def crop(features: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """A random window of whole fours: as long as can be in two of three draws, four frames less in the third."""
    frames = min(len(features), most) // STRIDE * STRIDE
    if frames > 5 * STRIDE and rng.random() < 1 / 3:
        frames -= STRIDE
    start = int(rng.integers(len(features) - frames + 1))
    return features[start : start + frames]


def judged_batch(
    clips: JudgedClips, table: WordTable, config: EvaluatorConfig, rng: np.random.Generator, count: int
) -> JudgedBatch:
    """Different clips drawn by weight, a random crop and a random caption of each."""
    count = min(count, len(clips))
    drawn = rng.choice(len(clips), size=count, replace=False, p=clips.weights)
    features, frames = pad_motions([crop(clips.features[k], rng, config.most_frames) for k in drawn], config)
    sentences = [clips.sentences[k][rng.integers(len(clips.sentences[k]))] for k in drawn]
    rows, classes, lengths = map(torch.from_numpy, table.encode(sentences, config.most_words))
    return JudgedBatch(features, frames, (rows, classes, lengths), torch.from_numpy(clips.meaning[drawn]))


def agreement(network: Evaluator, clips: JudgedClips, seed: int = 0) -> dict[str, float]:
    """R-precision of real motion with a random caption of each clip, in groups of 32 (of all, if there are fewer)."""
    rng = np.random.default_rng(seed)
    text = network.embed_texts([s[rng.integers(len(s))] for s in clips.sentences])
    motion = network.embed_motions(clips.features)
    top = r_precision(text, motion, random_groups(len(clips), rng, min(GROUP, len(clips))))
    return {"R@1": float(top[0]), "R@3": float(top[2]), "mm_dist": matching_distance(text, motion)}


def word_table(dataset: DatasetFolder, make: Callable[[set[str]], WordTable]) -> WordTable:
    """The table of all words of the captions; its vectors are frozen, so those of the test split give nothing away."""
    splits = [s for s in ("train", "val", "test") if (dataset.path / f"{s}.txt").is_file()]
    words = {word for s in splits for i in dataset.ids(s) for text in dataset.tagged_words(i) for word, _ in text}
    return make(words)


class EvaluatorTask(EmbeddingTask[JudgedBatch]):
    """Best by Top-1 on the validation split."""

    def __init__(self, network: Evaluator, train: JudgedClips, val: JudgedClips, batch: int):
        described = {"sizes": network.config.to_dict(), "vocabulary": list(network.table.vocabulary)}
        super().__init__("evaluator", network, {"kind": "evaluator", **described})
        self.network: Evaluator = network
        self.train, self.val, self.batch = train, val, batch

    def make_batch(self, rng: np.random.Generator) -> JudgedBatch:
        return judged_batch(self.train, self.network.table, self.network.config, rng, self.batch)

    def embed(self, batch: JudgedBatch) -> tuple[Tensor, ...]:
        text, motion = self.network.text(*batch.words), self.network.motion(batch.features, batch.frames)
        return text, motion, batch.meaning

    def compare(self, *embedded: Tensor) -> tuple[Tensor, Numbers]:
        text, motion, meaning = embedded
        return margin_loss(text, motion, meaning[:, None] == meaning[None]), {}

    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        assert isinstance(network, Evaluator)
        numbers = agreement(network, self.val)
        return 1 - numbers["R@1"], numbers


def train_evaluator(
    train: JudgedClips,
    val: JudgedClips,
    table: WordTable,
    moments: tuple[np.ndarray, np.ndarray],
    config: EvaluatorConfig,
    run: Run,
    *,
    batch: int = 64,
) -> Evaluator:
    """Train and return the evaluator; writes `evaluator.safetensors`.

    moments: mean and std (F,) of the features; std as `biased_std` gives it.
    """
    torch.manual_seed(run.schedule.seed)
    # As the file will hold them, so that a trained evaluator and its file are one.
    mean, std, vectors = (np.asarray(a, np.float16).astype(np.float32) for a in (*moments, table.vectors))
    network = Evaluator(config, WordTable(table.vocabulary, vectors), mean, std)
    Trainer(EvaluatorTask(network, train, val, batch), run).run()
    return network.cpu()
