# SPDX-License-Identifier: Apache-2.0
"""Sizes of the MoMask networks (Guo et al., CVPR 2024). The defaults are the official HumanML3D model's."""

from dataclasses import dataclass

from moclip.nn.config import Config, Count, Share

MASK_COUNTS = ("own", "slots")


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Masked and residual transformers: one body, one set of sizes.

    cond_drop: share of training samples whose text vector is zeroed, for classifier-free guidance.
    pre_norm: layer norm before attention and feed-forward; the official checkpoints are post-norm.
    label_smoothing: in training. mask_counts: how many tokens of a training sample are masked: a share of its "own", or
    of all "slots" (49) that the released code pads it to, of which its own count.
    share_weight: of the residual transformer: a layer's codes are embedded by the table that predicts them, as in the
    released weights. Without, tables are apart and logits have a bias; doubled_logits: the tables' part of these counts
    twice, as the released code has it by mistake.
    codebook_start: training begins with the codec's codebooks as the tables that embed and predict codes, which then
    differ by as much as the movements that they stand for.
    own_layer: of the residual transformer: while it learns a layer some of that layer's codes are shown, so that it can
    be drawn in several steps, as the base layer is; at once its codes know nothing of one another.
    Raises ValueError for a width that does not divide among the heads.
    """

    codes: Count = 512
    code_dim: Count = 512
    quantizers: Count = 6
    text_dim: Count = 512
    width: Count = 384
    layers: Count = 8
    heads: Count = 6
    feed_forward: Count = 1024
    dropout: Share = 0.2
    cond_drop: Share = 0.1
    pre_norm: bool = False
    label_smoothing: Share = 0.05
    mask_counts: str = "own"
    share_weight: bool = True
    doubled_logits: bool = False
    codebook_start: bool = False
    own_layer: bool = False

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width is a multiple of heads, not {self.width} for {self.heads} of them")
        if self.mask_counts not in MASK_COUNTS:
            raise ValueError(f"mask_counts is {' or '.join(MASK_COUNTS)}, not '{self.mask_counts}'")
