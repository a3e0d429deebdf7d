# SPDX-License-Identifier: Apache-2.0
"""BAD's networks by their names in a model folder, and inputs that trace their calls."""

from collections.abc import Mapping
from typing import Any

import torch

from moclip.codecs.vq import VQ
from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.network import BadTransformer
from moclip.generators.base.tracing import Example, codec_examples
from moclip.nn.config import sizes
from moclip.nn.networks import Network

NETWORKS: dict[str, type[Network]] = {"bad": BadTransformer, "vq": VQ}


def examples(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Of every call of these networks, by the configurations of a model folder."""
    config = BadConfig.from_dict(sizes(configs["bad"]))
    batch, tokens, words = 2, 12, 77
    ids = torch.randint(config.codes, (batch, tokens + 1))
    # Where the END stands tells the network how long the motion is.
    ids[:, tokens] = config.end_id
    width = config.conditions + tokens + 1
    return {
        "bad": Example(
            {
                "ids": ids,
                "mask": torch.ones(batch, width, width, dtype=torch.bool),
                "text": torch.randn(batch, config.text_dim),
                "words": torch.randn(batch, words, config.word_dim),
            },
            {"ids": {1: "S"}, "mask": {1: "C", 2: "C"}, "words": {1: "L"}},
            {1: "S"},
        ),
        **codec_examples(configs["vq"], batch, tokens),
    }
