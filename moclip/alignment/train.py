# SPDX-License-Identifier: Apache-2.0
"""Training of MoCLIP: motion encoder and text tower into one space, the tower tethered to where it started."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.objective import MoCLIP, student_parts
from moclip.alignment.pairs import PairBatch, PairedClips, embed_captions, embed_motions, pair_batch, same_meaning
from moclip.alignment.presets import AlignmentConfig
from moclip.alignment.recall import recall
from moclip.errors import MoclipError
from moclip.nn.checkpoint import load_weights
from moclip.text.tower import TextTower, TowerConfig
from moclip.training.large_batch import EmbeddingTask
from moclip.training.run import Run, Schedule
from moclip.training.task import Numbers
from moclip.training.trainer import Trainer

VALIDATION = 384
"""Pairs of the validation split that choose the checkpoint."""


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


def _go_on_from(network: MoCLIP, start: dict[str, np.ndarray]) -> None:
    state = {name: torch.from_numpy(array) for name, array in start.items()}
    missing, unexpected = network.motion.load_state_dict(state, strict=False)
    if unexpected or any(not name.startswith("limbs.") for name in missing):
        raise MoclipError(
            "The motion encoder to go on from has other layers than the recipe's.",
            hint="Train it with the sizes of this recipe's [moclip.motion].",
            code="bad_weights",
        )


@torch.no_grad()
def agreement(network: MoCLIP, pairs: PairBatch) -> dict[str, float]:
    """Text-to-motion recall at 1 and 3 among the pairs, any of the same meaning being right."""
    text = F.normalize(embed_captions(network.student, pairs.tokens), dim=-1)
    similarity = (text @ embed_motions(network.motion, pairs.joints).t()).double().cpu().numpy()
    found = recall(similarity, same_meaning(pairs.meaning).numpy(), top=(1, 3))
    return {f"R@{k}": share for k, share in found.items()}


class AlignmentTask(EmbeddingTask[PairBatch]):
    """Both networks and W, in the phases of the configuration; best by recall among validation pairs.

    The saved checkpoint is the best of the second phase.
    """

    def __init__(self, network: MoCLIP, train: PairedClips, val: PairedClips, tower: TowerConfig, batch: int):
        config = {"kind": "moclip", **network.config.to_dict(), "motion": network.motion.config.to_dict()}
        super().__init__("moclip", network, {**config, "tower": tower.to_dict()})
        self.network: MoCLIP = network
        self.train, self.val, self.batch = train, val, batch
        self._frozen = True
        """Is the student still the teacher in the step that was prepared last?"""

    @property
    def shared(self) -> Sequence[nn.Parameter]:
        return self.network.shared

    def parameter_groups(self) -> list[dict[str, Any]]:
        network = self.network
        return [
            {"params": [*network.motion.parameters(), *network.shared]},
            {"params": [p for part in student_parts(network.student, network.config.train_words) for p in part]},
        ]

    def prepare(self, step: int, schedule: Schedule, optimizer: torch.optim.Optimizer) -> None:
        config, begin = self.network.config, self.network.config.unfreeze_step(schedule.steps)
        self._frozen = step < begin
        self.network.free_student(step, schedule.steps)
        if config.restart and step == begin:
            optimizer.state.clear()
        rates = config.rates(schedule, step)
        for group in optimizer.param_groups:
            group["lr"] = rates[group["part"]]

    def make_batch(self, rng: np.random.Generator) -> PairBatch:
        return pair_batch(self.train, rng, self.batch, partners=self.network.config.partners)

    def embed(self, batch: PairBatch) -> tuple[Tensor, ...]:
        motions = embed_motions(self.network.motion, batch.joints)
        student = batch.teacher if self._frozen else embed_captions(self.network.student, batch.tokens)
        return motions, student, batch.teacher, batch.meaning

    def compare(self, *embedded: Tensor) -> tuple[Tensor, Numbers]:
        motions, student, teacher, meaning = embedded
        return self.network.loss(motions, student, teacher, same_meaning(meaning))

    def validate(self, _: nn.Module) -> tuple[float, Numbers]:
        rng = np.random.default_rng(1)
        numbers = [agreement(self.network, pair_batch(self.val, rng, VALIDATION // 3)) for _ in range(3)]
        mean = {k: float(np.mean([n[k] for n in numbers])) for k in numbers[0]}
        # Until the tower is free, the best checkpoint would be one without a fine-tuned student.
        waiting = self._frozen and self.network.config.unfreeze != "never"
        return (1 - mean["R@1"]) + (10.0 if waiting else 0.0), mean


def train_moclip(
    tower: TextTower,
    train: PairedClips,
    val: PairedClips,
    motion: MotionEncoderConfig,
    config: AlignmentConfig,
    run: Run,
    *,
    batch: int = 128,
    start: dict[str, np.ndarray] | None = None,
) -> TextTower:
    """Train and return the student tower; also writes `moclip.safetensors` (student, motion encoder and W).

    tower: the student's start, which is the teacher; `train.teacher` holds its vectors. start: weights of a motion
    encoder to go on from, with or without cross-limb attention. Under `accelerate launch` each process embeds its share
    of the batch, and the loss is that of the whole batch. Raises MoclipError for clips without teacher vectors, for a
    batch that does not divide, and for an encoder to go on from that has other layers.
    """
    if train.teacher is None:
        raise MoclipError("MoCLIP is trained with the teacher's vectors, and these clips have none.", code="bad_call")
    torch.manual_seed(run.schedule.seed)
    network = MoCLIP(tower, motion, config)
    if start is not None:
        _go_on_from(network, start)
    Trainer(AlignmentTask(network, train, val, tower.config, batch), run).run()
    student: TextTower = network.student.cpu()
    return student
