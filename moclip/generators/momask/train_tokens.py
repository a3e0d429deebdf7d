# SPDX-License-Identifier: Apache-2.0
"""Training of the three networks that read text: masked transformer, residual transformer, length estimator."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.data.clips import Clips
from moclip.generators.base.length import LengthConfig, LengthEstimator
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
from moclip.training.trainer import Schedule, Trainer

MAX_TOKENS = 49


@dataclass(frozen=True)
class TokenClips:
    """A split as codes and text vectors, computed once.

    codes: per clip a list of (S, Q) int64, one for each start offset. text: per clip (C, D) float32, one row a caption.
    """

    codes: list[list[np.ndarray]]
    text: list[np.ndarray]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)


@torch.no_grad()
def encode_clips(features: list[np.ndarray], rvq: RVQ, offsets: tuple[int, ...] = (0, 2)) -> list[list[np.ndarray]]:
    """Codes (S, Q) of each clip from several start frames, so that little depends on where a clip happens to begin."""
    rvq.eval()
    stride = rvq.config.stride
    jobs: dict[int, list[tuple[int, int]]] = {}
    for index, clip in enumerate(features):
        for start in [o for o in offsets if len(clip) - o >= stride] or [0]:
            jobs.setdefault(min(len(clip) - start, MAX_TOKENS * stride) // stride, []).append((index, start))
    codes: list[list[np.ndarray]] = [[] for _ in features]
    for length, members in sorted(jobs.items()):
        for first in range(0, len(members), 64):
            part = members[first : first + 64]
            batch = np.stack([features[index][start : start + length * stride] for index, start in part])
            for (index, _), encoded in zip(part, rvq.encode(torch.from_numpy(batch)).numpy(), strict=True):
                codes[index].append(encoded)
    return codes


@torch.no_grad()
def decode_clips(codes: list[np.ndarray], rvq: RVQ) -> list[np.ndarray]:
    """Features (stride S, F) of codes (S, Q), in their own units."""
    rvq.eval()
    order = sorted(range(len(codes)), key=lambda k: len(codes[k]))
    features: list[np.ndarray] = [np.empty(0)] * len(codes)
    for _, members in groupby(order, key=lambda k: len(codes[k])):
        alike = list(members)
        for first in range(0, len(alike), 64):
            part = alike[first : first + 64]
            decoded = rvq.decode(torch.from_numpy(np.stack([codes[k] for k in part]))).numpy()
            for k, clip in zip(part, decoded, strict=True):
                features[k] = clip
    return features


def caption_vectors(clips: Clips, embed: Callable[[list[str]], np.ndarray], count: int | None) -> list[np.ndarray]:
    """Text vectors (C, D) of the first `count` captions of each clip (None: of all); each wording is embedded once."""
    kept = [captions[:count] for captions in clips.captions]
    unique = sorted({caption for captions in kept for caption in captions})
    row = {caption: k for k, caption in enumerate(unique)}
    vectors = embed(unique)
    return [vectors[[row[caption] for caption in captions]] for captions in kept]


def save_caption_vectors(path: Path, vectors: list[np.ndarray], key: str) -> None:
    """Write the vectors (C, D) of each clip's captions in float16; `key` names the tower and the clips."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished.{path.name}")
    text = np.concatenate(vectors).astype(np.float16)
    np.savez(unfinished, key=np.array(key), text=text, captions=np.array([len(v) for v in vectors]))
    os.replace(unfinished, path)


def load_caption_vectors(path: Path, key: str) -> list[np.ndarray] | None:
    """Vectors (C, D) float16 of each clip written under this key; None when they are absent, damaged or others'."""
    file = _opened(path, key)
    return None if file is None else np.split(file["text"], np.cumsum(file["captions"])[:-1])


def _opened(path: Path, key: str) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as opened:
            file = dict(opened)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    return file if str(file.get("key")) == key else None


