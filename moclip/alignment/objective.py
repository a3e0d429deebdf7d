# SPDX-License-Identifier: Apache-2.0
"""MoCLIP's total loss on embeddings, with W, and the two networks that it trains."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.alignment.losses import alignment_loss, contrastive_loss, tether_loss
from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
from moclip.alignment.presets import AlignmentConfig
from moclip.text.tower import TextTower


class MoCLIP(nn.Module):
    """The student tower, the motion encoder and W. The teacher is not here: its vectors are computed once."""

    def __init__(self, tower: TextTower, motion: MotionEncoderConfig, config: AlignmentConfig):
        super().__init__()
        self.config = config
        self.student = deepcopy(tower).requires_grad_(False)
        self.motion = MotionEncoder(motion)
        scale = torch.tensor(config.initial_scale)
        dim = motion.embed_dim
        self.log_scale = nn.Parameter(scale.log()) if config.weight == "scalar" else None
        self.weight = nn.Parameter(scale * torch.eye(dim)) if config.weight == "matrix" else None

    def free_student(self, step: int, steps: int) -> None:
        """Let those parts of the student learn whose turn has come at this step."""
        begin = self.config.unfreeze_step(steps)
        parts = student_parts(self.student, self.config.train_words)
        wait = max(1, (steps - begin) // 2 // len(parts)) if self.config.unfreeze == "layers" else 0
        for place, part in enumerate(parts):
            for parameter in part:
                parameter.requires_grad_(step >= begin + place * wait)
        if self.log_scale is not None:
            self.log_scale.requires_grad_(not self.config.scale_frozen or step >= begin)

    @property
    def shared(self) -> list[nn.Parameter]:
        """What the loss itself learns."""
        return [p for p in (self.log_scale, self.weight) if p is not None]

    def _scale(self) -> Tensor:
        """W, or its scalar in the bounds of the configuration."""
        if self.log_scale is None:
            assert self.weight is not None
            return self.weight
        scale, most = self.log_scale.exp(), self.config.max_scale
        return scale.clamp(max=most) if most else scale

    def loss(self, motion: Tensor, student: Tensor, teacher: Tensor, same: Tensor) -> tuple[Tensor, dict[str, float]]:
        """contrastive (eq. 1) + alignment + lambda * tether (eq. 3), and the three numbers.

        motion: (B, D) unit vectors. student, teacher: (B, D) raw text vectors. same: (B, B) bool, equal meaning.
        """
        config, text = self.config, F.normalize(student, dim=-1)
        weight = self._scale()
        contrastive = contrastive_loss(motion, text, weight, None if config.duplicates else same)
        pulled = (text, F.normalize(teacher, dim=-1)) if config.tether_of == "unit" else (student, teacher)
        tether = tether_loss(*pulled, reduction=config.tether_reduction)
        alignment = alignment_loss(motion, text)
        total = contrastive + config.alignment_weight * alignment + config.tether_weight * tether
        return total, {"contrastive": contrastive.item(), "tether": tether.item(), "alignment": alignment.item()}


def student_parts(tower: TextTower, words: bool) -> list[list[nn.Parameter]]:
    """The tower's parameters from its last layer to its first; the token table only with `words`."""
    text = tower.text
    blocks = [list(block.parameters()) for block in reversed(text.transformer.resblocks)]
    table = [text.token_embedding.weight] if words else []
    return [[*text.ln_final.parameters(), text.text_projection], *blocks, [text.positional_embedding, *table]]
