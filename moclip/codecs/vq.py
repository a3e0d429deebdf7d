# SPDX-License-Identifier: Apache-2.0
"""BAD's VQ-VAE: motion features to one discrete code a token and back, names and shapes as in the official file.

Encoder and decoder are those of MoMask's residual VQ-VAE; only the codebook differs, and how it is trained.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.config import RVQConfig, VqConfig
from moclip.codecs.rvq import RVQ, Decoder, Encoder, alone
from moclip.nn.networks import Network

RESET_EVERY = 21
"""Updates from one replacement of the codes that no batch has ever used to the next."""


class Quantizer(nn.Module):
    """Nearest code; in training the codes follow the data by an exponential moving average."""

    codebook: Tensor
    code_sum: Tensor
    code_count: Tensor
    ever_used: Tensor
    updates: Tensor
    initialised: Tensor

    def __init__(self, config: RVQConfig):
        super().__init__()
        self.decay = config.codebook_decay
        self.register_buffer("codebook", torch.zeros(config.codes, config.code_dim))
        # Training state. Official files and inference lack it: after loading one, call `start_from_codebook`, else
        # the first training batch would replace the codebook.
        self.register_buffer("code_sum", torch.zeros(config.codes, config.code_dim), persistent=False)
        self.register_buffer("code_count", torch.zeros(config.codes), persistent=False)
        self.register_buffer("ever_used", torch.zeros(config.codes, dtype=torch.bool), persistent=False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool), persistent=False)
        self.gather: Callable[[Tensor], Tensor] = alone
        """Rows of this process -> rows of all, where several train one codebook."""

    def start_from_codebook(self) -> None:
        """Begin training from the loaded codebook."""
        self.code_sum.copy_(self.codebook)
        self.code_count.fill_(1.0)
        self.ever_used.fill_(False)
        self.updates.zero_()
        self.initialised.fill_(True)

    def codes_of(self, x: Tensor) -> Tensor:
        """Nearest codes by squared distance: (..., D) -> (...)."""
        distance = x.pow(2).sum(-1, keepdim=True) - 2 * x @ self.codebook.t() + self.codebook.pow(2).sum(1)
        return distance.argmin(dim=-1)

    def vectors(self, codes: Tensor) -> Tensor:
        """(...) -> (..., D); code -1 adds nothing."""
        vectors: Tensor = self.codebook[codes.clamp(min=0)] * (codes >= 0).unsqueeze(-1)
        return vectors

    def _drawn(self, x: Tensor) -> Tensor:
        """One vector of the batch (N, D) a code; with little noise where the batch has fewer than codes."""
        count, dim = self.codebook.shape
        if len(x) >= count:
            return x[torch.randperm(len(x), device=x.device)[:count]]
        chosen = x[torch.randint(len(x), (count,), device=x.device)]
        drawn: Tensor = chosen + 0.01 / dim**0.5 * torch.randn_like(chosen)
        return drawn

    @torch.no_grad()
    def update(self, x: Tensor, codes: Tensor) -> None:
        """Move the codes towards their vectors x (N, D); every `RESET_EVERY`th time, put unused ones on vectors."""
        one_hot = F.one_hot(codes, len(self.codebook)).to(x.dtype)
        self.code_sum.mul_(self.decay).add_(one_hot.t() @ x, alpha=1 - self.decay)
        self.code_count.mul_(self.decay).add_(one_hot.sum(0), alpha=1 - self.decay)
        self.ever_used |= self.code_count >= 1.0
        self.updates += 1
        used = self.ever_used.unsqueeze(1)
        moved = self.code_sum / self.code_count.clamp(min=1e-6).unsqueeze(1)
        if int(self.updates) % RESET_EVERY:
            rest = self.codebook
        else:
            rest = self._drawn(x)
            # Else what is left of its first vector would pull the code away as soon as it is used.
            self.code_sum.copy_(torch.where(used, self.code_sum, rest * self.code_count.unsqueeze(1)))
        self.codebook.copy_(torch.where(used, moved, rest))

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, S, D), valid (B, S) bool -> quantized (B, S, D) straight-through, codes (B, S), commitment loss ()."""
        known = self.gather(x.detach())[self.gather(valid)]
        if self.training and not self.initialised:
            self.codebook.copy_(self._drawn(known))
            self.start_from_codebook()
        codes = self.codes_of(x.detach())
        quantized = self.codebook[codes]
        if self.training:
            self.update(known, self.gather(codes)[self.gather(valid)])
        weight = valid.unsqueeze(-1).to(x.dtype)
        commit = ((x - quantized).pow(2) * weight).sum() / (weight.sum() * x.shape[-1]).clamp(min=1)
        return x + (quantized - x).detach(), codes, commit


class _Parts(nn.Module):
    """What official files have under `vqvae.`."""

    def __init__(self, config: RVQConfig):
        super().__init__()
        self.encoder, self.decoder, self.quantizer = Encoder(config), Decoder(config), Quantizer(config)


class VQ(Network):
    """features (B, T, features) <-> codes (B, T / stride, 1); T a multiple of `config.stride`.

    `mean` and `std` are those that training normalised by: `encode` and `decode` take and give features in their own
    units, `forward` works on normalised ones. It is the interface of MoMask's `RVQ` with one layer of codes.
    """

    KIND = "vq"
    CONFIG = VqConfig
    config: RVQConfig
    mean: Tensor
    std: Tensor

    def __init__(self, config: RVQConfig):
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("std", torch.ones(config.features))
        self.vqvae = _Parts(config)

    @property
    def encoder(self) -> Encoder:
        return self.vqvae.encoder

    @property
    def quantizer(self) -> Quantizer:
        return self.vqvae.quantizer

    @property
    def decoder(self) -> Decoder:
        return self.vqvae.decoder

    def normalize(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.std

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised features, valid (B, T) bool -> reconstruction (B, T, features), commitment, codes (B, S, 1)."""
        latent = self.encoder(features.transpose(1, 2)).transpose(1, 2)
        token_valid = valid[:, self.config.stride - 1 :: self.config.stride]
        # Half precision would find other codes, and lose what a codebook's average gains in a step.
        with torch.autocast(latent.device.type, enabled=False):
            quantized, codes, commit = self.quantizer(latent.float(), token_valid)
        return self.decoder(quantized.transpose(1, 2)).transpose(1, 2), commit, codes.unsqueeze(-1)

    def encode(self, features: Tensor) -> Tensor:
        latent = self.encoder(self.normalize(features).transpose(1, 2)).transpose(1, 2)
        return self.quantizer.codes_of(latent).unsqueeze(-1)

    def decode(self, codes: Tensor) -> Tensor:
        latent = self.quantizer.vectors(codes[..., 0])
        normalized: Tensor = self.decoder(latent.transpose(1, 2)).transpose(1, 2)
        return normalized * self.std + self.mean


CodecNetwork = RVQ | VQ
"""What makes codes of motion."""
