# SPDX-License-Identifier: Apache-2.0
"""The length estimator: how long a text's motion lasts, for generators that cannot tell."""

from dataclasses import dataclass

from torch import Tensor, nn

from moclip.nn.config import Config, Count
from moclip.nn.networks import Network


@dataclass(frozen=True)
class LengthConfig(Config):
    """Length estimator: text vector to a distribution over token counts 0..classes-1."""

    text_dim: Count = 512
    classes: Count = 50


class LengthEstimator(Network):
    """Text vector (B, text_dim) -> logits over token counts (B, classes)."""

    KIND = "length"
    CONFIG = LengthConfig

    def __init__(self, config: LengthConfig):
        super().__init__(config)
        self.output = nn.Sequential(
            nn.Linear(config.text_dim, 512), nn.LayerNorm(512), nn.LeakyReLU(0.2), nn.Dropout(0.2),
            nn.Linear(512, 256), nn.LayerNorm(256), nn.LeakyReLU(0.2), nn.Dropout(0.2),
            nn.Linear(256, 128), nn.LayerNorm(128), nn.LeakyReLU(0.2), nn.Linear(128, config.classes),
        )  # fmt: skip

    def forward(self, text: Tensor) -> Tensor:
        logits: Tensor = self.output(text)
        return logits
