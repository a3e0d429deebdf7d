# SPDX-License-Identifier: Apache-2.0
"""Which class each network of a model is, and how its calls are traced; the generator's own are told by itself."""

from collections.abc import Mapping
from typing import Any

import torch

from moclip.alignment.motion_encoder import MotionEncoder
from moclip.generators.base.generator import generator_part
from moclip.generators.base.length import LengthEstimator
from moclip.generators.base.tracing import Example
from moclip.nn.config import sizes
from moclip.nn.networks import Network
from moclip.text.tower import TextTower

COMMON: dict[str, type[Network]] = {
    "text": TextTower,
    "length_text": TextTower,
    "length": LengthEstimator,
    "motion": MotionEncoder,
}


def networks_of(generator: str) -> dict[str, type[Network]]:
    """Name in the model folder -> class, for models of this generator."""
    return {**COMMON, **generator_part(generator, "networks").NETWORKS}


def parameter_counts(generator: str, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Network -> its parameters' number, by the configurations of a model folder; codebooks and means are none."""
    counts = {}
    for name, config in configs.items():
        network = networks_of(generator)[name]
        with torch.device("meta"):
            made = network(network.CONFIG.from_dict(sizes(config)))
        counts[name] = sum(parameter.numel() for parameter in made.parameters())
    return counts


def examples_of(generator: str, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Call -> tracing example, of all calls that may be traced for a model of this generator."""
    own: dict[str, Example] = generator_part(generator, "networks").examples(configs)
    tokens = torch.tensor([[49406, 320, 2533, 4160, 49407, 0], [49406, 320, 2533, 49407, 0, 0]])
    body = 21 if configs.get("motion", {}).get("parts") == "kit" else 22
    joints, valid = torch.randn(2, 48, body, 3), torch.ones(2, 48, dtype=torch.bool)
    read = Example({"tokens": tokens}, {"tokens": {1: "L"}}, {1: "D"})
    return {
        "text": read,
        "length_text": read,
        "words": Example({"tokens": tokens}, {"tokens": {1: "L"}}, {1: "L"}),
        "motion": Example({"joints": joints, "valid": valid}, {"joints": {1: "T"}, "valid": {1: "T"}}, {1: "D"}),
        **({"length": Example({"text": torch.randn(2, configs["length"]["text_dim"])})} if "length" in configs else {}),
        **own,
    }
