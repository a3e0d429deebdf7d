# SPDX-License-Identifier: Apache-2.0
"""Pairs of motions and captions: a dataset split as MoCLIP reads it, its batches, and how they are embedded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
from moclip.captions.labels import SWAPPED
from moclip.data.clips import Clips
from moclip.data.folder import DatasetFolder
from moclip.data.statistics import biased_std
from moclip.data.stored import Joined, Worked, lengths_of
from moclip.motion.features import features_to_joints
from moclip.text.tokenizer import Tokenizer
from moclip.text.tower import TextTower

PADDED_FRAMES = 196
"""To which the authors pad every motion."""
Key = tuple[Any, ...]
"""The actions of a clip, each with style and side or with side alone."""
BUCKET = 12
"""Rows that are padded together; fewer waste less padding, and more use wide matrices better."""


@dataclass(frozen=True)
class PairedClips:
    """Joints (T, 22, 3), tokens of the captions (C, 77), and what each clip means; partner: the clips that are easy to
    mistake for it (mirrored, or the same two actions in the other order). teacher: per clip (C, D), the frozen tower's
    vectors of its captions, or none where nothing is trained.
    """

    joints: Sequence[np.ndarray]
    tokens: list[np.ndarray]
    meaning: np.ndarray
    partner: list[np.ndarray]
    weights: np.ndarray
    teacher: list[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.joints)


def pair_clips(
    dataset: DatasetFolder, clips: Clips, motion: MotionEncoderConfig, teacher: list[np.ndarray] | None = None
) -> PairedClips:
    """Clips of a dataset as this encoder reads them: joints in metres, or of normalised features as the authors do."""
    labels, tokenizer = dataset.clips, Tokenizer()
    normalised = motion.joint_source == "normalised"
    moments = (dataset.mean, biased_std(dataset.std, dataset.meta["joints"])) if normalised else None
    keys = [
        tuple((a["action"], a.get("style"), a.get("side")) for a in labels.get(i, {}).get("actions", [])) or (i,)
        for i in clips.ids
    ]
    names = {key: k for k, key in enumerate(sorted(set(keys), key=repr))}
    by_actions: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        by_actions.setdefault(_plain(key), []).append(index)
    partner = [np.array([k for other in _confusable(_plain(key)) for k in by_actions.get(other, [])]) for key in keys]
    return PairedClips(
        joints=Worked(
            clips.features,
            lambda features: _joints(features, moments),
            lambda frames: PADDED_FRAMES if normalised else frames,
        ),
        tokens=[tokenizer.encode(c).astype(np.uint16) for c in clips.captions],
        meaning=np.array([names[key] for key in keys]),
        partner=partner,
        weights=clips.weights,
        teacher=teacher,
    )


def _joints(features: np.ndarray, moments: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    if moments is None:
        return features_to_joints(features).astype(np.float32)
    mean, std = moments
    padded = np.zeros((PADDED_FRAMES, features.shape[1]), dtype=np.float32)
    frames = min(len(features), PADDED_FRAMES)
    padded[:frames] = (features[:frames] - mean) / std
    return features_to_joints(padded).astype(np.float32)


def with_copies(clips: PairedClips, copies: Sequence[np.ndarray]) -> PairedClips:
    """The clips and other joints (T, 22, 3) of each, drawn equally often; a copy's partners are copies."""
    return PairedClips(
        joints=Joined(clips.joints, copies),
        tokens=clips.tokens * 2,
        meaning=np.tile(clips.meaning, 2),
        partner=[*clips.partner, *(partners + len(clips) for partners in clips.partner)],
        weights=np.tile(clips.weights, 2) / 2,
        teacher=clips.teacher * 2 if clips.teacher else None,
    )


def _plain(key: Key) -> Key:
    return tuple((part[0], part[-1]) if isinstance(part, tuple) else (part, None) for part in key)


def _confusable(key: Key) -> list[Key]:
    mirrored = tuple((SWAPPED.get(action, action), SWAPPED.get(side, side)) for action, side in key)
    return [other for other in {mirrored, key[::-1]} if other != key]


