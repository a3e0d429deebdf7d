# SPDX-License-Identifier: Apache-2.0
"""The recogniser as it is trained: dilated convolutions over a motion's features, pooled over time."""

import torch
from torch import Tensor, nn

from moclip.nn.layers import QuickGELU
from moclip.nn.networks import Network
from moclip.recognition.config import FIRST_KERNEL, FIRST_STRIDE, KERNEL, RecogniserConfig


class _Block(nn.Module):
    """(B, S, W) -> the same and what it looks like a few places on."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.ln_1, self.ln_2, self.act = nn.LayerNorm(width), nn.LayerNorm(width), QuickGELU()
        self.wide = nn.Conv1d(width, width, KERNEL, padding=dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        h = self.act(self.ln_1(x)) * valid
        h = self.wide(h.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.mix(self.act(self.ln_2(h)))
        return out


class Recogniser(Network):
    """features (B, T, F) in their own units, valid (B, T) bool -> logits (B, classes). `reader.Reader` computes the
    same with numpy alone."""

    KIND = "recogniser"
    CONFIG = RecogniserConfig
    config: RecogniserConfig
    mean: Tensor
    std: Tensor

    def __init__(self, config: RecogniserConfig):
        super().__init__(config)
        for name, value in (("mean", 0.0), ("std", 1.0)):
            self.register_buffer(name, torch.full((config.features,), value))
        self.first = nn.Conv1d(
            config.features, config.width, FIRST_KERNEL, stride=FIRST_STRIDE, padding=FIRST_KERNEL // 2
        )
        self.blocks = nn.ModuleList(_Block(config.width, 2**k) for k in range(config.blocks))
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(2 * config.width, max(len(config.actions), 1))

    def forward(self, features: Tensor, valid: Tensor) -> Tensor:
        x = (features - self.mean) / self.std * valid[..., None]
        x = self.first(x.transpose(1, 2)).transpose(1, 2)
        seen = valid[:, ::FIRST_STRIDE, None].to(x.dtype)
        for block in self.blocks:
            x = block(x, seen)
        mean = (x * seen).sum(1) / seen.sum(1).clamp(min=1)
        most = x.masked_fill(seen == 0, -1e4).amax(1)
        logits: Tensor = self.out(self.dropout(torch.cat([mean, most], dim=1)))
        return logits
