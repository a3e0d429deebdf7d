# SPDX-License-Identifier: Apache-2.0
"""Training of MoCLIP: motion encoder and text tower into one space, the tower tethered to where it started."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.alignment.losses import alignment_loss, contrastive_loss, tether_loss
from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
from moclip.checkpoint import load_weights
from moclip.errors import MoclipError
from moclip.features import features_to_joints
from moclip.generators.momask.config import Config
from moclip.text.tower import TextTower
from moclip.tokenizer import Tokenizer
from moclip.training.clips import Clips
from moclip.training.loop import Schedule, Trainer


@dataclass(frozen=True)
class AlignmentConfig(Config):
    """tether_weight: lambda of the total loss. frozen_share: share of the steps with the text tower frozen (35 of 50
    epochs in the paper). student_rate: the tower's learning rate as a share of the motion encoder's.
    """

    tether_weight: float = 0.4
    frozen_share: float = 0.5
    student_rate: float = 0.03
    max_scale: float = 100.0


class MoCLIP(nn.Module):
    """The student tower, its frozen teacher, the motion encoder and the temperature."""

    def __init__(self, tower: TextTower, motion: MotionEncoderConfig):
        super().__init__()
        # The token table stays: captions hold a few hundred of its 49,408 words, and moving those would tear them
        # from their neighbours.
        self.student = tower.requires_grad_(True)
        self.student.text.token_embedding.requires_grad_(False)
        self.teacher = deepcopy(tower).requires_grad_(False).eval()
        self.motion = MotionEncoder(motion)
        self.log_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))


def motion_encoder_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and configuration of the motion encoder alone, out of the `moclip.safetensors` of `train_moclip`.

    Raises MoclipError for a missing, damaged or other file.
    """
    arrays, config = load_weights(path)
    if config.get("kind") != "moclip":
        raise MoclipError(
            f"The weights file {path} is not a MoCLIP.", hint="Run `moclip train moclip` first.", code="bad_weights"
        )
    prefix = "motion."
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return own, {"kind": "motion", **config["motion"]}


@dataclass(frozen=True)
class PairedClips:
    """Joints (T, 22, 3), tokens of the captions (C, 77), and what each clip means; partner: a clip that is easy to
    mistake for it (mirrored, or the same two actions in the other order), -1 without one."""

    joints: list[np.ndarray]
    tokens: list[np.ndarray]
    meaning: np.ndarray
    partner: list[np.ndarray]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.joints)


def pair_clips(clips: Clips, labels: dict[str, dict]) -> PairedClips:
    """labels: the dataset's clip lines by id."""
    tokenizer = Tokenizer()
    keys = [
        tuple((a["action"], a.get("style"), a.get("side")) for a in labels[i].get("actions", [])) or (i,)
        for i in clips.ids
    ]
    names = {key: k for k, key in enumerate(sorted(set(keys), key=repr))}
    by_actions: dict[tuple, list[int]] = {}
    for index, key in enumerate(keys):
        by_actions.setdefault(_plain(key), []).append(index)
    partner = [np.array([k for other in _confusable(_plain(key)) for k in by_actions.get(other, [])]) for key in keys]
    return PairedClips(
        joints=[features_to_joints(f).astype(np.float32) for f in clips.features],
        tokens=[tokenizer.encode(c) for c in clips.captions],
        meaning=np.array([names[key] for key in keys]),
        partner=partner,
        weights=clips.weights,
    )


def _plain(key: tuple) -> tuple:
    return tuple((part[0], part[-1]) for part in key)


def _confusable(key: tuple) -> list[tuple]:
    swap = {
        "left": "right",
        "right": "left",
        "walk_left": "walk_right",
        "walk_right": "walk_left",
        "turn_left": "turn_right",
        "turn_right": "turn_left",
    }
    mirrored = tuple((swap.get(action, action), swap.get(side, side)) for action, side in key)
    return [other for other in {mirrored, key[::-1]} if other != key]


@dataclass(frozen=True)
class PairBatch:
    joints: Tensor
    valid: Tensor
    tokens: Tensor
    meaning: Tensor


