# SPDX-License-Identifier: Apache-2.0
"""How a network is trained: for how long, on what machine, into which folder. None of it says what is learnt."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from moclip.nn.config import Config, Count, Natural, NotNegative, Positive, Range, Share

Log = Callable[[str], None]
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Schedule:
    """steps: optimiser steps. learning_rate: peak; linear warm-up, then cosine to `final_rate` of the peak.

    ema: decay of the weights' moving average that is validated and saved; 0 saves the raw weights.
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

    def rate(self, step: int) -> float:
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
