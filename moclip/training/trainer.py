# SPDX-License-Identifier: Apache-2.0
"""One training loop for every network: schedule, EMA, validation, checkpoints, resuming, logging.

Batches and noise are functions of (seed, step), so a resumed run takes the very steps that an unbroken one takes.
"""

import math
import os
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moclip.errors import MoclipError
from moclip.nn.checkpoint import save_weights

Batch = Any
LossFunction = Callable[[Batch], tuple[Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """steps: optimiser steps. learning_rate: peak; linear warm-up, then cosine to `final_rate` of the peak.

    ema: decay of the weights' moving average that is validated and saved; 0 saves the raw weights.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    final_rate: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.0
    validate_every: int = 200
    save_every: int = 100
    seed: int = 0

    def rate(self, step: int) -> float:
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.learning_rate * (self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * done)))


class Trainer:
    """Trains `network` and leaves `<out>/<name>.safetensors` (best by validation) and a log for TensorBoard.

    make_batch(rng) -> batch for one step. loss(batch) -> (scalar, numbers to log); or gradients(batch), which returns
    the same and has left the gradients itself. validate(network) -> (score, numbers to log), lower scores are better.
    config goes into the saved file. parameters: optimiser groups, default all. prepare(step, optimizer): before each
    step, in place of the schedule's rate for every group. quiet: leave files, validation and log to another process.
    Raises MoclipError when loss or gradient stop being numbers, before anything is overwritten.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        *,
        out: Path,
        config: dict[str, Any],
        schedule: Schedule,
        make_batch: Callable[[np.random.Generator], Batch],
        loss: LossFunction | None = None,
        gradients: LossFunction | None = None,
        validate: Callable[[nn.Module], tuple[float, dict[str, float]]],
        parameters: list[dict[str, Any]] | None = None,
        prepare: Callable[[int, torch.optim.Optimizer], None] | None = None,
        quiet: bool = False,
        log: Callable[[str], None] = print,
    ):
        if (loss is None) == (gradients is None):
            raise ValueError("a trainer takes a loss or a function that leaves gradients, one of the two")
        self.name, self.network, self.out, self.config, self.schedule = name, network, Path(out), config, schedule
        self.make_batch, self.validate, self.log = make_batch, validate, log
        self.gradients = gradients or _backward(loss)
        self.prepare, self.quiet = prepare or self._follow_schedule, quiet
        groups = parameters or [{"params": [p for p in network.parameters() if p.requires_grad]}]
        self.optimizer = torch.optim.AdamW(
            groups, lr=schedule.learning_rate, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
        )
        self.averaged = deepcopy(network).requires_grad_(False) if schedule.ema else network
        self.step, self.best = 0, math.inf

    @property
    def state_path(self) -> Path:
        return self.out / f"{self.name}.state.pt"

    @property
    def weights_path(self) -> Path:
        return self.out / f"{self.name}.safetensors"

    def run(self, *, resume: bool = True, until: int | None = None) -> float:
        """Train to the end of the schedule; the best validation score. With `resume`, go on from the saved state.

        until: stop at this step, validated and with the state saved, as if the end were there; rates stay as they are.
        """
        end = min(self.schedule.steps, self.schedule.steps if until is None else until)
        self.out.mkdir(parents=True, exist_ok=True)
        if resume and self.state_path.exists():
            self._load_state()
        writer = _NoWriter() if self.quiet else _summary_writer(self.out / "logs" / self.name)
        started, first = time.monotonic(), self.step
        while self.step < end:
            numbers = self._train_step()
            if self.step % 20 == 0:
                for key, value in numbers.items():
                    writer.add_scalar(f"train/{key}", value, self.step)
            last = self.step == end
            if self.quiet:
                continue
            if self.step % self.schedule.validate_every == 0 or last:
                score = self._validate(writer)
                speed = (self.step - first) / (time.monotonic() - started)
                shown = " ".join(f"{k}={v:.4g}" for k, v in {**numbers, **score}.items())
                self.log(f"{self.name} {self.step}/{self.schedule.steps} {shown} ({speed:.2f} steps/s)")
            if self.step % self.schedule.save_every == 0 or last:
                self._save_state()
        writer.close()
        return self.best

    def _train_step(self) -> dict[str, float]:
        rng = np.random.default_rng([self.schedule.seed, self.step])
        torch.manual_seed(int(rng.integers(2**31)))
        self.prepare(self.step, self.optimizer)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, numbers = self.gradients(self.make_batch(rng))
        self._stop_unless_finite(loss, "loss")
        trained = [p for g in self.optimizer.param_groups for p in g["params"]]
        self._stop_unless_finite(nn.utils.clip_grad_norm_(trained, self.schedule.clip), "gradient")
        self.optimizer.step()
        self.step += 1
        self._average()
        return {"loss": loss.item(), **numbers}

    def _follow_schedule(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.schedule.rate(step)

    def _stop_unless_finite(self, number: Tensor, what: str) -> None:
        if not torch.isfinite(number):
            raise MoclipError(
                f"Training {self.name} stopped at step {self.step}: the {what} is not a number.",
                hint="Run `moclip data check` on the dataset, then lower the learning rate; the best weights are kept.",
            )

    @torch.no_grad()
    def _average(self) -> None:
        if self.averaged is self.network:
            return
        # The average starts late without a warm-up of its own: early weights would linger in it.
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        for mean, value in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for mean, value in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            mean.copy_(value)

    def _validate(self, writer: Any) -> dict[str, float]:
        self.averaged.eval()
        with torch.no_grad():
            score, numbers = self.validate(self.averaged)
        for key, value in {"score": score, **numbers}.items():
            writer.add_scalar(f"val/{key}", value, self.step)
        if score < self.best:
            self.best = score
            save_weights(
                self.weights_path, self.averaged.state_dict(), {**self.config, "step": self.step, "score": score}
            )
        return {"val": score, **numbers}

    def _save_state(self) -> None:
        state = {
            "step": self.step,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "network": {**self.network.state_dict(), **dict(self.network.named_buffers())},
            "averaged": {**self.averaged.state_dict(), **dict(self.averaged.named_buffers())},
        }
        unfinished = self.state_path.with_suffix(".tmp")
        torch.save(state, unfinished)
        os.replace(unfinished, self.state_path)

    @torch.no_grad()
    def _load_state(self) -> None:
        state = torch.load(self.state_path, weights_only=True)
        self.step, self.best = state["step"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        for module, saved in ((self.network, state["network"]), (self.averaged, state["averaged"])):
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                tensor.copy_(saved[name])
        self.log(f"{self.name}: resumed at step {self.step}")


def _backward(loss: LossFunction) -> LossFunction:
    def gradients(batch: Batch) -> tuple[Tensor, dict[str, float]]:
        total, numbers = loss(batch)
        total.backward()
        return total, numbers

    return gradients


class _NoWriter:
    def add_scalar(self, *_: Any) -> None: ...

    def close(self) -> None: ...


def _summary_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # tensorboard belongs to the `train` extra; without it the log lines remain
        return _NoWriter()
    return SummaryWriter(str(folder))
