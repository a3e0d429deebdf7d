# SPDX-License-Identifier: Apache-2.0
"""Layers that several networks are made of; all sequences are batch-first."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


def sinusoids(length: int, width: int) -> Tensor:
    """(length, width): sine in even, cosine in odd dimensions, base 10000."""
    position = torch.arange(length, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


def dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attend: Tensor | None, dropout: float) -> Tensor:
    """(B, H, S, D) values mixed by scaled dot products; attend as torch's function takes it, True where a key may be.

    On a CPU the backward pass of torch's fused one is slower than plain products at the lengths of motions.
    """
    if query.requires_grad and query.device.type == "cpu":
        with sdpa_kernel(SDPBackend.MATH):
            return F.scaled_dot_product_attention(query, key, value, attn_mask=attend, dropout_p=dropout)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=attend, dropout_p=dropout)


class SelfAttention(nn.Module):
    """Multi-head self-attention with the parameter names of torch's own, which the official checkpoints use.

    Torch's module cannot be traced with variable batch and length, and the ONNX graphs need both.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        nn.init.xavier_uniform_(self.in_proj_weight)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, attend: Tensor | None) -> Tensor:
        """x (B, S, width), attend (B, 1, 1, S) True where a key may be attended to; None: all may."""
        batch, length, width = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = qkv.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        mixed = dot_product_attention(query, key, value, attend, dropout)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return out
