# SPDX-License-Identifier: Apache-2.0
"""Gradients of a loss over a batch that is too large for one pass, or for one process.

A contrastive loss needs all embeddings at once, so gradients of parts do not add up to that of the whole. The first
pass embeds every chunk without a graph; the loss gives the gradient of each embedding; the second pass embeds once more
and carries it on (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup").
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from moclip.training.machine import BatchT, Machine
from moclip.training.processes import Processes
from moclip.training.task import Numbers, Task

Chunk = TypeVar("Chunk")
Loss = Callable[..., tuple[Tensor, Numbers]]


class EmbeddingTask(Task[BatchT]):
    """A task whose loss compares every row of the batch with every other."""

    @abstractmethod
    def embed(self, batch: BatchT) -> tuple[Tensor, ...]:
        """Tensors (B, ...), one row each; run under `Machine.autocast`. Those without a gradient are constants."""

    @abstractmethod
    def compare(self, *embedded: Tensor) -> tuple[Tensor, Numbers]:
        """The loss of what `embed` gives of a whole batch, which comes here in float32."""

    @property
    def shared(self) -> Sequence[nn.Parameter]:
        """Parameters that `compare` itself learns."""
        return ()

    def loss(self, batch: BatchT) -> tuple[Tensor, Numbers]:
        return self.compare(*map(_in_full, self.embed(batch)))

    def gradients(self, parts: Sequence[BatchT], machine: Machine) -> tuple[Tensor, Numbers]:
        def embed(part: BatchT) -> tuple[Tensor, ...]:
            with machine.autocast():
                return tuple(map(_in_full, self.embed(part)))

        total, numbers = backward(parts, embed, self.compare, self.shared, machine.processes)
        machine.processes.sum_gradients([p for p in self.network.parameters() if p.requires_grad])
        return total, numbers


def _in_full(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def backward(
    chunks: Sequence[Chunk],
    embed: Callable[[Chunk], tuple[Tensor, ...]],
    loss: Loss,
    shared: Sequence[nn.Parameter] = (),
    processes: Processes | None = None,
) -> tuple[Tensor, Numbers]:
    """Leave the gradients of `loss(*embeddings of all chunks of all processes)`; returns what `loss` does, detached.

    chunks: this process's rows of the batch. embed: chunk -> tensors (B, ...), one row a pair; those without a gradient
    are constants. shared: parameters that `loss` itself uses; every process computes their whole gradient.
    `Processes.sum_gradients` is still to be called on all parameters.
    """
    processes = processes or Processes()
    states: list[tuple[Tensor, list[Tensor]]] = []
    outputs: list[tuple[Tensor, ...]] = []
    if len(chunks) == 1:
        outputs.append(embed(chunks[0]))
    else:
        for chunk in chunks:
            states.append(_random_state())
            with torch.no_grad():
                outputs.append(embed(chunk))
    whole = [torch.cat(parts).detach() for parts in zip(*outputs, strict=True)]
    leaves = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in whole]
    total, numbers = loss(*(processes.gather(leaf) for leaf in leaves))
    total.backward()
    for parameter in shared:
        if parameter.grad is not None:
            parameter.grad /= processes.count
    row = 0
    for index, chunk in enumerate(chunks):
        rows = slice(row, row + len(outputs[index][0]))
        row = rows.stop
        if states:
            _restore_random_state(states[index])
            made = embed(chunk)
        else:
            made = outputs[index]
        pairs = [(t, g.grad[rows]) for t, g in zip(made, leaves, strict=True) if t.requires_grad and g.grad is not None]
        if pairs:
            torch.autograd.backward([t for t, _ in pairs], [g for _, g in pairs])
    return total.detach(), numbers


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _restore_random_state(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])
