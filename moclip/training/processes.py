# SPDX-License-Identifier: Apache-2.0
"""Several training processes as one: who is who, and what they exchange. Started by `accelerate launch`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from moclip.errors import MoclipError


@dataclass(frozen=True)
class Processes:
    """This process's rank among `count`; by default it is alone, and everything here leaves its input as it is."""

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: str = "cpu") -> "Processes":
        """The processes of this launch. Raises MoclipError when there are several and accelerate is missing."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise MoclipError(
                "Training in several processes needs the package accelerate.",
                hint="Install the training extra: `pip install 'moclip[train]'`.",
                code="missing_package",
            ) from error
        state = PartialState(cpu=device == "cpu")  # with CUDA, each process has a device of its own as "cuda"
        return cls(state.process_index, state.num_processes)

    @property
    def first(self) -> bool:
        """The one that validates, logs and writes."""
        return self.rank == 0

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """The first does what follows; the others wait, and do it then: what is kept in a file is made once."""
        if self.count == 1:
            yield
            return
        from accelerate import PartialState

        with PartialState().main_process_first():
            yield

    def share(self, rows: int) -> slice:
        """This process's part of a batch. Raises MoclipError for a batch that does not divide."""
        if rows % self.count:
            raise MoclipError(
                f"A batch of {rows} does not divide among {self.count} processes.",
                hint=f"Use a batch that is a multiple of {self.count}.",
                code="bad_batch",
            )
        size = rows // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def gather(self, local: Tensor) -> Tensor:
        """(B, ...) of each process -> (count * B, ...) in the order of ranks; gradient flows to this process's part."""
        if self.count == 1:
            return local
        from accelerate.utils import gather

        parts = list(gather(local.detach().contiguous()).chunk(self.count))
        parts[self.rank] = local
        return torch.cat(parts)

    def sum(self, value: Tensor) -> Tensor:
        """The sum of all processes' tensors of one shape."""
        if self.count == 1:
            return value
        from accelerate.utils import reduce

        summed: Tensor = reduce(value, "sum")
        return summed

    def sum_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Add up the gradients of all processes, in place."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.copy_(self.sum(parameter.grad))
