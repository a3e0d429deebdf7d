# SPDX-License-Identifier: Apache-2.0
"""Where steps are computed: a device, a precision, and this process's part of every batch.

A batch is made on the CPU, of tensors and arrays (a row each along their first dimension), lists (an item a row), and
tuples and dataclasses of those.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from moclip.nn.networks import pick_device
from moclip.training.processes import Processes
from moclip.training.run import Compute

BatchT = TypeVar("BatchT")


@dataclass(frozen=True)
class Machine:
    """What a `Compute` became here. Made by `Machine.of`."""

    compute: Compute
    processes: Processes
    device: torch.device

    @classmethod
    def of(cls, compute: Compute) -> "Machine":
        """Raises MoclipError for a device that is not there, and for several processes without accelerate."""
        device = pick_device(compute.device)
        return cls(compute, Processes.join(device), torch.device(device))

    @property
    def whole(self) -> bool:
        """Does a step see its batch in one piece?"""
        return self.compute.chunks == 1 and self.processes.count == 1

    def autocast(self) -> torch.autocast:
        """The context in which networks run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.compute.precision == "bfloat16")

    def parts(self, batch: BatchT) -> list[BatchT]:
        """This process's rows of a batch on the device, in chunks. Raises MoclipError for rows that do not divide."""
        own = take_rows(batch, self.processes.share(count_rows(batch)))
        return [move(part, self.device) for part in split_rows(own, self.compute.chunks)]

    def prepare(self, network: nn.Module) -> None:
        """Move a network here, in place, and have its layers checkpointed if asked."""
        network.to(self.device)
        for module in network.modules():
            for name in ("checkpointing", "grad_checkpointing"):  # ours, and open_clip's
                if hasattr(module, name):
                    setattr(module, name, self.compute.checkpointing)


def move(batch: BatchT, device: torch.device | str) -> BatchT:
    """The batch with its tensors on this device; arrays stay where they are."""
    moved: BatchT = _each(batch, lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf)
    return moved


def take_rows(batch: BatchT, rows: slice) -> BatchT:
    """The same kind of batch with some of the rows."""
    taken: BatchT = _each(batch, lambda leaf: leaf[rows])
    return taken


def split_rows(batch: BatchT, count: int) -> list[BatchT]:
    """The batch in so many parts of about the same size, in order; fewer where there are fewer rows."""
    if count == 1:
        return [batch]
    rows = count_rows(batch)
    edges = np.linspace(0, rows, min(count, rows) + 1).round().astype(int).tolist()
    return [take_rows(batch, slice(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def count_rows(batch: Any) -> int:
    """Rows of a batch. Raises TypeError for what is none."""
    found: list[int] = []
    _each(batch, lambda leaf: found.append(len(leaf)))
    if not found:
        raise TypeError(f"a batch of {type(batch).__name__} has no rows")
    return found[0]


def _each(batch: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Tensor | np.ndarray | list):
        return change(batch)
    if isinstance(batch, tuple):
        return tuple(_each(part, change) for part in batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{f.name: _each(getattr(batch, f.name), change) for f in fields(batch)})
    return batch
