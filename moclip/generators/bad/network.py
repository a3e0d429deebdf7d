# SPDX-License-Identifier: Apache-2.0
"""BAD's transformer, names and shapes as in the official checkpoints; all sequences are batch-first.

Motion slots look at the words of the text by cross-attention, then run through self-attention behind rows for the whole
text and for the state of the sequence.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.generators.bad.config import BadConfig
from moclip.nn.layers import dot_product_attention, sinusoids
from moclip.nn.networks import Network

FREQUENCIES = 128
"""Of a number's embedding, each with a cosine and a sine."""


class Attention(nn.Module):
    """Multi-head attention of x (B, S, width) to `source` (B, L, width)."""

    def __init__(self, config: BadConfig):
        super().__init__()
        width = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.key, self.query, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def forward(self, x: Tensor, source: Tensor, attend: Tensor | None) -> Tensor:
        """attend: (B, 1, S, L), True where a row may attend to a column; None: all may."""
        query, key, value = self._split(self.query(x)), self._split(self.key(source)), self._split(self.value(source))
        dropout = self.dropout if self.training else 0.0
        mixed = dot_product_attention(query, key, value, attend, dropout)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(x.shape))
        return F.dropout(out, self.dropout, self.training)


def _mlp(config: BadConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(config.width, config.feed_forward),
        nn.GELU(),
        nn.Linear(config.feed_forward, config.width),
        nn.Dropout(config.dropout),
    )


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, config: BadConfig):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attn, self.mlp = Attention(config), _mlp(config)

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        normed = self.ln1(x)
        x = x + self.attn(normed, normed, attend)
        out: Tensor = x + self.mlp(self.ln2(x))
        return out


class CrossBlock(nn.Module):
    """Pre-norm attention of motion to words, and feed-forward."""

    def __init__(self, config: BadConfig):
        super().__init__()
        self.ln1, self.ln2, self.ln3 = (nn.LayerNorm(config.width) for _ in range(3))
        self.attn, self.mlp = Attention(config), _mlp(config)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x), self.ln3(words), None)
        out: Tensor = x + self.mlp(self.ln2(x))
        return out


class NumberEmbedding(nn.Module):
    """A whole number (B,) to (B, width)."""

    rates: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        rates = torch.exp(-math.log(10000.0) * torch.arange(FREQUENCIES, dtype=torch.float32) / FREQUENCIES)
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, number: Tensor) -> Tensor:
        angle = number[:, None].to(self.rates.dtype) * self.rates
        out: Tensor = self.mlp(torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1))
        return out


class _Quantizer(nn.Module):
    codebook: Tensor

    def __init__(self, config: BadConfig):
        super().__init__()
        self.register_buffer("codebook", torch.zeros(config.codes, config.code_dim))


class _Parts(nn.Module):
    def __init__(self, config: BadConfig):
        super().__init__()
        self.quantizer = _Quantizer(config)


class _Tokenizer(nn.Module):
    """Official checkpoints carry the whole VQ-VAE; only its codebook is read, under the name that it has there."""

    def __init__(self, config: BadConfig):
        super().__init__()
        self.vqvae = _Parts(config)


class Base(nn.Module):
    """From ids and text to the sequence of conditions and slots (B, C + S, width), half way through."""

    positions: Tensor

    def __init__(self, config: BadConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.vqvae = _Tokenizer(config)
        self.learn_tok_emb = nn.Embedding(2 + config.slots, config.code_dim)
        self.to_emb = nn.Linear(config.code_dim, width)
        if config.time_cond:
            self.t_embedder, self.l_embedder = NumberEmbedding(width), NumberEmbedding(width)
        self.cond_emb = nn.Linear(config.text_dim, width)
        # A table is not a weight and is left out of checkpoints.
        self.register_buffer("positions", sinusoids(config.slots + config.conditions, width), persistent=False)
        self.word_emb = nn.Linear(config.word_dim, width)
        self.cross_att = nn.ModuleList(CrossBlock(config) for _ in range(config.cross_layers))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))

    @property
    def codebook(self) -> Tensor:
        return self.vqvae.vqvae.quantizer.codebook

    def forward(self, ids: Tensor, attend: Tensor, text: Tensor, words: Tensor) -> Tensor:
        table = torch.cat([self.codebook, self.learn_tok_emb.weight])
        x: Tensor = self.to_emb(F.embedding(ids, table)) + self.positions[: ids.shape[1]]
        embedded = self.word_emb(words)
        for layer in self.cross_att:
            x = layer(x, embedded)
        x = torch.cat([torch.stack(self._conditions(ids, text), dim=1), x], dim=1)
        # Slots carry two positions, their own from before and this one, shifted by the conditions.
        x = x + self.positions[: x.shape[1]]
        for layer in self.blocks:
            x = layer(x, attend)
        return x

    def _conditions(self, ids: Tensor, text: Tensor) -> list[Tensor]:
        rows = [self.cond_emb(text)]
        if self.config.time_cond:
            masked = (ids >= self.config.mask_id).sum(dim=1)
            length = (ids == self.config.end_id).to(torch.int64).argmax(dim=1)
            rows.append(self.t_embedder(masked) + self.l_embedder(length))
        return rows


class Head(nn.Module):
    def __init__(self, config: BadConfig):
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.head_layers))
        self.ln_f = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.codes, bias=False)

    def forward(self, x: Tensor, attend: Tensor, first: int) -> Tensor:
        for layer in self.blocks:
            x = layer(x, attend)
        logits: Tensor = self.head(self.ln_f(x[:, first:]))
        return logits


class BadTransformer(Network):
    """Predicts the code of every slot from the text and from what each slot may see."""

    KIND = "bad"
    CONFIG = BadConfig
    config: BadConfig

    def __init__(self, config: BadConfig):
        super().__init__(config)
        self.trans_base, self.trans_head = Base(config), Head(config)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    @torch.no_grad()
    def use_codebook(self, codebook: Tensor) -> None:
        """Take over the codes (codes, code_dim) of the VQ-VAE, which stay as they are in training."""
        self.trans_base.codebook.copy_(codebook)

    def drop_text(self, text: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Zero both for a share of the samples while training (no learned null)."""
        if not self.training or not self.config.cond_drop:
            return text, words
        keep = torch.rand(len(text), 1, device=text.device) >= self.config.cond_drop
        return text * keep, words * keep[:, None]

    def forward(self, ids: Tensor, mask: Tensor, text: Tensor, words: Tensor) -> Tensor:
        """ids (B, S), mask (B, C + S, C + S) bool, text (B, text_dim), words (B, L, word_dim) -> logits (B, S, codes).

        S: any number of slots up to `config.slots` that holds the END. C: `config.conditions`. Ids and mask are made by
        `moclip.generators.bad.masks`. words: hidden states of the tower for all of the text's tokens and the padding
        behind them, 77 in CLIP; no mask hides that.
        """
        attend = mask[:, None]
        x = self.trans_base(ids, attend, text, words)
        logits: Tensor = self.trans_head(x, attend, self.config.conditions)
        return logits
