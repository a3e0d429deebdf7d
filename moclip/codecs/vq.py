# SPDX-License-Identifier: Apache-2.0
"""BAD's VQ-VAE: motion features to one discrete code a token and back, names and shapes as in the official file.

Encoder and decoder are those of MoMask's residual VQ-VAE; only the codebook differs, and how it is trained.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.config import RVQConfig, VqConfig
from moclip.codecs.convolutions import Decoder, Encoder
from moclip.codecs.network import CodecNetwork, alone

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

    def encode(self, x: Tensor) -> Tensor:
        """Nearest codes by squared distance: (..., D) -> (..., 1)."""
        distance = x.pow(2).sum(-1, keepdim=True) - 2 * x @ self.codebook.t() + self.codebook.pow(2).sum(1)
        return distance.argmin(dim=-1, keepdim=True)

    def decode(self, codes: Tensor) -> Tensor:
        """(..., 1) -> (..., D); code -1 adds nothing."""
        vectors: Tensor = self.codebook[codes[..., 0].clamp(min=0)] * (codes >= 0)
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
        """x (B, S, D), valid (B, S) bool -> quantized (B, S, D) straight-through, codes (B, S, 1), commitment ()."""
        known = self.gather(x.detach())[self.gather(valid)]
        if self.training and not self.initialised:
            self.codebook.copy_(self._drawn(known))
            self.start_from_codebook()
        codes = self.encode(x.detach())
        quantized = self.decode(codes)
        if self.training:
            self.update(known, self.gather(codes[..., 0])[self.gather(valid)])
        weight = valid.unsqueeze(-1).to(x.dtype)
        commit = ((x - quantized).pow(2) * weight).sum() / (weight.sum() * x.shape[-1]).clamp(min=1)
        return x + (quantized - x).detach(), codes, commit


class _Parts(nn.Module):
    """What official files have under `vqvae.`."""

    def __init__(self, config: RVQConfig):
        super().__init__()
        self.encoder, self.decoder, self.quantizer = Encoder(config), Decoder(config), Quantizer(config)


class VQ(CodecNetwork):
    """BAD's codec: features (B, T, features) <-> codes (B, T / stride, 1)."""

    KIND = "vq"
    CONFIG = VqConfig

    def __init__(self, config: RVQConfig):
        super().__init__(config)
        self.vqvae = _Parts(config)

    @property
    def parts(self) -> _Parts:
        return self.vqvae
