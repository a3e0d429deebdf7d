# SPDX-License-Identifier: Apache-2.0
"""MoCLIP's motion encoder: joint positions to one vector in the text tower's space.

Body parts are embedded apart, each from its positions and velocities, attend to one another ("cross-limb attention"),
are mixed by a linear layer, and read over time by a transformer. Parameter names follow the authors' checkpoints, which
have no cross-limb attention; their other habits are settings here (see `MotionEncoderConfig`).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from moclip.nn.config import Config, Count, Natural, Share
from moclip.nn.layers import QuickGELU, SelfAttention, sinusoids
from moclip.nn.networks import Network

BODY_PARTS = (
    (0,), (0, 3, 6, 9, 12, 15), (14, 17, 19, 21), (13, 16, 18, 20), (2, 5, 8, 11), (1, 4, 7, 10), (19, 21, 18, 20),
    (7, 10, 8, 11),
)  # fmt: skip
"""Root, torso, right arm, left arm, right leg, left leg, hands, feet."""
AUTHORS_PARTS = (*BODY_PARTS[:-1], (8, 11, 18, 20))
"""The same as the authors have them: their feet are the right foot, the left elbow and the left wrist."""
KIT_PARTS = (
    (0,), (1, 2, 3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13, 14, 15), (16, 17, 18, 19, 20), (9, 10, 7, 6),
    (17, 20, 15, 12),
)  # fmt: skip
"""Of KIT-ML's 21 joints, as the authors have them: root, torso, left and right arm, left and right leg, hands, feet."""
PARTS = {"limbs": BODY_PARTS, "authors": AUTHORS_PARTS, "kit": KIT_PARTS}
MOST_FRAMES, MOST_ROWS = 200, 5000


@dataclass(frozen=True)
class MotionEncoderConfig(Config):
    """The paper's sizes, in the shape of the authors' checkpoints.

    part_width: of one part's position or velocity vector. part_hidden: of the layer before it, 0 is the same.
    frame_stride: read every n-th frame. cross_limb: attention over the body parts of a frame. pool: over time, "mean"
    or "attention". positions: encode the place in "time" or, as the authors do, in the "batch". masked: padding is seen
    neither by attention nor by the pool. parts: "limbs", "authors" for their feet, or "kit" for KIT-ML's 21 joints.
    joint_source: joints in "metres", or "normalised" for those of features that still are.
    Raises ValueError for other words.
    """

    part_width: Count = 128
    width: Count = 1032
    layers: Count = 12
    heads: Count = 12
    embed_dim: Count = 512
    dropout: Share = 0.1
    frame_stride: Count = 1
    cross_limb: bool = False
    limb_heads: Count = 4
    pool: str = "mean"
    positions: str = "time"
    masked: bool = True
    parts: str = "limbs"
    joint_source: str = "metres"
    part_hidden: Natural = 0

    def __post_init__(self) -> None:
        words = {
            "pool": ("mean", "attention"),
            "positions": ("time", "batch"),
            "parts": tuple(PARTS),
            "joint_source": ("metres", "normalised"),
        }
        for name, allowed in words.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {' or '.join(allowed)}, not '{getattr(self, name)}'")


