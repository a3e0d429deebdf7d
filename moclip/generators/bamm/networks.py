# SPDX-License-Identifier: Apache-2.0
"""BAMM's networks by their names in a model folder, and inputs that trace their calls."""

from collections.abc import Mapping
from typing import Any

import torch

from moclip.generators.bamm.config import BammConfig
from moclip.generators.bamm.network import BammTransformer
from moclip.generators.base.tracing import Example
from moclip.generators.momask import networks as momask
from moclip.nn.config import sizes
from moclip.nn.networks import Network

NETWORKS: dict[str, type[Network]] = {
    "bamm": BammTransformer,
    **{name: momask.NETWORKS[name] for name in ("residual", "rvq")},
}


def examples(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Example]:
    """Of every call of these networks, by the configurations of a model folder."""
    return {**token_examples(BammConfig.from_dict(sizes(configs["bamm"]))), **momask.shared_examples(configs)}


def token_examples(config: BammConfig, batch: int = 2, length: int = 12) -> dict[str, Example]:
    """Of "bamm" (a whole forward), "bamm_prefill" (the same, with keys and values) and "bamm_step" (one row)."""
    ids, text = torch.randint(config.codes, (batch, length)), torch.randn(batch, config.text_dim)
    cond = torch.rand(batch, length) < 0.5
    head_dim = config.width // config.heads
    whole = {"ids": ids, "text": text, "cond": cond}
    cache = torch.randn(batch, config.layers, 2, config.heads, length + 1, head_dim)
    step = {"token": ids[:, 0], "position": torch.arange(batch) % length, "cond": cond, "cache": cache}
    tokens = {"ids": {1: "S"}, "cond": {1: "S"}}
    return {
        "bamm": Example(whole, tokens, {1: "R"}),
        "bamm_prefill": Example(whole, tokens, outputs={"logits": {1: "R"}, "kept": {4: "R"}}),
        "bamm_step": Example(step, {"cond": {1: "S"}, "cache": {4: "R"}}, outputs={"logits": {}, "fresh": {}}),
    }
