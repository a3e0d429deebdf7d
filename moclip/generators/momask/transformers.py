# SPDX-License-Identifier: Apache-2.0
"""Masked and residual transformers of MoMask, names and shapes as in the official checkpoints.

Both prepend text to motion tokens and run a transformer encoder over them; all sequences are batch-first here.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from moclip.generators.momask.config import TransformerConfig
from moclip.nn.layers import SelfAttention, sinusoids
from moclip.nn.networks import Network


class InputProcess(nn.Module):
    def __init__(self, code_dim: int, width: int):
        super().__init__()
        self.poseEmbedding = nn.Linear(code_dim, width)

    def forward(self, x: Tensor) -> Tensor:
        embedded: Tensor = self.poseEmbedding(x)
        return embedded


class OutputHead(nn.Module):
    """Linear, GELU, LayerNorm, Linear; the last layer is `poseFinal`."""

    def __init__(self, width: int, out: int):
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)
        self.poseFinal = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.poseFinal(self.LayerNorm(F.gelu(self.dense(x))))
        return out


class EncoderLayer(nn.Module):
    """Transformer encoder layer, post-norm as in the official models or pre-norm."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width = config.width
        self.pre_norm = config.pre_norm
        self.self_attn = SelfAttention(width, config.heads, config.dropout)
        self.linear1 = nn.Linear(width, config.feed_forward)
        self.linear2 = nn.Linear(config.feed_forward, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def _feed_forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.linear2(self.dropout(F.gelu(self.linear1(x)))))
        return out

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        if self.pre_norm:
            x = x + self.dropout(self.self_attn(self.norm1(x), attend))
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(x + self.dropout(self.self_attn(x, attend)))
        out: Tensor = self.norm2(x + self._feed_forward(x))
        return out


class EncoderStack(nn.Module):
    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.checkpointing = False
        """Compute the layers once more in the backward pass instead of keeping them in memory."""

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        for layer in self.layers:
            if self.checkpointing and self.training:
                x = checkpoint(layer, x, attend, use_reentrant=False)
            else:
                x = layer(x, attend)
        return x


class _Body(Network):
    """What the two transformers share."""

    CONFIG = TransformerConfig
    positions: Tensor

    def __init__(self, config: TransformerConfig, head_out: int):
        super().__init__(config)
        self.input_process = InputProcess(config.code_dim, config.width)
        # 128 positions serve 98 tokens of two frames; a table is not a weight and is left out of checkpoints.
        self.register_buffer("positions", sinusoids(128, config.width), persistent=False)
        self.position_dropout = nn.Dropout(config.dropout)
        self.seqTransEncoder = EncoderStack(config)
        self.cond_emb = nn.Linear(config.text_dim, config.width)
        self.output_process = OutputHead(config.width, head_out)

    def _init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def drop_text(self, text: Tensor) -> Tensor:
        """Zero the text vector of a share of the samples while training (no learned null, as in the official code)."""
        if not self.training:
            return text
        # Drawn on the CPU, so that every device drops the same.
        keep = torch.rand(len(text), 1).to(text.device) >= self.config.cond_drop
        kept: Tensor = text * keep
        return kept

    def _run(self, tokens: Tensor, prefix: list[Tensor], padding: Tensor) -> Tensor:
        """tokens (B, S, code_dim), prefix of (B, width), padding (B, S) True where padded -> (B, S, head_out)."""
        x = self.input_process(tokens)
        x = self.position_dropout(x + self.positions[: x.shape[1]])
        x = torch.cat([torch.stack(prefix, dim=1), x], dim=1)
        attend = ~torch.cat([torch.zeros_like(padding[:, :1]).expand(-1, len(prefix)), padding], dim=1)
        x = self.seqTransEncoder(x, attend[:, None, None, :])
        out: Tensor = self.output_process(x[:, len(prefix) :])
        return out


class MaskedTransformer(_Body):
    """Predicts the base layer's codes at masked positions from text and the other codes."""

    KIND = "masked"
    config: TransformerConfig

    def __init__(self, config: TransformerConfig):
        super().__init__(config, head_out=config.codes)
        self.token_emb = nn.Embedding(config.codes + 2, config.code_dim)
        self._init_weights()

    @property
    def mask_id(self) -> int:
        return self.config.codes

    @property
    def pad_id(self) -> int:
        return self.config.codes + 1

    def start_from_codebooks(self, books: Sequence[Tensor]) -> None:
        """Embed and predict codes by the codec's base layer (codes, code_dim), the first of these."""
        book, head = books[0] - books[0].mean(0), self.output_process.poseFinal.weight
        self.token_emb.weight[: len(book)] = book / book.std()
        # In as many directions as there are, with lengths as they are drawn otherwise.
        into = nn.init.orthogonal_(torch.empty(book.shape[1], head.shape[1]))
        head.copy_(book @ into)
        head *= 0.02 / head.std()

    def forward(self, ids: Tensor, text: Tensor, padding: Tensor) -> Tensor:
        """ids (B, S), text (B, text_dim), padding (B, S) bool -> logits (B, S, codes)."""
        return self._run(self.token_emb(ids), [self.cond_emb(text)], padding)