def save_token_clips(path: Path, clips: TokenClips, key: str) -> None:
    """Write a split; `key` names the networks that made it."""
    flat = [codes for variants in clips.codes for codes in variants]
    unfinished = path.with_name(f"unfinished.{path.name}")
    np.savez(
        unfinished,
        key=np.array(key),
        codes=np.concatenate(flat).astype(np.int16),
        lengths=np.array([len(c) for c in flat]),
        variants=np.array([len(v) for v in clips.codes]),
        text=np.concatenate(clips.text).astype(np.float16),
        captions=np.array([len(t) for t in clips.text]),
        weights=clips.weights,
    )
    os.replace(unfinished, path)


def load_token_clips(path: Path, key: str) -> TokenClips | None:
    """The split written under this key, or None when it is absent, damaged or was made by other networks."""
    file = _opened(path, key)
    if file is None:
        return None
    flat = np.split(file["codes"].astype(np.int64), np.cumsum(file["lengths"])[:-1])
    ends = np.cumsum(file["variants"])
    codes = [flat[end - count : end] for end, count in zip(ends, file["variants"], strict=True)]
    text = np.split(file["text"].astype(np.float32), np.cumsum(file["captions"])[:-1])
    return TokenClips(codes, text, file["weights"])


@dataclass(frozen=True)
class TokenBatch:
    codes: Tensor  # (B, S, Q), 0 where padded
    padding: Tensor  # (B, S) True where padded
    text: Tensor  # (B, D)


