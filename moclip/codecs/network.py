# SPDX-License-Identifier: Apache-2.0
"""What every codec's network is: convolutions down to latents, a quantizer that names them, convolutions back."""

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor

from moclip.codecs.config import RVQConfig
from moclip.codecs.convolutions import Decoder, Encoder
from moclip.nn.networks import Network


def alone(rows: Tensor) -> Tensor:
    """What a codebook gathers while one process trains it."""
    return rows


class Quantizer(Protocol):
    def __call__(self, latent: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """latent (B, S, D), valid (B, S) bool -> quantized (B, S, D), codes (B, S, Q), commitment loss ()."""

    def encode(self, latent: Tensor) -> Tensor:
        """(B, S, D) -> nearest codes (B, S, Q)."""

    def decode(self, codes: Tensor) -> Tensor:
        """(B, S, Q) -> (B, S, D); code -1 adds nothing."""


class Parts(Protocol):
    """Whatever module holds the parts, as the official file has them."""

    @property
    def encoder(self) -> Encoder: ...
    @property
    def quantizer(self) -> Quantizer: ...
    @property
    def decoder(self) -> Decoder: ...


class CodecNetwork(Network, ABC):
    """features (B, T, features) <-> codes (B, T / stride, Q); T a multiple of `config.stride`.

    `mean` and `std` are those that training normalised by: `encode` and `decode` take and give features in their own
    units, `forward` works on normalised ones.
    """

    config: RVQConfig
    mean: Tensor
    std: Tensor

    def __init__(self, config: RVQConfig):
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("std", torch.ones(config.features))

    @property
    @abstractmethod
    def parts(self) -> Parts: ...

    def normalize(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.std

    def latent(self, normalized: Tensor) -> Tensor:
        """(B, T, features) -> (B, S, D)."""
        latent: Tensor = self.parts.encoder(normalized.transpose(1, 2)).transpose(1, 2)
        return latent

    def reconstruct(self, latent: Tensor) -> Tensor:
        """(B, S, D) -> normalised features (B, T, features)."""
        normalized: Tensor = self.parts.decoder(latent.transpose(1, 2)).transpose(1, 2)
        return normalized

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised features, valid (B, T) bool -> reconstruction (B, T, features), commitment, codes (B, S, Q)."""
        latent = self.latent(features)
        token_valid = valid[:, self.config.stride - 1 :: self.config.stride]
        # Half precision would find other codes, and lose what a codebook's average gains in a step.
        with torch.autocast(latent.device.type, enabled=False):
            quantized, codes, commit = self.parts.quantizer(latent.float(), token_valid)
        return self.reconstruct(quantized), commit, codes

    def encode(self, features: Tensor) -> Tensor:
        return self.parts.quantizer.encode(self.latent(self.normalize(features)))

    def decode(self, codes: Tensor) -> Tensor:
        return self.reconstruct(self.parts.quantizer.decode(codes)) * self.std + self.mean
