# SPDX-License-Identifier: Apache-2.0
"""Training of BAD's transformer."""

import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.generators.bad.masks import fill_slots, permutation_mask
from moclip.generators.bad.network import BadTransformer
from moclip.generators.base.learners import LENGTH, Learner
from moclip.generators.base.token_clips import TokenBatch
from moclip.training.task import Numbers

SURE = 0.6
"""Of the tokens that are shown, at least this share is true in each sample; the rest are random codes."""
LIGHT = 0.1
"""Share of the batches with less than half of the tokens masked."""


def bad_loss(network: BadTransformer, batch: TokenBatch) -> tuple[Tensor, Numbers]:
    """Cross entropy of every token of the motion, masked, replaced or shown: the mean of each motion's mean.

    Shown tokens are replaced by random codes in part; masked ones are most of a motion in most batches.
    """
    config = network.config
    assert batch.words is not None
    # One slot more, for the END of the longest.
    codes, padding = _shortened(batch) if network.training else (batch.codes[..., 0], batch.padding)
    target, valid = F.pad(codes, (0, 1)), F.pad(~padding, (0, 1), value=False)
    lengths = valid.sum(dim=1)
    sure = SURE + (1 - SURE) * torch.rand(len(target), 1)
    wrong = torch.rand(target.shape) >= sure
    shown = torch.where(wrong.to(target.device), torch.randint(config.codes, target.shape).to(target.device), target)
    share = 0.5 * torch.rand(len(target)) + (0.0 if torch.rand(()) < LIGHT else 0.5)
    count = (lengths * share.to(target.device)).round().clamp(min=1)
    masked = (_ranks(valid) < count[:, None]) & valid
    # Numbered among all tokens, so that the mask tokens of a sample are any of all mask tokens.
    seen, hidden, order, ends = (tensor.cpu().numpy() for tensor in (shown, masked, _ranks(valid), lengths))
    ids = torch.from_numpy(fill_slots(seen, hidden, order, ends, config)).to(target.device)
    attend = torch.from_numpy(permutation_mask(hidden, order, ends, config)).to(target.device)
    logits = network(ids, attend, *network.drop_text(batch.text, batch.words)).float()
    each = F.cross_entropy(logits.transpose(1, 2), target, reduction="none") * valid
    accuracy = (logits.argmax(-1) == target)[masked].float().mean().item()
    return (each.sum(dim=1) / lengths).mean(), {"acc": accuracy}


def _ranks(valid: Tensor) -> Tensor:
    """(B, S): a random permutation of 0, 1, ... over each row's valid slots, higher numbers elsewhere."""
    drawn = torch.rand(valid.shape).to(valid.device).masked_fill(~valid, 2.0)
    return drawn.argsort(dim=1).argsort(dim=1)


def _shortened(batch: TokenBatch) -> tuple[Tensor, Tensor]:
    """Codes and padding (B, S) of which every sixth motion has lost its first token, and every sixth its last."""
    codes, valid = batch.codes[..., 0], ~batch.padding
    drawn = torch.randint(6, (len(codes), 1)).to(codes.device) * (valid.sum(1, keepdim=True) > 1)
    first, last = drawn == 1, drawn == 2
    codes = torch.where(first, codes.roll(-1, dims=1), codes)
    place = torch.arange(codes.shape[1], device=codes.device)[None]
    return codes, place >= valid.sum(1, keepdim=True) - (first | last).long()


LEARNERS = {
    "bad": Learner(
        BadTransformer,
        bad_loss,
        words=lambda tower, tokens: tower.words(tokens),
        adopt=lambda network, vq: network.use_codebook(vq.parts.quantizer.codebook),
        mean_over="rows",
    ),
    "length": LENGTH,
}
"""By the stages of `moclip train`, in their order."""