class ResidualTransformer(_Body):
    """Predicts layer q's codes from the sum of the embedded layers below it, text and q."""

    KIND = "residual"
    config: TransformerConfig

    def __init__(self, config: TransformerConfig):
        super().__init__(config, head_out=config.code_dim)
        self.quant_emb = nn.Linear(config.quantizers, config.width)
        tables, rows, dim = config.quantizers - 1, config.codes + 1, config.code_dim
        if config.share_weight:
            self.embed_proj_shared_weight = nn.Parameter(torch.empty(tables - 1, rows, dim))
            self.token_embed_weight_ = nn.Parameter(torch.empty(1, rows, dim))
            self.output_proj_weight_ = nn.Parameter(torch.empty(1, rows, dim))
        else:
            self.output_proj_weight = nn.Parameter(torch.empty(tables, rows, dim))
            # One row more than there are layers to predict; the official files have it too.
            self.output_proj_bias = nn.Parameter(torch.zeros(config.quantizers, rows))
            self.token_embed_weight = nn.Parameter(torch.empty(tables, rows, dim))
        if config.own_layer:
            self.own_embed_weight = nn.Parameter(torch.empty(tables, rows, dim))
        self._init_weights()
        for name, parameter in self.named_parameters(recurse=False):
            if not name.endswith("bias"):
                nn.init.normal_(parameter, std=0.02)

    def start_from_codebooks(self, books: Sequence[Tensor]) -> None:
        """Embed and predict codes by the codec's layers (codes, code_dim); the sum of what is embedded is then what the
        codec has of the motion so far. Where a table does both, each layer has a length of its own."""
        rows, unit = self.config.codes, books[0].std()
        for q, book in enumerate(books):
            if q > 0:
                self.output_table(q)[:rows] = 0.02 * book / book.std()
            if q < len(books) - 1 and not (self.config.share_weight and q > 0):
                self.input_table(q)[:rows] = book / unit
            if q > 0 and self.config.own_layer:
                self.own_embed_weight[q - 1, :rows] = book / unit

    @property
    def pad_id(self) -> int:
        return self.config.codes

    def input_table(self, q: int) -> Tensor:
        """(codes + 1, dim) by which layer q's codes are embedded, q in 0..Q-2."""
        if not self.config.share_weight:
            return self.token_embed_weight[q]
        return self.token_embed_weight_[0] if q == 0 else self.embed_proj_shared_weight[q - 1]

    def output_table(self, q: int) -> Tensor:
        """(codes + 1, dim) that predicts layer q, q in 1..Q-1; it also embeds that layer, unless tables are apart."""
        if not self.config.share_weight:
            return self.output_proj_weight[q - 1]
        shared = self.embed_proj_shared_weight
        return shared[q - 1] if q <= len(shared) else self.output_proj_weight_[0]

    def forward(self, codes: Tensor, layer: Tensor, text: Tensor, padding: Tensor) -> Tensor:
        """codes (B, S, Q-1) in 0..codes (pad_id where padded), layer (B,) in 1..Q-1 -> logits (B, S, codes + 1).

        Codes of layers at or above `layer` are ignored; with `own_layer` they are (B, S, Q), and the layer's own are
        read too, pad_id where they are to be predicted.
        """
        one = self._only(layer)
        if one is not None:
            history = cast(Tensor, sum(F.embedding(codes[..., q], self.input_table(q)) for q in range(one)))
        else:
            layers = (
                F.embedding(codes[..., q], self.input_table(q)) * (layer > q).to(text.dtype)[:, None, None]
                for q in range(self.config.quantizers - 1)
            )
            history = cast(Tensor, sum(layers))
        if self.config.own_layer:
            history = history + self._own(codes, layer)
        step = F.one_hot(layer, self.config.quantizers).to(text.dtype)
        hidden = self._run(history, [self.cond_emb(text), self.quant_emb(step)], padding)
        if one is not None:
            logits = hidden @ self.output_table(one).t()
        else:
            outputs = torch.stack([self.output_table(q) for q in range(1, self.config.quantizers)])
            logits = hidden @ outputs[layer - 1].transpose(1, 2)
        if self.config.share_weight:
            return logits
        return logits * (2 if self.config.doubled_logits else 1) + self.output_proj_bias[layer - 1].unsqueeze(1)

    def _own(self, codes: Tensor, layer: Tensor) -> Tensor:
        """(B, S, dim): the codes of each sample's own layer as they are known."""
        own = codes.gather(2, layer[:, None, None].expand(-1, codes.shape[1], 1))[..., 0]
        rows = self.config.codes + 1
        return F.embedding(own + rows * (layer[:, None] - 1), self.own_embed_weight.flatten(0, 1))

    def _only(self, layer: Tensor) -> int | None:
        """The layer that all of a batch are in, as while sampling: its tables alone are read, and none is copied.

        None while training, where it varies, and in a graph, where it is not known.
        """
        if self.training or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return None
        first = int(layer[0])
        return first if bool((layer == first).all()) else None
