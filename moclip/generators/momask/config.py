# SPDX-License-Identifier: Apache-2.0
"""Sizes of the MoMask networks (Guo et al., CVPR 2024). The defaults are the official HumanML3D model's."""

from dataclasses import dataclass

from moclip.nn.config import Config, Count, NotNegative, Share


@dataclass(frozen=True)
class RVQConfig(Config):
    """Residual VQ-VAE. `stride` frames become one token of `quantizers` codes."""

    features: Count = 263
    joints: Count = 22
    width: Count = 512
    code_dim: Count = 512
    codes: Count = 512
    quantizers: Count = 6
    down_t: Count = 2
    depth: Count = 3
    dilation_growth: Count = 3
    dropout: Share = 0.2
    quantize_dropout: Share = 0.2
    codebook_decay: Share = 0.99
    sample_temperature: NotNegative = 0.5

    @property
    def stride(self) -> int:
        frames: int = 2**self.down_t
        return frames


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Masked and residual transformers: one body, one set of sizes.

    cond_drop: share of training samples whose text vector is zeroed, for classifier-free guidance.
    pre_norm: layer norm before attention and feed-forward; the official checkpoints are post-norm.
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

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width is a multiple of heads, not {self.width} for {self.heads} of them")
