# SPDX-License-Identifier: Apache-2.0
"""MoMask's networks by their names in a model folder, and inputs that trace their calls."""

from collections.abc import Mapping
from typing import Any

import torch

from moclip.codecs.rvq import RVQ
from moclip.generators.base.tracing import Example, codec_examples
from moclip.generators.momask.sampling import ResidualShape
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
from moclip.nn.networks import Network

BATCH, LENGTH = 2, 12
NETWORKS: dict[str, type[Network]] = {"masked": MaskedTransformer, "residual": ResidualTransformer, "rvq": RVQ}


def examples(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Of every call of these networks, by the configurations of a model folder."""
    ids = torch.randint(configs["rvq"]["codes"], (BATCH, LENGTH))
    masked = Example({"ids": ids, **_conditions(configs["masked"])}, {"ids": {1: "S"}, "padding": {1: "S"}}, {1: "S"})
    return {"masked": masked, **shared_examples(configs)}


def shared_examples(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Of the residual transformer and the codec, which other generators have too."""
    rvq = configs["rvq"]
    shape = ResidualShape.of(rvq["codes"], configs["residual"])
    shown = torch.randint(rvq["codes"], (BATCH, LENGTH, shape.shown))
    layer = torch.ones(BATCH, dtype=torch.long)
    residual = Example(
        {"codes": shown, "layer": layer, **_conditions(configs["residual"])},
        {"codes": {1: "S"}, "padding": {1: "S"}},
        {1: "S"},
    )
    return {"residual": residual, **codec_examples(rvq, BATCH, LENGTH)}


def _conditions(config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {"text": torch.randn(BATCH, config["text_dim"]), "padding": torch.zeros(BATCH, LENGTH, dtype=torch.bool)}
