# SPDX-License-Identifier: Apache-2.0
"""What a network is to learn, apart from how it is run: its batches, its loss, its score."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, nn

from moclip.training.machine import BatchT, Machine, count_rows
from moclip.training.run import Schedule

Numbers = dict[str, float]
"""What a step or a validation logs."""
LossFunction = Callable[[BatchT], tuple[Tensor, Numbers]]


class Task(ABC, Generic[BatchT]):
    """A network and what it is to learn; `Trainer` runs it.

    name: of its files. network: the trainer moves it to the device. config: goes into the saved file.
    All chance comes from the generator given and from torch's, both seeded by the step. What a loss draws, it draws on
    the CPU and moves, so that every device sees the same masks.
    """

    def __init__(self, name: str, network: nn.Module, config: dict[str, Any]):
        self.name, self.network, self.config = name, network, config

    @abstractmethod
    def make_batch(self, rng: np.random.Generator) -> BatchT:
        """The batch of one step, on the CPU; see `moclip.training.machine`."""

    @abstractmethod
    def loss(self, batch: BatchT) -> tuple[Tensor, Numbers]:
        """() float32, a mean over the batch, and numbers to log. The batch is on the network's device."""

    @abstractmethod
    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        """Score of this network, the average of the one that is trained; lower is better. And numbers to log."""

    def weight(self, batch: BatchT) -> float:
        """Of a part of a batch against the others: what its loss is a mean over. By default its rows."""
        return float(count_rows(batch))

    @property
    def helpers(self) -> Sequence[nn.Module]:
        """Other modules that `loss` uses; they are moved, and neither trained nor saved."""
        return ()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """As torch's optimisers take them."""
        return [{"params": [p for p in self.network.parameters() if p.requires_grad]}]

    def begin(self, machine: Machine) -> None:
        """Called once before the first step, when all modules are where they will be."""

    def prepare(self, step: int, schedule: Schedule, optimizer: torch.optim.Optimizer) -> None:
        """Called before each step; by default all groups have the schedule's rate."""
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)

    def gradients(self, parts: Sequence[BatchT], machine: Machine) -> tuple[Tensor, Numbers]:
        """Leave the gradient of the whole batch in the network's parameters; the loss, detached, and the numbers.

        parts: this process's rows, in chunks. For losses that are no mean over rows: `large_batch.EmbeddingTask`.
        """
        if machine.whole:
            with machine.autocast():
                total, numbers = self.loss(parts[0])
            total.backward()
            return total.detach(), numbers
        weights = [self.weight(part) for part in parts]
        every = machine.processes.sum(torch.tensor(sum(weights), device=machine.device)).item()
        total, shown = torch.zeros((), device=machine.device), dict[str, float]()
        for part, weight in zip(parts, weights, strict=True):
            with machine.autocast():
                loss, numbers = self.loss(part)
            share = loss * (weight / every)
            share.backward()
            total += share.detach()
            for key, value in numbers.items():
                shown[key] = shown.get(key, 0.0) + value * weight / sum(weights)
        machine.processes.sum_gradients([p for p in self.network.parameters() if p.requires_grad])
        return machine.processes.sum(total), shown
