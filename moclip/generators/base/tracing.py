# SPDX-License-Identifier: Apache-2.0
"""Inputs by which a network's calls are traced to ONNX graphs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Example:
    """inputs: by the names of the method's parameters, two rows of a batch. axes: of an input those that vary beside
    the batch, by name. out: of the output. outputs: names of the outputs, where there are several."""

    inputs: Mapping[str, Tensor]
    axes: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    out: Mapping[int, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[int, str]] | None = None


def codec_examples(config: Mapping[str, Any], batch: int = 2, length: int = 12) -> dict[str, Example]:
    """Of "encode" and "decode", by the codec's configuration."""
    codes = torch.randint(config["codes"], (batch, length, config["quantizers"]))
    features = torch.randn(batch, 2 ** config["down_t"] * length, config["features"])
    return {
        "decode": Example({"codes": codes}, {"codes": {1: "S"}}, {1: "N"}),
        "encode": Example({"features": features}, {"features": {1: "T"}}, {1: "N"}),
    }
