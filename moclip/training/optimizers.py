# SPDX-License-Identifier: Apache-2.0
"""AdamW, and Muon for the matrices of a network."""

from typing import Any

import torch
from torch import nn

from moclip.errors import MoclipError
from moclip.training.run import Schedule


def build_optimizer(groups: list[dict[str, Any]], network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """The schedule's optimiser over a task's parameter groups.

    Every group of the optimiser says in `part` which of the task's it belongs to. Muon (Jordan et al. 2024, with the
    scale of Liu et al. 2025, arXiv:2502.16982, eq. 4, so that AdamW and Muon have one rate) moves what multiplies
    activations, AdamW all else: biases, norms, embeddings. Raises MoclipError where pytorch-optimizer is missing.
    """
    adamw: dict[str, Any] = {"betas": schedule.betas, "weight_decay": schedule.weight_decay}
    if schedule.optimizer == "adamw":
        numbered = [{**group, "part": part} for part, group in enumerate(groups)]
        return torch.optim.AdamW(numbered, lr=schedule.learning_rate, **adamw)
    try:
        from pytorch_optimizer import Muon
    except ImportError as error:
        raise MoclipError(
            "Training with Muon needs the package pytorch-optimizer.",
            hint="Install the training extra: `pip install 'moclip[train]'`, or set `optimizer = \"adamw\"`.",
            code="missing_package",
        ) from error
    matrices = _matrices(network)
    split = []
    for part, group in enumerate(groups):
        for muon in (True, False):
            chosen = [p for p in group["params"] if (id(p) in matrices) == muon]
            own = {"weight_decay": schedule.weight_decay} if muon else adamw
            split.append(
                {**group, "params": chosen, "part": part, "use_muon": muon, "lr": schedule.learning_rate, **own}
            )
    optimizer: torch.optim.Optimizer = Muon([group for group in split if group["params"]], use_adjusted_lr=True)
    return optimizer


def _matrices(network: nn.Module) -> set[int]:
    """Ids of the weights of linear maps and convolutions, an attention's among them."""
    found = set()
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            found.add(id(module.weight))
        if isinstance(weight := getattr(module, "in_proj_weight", None), nn.Parameter):
            found.add(id(weight))
    return found
