# SPDX-License-Identifier: Apache-2.0
"""MoMask's networks by their names in a model folder, and inputs that trace their calls."""

from collections.abc import Mapping
from typing import Any

import torch

from moclip.generators.base.tracing import Example, codec_examples
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
from moclip.nn.networks import Network

NETWORKS: dict[str, type[Network]] = {"masked": MaskedTransformer, "residual": ResidualTransformer, "rvq": RVQ}


def examples(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Of every call of these networks, by the configurations of a model folder."""
    rvq, text_dim = configs["rvq"], configs["masked"]["text_dim"]
    batch, length = 2, 12
    text = torch.randn(batch, text_dim)
    padding = torch.zeros(batch, length, dtype=torch.bool)
    ids = torch.randint(rvq["codes"], (batch, length))
    below = torch.randint(rvq["codes"], (batch, length, rvq["quantizers"] - 1))
    layer = torch.ones(batch, dtype=torch.long)
    return {
        "masked": Example(
            {"ids": ids, "text": text, "padding": padding}, {"ids": {1: "S"}, "padding": {1: "S"}}, {1: "S"}
        ),
        "residual": Example(
            {"codes": below, "layer": layer, "text": text, "padding": padding},
            {"codes": {1: "S"}, "padding": {1: "S"}},
            {1: "S"},
        ),
        **codec_examples(rvq, batch, length),
    }
