# SPDX-License-Identifier: Apache-2.0
"""One training loop for every network: EMA, validation, checkpoints, resuming, logging.

Batches and noise are functions of (seed, step), so a resumed run takes the very steps that an unbroken one takes.
Several processes see the same batch and the same noise, each for its own rows.
"""

import math
import os
import time
from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from moclip.errors import MoclipError
from moclip.nn.checkpoint import save_weights
from moclip.training.machine import BatchT, Machine
from moclip.training.optimizers import build_optimizer
from moclip.training.run import Run
from moclip.training.task import Numbers, Task


class Trainer(Generic[BatchT]):
    """Runs a task and leaves `<out>/<name>.safetensors` (what the schedule keeps) and a log for TensorBoard.

    Of several processes the first validates, logs and writes. Raises MoclipError for a device that is not there, and
    when loss or gradient stop being numbers, before anything is overwritten.
    """

    def __init__(self, task: Task[BatchT], run: Run):
        self.task, self.network, self.settings = task, task.network, run
        self.schedule, self.out = run.schedule, Path(run.out)
        self.machine = Machine.of(run.compute)
        for module in (self.network, *task.helpers):
            self.machine.prepare(module)
        self.optimizer = build_optimizer(task.parameter_groups(), self.network, self.schedule)
        self.averaged = deepcopy(self.network).requires_grad_(False) if self.schedule.ema else self.network
        self.step, self.best = 0, math.inf
        task.begin(self.machine)

    @property
    def state_path(self) -> Path:
        return self.out / f"{self.task.name}.state.pt"

    @property
    def weights_path(self) -> Path:
        return self.out / f"{self.task.name}.safetensors"

    def run(self) -> float:
        """Train to the end of the schedule, or to `until`; the best validation score."""
        schedule, name = self.schedule, self.task.name
        end = min(schedule.steps, schedule.steps if self.settings.until is None else self.settings.until)
        self.out.mkdir(parents=True, exist_ok=True)
        if self.settings.resume and self.state_path.exists():
            self._load_state()
        quiet = not self.machine.processes.first
        writer = _NoWriter() if quiet else _summary_writer(self.out / "logs" / name)
        started, first = time.monotonic(), self.step
        while self.step < end:
            numbers = self._train_step()
            if self.step % 20 == 0:
                for key, value in numbers.items():
                    writer.add_scalar(f"train/{key}", value, self.step)
            last = self.step == end
            if quiet:
                continue
            if self.step % schedule.validate_every == 0 or last:
                score = self._validate(writer)
                speed = (self.step - first) / (time.monotonic() - started)
                shown = " ".join(f"{k}={v:.4g}" for k, v in {**numbers, **score}.items())
                self.settings.log(f"{name} {self.step}/{schedule.steps} {shown} ({speed:.2f} steps/s)")
            if self.step % schedule.save_every == 0 or last:
                self._save_state()
        writer.close()
        return self.best

    def _train_step(self) -> Numbers:
        rng = np.random.default_rng([self.schedule.seed, self.step])
        torch.manual_seed(int(rng.integers(2**31)))
        self.task.prepare(self.step, self.schedule, self.optimizer)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, numbers = self.task.gradients(self.machine.parts(self.task.make_batch(rng)), self.machine)
        self._stop_unless_finite(loss, "loss")
        trained = [p for g in self.optimizer.param_groups for p in g["params"]]
        self._stop_unless_finite(nn.utils.clip_grad_norm_(trained, self.schedule.clip), "gradient")
        self.optimizer.step()
        self.step += 1
        self._average()
        return {"loss": loss.item(), **numbers}

    def _stop_unless_finite(self, number: Tensor, what: str) -> None:
        if not torch.isfinite(number):
            raise MoclipError(
                f"Training {self.task.name} stopped at step {self.step}: the {what} is not a number.",
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
        for kept, now in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            kept.copy_(now)

    def _validate(self, writer: "_Writer") -> Numbers:
        self.averaged.eval()
        with torch.no_grad():
            score, numbers = self.task.validate(self.averaged)
        for key, value in {"score": score, **numbers}.items():
            writer.add_scalar(f"val/{key}", value, self.step)
        better = score < self.best
        self.best = min(score, self.best)
        if better or self.schedule.keep == "last":
            config = {**self.task.config, "step": self.step, "score": score}
            save_weights(self.weights_path, self.averaged.state_dict(), config)
        return {"val": score, **numbers}

    def _save_state(self) -> None:
        state = {
            "step": self.step,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "network": _tensors(self.network),
            "averaged": _tensors(self.averaged),
        }
        unfinished = self.state_path.with_suffix(".tmp")
        torch.save(_on_cpu(state), unfinished)
        os.replace(unfinished, self.state_path)

    @torch.no_grad()
    def _load_state(self) -> None:
        """What another device left is read as well: states lie on the CPU."""
        state = torch.load(self.state_path, map_location="cpu", weights_only=True)
        self.step, self.best = state["step"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        for module, saved in ((self.network, state["network"]), (self.averaged, state["averaged"])):
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                tensor.copy_(saved[name])
        if self.machine.processes.first:
            self.settings.log(f"{self.task.name}: resumed at step {self.step}")


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """State and what is left out of a state: the buffers that training alone needs."""
    return {**module.state_dict(), **dict(module.named_buffers())}


def _on_cpu(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: _on_cpu(value) for key, value in state.items()}
    return [_on_cpu(value) for value in state] if isinstance(state, list) else state


class _Writer(Protocol):
    def add_scalar(self, tag: str, value: float, step: int, /) -> None: ...

    def close(self) -> None: ...


class _NoWriter:
    def add_scalar(self, tag: str, value: float, step: int, /) -> None: ...

    def close(self) -> None: ...


def _summary_writer(folder: Path) -> _Writer:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # tensorboard belongs to the `train` extra; without it the log lines remain
        return _NoWriter()
    writer: _Writer = SummaryWriter(str(folder))
    return writer
