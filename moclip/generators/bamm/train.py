# SPDX-License-Identifier: Apache-2.0
"""What BAMM's transformer is trained for: the next code, with and without sight of codes ahead."""

import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.generators.bamm.network import BammTransformer
from moclip.generators.base.learners import LENGTH, Learner
from moclip.generators.base.token_clips import TokenBatch
from moclip.generators.momask.train import LEARNERS as MOMASK
from moclip.training.task import Numbers

COND_SHARE = 0.5
"""Of the batches in which some tokens are given."""
MOST_GIVEN = 0.5
"""Share of the tokens that is given at the most."""
MOST_CORRUPTED = 0.5
"""Share of the codes that the network gets wrong at the most."""


def with_end(batch: TokenBatch, end_id: int, pad_id: int) -> tuple[Tensor, Tensor]:
    """Base-layer ids (B, S + 1) with END behind the last code and PAD behind it, and their lengths (B,) without END."""
    lengths = (~batch.padding).sum(1)
    place = torch.arange(batch.padding.shape[1] + 1, device=lengths.device)
    ids = F.pad(batch.codes[..., 0], (0, 1))
    ids = torch.where(place < lengths[:, None], ids, pad_id)
    return torch.where(place == lengths[:, None], end_id, ids), lengths


def bamm_loss(network: BammTransformer, batch: TokenBatch) -> tuple[Tensor, Numbers]:
    """Cross entropy of every token up to END, the given ones too; each sample counts alike, whatever its length.

    As in the released code: in half of the batches each token up to END is given with one probability r ~ U(0, .5), and
    in every batch each code is replaced by a random one with one probability p ~ U(0, .5), given ones too, so that the
    network learns to mend what it made wrong. All draws are torch's.
    """
    config = network.config
    ids, lengths = with_end(batch, config.end_id, config.pad_id)
    device, place = ids.device, torch.arange(ids.shape[1], device=ids.device)
    counted = place <= lengths[:, None]
    share = torch.rand(()) * MOST_GIVEN * (torch.rand(()) < COND_SHARE)
    cond = (torch.rand(ids.shape) < share).to(device) & counted
    wrong = (torch.rand(ids.shape) < torch.rand(()) * MOST_CORRUPTED).to(device) & (place < lengths[:, None])
    shown = torch.where(wrong, torch.randint(config.codes, ids.shape).to(device), ids)
    # The row behind the last token predicts nothing that is there.
    logits = network(shown, network.drop_text(batch.text), cond)[:, :-1].float()
    weight = (counted / (counted.sum(1, keepdim=True) * len(ids)))[counted]
    logits, target = logits[counted], ids[counted]
    accuracy = (logits.argmax(-1) == target).float().mean().item()
    return (F.cross_entropy(logits, target, reduction="none") * weight).sum(), {"acc": accuracy}


LEARNERS = {
    "bamm": Learner(BammTransformer, bamm_loss, mean_over="rows"),
    "residual": MOMASK["residual"],
    "length": LENGTH,
}
"""By the stages of `moclip train`, in their order. The length estimator tells what has no end of its own."""
