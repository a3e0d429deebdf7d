# SPDX-License-Identifier: Apache-2.0
"""Sizes of the MoMask networks (Guo et al., CVPR 2024). The defaults are the official HumanML3D model's."""

from dataclasses import dataclass

from moclip.nn.config import Config


@dataclass(frozen=True)
class RVQConfig(Config):
    """Residual VQ-VAE. `stride` frames become one token of `quantizers` codes."""

    features: int = 263
    joints: int = 22
    width: int = 512
    code_dim: int = 512
    codes: int = 512
    quantizers: int = 6
    down_t: int = 2
    depth: int = 3
    dilation_growth: int = 3
    dropout: float = 0.2
    quantize_dropout: float = 0.2
    codebook_decay: float = 0.99
    sample_temperature: float = 0.5

    @property
    def stride(self) -> int:
        frames: int = 2**self.down_t
        return frames


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Masked and residual transformers: one body, one set of sizes.

    cond_drop: share of training samples whose text vector is zeroed, for classifier-free guidance.
    pre_norm: layer norm before attention and feed-forward; the official checkpoints are post-norm.
    """

    codes: int = 512
    code_dim: int = 512
    quantizers: int = 6
    text_dim: int = 512
    width: int = 384
    layers: int = 8
    heads: int = 6
    feed_forward: int = 1024
    dropout: float = 0.2
    cond_drop: float = 0.1
    pre_norm: bool = False
