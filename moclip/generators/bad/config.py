# SPDX-License-Identifier: Apache-2.0
"""Sizes of BAD's networks (Hosseyni et al., 2024). The defaults are the official HumanML3D model's."""

from dataclasses import dataclass

from moclip.nn.config import Config


@dataclass(frozen=True)
class BadConfig(Config):
    """The transformer, and the numbers of its tokens.

    layers, head_layers: self-attention blocks of its two halves, which only the names in checkpoints tell apart.
    most_tokens: of a motion; its slots are one more, for the END. time_cond: it is told how many tokens are masked and
    how long the motion is. cond_drop: share of training samples whose text is zeroed, for classifier-free guidance; the
    official model has none.

    masked_see_later, kept_see_kept_only: who sees whom, see `moclip.generators.bad.masks`. A network works with the
    masks that it was trained with only.
    """

    codes: int = 8192
    code_dim: int = 32
    width: int = 1024
    heads: int = 16
    feed_forward: int = 4096
    cross_layers: int = 2
    layers: int = 7
    head_layers: int = 9
    text_dim: int = 512
    word_dim: int = 512
    dropout: float = 0.1
    time_cond: bool = True
    most_tokens: int = 49
    masked_see_later: bool = True
    kept_see_kept_only: bool = True
    cond_drop: float = 0.0

    @property
    def end_id(self) -> int:
        return self.codes

    @property
    def pad_id(self) -> int:
        return self.codes + 1

    @property
    def mask_id(self) -> int:
        """Of the slot that is first in the order; the one that is k-th after it has `mask_id + k`."""
        return self.codes + 2

    @property
    def slots(self) -> int:
        return self.most_tokens + 1

    @property
    def conditions(self) -> int:
        """Rows before the slots: the text, and with `time_cond` the state of the sequence."""
        return 2 if self.time_cond else 1