@dataclass(frozen=True)
class TextNoise:
    """How text vectors are moved in training, so that wordings that no caption has find the motion of their neighbours.

    isotropic: length of a random vector added, as a share of the vector's own. paraphrase: the largest step along the
    difference of two captions of the same clip, as a share of it: what tells paraphrases apart does not change the
    motion, so neither does more of it.
    """

    isotropic: float = 0.0
    paraphrase: float = 0.0

    def apply(self, captions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(D,) one of the captions (C, D), moved."""
        chosen, one, other = captions[rng.integers(len(captions), size=3)]
        moved = chosen + rng.uniform(0, self.paraphrase) * (one - other)
        spread = np.linalg.norm(chosen) / np.sqrt(len(chosen))
        return moved + self.isotropic * spread * rng.standard_normal(len(chosen))


def token_batch(clips: TokenClips, rng: np.random.Generator, count: int, noise: TextNoise | None = None) -> TokenBatch:
    """Draw clips by weight, of similar length so that little of the batch is padding."""
    noise = noise or TextNoise()
    # Draw a pool, keep a run of it that is sorted by length: lengths vary between batches, hardly within one.
    pool = rng.choice(len(clips), size=4 * count, p=clips.weights)
    picked = [(clips.codes[i][rng.integers(len(clips.codes[i]))], i) for i in pool]
    picked.sort(key=lambda pair: len(pair[0]))
    # Every fourth of the pool with equal chance: runs start at 0, count, 2 count or 3 count.
    start = count * int(rng.integers(4))
    picked = picked[start : start + count]
    longest = max(len(codes) for codes, _ in picked)
    codes = np.zeros((count, longest, picked[0][0].shape[-1]), dtype=np.int64)
    padding = np.ones((count, longest), dtype=bool)
    text = np.empty((count, clips.text[0].shape[-1]), dtype=np.float32)
    for row, (clip_codes, index) in enumerate(picked):
        codes[row, : len(clip_codes)], padding[row, : len(clip_codes)] = clip_codes, False
        text[row] = noise.apply(clips.text[index], rng)
    return TokenBatch(torch.from_numpy(codes), torch.from_numpy(padding), torch.from_numpy(text))


def masked_loss(network: MaskedTransformer, batch: TokenBatch) -> tuple[Tensor, dict[str, float]]:
    """MoMask's masked modelling: cosine-distributed mask ratio, 10 % random codes, 88 % of the rest masked."""
    ids, padding = batch.codes[..., 0], batch.padding
    lengths = (~padding).sum(1)
    ratio = torch.cos(torch.rand(len(ids)) * np.pi / 2)
    count = (lengths * ratio).round().clamp(min=1)
    rank = torch.rand(ids.shape).masked_fill(padding, 2.0).argsort(1).argsort(1)
    chosen = (rank < count[:, None]) & ~padding
    draw = torch.rand(ids.shape)
    shown = ids.masked_fill(padding, network.pad_id)
    shown = torch.where(chosen & (draw < 0.1), torch.randint(network.config.codes, ids.shape), shown)
    shown = torch.where(chosen & (draw >= 0.1) & (draw < 0.1 + 0.9 * 0.88), network.mask_id, shown)
    logits = network(shown, network.drop_text(batch.text), padding)[chosen]
    target = ids[chosen]
    accuracy = (logits.argmax(-1) == target).float().mean().item()
    return F.cross_entropy(logits, target, label_smoothing=0.05 if network.training else 0.0), {"acc": accuracy}


def residual_loss(network: ResidualTransformer, batch: TokenBatch) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy of one residual layer per sample; low layers are drawn more often (MoMask's cosine schedule)."""
    config = network.config
    draw = 1 - torch.cos(torch.rand(len(batch.codes)) * np.pi / 2)
    layer = (draw * (config.quantizers - 2)).round().long() + 1
    codes = batch.codes.masked_fill(batch.padding.unsqueeze(-1), network.pad_id)
    logits = network(codes[..., :-1], layer, network.drop_text(batch.text), batch.padding)
    target = codes.gather(2, layer[:, None, None].expand(-1, codes.shape[1], 1))[..., 0]
    valid = ~batch.padding
    logits, target = logits[valid], target[valid]
    accuracy = (logits.argmax(-1) == target).float().mean().item()
    return F.cross_entropy(logits, target, label_smoothing=0.05 if network.training else 0.0), {"acc": accuracy}


def length_loss(network: LengthEstimator, batch: TokenBatch) -> tuple[Tensor, dict[str, float]]:
    lengths = (~batch.padding).sum(1)
    logits = network(batch.text)
    error = (logits.softmax(-1) * torch.arange(logits.shape[-1])).sum(-1) - lengths
    return F.cross_entropy(logits, lengths), {"tokens_off": error.abs().mean().item()}


@dataclass(frozen=True)
class _Learner:
    network: Callable[..., nn.Module]
    loss: Callable[..., tuple[Tensor, dict[str, float]]]


_LEARNERS = {
    "masked": _Learner(MaskedTransformer, masked_loss),
    "residual": _Learner(ResidualTransformer, residual_loss),
    "length": _Learner(LengthEstimator, length_loss),
}


def train_on_tokens(
    kind: str,
    config: TransformerConfig | LengthConfig,
    train: TokenClips,
    val: TokenClips,
    out: Path,
    schedule: Schedule,
    *,
    text_fingerprint: str,
    batch: int = 64,
    noise: TextNoise | None = None,
    start: dict[str, np.ndarray] | None = None,
    resume: bool = True,
    log: Callable[[str], None] = print,
) -> float:
    """Train the network of this kind ("masked", "residual" or "length"); returns its best validation loss.

    text_fingerprint: of the tower that made the text vectors, kept in the checkpoint: no other tower may drive it.
    noise: on the text vectors in training. start: weights to go on from.
    """
    learner = _LEARNERS[kind]
    torch.manual_seed(schedule.seed)
    network = learner.network(config)
    if start is not None:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()})

    def validate(averaged: nn.Module) -> tuple[float, dict[str, float]]:
        rng = np.random.default_rng(1)
        torch.manual_seed(1)
        results = [learner.loss(averaged, token_batch(val, rng, batch)) for _ in range(12)]
        losses, numbers = zip(*results, strict=True)
        score = float(np.mean([loss.item() for loss in losses]))
        return score, {key: float(np.mean([n[key] for n in numbers])) for key in numbers[0]}

    trainer = Trainer(
        kind,
        network,
        out=out,
        config={"kind": kind, **config.to_dict(), "text_fingerprint": text_fingerprint},
        schedule=schedule,
        validate=validate,
        log=log,
        make_batch=lambda rng: token_batch(train, rng, batch, noise),
        loss=lambda drawn: learner.loss(network, drawn),
    )
    return trainer.run(resume=resume)
