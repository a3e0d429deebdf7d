# SPDX-License-Identifier: Apache-2.0
"""MoCLIP's motion encoder: joint positions to one vector in the text tower's space.

Body parts are embedded apart, each from its positions and velocities, mixed by a linear layer, and read over time by a
transformer. Parameter names follow the authors' checkpoints. Unlike theirs, positions are encoded over time and padding
is masked in attention and pooling.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.generators.momask.config import Config
from moclip.generators.momask.transformers import SelfAttention, sinusoids

BODY_PARTS = (
    (0,), (0, 3, 6, 9, 12, 15), (14, 17, 19, 21), (13, 16, 18, 20), (2, 5, 8, 11), (1, 4, 7, 10), (19, 21, 18, 20),
    (7, 10, 8, 11),
)  # fmt: skip
"""Root, torso, right arm, left arm, right leg, left leg, hands, feet."""


@dataclass(frozen=True)
class MotionEncoderConfig(Config):
    """The paper's sizes. part_width: of one part's position or velocity vector. frame_stride: read every n-th frame."""

    part_width: int = 128
    width: int = 1032
    layers: int = 12
    heads: int = 12
    embed_dim: int = 512
    dropout: float = 0.1
    frame_stride: int = 1


class PartEncoder(nn.Module):
    """(B, T, 22, 3) -> (B, T, 2 * part_width * parts): two tanh layers for a part's positions, two for velocities."""

    def __init__(self, config: MotionEncoderConfig):
        super().__init__()
        width = config.part_width

        def first() -> nn.ModuleList:
            return nn.ModuleList(nn.Linear(3 * len(part), width) for part in BODY_PARTS)

        def second() -> nn.ModuleList:
            return nn.ModuleList(nn.Linear(width, width) for _ in BODY_PARTS)

        self.six_layers, self.six_layers_2 = first(), second()
        self.six_layers_v, self.six_layers_v2 = first(), second()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, joints: Tensor) -> Tensor:
        velocity = F.pad(joints[:, 1:] - joints[:, :-1], (0, 0, 0, 0, 1, 0))
        parts = []
        for k, part in enumerate(BODY_PARTS):
            pose = self._embed(joints[:, :, part].flatten(2), self.six_layers[k], self.six_layers_2[k])
            speed = self._embed(velocity[:, :, part].flatten(2), self.six_layers_v[k], self.six_layers_v2[k])
            parts.append(torch.cat([pose, speed], dim=-1))
        # Channel-major, part-minor, as the authors flatten it.
        return torch.stack(parts, dim=-1).flatten(2)

    def _embed(self, x: Tensor, first: nn.Linear, second: nn.Linear) -> Tensor:
        return torch.tanh(second(self.dropout(torch.tanh(first(x)))))


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """CLIP's residual attention block, without dropout."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attn = SelfAttention(width, heads, dropout=0.0)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), QuickGELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x), attend)
        return x + self.mlp(self.ln_2(x))


class MotionEncoder(nn.Module):
    """joints (B, T, 22, 3) metres, valid (B, T) bool -> (B, embed_dim) unit vectors."""

    def __init__(self, config: MotionEncoderConfig):
        super().__init__()
        self.config = config
        self.encoder = PartEncoder(config)
        self.embed = nn.Linear(2 * config.part_width * len(BODY_PARTS), config.width)
        self.ln_pre, self.ln_post = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.register_buffer("positions", sinusoids(200, config.width), persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.proj = nn.Linear(config.width, config.embed_dim)

    def forward(self, joints: Tensor, valid: Tensor) -> Tensor:
        joints, valid = joints[:, :: self.config.frame_stride], valid[:, :: self.config.frame_stride]
        x = self.ln_pre(self.embed(self.encoder(joints)))
        x = self.dropout(x + self.positions[: x.shape[1]])
        for block in self.transformer:
            x = block(x, valid[:, None, None, :])
        weight = valid.unsqueeze(-1).to(x.dtype)
        pooled = (self.ln_post(x) * weight).sum(1) / weight.sum(1).clamp(min=1)
        return F.normalize(self.proj(pooled), dim=-1)
