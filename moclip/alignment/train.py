# SPDX-License-Identifier: Apache-2.0
"""Training of MoCLIP: motion encoder and text tower into one space, the tower tethered to where it started."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.alignment.large_batch import backward
from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.objective import MoCLIP, student_parts
from moclip.alignment.pairs import PairBatch, PairedClips, embed_captions, embed_motions, pair_batch, same_meaning
from moclip.alignment.presets import AlignmentConfig
from moclip.alignment.recall import recall
from moclip.errors import MoclipError
from moclip.nn.checkpoint import load_weights
from moclip.nn.config import Config
from moclip.text.tower import TextTower
from moclip.training.processes import Processes
from moclip.training.trainer import Schedule, Trainer

VALIDATION = 384
"""Pairs of the validation split that choose the checkpoint."""


@dataclass(frozen=True)
class Compute(Config):
    """How a step is computed; none of it changes what is computed, but for rounding.

    device: "cpu", "cuda" or "mps". precision: of the two networks, "float32" or "bfloat16" (autocast; losses stay in
    float32). chunks: parts of a process's batch that are embedded one after the other. checkpointing: keep the inputs
    of the transformers' layers only. Raises ValueError for another precision.
    """

    device: str = "cpu"
    precision: str = "float32"
    chunks: int = 1
    checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is float32 or bfloat16, not '{self.precision}'")
        if self.chunks < 1:
            raise ValueError(f"chunks is 1 or more, not {self.chunks}")


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
    compute: Compute | None = None,
    start: dict[str, np.ndarray] | None = None,
    resume: bool = True,
    until: int | None = None,
    log: Callable[[str], None] = print,
) -> TextTower:
    """Train and return the student tower; also writes `moclip.safetensors` (student, motion encoder and W).

    tower: the student's start, which is the teacher; `train.teacher` holds its vectors. start: weights of a motion
    encoder to go on from, with or without cross-limb attention. until: stop at this step, to go on another time. The
    saved checkpoint is the best of the second phase. Under `accelerate launch` each process embeds its share of the
    batch, and the loss is that of the whole batch. Raises MoclipError for clips without teacher vectors, for a batch
    that does not divide, and for an encoder to go on from that has other layers.
    """
    if train.teacher is None:
        raise MoclipError("MoCLIP is trained with the teacher's vectors, and these clips have none.", code="bad_call")
    compute = compute or Compute()
    processes = Processes.join(compute.device)
    torch.manual_seed(schedule.seed)
    network = MoCLIP(tower, motion, config).to(compute.device)
    if start is not None:
        _go_on_from(network, start)
    network.motion.checkpointing = compute.checkpointing
    network.student.text.set_grad_checkpointing(compute.checkpointing)
    begin, share = config.unfreeze_step(schedule.steps), processes.share(batch)

    def embed(pairs: PairBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        with torch.autocast(compute.device, torch.bfloat16, enabled=compute.precision == "bfloat16"):
            motions = embed_motions(network.motion, pairs.joints)
            teacher = pairs.teacher.to(compute.device)
            student = embed_captions(network.student, pairs.tokens) if trainer.step >= begin else teacher
        return motions.float(), student.float(), teacher, pairs.meaning.to(compute.device)

    def loss(motions: Tensor, student: Tensor, teacher: Tensor, meaning: Tensor) -> tuple[Tensor, dict[str, float]]:
        return network.loss(motions, student, teacher, same_meaning(meaning))

    def gradients(pairs: PairBatch) -> tuple[Tensor, dict[str, float]]:
        chunks = pairs.rows(share).chunks(compute.chunks)
        total, numbers = backward(chunks, embed, loss, network.shared, processes)
        processes.sum_gradients([p for p in network.parameters() if p.requires_grad])
        return total, numbers

    def prepare(step: int, optimizer: torch.optim.Optimizer) -> None:
        network.free_student(step, schedule.steps)
        if config.restart and step == begin:
            optimizer.state.clear()
        rates = config.rates(schedule, step)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def validate(_: nn.Module) -> tuple[float, dict[str, float]]:
        rng, numbers = np.random.default_rng(1), []
        for _ in range(3):
            numbers.append(agreement(network, pair_batch(val, rng, VALIDATION // 3)))
        mean = {k: float(np.mean([n[k] for n in numbers])) for k in numbers[0]}
        # Until the tower is free, the best checkpoint would be one without a fine-tuned student.
        frozen = trainer.step <= begin and config.unfreeze != "never"
        return (1 - mean["R@1"]) + (10.0 if frozen else 0.0), mean

    trainer = Trainer(
        "moclip",
        network,
        out=out,
        schedule=schedule,
        gradients=gradients,
        validate=validate,
        prepare=prepare,
        log=log,
        quiet=not processes.first,
        make_batch=lambda rng: pair_batch(train, rng, batch, partners=config.partners),
        config={
            "kind": "moclip", **config.to_dict(), "motion": motion.to_dict(), "tower": tower.config.to_dict(),
        },
        parameters=[
            {"params": [*network.motion.parameters(), *network.shared]},
            {"params": [p for part in student_parts(network.student, config.train_words) for p in part]},
        ],
    )  # fmt: skip
    trainer.run(resume=resume, until=until)
    return network.student
