# SPDX-License-Identifier: Apache-2.0
"""Sizes of the networks between features and codes. The defaults are the official HumanML3D models'."""

from dataclasses import dataclass

from moclip.nn.config import Config, Count, NotNegative, Share

ACTIVATIONS = ("relu", "silu", "gelu")
RESETS = ("random", "first")


@dataclass(frozen=True)
class RVQConfig(Config):
    """Residual VQ-VAE. `stride` frames become one token of `quantizers` codes.

    activation: of the residual blocks, "relu" as in the released weights, "silu" or "gelu". codebook_reset: what is
    done in training with codes that hardly a vector uses: "random" puts them on random vectors and gives them time;
    "first" is the released code's, which puts codes with less than one vector a batch on the batch's first ones, at
    every step anew. Raises ValueError for other words.
    """

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
    activation: str = "relu"
    codebook_reset: str = "random"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {' or '.join(ACTIVATIONS)}, not '{self.activation}'")
        if self.codebook_reset not in RESETS:
            raise ValueError(f"codebook_reset is {' or '.join(RESETS)}, not '{self.codebook_reset}'")

    @property
    def stride(self) -> int:
        frames: int = 2**self.down_t
        return frames


@dataclass(frozen=True)
class VqConfig(RVQConfig):
    """The plain VQ-VAE: MoMask's with one large codebook of short codes, and nothing random in training."""

    code_dim: int = 32
    codes: int = 8192
    quantizers: int = 1
    dropout: float = 0.0
    quantize_dropout: float = 0.0
    sample_temperature: float = 0.0