@dataclass(frozen=True)
class PairBatch:
    """Row i of each belongs together: joints (T, 22, 3), tokens (B, L), teacher (B, D), meaning (B, 2).

    meaning: of the clip, and of the caption's words; two pairs mean the same when one of them is equal.
    """

    joints: list[np.ndarray]
    tokens: Tensor
    teacher: Tensor
    meaning: Tensor

    def __len__(self) -> int:
        return len(self.joints)


def pair_batch(clips: PairedClips, rng: np.random.Generator, count: int, *, partners: bool = True) -> PairBatch:
    """Pairs drawn by weight, a random caption each; with `partners`, half of them are easily mistaken for the others.

    `clips.teacher` may be missing, and is zeros then.
    """
    drawn = rng.choice(len(clips), size=count, p=clips.weights)
    half = count // 2 if partners else 0
    for k in range(half):
        others = clips.partner[drawn[k]]
        if len(others):
            drawn[half + k] = rng.choice(others)
    captions = [int(rng.integers(len(clips.tokens[i]))) for i in drawn]
    tokens = np.stack([clips.tokens[i][c] for i, c in zip(drawn, captions, strict=True)]).astype(np.int64)
    teacher = (
        np.stack([clips.teacher[i][c] for i, c in zip(drawn, captions, strict=True)]).astype(np.float32)
        if clips.teacher
        else np.zeros((count, 1), np.float32)
    )
    wording = np.unique(tokens, axis=0, return_inverse=True)[1].reshape(-1)
    return PairBatch(
        [clips.joints[i] for i in drawn],
        torch.from_numpy(tokens[:, : int(tokens.argmax(1).max()) + 1].copy()),
        torch.from_numpy(teacher),
        torch.from_numpy(np.stack([clips.meaning[drawn], wording], axis=1)),
    )


def same_meaning(meaning: Tensor) -> Tensor:
    """(B, 2) of a `PairBatch` -> (B, B) bool."""
    return (meaning[:, None] == meaning[None]).any(-1)


def embed_motions(encoder: MotionEncoder, joints: Sequence[np.ndarray], bucket: int = BUCKET) -> Tensor:
    """(B, D) unit vectors of motions (T, 22, 3), those of like length together: the same numbers with less padding."""
    device = encoder.positions.device
    order = np.argsort(lengths_of(joints), kind="stable")
    if encoder.config.positions == "batch":  # a vector depends on its row; alone, each is in the first
        order, bucket = np.arange(len(joints)), len(joints) if encoder.training else 1
    parts = []
    for start in range(0, len(order), bucket):
        batch, valid = pad_joints([joints[k] for k in order[start : start + bucket]])
        parts.append(encoder(batch.to(device), valid.to(device)))
    return torch.cat(parts)[torch.from_numpy(np.argsort(order)).to(device)]


def pad_joints(joints: Sequence[np.ndarray], frames: int = 0) -> tuple[Tensor, Tensor]:
    """Motions (T, J, 3) as (B, longest or `frames`, J, 3), and which of their frames are theirs (B, longest)."""
    longest = max(frames, *(len(clip) for clip in joints))
    batch = np.zeros((len(joints), longest, *joints[0].shape[1:]), dtype=np.float32)
    valid = np.zeros((len(joints), longest), dtype=bool)
    for row, clip in enumerate(joints):
        batch[row, : len(clip)], valid[row, : len(clip)] = clip, True
    return torch.from_numpy(batch), torch.from_numpy(valid)


def embed_captions(tower: TextTower, tokens: Tensor, bucket: int = BUCKET) -> Tensor:
    """(B, D) raw vectors of tokens (B, L), those of like length together: the same numbers, with fewer tokens read."""
    device = tower.text.positional_embedding.device
    order = tokens.argmax(1).argsort(stable=True)
    parts = [tower(tokens[rows].to(device)) for rows in torch.split(order, bucket)]
    return torch.cat(parts)[order.argsort().to(device)]
