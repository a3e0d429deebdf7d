# SPDX-License-Identifier: Apache-2.0
"""What generators are trained on: a dataset split as motion codes and captions, and batches of it."""

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from moclip.data.clips import Clips
from moclip.data.stored import lengths_of
from moclip.nn.config import NotNegative
from moclip.text.tokenizer import Tokenizer

MAX_FRAMES = 196
MAX_TOKENS = 49


class MotionVQ(Protocol):
    """A trained network between features and codes; `config.stride` frames are one token."""

    config: Any

    def eval(self) -> Any: ...

    def encode(self, features: Tensor) -> Tensor:
        """(B, stride S, F) in their own units -> codes (B, S, Q)."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """(B, S, Q) -> (B, stride S, F)."""
        ...


@dataclass(frozen=True)
class TokenClips:
    """A split as codes and text vectors, computed once.

    codes: per clip a list of (S, Q) integers, one for each start offset. text: per clip (C, D), one row a caption.
    weights: (N,) how often each clip is drawn. tokens: per clip (C, 77) uint16, its captions for a text tower, from
    which networks that attend to words have them read again; each row of `text` has its row there.
    """

    codes: list[list[np.ndarray]]
    text: list[np.ndarray]
    weights: np.ndarray
    tokens: list[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.codes)


@torch.no_grad()
def encode_clips(
    features: Sequence[np.ndarray], vq: MotionVQ, offsets: tuple[int, ...] | None = None, device: str = "cpu"
) -> list[list[np.ndarray]]:
    """Codes (S, Q) of each clip from several start frames, so that little depends on where a clip happens to begin.

    vq: on this device. offsets: the start frames, the first one and half a token later where none are given.
    """
    vq.eval()
    stride = vq.config.stride
    offsets = (0, stride // 2) if offsets is None else offsets
    jobs: dict[int, list[tuple[int, int]]] = {}
    for index, frames in enumerate(lengths_of(features).tolist()):
        for start in [o for o in offsets if frames - o >= stride] or [0]:
            jobs.setdefault(min(frames - start, MAX_FRAMES) // stride, []).append((index, start))
    codes: list[list[np.ndarray]] = [[] for _ in features]
    for length, members in sorted(jobs.items()):
        for first in range(0, len(members), 64):
            part = members[first : first + 64]
            batch = np.stack([features[index][start : start + length * stride] for index, start in part])
            found = vq.encode(torch.from_numpy(batch).to(device)).cpu().numpy()
            for (index, _), encoded in zip(part, found, strict=True):
                codes[index].append(encoded)
    return codes


@torch.no_grad()
def decoded(codes: list[np.ndarray], vq: MotionVQ, device: str = "cpu") -> Iterator[tuple[int, np.ndarray]]:
    """(place, features (stride S, F) in their own units) of each of the codes (S, Q), like lengths together."""
    vq.eval()
    order = sorted(range(len(codes)), key=lambda k: len(codes[k]))
    for _, members in groupby(order, key=lambda k: len(codes[k])):
        alike = list(members)
        for first in range(0, len(alike), 64):
            part = alike[first : first + 64]
            made = vq.decode(torch.from_numpy(np.stack([codes[k] for k in part])).to(device)).cpu().numpy()
            yield from zip(part, made, strict=True)


def caption_vectors(clips: Clips, embed: Callable[[list[str]], np.ndarray], count: int | None) -> list[np.ndarray]:
    """Text vectors (C, D) float16 of the first `count` captions of each clip (None: of all); each wording is embedded
    once."""
    kept = [captions[:count] for captions in clips.captions]
    unique = sorted({caption for captions in kept for caption in captions})
    row = {caption: k for k, caption in enumerate(unique)}
    vectors = embed(unique).astype(np.float16)  # as they are kept
    return [vectors[[row[caption] for caption in captions]] for captions in kept]


def caption_tokens(clips: Clips, count: int | None) -> list[np.ndarray]:
    """Tokens (C, 77) uint16 of the same captions."""
    tokenizer = Tokenizer()
    return [tokenizer.encode(captions[:count]).astype(np.uint16) for captions in clips.captions]


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
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as opened:
            file = dict(opened)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    return file if str(file.get("key")) == key else None


def save_token_clips(path: Path, clips: TokenClips, key: str) -> None:
    """Write a split with the tokens of its captions; `key` names the networks that made it."""
    flat = [codes for variants in clips.codes for codes in variants]
    tokens = np.zeros((0, 0), np.uint16) if clips.tokens is None else np.concatenate(clips.tokens)
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
        tokens=tokens,
    )
    os.replace(unfinished, path)


def load_token_clips(path: Path, key: str) -> TokenClips | None:
    """The split written under this key, or None when it is absent, damaged, made by others or before tokens were kept.

    Codes and text vectors stay as small as the file has them.
    """
    file = _opened(path, key)
    if file is None or "tokens" not in file:
        return None
    flat = np.split(file["codes"], np.cumsum(file["lengths"])[:-1])
    ends = np.cumsum(file["variants"])
    codes = [flat[end - count : end] for end, count in zip(ends, file["variants"], strict=True)]
    captions = np.cumsum(file["captions"])[:-1]
    text = np.split(file["text"], captions)
    tokens = np.split(file["tokens"], captions) if len(file["tokens"]) else None
    return TokenClips(codes, text, file["weights"], tokens)


@dataclass(frozen=True)
class TokenBatch:
    """codes: (B, S, Q), 0 where padded. padding: (B, S) True where padded. text: (B, D) as the noise moved it.

    tokens: (B, 77) of the captions, for networks that attend to words. words: (B, L, W) their states by the frozen
    tower, which `TokenTask` adds for such networks alone.
    """

    codes: Tensor
    padding: Tensor
    text: Tensor
    tokens: Tensor | None = None
    words: Tensor | None = None


@dataclass(frozen=True)
class TextNoise:
    """How text vectors are moved in training, so that wordings that no caption has find the motion of their neighbours.

    isotropic: length of a random vector added, as a share of the vector's own. paraphrase: the largest step along the
    difference of two captions of the same clip, as a share of it: what tells paraphrases apart does not change the
    motion, so neither does more of it.
    """

    isotropic: NotNegative = 0.0
    paraphrase: NotNegative = 0.0

    def apply(self, captions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(D,) one of the captions (C, D), moved."""
        return self.draw(captions, rng)[1]

    def draw(self, captions: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray]:
        """Which of the captions (C, D), and (D,) where it was moved to."""
        rows = rng.integers(len(captions), size=3)
        chosen, one, other = captions[rows]
        moved = chosen + rng.uniform(0, self.paraphrase) * (one - other)
        spread = np.linalg.norm(chosen) / np.sqrt(len(chosen))
        return int(rows[0]), moved + self.isotropic * spread * rng.standard_normal(len(chosen))


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
    captions = []
    for row, (clip_codes, index) in enumerate(picked):
        codes[row, : len(clip_codes)], padding[row, : len(clip_codes)] = clip_codes, False
        caption, text[row] = noise.draw(clips.text[index].astype(np.float32), rng)
        captions.append((index, caption))
    tokens = None
    if clips.tokens is not None:
        tokens = torch.from_numpy(np.stack([clips.tokens[i][c] for i, c in captions]).astype(np.int64))
    return TokenBatch(torch.from_numpy(codes), torch.from_numpy(padding), torch.from_numpy(text), tokens)
