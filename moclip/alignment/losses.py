# SPDX-License-Identifier: Apache-2.0
"""The three losses of MoCLIP."""

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive_loss(motion: Tensor, text: Tensor, weight: Tensor, same: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE with a learnable W, MoCLIP eq. 1.

    motion, text: (B, D) unit vectors, row i of one belongs to row i of the other. weight: () factor on the cosines (the
    temperature of the authors' code), or (D, D), the W of motion @ W @ text.T. same: (B, B) bool, pairs that mean the
    same and are not negatives of one another (its diagonal is ignored). Raises ValueError if the shapes differ.
    """
    if motion.shape != text.shape:
        raise ValueError(f"motion {tuple(motion.shape)} and text {tuple(text.shape)} embeddings differ in shape")
    logits = (motion @ weight if weight.dim() else weight * motion) @ text.t()
    if same is not None:
        others = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
        logits = logits.masked_fill(others, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2


def tether_loss(student: Tensor, teacher: Tensor, *, reduction: str = "sum") -> Tensor:
    """Distillation ("tethering") loss, MoCLIP eq. 3: mean over the batch of the squared L2 distance.

    student, teacher: (B, D) text embeddings, raw for the printed equation; no gradient flows into `teacher`.
    reduction: over the D dimensions, "sum" as printed, or "mean" as in the authors' code, which is D times weaker.
    Raises ValueError if the shapes differ, and for another reduction.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} embeddings differ in shape"
        )
    if reduction not in ("sum", "mean"):
        raise ValueError(f"the tether's reduction is sum or mean, not '{reduction}'")
    squared = (student - teacher.detach()).pow(2)
    return squared.sum(dim=-1).mean() if reduction == "sum" else squared.mean()


def alignment_loss(motion: Tensor, text: Tensor) -> Tensor:
    """1 - mean cosine of matching pairs; motion, text: (B, D) unit vectors."""
    return 1 - (motion * text).sum(dim=-1).mean()