class PartEncoder(nn.Module):
    """(B, T, 22, 3) -> (B, T, 2 * part_width, parts): two tanh layers for a part's positions, two for velocities."""

    def __init__(self, config: MotionEncoderConfig):
        super().__init__()
        self.parts = PARTS[config.parts]
        width, hidden = config.part_width, config.part_hidden or config.part_width

        def first() -> nn.ModuleList:
            return nn.ModuleList(nn.Linear(3 * len(part), hidden) for part in self.parts)

        def second() -> nn.ModuleList:
            return nn.ModuleList(nn.Linear(hidden, width) for _ in self.parts)

        self.six_layers, self.six_layers_2 = first(), second()
        self.six_layers_v, self.six_layers_v2 = first(), second()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, joints: Tensor) -> Tensor:
        velocity = F.pad(joints[:, 1:] - joints[:, :-1], (0, 0, 0, 0, 1, 0))
        parts = []
        for k, part in enumerate(self.parts):
            pose = self._embed(joints[:, :, part].flatten(2), self.six_layers[k], self.six_layers_2[k])
            speed = self._embed(velocity[:, :, part].flatten(2), self.six_layers_v[k], self.six_layers_v2[k])
            parts.append(torch.cat([pose, speed], dim=-1))
        return torch.stack(parts, dim=-1)

    def _embed(self, x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        return torch.tanh(second(self.dropout(torch.tanh(first(x)))))


class Block(nn.Module):
    """CLIP's residual attention block, without dropout."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attn = SelfAttention(width, heads, dropout=0.0)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), QuickGELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, attend: Tensor | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), attend)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


def _unmoving(block: Block) -> Block:
    """The block with its two outputs at 0: it starts as the identity, so that an encoder can go on with it added."""
    last = block.mlp[-1]
    assert isinstance(last, nn.Linear)
    for layer in (block.attn.out_proj, last):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return block


class AttentionPool(nn.Module):
    """(B, T, width), weights (B, T, 1) of 0 and 1 -> (B, width): a softmax over time of one learned score a frame."""

    def __init__(self, width: int):
        super().__init__()
        self.attention = nn.Linear(width, 1)

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        score = self.attention(x).masked_fill(weight == 0, float("-inf"))
        pooled: Tensor = (x * score.softmax(dim=1)).sum(1)
        return pooled


class MotionEncoder(Network):
    """joints (B, T, 22 or 21, 3) metres, valid (B, T) bool -> (B, embed_dim) unit vectors."""

    KIND = "motion"
    CONFIG = MotionEncoderConfig
    config: MotionEncoderConfig
    positions: Tensor

    def __init__(self, config: MotionEncoderConfig):
        super().__init__(config)
        self.encoder = PartEncoder(config)
        self.limbs = _unmoving(Block(2 * config.part_width, config.limb_heads)) if config.cross_limb else None
        self.embed = nn.Linear(2 * config.part_width * len(self.encoder.parts), config.width)
        self.ln_pre, self.ln_post = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        rows = MOST_FRAMES if config.positions == "time" else MOST_ROWS
        self.register_buffer("positions", sinusoids(rows, config.width), persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.temporal_reduction = AttentionPool(config.width) if config.pool == "attention" else None
        self.proj = nn.Linear(config.width, config.embed_dim)
        self.checkpointing = False
        """Compute the transformer once more in the backward pass instead of keeping it in memory."""

    def forward(self, joints: Tensor, valid: Tensor) -> Tensor:
        joints, valid = joints[:, :: self.config.frame_stride], valid[:, :: self.config.frame_stride]
        if not self.config.masked:
            valid = torch.ones_like(valid)
        parts = self.encoder(joints)
        if self.limbs is not None:
            parts = _across_limbs(self.limbs, parts)
        # Channel-major, part-minor, as the authors flatten it.
        x = self.ln_pre(self.embed(parts.flatten(2)))
        if self.config.positions == "time":
            x = x + self.positions[: x.shape[1]]
        else:
            x = x + self.positions[: x.shape[0], None]
        x = self.dropout(x)
        attend = valid[:, None, None, :] if self.config.masked else None
        for block in self.transformer:
            if self.checkpointing and self.training:
                x = checkpoint(block, x, attend, use_reentrant=False)
            else:
                x = block(x, attend)
        weight = valid.unsqueeze(-1).to(x.dtype)
        x = self.ln_post(x)
        if self.temporal_reduction is not None:
            pooled = self.temporal_reduction(x, weight)
        else:
            pooled = (x * weight).sum(1) / weight.sum(1).clamp(min=1)
        return F.normalize(self.proj(pooled), dim=-1)


def _across_limbs(limbs: Block, parts: Tensor) -> Tensor:
    """(B, T, 2 * part_width, parts) -> the same: the parts of each frame attend to one another."""
    frames = parts.permute(0, 1, 3, 2)
    mixed: Tensor = limbs(frames.flatten(0, 1), None)
    return mixed.view(frames.shape).permute(0, 1, 3, 2)
