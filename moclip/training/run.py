# SPDX-License-Identifier: Apache-2.0
"""How a network is trained: for how long, on what machine, into which folder. None of it says what is learnt."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from moclip.nn.config import Config, Count, Natural, NotNegative, Positive, Range, Share
from moclip.training.optimizers import OPTIMIZERS

Log = Callable[[str], None]
PRECISIONS = ("float32", "bfloat16")
KEPT = ("best", "last")


@dataclass(frozen=True)
class Schedule:
    """steps: optimiser steps. learning_rate: peak; linear warm-up, then cosine to `final_rate` of the peak.

    milestones: steps from which on the rate is `factor` times what it was, in place of the cosine: as the released
    generators were trained. betas: of AdamW. clip: norm that gradients are cut to; a large one cuts nothing.
    ema: decay of the weights' moving average that is validated and saved; 0 saves the raw weights.
    optimizer: "adamw", or "muon", see `moclip.training.optimizers`. keep: which weights are saved, the "best" by
    validation or the "last". Raises ValueError for another word.
    """

    steps: Count
    learning_rate: NotNegative
    warmup: Natural = 100
    final_rate: Share = 0.02
    weight_decay: NotNegative = 0.01
    clip: Positive = 1.0
    ema: Annotated[float, Range(0, 0.99999)] = 0.0
    validate_every: Count = 200
    save_every: Count = 100
    seed: Natural = 0
    milestones: tuple[Count, ...] = ()
    factor: Share = 0.1
    betas: tuple[Share, Share] = (0.9, 0.99)
    optimizer: str = "adamw"
    keep: str = "best"

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is {' or '.join(OPTIMIZERS)}, not '{self.optimizer}'")
        if self.keep not in KEPT:
            raise ValueError(f"keep is {' or '.join(KEPT)}, not '{self.keep}'")

    def rate(self, step: int) -> float:
        if self.milestones:
            passed = sum(step >= milestone for milestone in self.milestones)
            begun = min(1.0, (step + 1) / (self.warmup + 1))
            return self.learning_rate * begun * float(self.factor) ** passed
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.learning_rate * (self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class Compute(Config):
    """How a step is computed; none of it changes what is learnt, but for rounding and for which noise a row draws.

    device: "auto", "cpu", "cuda" or "mps". precision: of the networks, "float32" or "bfloat16" (autocast; weights and
    losses stay in float32). chunks: parts of a process's batch that go through the network one after the other, their
    gradients added up. checkpointing: keep the inputs of a transformer's layers only and compute them once more.
    Raises ValueError for another precision.
    """

    device: str = "cpu"
    precision: str = "float32"
    chunks: Count = 1
    checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {' or '.join(PRECISIONS)}, not '{self.precision}'")
        if self.chunks < 1:
            raise ValueError(f"chunks is 1 or more, not {self.chunks}")


@dataclass(frozen=True)
class Run:
    """out: folder of weights, state and log. resume: go on from the state there.

    until: stop at this step, validated and with the state saved, as if the end were there; rates stay as they are.
    """

    out: Path
    schedule: Schedule
    compute: Compute = field(default_factory=Compute)
    resume: bool = True
    until: int | None = None
    log: Log = print
