# SPDX-License-Identifier: Apache-2.0
"""The convolutions around the codes, of MoMask's and BAD's codecs alike; names and shapes of the official files."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.config import RVQConfig

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "silu": F.silu, "gelu": F.gelu}


class ResidualBlock(nn.Module):
    def __init__(self, width: int, dilation: int, dropout: float, activation: str):
        super().__init__()
        self.activation = _ACTIVATIONS[activation]
        self.conv1 = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.dropout(self.conv2(self.activation(self.conv1(self.activation(x)))))
        return out


class ResidualStack(nn.Module):
    """Blocks whose dilation shrinks (9, 3, 1), in the encoder and in the decoder.

    The other order has the same state dict and would load without a complaint, with wrong results.
    """

    def __init__(self, config: RVQConfig):
        super().__init__()
        dilations = [config.dilation_growth**k for k in reversed(range(config.depth))]
        blocks = (ResidualBlock(config.width, d, config.dropout, config.activation) for d in dilations)
        self.model = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x)
        return out


class Encoder(nn.Module):
    def __init__(self, config: RVQConfig):
        super().__init__()
        width = config.width
        down = [
            nn.Sequential(nn.Conv1d(width, width, 4, stride=2, padding=1), ResidualStack(config))
            for _ in range(config.down_t)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(config.features, width, 3, padding=1),
            nn.ReLU(),
            *down,
            nn.Conv1d(width, config.code_dim, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, features, T) -> (B, code_dim, T / stride)."""
        latent: Tensor = self.model(features)
        return latent


class Decoder(nn.Module):
    def __init__(self, config: RVQConfig):
        super().__init__()
        width = config.width
        up = [
            nn.Sequential(
                ResidualStack(config),
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv1d(width, width, 3, padding=1),
            )
            for _ in range(config.down_t)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(config.code_dim, width, 3, padding=1),
            nn.ReLU(),
            *up,
            nn.Conv1d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, config.features, 3, padding=1),
        )

    def forward(self, latent: Tensor) -> Tensor:
        features: Tensor = self.model(latent)
        return features