def pair_batch(clips: PairedClips, rng: np.random.Generator, count: int) -> PairBatch:
    """Half of the batch drawn by weight, half their easily mistaken partners, to tell order and side apart."""
    drawn = rng.choice(len(clips), size=count, p=clips.weights)
    half = count // 2
    for k in range(half):
        partners = clips.partner[drawn[k]]
        if len(partners):
            drawn[half + k] = rng.choice(partners)
    longest = max(len(clips.joints[i]) for i in drawn)
    joints = np.zeros((count, longest, 22, 3), dtype=np.float32)
    valid = np.zeros((count, longest), dtype=bool)
    tokens = np.zeros((count, 77), dtype=np.int64)
    for row, index in enumerate(drawn):
        frames = len(clips.joints[index])
        joints[row, :frames], valid[row, :frames] = clips.joints[index], True
        tokens[row] = clips.tokens[index][rng.integers(len(clips.tokens[index]))]
    end = int(tokens.argmax(1).max()) + 1
    return PairBatch(*(torch.from_numpy(a) for a in (joints, valid, tokens[:, :end].copy(), clips.meaning[drawn])))


def recall(motion: Tensor, text: Tensor, meaning: Tensor, top: tuple[int, ...] = (1, 3)) -> dict[str, float]:
    """Text-to-motion recall: share of texts with a motion of the same meaning among the nearest `top`."""
    order = (text @ motion.t()).argsort(dim=1, descending=True)
    hits = meaning[order] == meaning[:, None]
    return {f"R@{k}": hits[:, :k].any(1).float().mean().item() for k in top}


def train_moclip(
    tower: TextTower,
    train: PairedClips,
    val: PairedClips,
    out: Path,
    motion: MotionEncoderConfig,
    config: AlignmentConfig,
    schedule: Schedule,
    *,
    batch: int = 128,
    resume: bool = True,
    log=print,
) -> TextTower:
    """Train and return the student tower; also writes `moclip.safetensors` (student and motion encoder).

    The student is frozen for the first `frozen_share` of the steps, while the motion encoder finds its place.
    """
    network = MoCLIP(tower, motion)
    unfreeze = int(schedule.steps * config.frozen_share)

    def loss(pairs: PairBatch) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            teacher = network.teacher(pairs.tokens)
        student = network.student(pairs.tokens) if trainer.step >= unfreeze else teacher
        motion_vectors, text = network.motion(pairs.joints, pairs.valid), F.normalize(student, dim=-1)
        scale = network.log_scale.exp().clamp(max=config.max_scale)
        same = pairs.meaning[:, None] == pairs.meaning[None]
        contrastive = contrastive_loss(motion_vectors, text, scale, same)
        tether, alignment = tether_loss(student, teacher), alignment_loss(motion_vectors, text)
        total = contrastive + config.tether_weight * tether + alignment
        numbers = {"contrastive": contrastive.item(), "tether": tether.item(), "alignment": alignment.item()}
        return total, {**numbers, **recall(motion_vectors.detach(), text.detach(), pairs.meaning, (1,))}

    def validate(averaged: nn.Module) -> tuple[float, dict[str, float]]:
        rng, numbers = np.random.default_rng(1), []
        for _ in range(3):
            pairs = pair_batch(val, rng, 128)
            text = F.normalize(averaged.student(pairs.tokens), dim=-1)
            numbers.append(recall(averaged.motion(pairs.joints, pairs.valid), text, pairs.meaning))
        mean = {k: float(np.mean([n[k] for n in numbers])) for k in numbers[0]}
        # Until the tower is free, the best checkpoint would be one without a fine-tuned student.
        return (1 - mean["R@1"]) + (10.0 if trainer.step < unfreeze else 0.0), mean

    trainer = Trainer(
        "moclip",
        network,
        out=out,
        schedule=schedule,
        loss=loss,
        validate=validate,
        log=log,
        make_batch=lambda rng: pair_batch(train, rng, batch),
        config={"kind": "moclip", **config.to_dict(), "motion": motion.to_dict()},
        parameters=[
            {"params": [*network.motion.parameters(), network.log_scale]},
            {"params": [p for p in network.student.parameters() if p.requires_grad], "scale": config.student_rate},
        ],
    )
    trainer.run(resume=resume)
    return network.student
