# SPDX-License-Identifier: Apache-2.0
"""Networks that know their sizes, built and restored from what a checkpoint says."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import nn

from moclip.errors import MoclipError
from moclip.nn.config import Config, sizes


class Network(nn.Module):
    """A module built from one `Config`. KIND: its name in checkpoints and messages. CONFIG: what its sizes are."""

    KIND: ClassVar[str]
    CONFIG: ClassVar[type[Config]]

    def __init__(self, config: Any):
        super().__init__()
        self.config = config


AnyNetwork = TypeVar("AnyNetwork", bound=Network)


def restore(network: type[AnyNetwork], config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> AnyNetwork:
    """A trained network in evaluation mode. Raises MoclipError when names or shapes do not fit the configuration."""
    try:
        made = network(network.CONFIG.from_dict(sizes(config)))
    except MoclipError as error:
        raise MoclipError(
            f"The {network.KIND} weights have a configuration that this version does not know. {error.message}",
            hint="Update MoCLIP, or install the model again.",
            code="bad_weights",
        ) from error
    amiss = _amiss(made, arrays)
    if amiss:
        raise MoclipError(
            f"The {network.KIND} weights do not fit their own configuration: {amiss}.",
            hint="Install the model again.",
            code="bad_weights",
        )
    made.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
    return made.eval().requires_grad_(False)


def _amiss(network: Network, arrays: Mapping[str, np.ndarray]) -> str:
    """The first tensor that is missing, of another shape or too many; empty where all fit."""
    own = network.state_dict()
    for name, tensor in own.items():
        if name not in arrays:
            return f"{name} is missing"
        if arrays[name].shape != tuple(tensor.shape):
            return f"{name} has the shape {arrays[name].shape}, not {tuple(tensor.shape)}"
    foreign = sorted(set(arrays) - set(own))
    return f"{foreign[0]} is none of theirs" if foreign else ""


def pick_device(device: str) -> str:
    """`auto` is CUDA, else MPS, else the CPU. Raises MoclipError for a device that this machine does not have."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available.get(device.split(":")[0], False):
        raise MoclipError(
            f"PyTorch finds no device '{device}' here.", hint="Use `--device auto` or `cpu`.", code="bad_device"
        )
    return device
