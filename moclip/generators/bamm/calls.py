# SPDX-License-Identifier: Apache-2.0
"""BAMM's network calls as a runtime and an exporter need them: their names, methods, examples and what may vary."""

from dataclasses import dataclass

import torch
from torch import Tensor

from moclip.generators.bamm.config import BammConfig


@dataclass(frozen=True)
class Call:
    """One call. method: of `BammTransformer`. inputs: an example to trace, in the method's order. outputs: their names,
    in order. axes: names of the dimensions that vary, of inputs and outputs."""

    method: str
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, str]]
    outputs: tuple[str, ...]


def network_calls(config: BammConfig, batch: int = 2, length: int = 12) -> dict[str, Call]:
    """By name: "bamm" (a whole forward), "bamm_prefill" (the same, with keys and values) and "bamm_step" (one row)."""
    ids, text = torch.randint(config.codes, (batch, length)), torch.randn(batch, config.text_dim)
    cond = torch.rand(batch, length) < 0.5
    head_dim = config.width // config.heads
    whole = {"ids": ids, "text": text, "cond": cond}
    step = {
        "token": ids[:, 0], "position": torch.arange(batch) % length, "cond": cond,
        "cache": torch.randn(batch, config.layers, 2, config.heads, length + 1, head_dim),
    }  # fmt: skip
    tokens, rows, just_batch = {0: "B", 1: "S"}, {0: "B", 1: "R"}, {0: "B"}
    shown = {"ids": tokens, "text": just_batch, "cond": tokens, "logits": rows}
    kept = {0: "B", 4: "R"}
    one = {"token": just_batch, "position": just_batch, "cond": tokens, "cache": kept}
    return {
        "bamm": Call("forward", whole, shown, ("logits",)),
        "bamm_prefill": Call("prefill", whole, shown | {"cache": kept}, ("logits", "cache")),
        "bamm_step": Call("step", step, one | {"logits": just_batch, "fresh": just_batch}, ("logits", "fresh")),
    }
