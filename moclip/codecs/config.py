# SPDX-License-Identifier: Apache-2.0
"""Sizes of the networks between features and codes. The defaults are the official HumanML3D models'."""

from dataclasses import dataclass

from moclip.nn.config import Config, Count, NotNegative, Share

ACTIVATIONS = ("relu", "silu", "gelu")


@dataclass(frozen=True)
class RVQConfig(Config):
    """Residual VQ-VAE. `stride` frames become one token of `quantizers` codes.

    activation: of the residual blocks, "relu" as in the released weights, "silu" or "gelu". Raises ValueError for
    another one.
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

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {' or '.join(ACTIVATIONS)}, not '{self.activation}'")

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
