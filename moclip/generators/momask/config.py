# SPDX-License-Identifier: Apache-2.0
"""Sizes of the MoMask networks (Guo et al., CVPR 2024). The defaults are the official HumanML3D model's."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Config:
    """A frozen set of numbers that a checkpoint carries as JSON."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError for names that this configuration does not have."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"{cls.__name__} has no setting named {', '.join(sorted(unknown))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


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
        return 2**self.down_t


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


@dataclass(frozen=True)
class LengthConfig(Config):
    """Length estimator: text vector to a distribution over token counts 0..classes-1."""

    text_dim: int = 512
    classes: int = 50
