# SPDX-License-Identifier: Apache-2.0
"""Residual VQ-VAE of MoMask: motion features to `quantizers` layers of discrete codes and back.

State-dict names and shapes are those of the official checkpoints.
"""

from collections.abc import Callable, Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.config import RVQConfig
from moclip.codecs.convolutions import Decoder, Encoder
from moclip.codecs.network import CodecNetwork, alone

DEAD_COUNT = 0.2
FRESH_COUNT = 0.5
"""A code with fewer vectors a batch than DEAD_COUNT (a moving average) is put on a random vector, with the weight of
FRESH_COUNT: it has some 90 batches to prove useful. Without this a tenth of the codes does all the work."""


class Codebook(nn.Module):
    """One quantizer layer; its codebook follows the data by an exponential moving average."""

    codebook: Tensor
    code_sum: Tensor
    code_count: Tensor
    initialised: Tensor

    def __init__(self, config: RVQConfig):
        super().__init__()
        self.decay = config.codebook_decay
        self.temperature = config.sample_temperature
        self.resets_to_first = config.codebook_reset == "first"
        self.register_buffer("codebook", torch.zeros(config.codes, config.code_dim))
        # Training state. Official files and inference lack it: after loading one, call `start_from_codebook`, else
        # the first training batch would replace the codebook.
        self.register_buffer("code_sum", torch.zeros(config.codes, config.code_dim), persistent=False)
        self.register_buffer("code_count", torch.zeros(config.codes), persistent=False)
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool), persistent=False)
        self.gather: Callable[[Tensor], Tensor] = alone
        """Rows of this process -> rows of all, where several train one codebook."""

    def start_from_codebook(self) -> None:
        """Begin training from the loaded codebook."""
        count = 1.0 if self.resets_to_first else FRESH_COUNT
        self.code_sum.copy_(self.codebook * count)
        self.code_count.fill_(count)
        self.initialised.fill_(True)

    def codes_of(self, x: Tensor, sample: bool) -> Tensor:
        """Nearest codes of (N, D); with `sample` (training) drawn from softmax(-distance / temperature)."""
        distance = x.pow(2).sum(1, keepdim=True) - 2 * x @ self.codebook.t() + self.codebook.pow(2).sum(1)
        if sample and self.temperature > 0:
            gumbel = -torch.log(-torch.log(torch.rand_like(distance).clamp(1e-20, 1 - 1e-7)))
            return (-distance / self.temperature + gumbel).argmax(dim=1)
        return distance.argmin(dim=1)

    @torch.no_grad()
    def _fresh_codes(self, x: Tensor) -> Tensor:
        count, dim = self.codebook.shape
        if self.resets_to_first:
            if len(x) >= count:
                return x[:count]
            tiled: Tensor = x.repeat(-(-count // len(x)), 1)[:count]
            spread: Tensor = tiled + 0.01 / dim**0.5 * torch.randn_like(tiled)
            return spread
        chosen = x[torch.randint(len(x), (count,), device=x.device)]
        fresh: Tensor = chosen + 0.01 / dim**0.5 * torch.randn_like(chosen)
        return fresh

    @torch.no_grad()
    def update(self, x: Tensor, codes: Tensor) -> None:
        """Move the codes towards their vectors; those that hardly a vector uses any more are put on others."""
        one_hot = F.one_hot(codes, len(self.codebook)).to(x.dtype)
        self.code_sum.mul_(self.decay).add_(one_hot.t() @ x, alpha=1 - self.decay)
        self.code_count.mul_(self.decay).add_(one_hot.sum(0), alpha=1 - self.decay)
        used = (self.code_count >= (1.0 if self.resets_to_first else DEAD_COUNT)).unsqueeze(1)
        moved = self.code_sum / self.code_count.clamp(min=1e-6).unsqueeze(1)
        fresh = self._fresh_codes(x)
        self.codebook.copy_(torch.where(used, moved, fresh))
        if self.resets_to_first:
            return  # the released code lets the average go on as it was
        self.code_sum.copy_(torch.where(used, self.code_sum, fresh * FRESH_COUNT))
        self.code_count.copy_(
            torch.where(used.squeeze(1), self.code_count, torch.full_like(self.code_count, FRESH_COUNT))
        )

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, S, D), valid (B, S) bool -> quantized (B, S, D) straight-through, codes (B, S), commitment loss ()."""
        flat = x.reshape(-1, x.shape[-1])
        keep = valid.reshape(-1)
        if self.training and not self.initialised:
            self.codebook.copy_(self._fresh_codes(self.gather(flat.detach())[self.gather(keep)]))
            self.start_from_codebook()
        codes = self.codes_of(flat.detach(), sample=self.training)
        quantized = self.codebook[codes].view_as(x)
        if self.training:
            every = self.gather(keep)
            self.update(self.gather(flat.detach())[every], self.gather(codes)[every])
        weight = valid.unsqueeze(-1).to(x.dtype)
        commit = ((x - quantized.detach()).pow(2) * weight).sum() / (weight.sum() * x.shape[-1]).clamp(min=1)
        return x + (quantized - x).detach(), codes.view(x.shape[:-1]), commit


class ResidualQuantizer(nn.Module):
    def __init__(self, config: RVQConfig):
        super().__init__()
        self.dropout = config.quantize_dropout
        self.layers = nn.ModuleList(Codebook(config) for _ in range(config.quantizers))

    @property
    def _books(self) -> Iterator[Codebook]:
        return (cast(Codebook, layer) for layer in self.layers)

    @property
    def codebooks(self) -> list[Tensor]:
        """(codes, code_dim) of each layer."""
        return [layer.codebook for layer in self._books]

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, S, D) -> sum of the layers (B, S, D), codes (B, S, Q), -1 for dropped layers, mean commitment loss."""
        last = len(self.layers) - 1
        # torch's generator, which training seeds at every step: Python's own would make resumed runs differ.
        if self.training and torch.rand(()) < self.dropout:
            last = int(torch.randint(len(self.layers), ()))
        residual, total, codes, losses = x, torch.zeros_like(x), [], []
        for index, layer in enumerate(self.layers):
            if index > last:
                codes.append(torch.full(x.shape[:-1], -1, dtype=torch.long, device=x.device))
                continue
            quantized, layer_codes, commit = layer(residual, valid)
            residual = residual - quantized.detach()
            total = total + quantized
            codes.append(layer_codes)
            losses.append(commit)
        return total, torch.stack(codes, dim=-1), torch.stack(losses).mean()

    def encode(self, x: Tensor) -> Tensor:
        """Nearest codes, layer by layer: (B, S, D) -> (B, S, Q)."""
        codes = []
        for layer in self._books:
            distance = x.pow(2).sum(-1, keepdim=True) - 2 * x @ layer.codebook.t() + layer.codebook.pow(2).sum(1)
            codes.append(distance.argmin(dim=-1))
            x = x - layer.codebook[codes[-1]]
        return torch.stack(codes, dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, S, Q) -> (B, S, D); code -1 adds nothing."""
        present = (codes >= 0).unsqueeze(-1)
        vectors = [layer.codebook[codes[..., q].clamp(min=0)] for q, layer in enumerate(self._books)]
        return (torch.stack(vectors, dim=-2) * present).sum(dim=-2)


class RVQ(CodecNetwork):
    """MoMask's codec: features (B, T, features) <-> codes (B, T / stride, quantizers)."""

    KIND = "rvq"
    CONFIG = RVQConfig

    def __init__(self, config: RVQConfig):
        super().__init__(config)
        self.encoder = Encoder(config)
        self.quantizer = ResidualQuantizer(config)
        self.decoder = Decoder(config)

    @property
    def parts(self) -> "RVQ":
        return self
