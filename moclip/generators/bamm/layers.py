# SPDX-License-Identifier: Apache-2.0
"""The two kinds of transformer layers that BAMM comes with, taken apart so that keys and values can be kept."""

from typing import Any, Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from moclip.generators.bamm.config import BammConfig
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.transformers import EncoderLayer
from moclip.nn.layers import dot_product_attention

Heads = tuple[Tensor, Tensor, Tensor]
"""Queries, keys and values, each (B, heads, S, head_dim)."""


class Layer(Protocol):
    """A transformer layer around an attention that its caller computes."""

    def heads(self, x: Tensor) -> Heads:
        """x (B, S, width) -> what is to be attended with."""
        ...

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """x (B, S, width) and the attention's result (B, S, width) -> the layer's result."""
        ...


def encoder_sizes(config: BammConfig, layers: int) -> TransformerConfig:
    """The same sizes for MoMask's modules."""
    return TransformerConfig(
        codes=config.codes, code_dim=config.code_dim, text_dim=config.text_dim, width=config.width, layers=layers,
        heads=config.heads, feed_forward=config.feed_forward, dropout=config.dropout, cond_drop=config.cond_drop,
    )  # fmt: skip


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, S, width) -> (B, heads, S, head_dim)."""
    return x.view(x.shape[0], x.shape[1], heads, x.shape[2] // heads).transpose(1, 2)


class PostNormLayer(EncoderLayer):
    """The official models' layer: torch's own, norms behind attention and feed-forward."""

    def __init__(self, config: BammConfig):
        super().__init__(encoder_sizes(config, 1))

    def heads(self, x: Tensor) -> Heads:
        attention = self.self_attn
        query, key, value = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
        return _split(query, attention.heads), _split(key, attention.heads), _split(value, attention.heads)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attn.out_proj(mixed)))
        x = self.norm2(x + self._feed_forward(x))
        return x


class _Attention(nn.Module):
    """The weights of a `t2mgpt` block's attention, named as in its state dict."""

    def __init__(self, width: int):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(width, width) for _ in range(3))
        self.proj = nn.Linear(width, width)


class PreNormBlock(nn.Module):
    """The `t2mgpt` variant's layer: norms before attention and feed-forward."""

    def __init__(self, config: BammConfig):
        super().__init__()
        width = config.width
        self.count = config.heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = _Attention(width)
        self.dropout = nn.Dropout(config.dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.feed_forward),
            nn.GELU(),
            nn.Linear(config.feed_forward, width),
            nn.Dropout(config.dropout),
        )

    def heads(self, x: Tensor) -> Heads:
        x, attention = self.ln1(x), self.attn
        query, key, value = attention.query(x), attention.key(x), attention.value(x)
        return _split(query, self.count), _split(key, self.count), _split(value, self.count)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + self.dropout(self.attn.proj(mixed))
        x = x + self.mlp(self.ln2(x))
        return x


class Stack(nn.Module):
    """All layers, under the name that the variant's state dict has for them. No norm follows the last one."""

    def __init__(self, config: BammConfig):
        super().__init__()
        self.dropout = config.dropout
        if config.variant == "official":
            self.layers = nn.ModuleList(PostNormLayer(config) for _ in range(config.layers))
        else:
            self.blocks = nn.ModuleList(PreNormBlock(config) for _ in range(config.layers))

    @property
    def each(self) -> Any:
        """The layers in their order, each a `Layer`."""
        return self.layers if "layers" in self._modules else self.blocks

    def attend(self, heads: Heads, allowed: Tensor) -> Tensor:
        """allowed (B, 1, queries, keys), True where a query may attend to a key -> (B, queries, width)."""
        dropout = self.dropout if self.training else 0.0
        mixed = dot_product_attention(*heads, allowed, dropout)
        return mixed.transpose(1, 2).flatten(2)
