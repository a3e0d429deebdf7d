# SPDX-License-Identifier: Apache-2.0
"""The text tower once more, in operations that trace to a graph of variable batch and length.

open_clip's module fixes both while it is traced. Weights keep open_clip's names; a test holds the two together.
"""

import torch
from torch import Tensor, nn

from moclip.nn.layers import QuickGELU, SelfAttention
from moclip.text.tower import TowerConfig


class _MLP(nn.Module):
    def __init__(self, width: int, quick_gelu: bool):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gelu = QuickGELU() if quick_gelu else nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c_proj(self.gelu(self.c_fc(x)))
        return out


class _Block(nn.Module):
    def __init__(self, config: TowerConfig):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attn = SelfAttention(config.width, config.heads, dropout=0.0)
        self.mlp = _MLP(config.width, config.quick_gelu)

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x), attend)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class _Blocks(nn.Module):
    def __init__(self, config: TowerConfig):
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(config) for _ in range(config.layers))


class _TextModel(nn.Module):
    def __init__(self, config: TowerConfig):
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = _Blocks(config)
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.empty(config.width, config.embed_dim))


class TraceableTower(nn.Module):
    """tokens (B, L) -> pooled vectors (B, embed_dim); L at most the context length."""

    def __init__(self, config: TowerConfig):
        super().__init__()
        self.text = _TextModel(config)

    def words(self, tokens: Tensor) -> Tensor:
        """(B, L) -> states (B, L, width) of all tokens before the projection, as `TextTower.words`."""
        text = self.text
        position = torch.arange(tokens.shape[1], device=tokens.device)
        x = text.token_embedding(tokens) + text.positional_embedding[: tokens.shape[1]]
        attend = position[None, :] <= position[:, None]
        for block in text.transformer.resblocks:
            x = block(x, attend)
        states: Tensor = text.ln_final(x)
        return states

    def forward(self, tokens: Tensor) -> Tensor:
        rows = torch.arange(tokens.shape[0], device=tokens.device)
        return self.words(tokens)[rows, tokens.argmax(dim=1)] @ self.text.text_projection
