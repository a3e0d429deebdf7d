# SPDX-License-Identifier: Apache-2.0
"""Gradients of a loss over a batch that is too large for one pass, or for one process.

A contrastive loss needs all embeddings at once, so gradients of parts do not add up to that of the whole. The first
pass embeds every chunk without a graph; the loss gives the gradient of each embedding; the second pass embeds once more
and carries it on (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup").
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from moclip.training.processes import Processes

Chunk = TypeVar("Chunk")
Loss = Callable[..., tuple[Tensor, dict[str, float]]]


def backward(
    chunks: Sequence[Chunk],
    embed: Callable[[Chunk], tuple[Tensor, ...]],
    loss: Loss,
    shared: Sequence[nn.Parameter] = (),
    processes: Processes | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Leave the gradients of `loss(*embeddings of all chunks of all processes)`; returns what `loss` does, detached.

    chunks: this process's rows of the batch. embed: chunk -> tensors (B, ...), one row a pair; those without a gradient
    are constants. shared: parameters that `loss` itself uses; every process computes their whole gradient.
    `Processes.sum_gradients` is still to be called on all parameters.
    """
    processes = processes or Processes()
    if len(chunks) == 1:
        states, outputs = [], [embed(chunks[0])]
    else:
        states, outputs = [], []
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
        pairs = [(t, leaf.grad[rows]) for t, leaf in zip(made, leaves, strict=True) if t.requires_grad]
        if pairs:
            torch.autograd.backward([t for t, _ in pairs], [g for _, g in pairs])
    return total.detach(), numbers


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _restore_random_state(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])
