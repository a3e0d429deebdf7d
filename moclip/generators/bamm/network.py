# SPDX-License-Identifier: Apache-2.0
"""BAMM's transformer: codes one after the other, with sight of those that are given ahead.

Names and shapes are those of the official checkpoints. A sequence is the text and then the tokens, so it has one row
more than there are tokens; row k predicts token k, because row k holds token k - 1 (row 0: the text).
"""

import torch
from torch import Tensor, nn

from moclip.generators.bamm.config import BammConfig
from moclip.generators.bamm.layers import Stack, encoder_sizes
from moclip.generators.momask.transformers import _Body


def visible(cond: Tensor) -> Tensor:
    """Which rows see which: cond (B, S) True for given tokens -> (B, S + 1, S + 1), True where a row sees a column.

    Everybody sees what is given, the text first. What is given sees nothing else; the rest sees its past too.
    """
    given = torch.cat([torch.ones_like(cond[:, :1]), cond], dim=1)
    place = torch.arange(given.shape[1], device=cond.device)
    past = place[None, :] <= place[:, None]
    return (past[None] & ~given[:, :, None]) | given[:, None, :]


class BammTransformer(_Body):
    """Logits over codes and END for each token, from text, the tokens before it and those that are given."""

    KIND = "bamm"
    CONFIG = BammConfig  # type: ignore[assignment]
    seqTransEncoder: Stack  # type: ignore[assignment]
    positions: Tensor

    def __init__(self, config: BammConfig):
        # MoMask's body without its layers, which keep no keys and values.
        super().__init__(encoder_sizes(config, layers=0), head_out=config.codes + 1)
        self.config = config
        self.seqTransEncoder = Stack(config)
        # Codes, END, PAD and a mask that no call ever uses but that every official checkpoint has.
        self.token_emb = nn.Embedding(config.codes + 3, config.code_dim)
        self._init_weights()

    def forward(self, ids: Tensor, text: Tensor, cond: Tensor | None = None) -> Tensor:
        """ids (B, S), text (B, text_dim), cond (B, S) True where given (None: nowhere) -> (B, S + 1, codes + 1)."""
        return self.prefill(ids, text, cond)[0]

    def prefill(self, ids: Tensor, text: Tensor, cond: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same, and the keys and values of all rows: (B, layers, 2, heads, S + 1, head_dim)."""
        cond = torch.zeros_like(ids, dtype=torch.bool) if cond is None else cond
        x = torch.cat([self.cond_emb(text).unsqueeze(1), self.input_process(self.token_emb(ids))], dim=1)
        # Unlike MoMask's, the text has a position of its own.
        x = self.position_dropout(x + self.positions[: x.shape[1]])
        allowed = visible(cond).unsqueeze(1)
        kept = []
        for layer in self.seqTransEncoder.each:
            query, key, value = layer.heads(x)
            kept.append(torch.stack([key, value], dim=1))
            x = layer.finish(x, self.seqTransEncoder.attend((query, key, value), allowed))
        return self.output_process(x), torch.stack(kept, dim=1)

    def step(self, token: Tensor, position: Tensor, cond: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """One row more: logits (B, codes + 1) of the token behind `position`, and the row's own keys and values.

        token (B,) id that stands at position (B,) in 0..S-1. cond (B, S). cache (B, layers, 2, heads, S + 1, head_dim)
        of the rows before it and of the given ones; what it holds elsewhere does not matter. The row's keys and values
        (B, layers, 2, heads, head_dim) belong into the cache at position + 1; giving back only them saves copying the
        whole in every step.
        """
        x = self.input_process(self.token_emb(token)).unsqueeze(1)
        row = (position + 1).unsqueeze(1)
        x = self.position_dropout(x + self.positions[row])
        given = torch.cat([torch.ones_like(cond[:, :1]), cond], dim=1)
        place = torch.arange(cache.shape[4], device=cond.device).unsqueeze(0)
        past = (place < row) & ~given.gather(1, row)
        # The row itself comes last, after the kept ones.
        allowed = torch.cat([(past | given) & (place != row), torch.ones_like(given[:, :1])], dim=1)[:, None, None]
        kept = []
        for k, layer in enumerate(self.seqTransEncoder.each):
            query, key, value = layer.heads(x)
            kept.append(torch.stack([key, value], dim=1))
            keys, values = torch.cat([cache[:, k, 0], key], dim=2), torch.cat([cache[:, k, 1], value], dim=2)
            x = layer.finish(x, self.seqTransEncoder.attend((query, keys, values), allowed))
        return self.output_process(x).squeeze(1), torch.stack(kept, dim=1).squeeze(4)
