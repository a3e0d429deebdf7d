# SPDX-License-Identifier: Apache-2.0
"""What MoMask's networks learn from motion codes and text: masked and residual transformer, length estimator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.codecs.rvq import RVQ
from moclip.errors import MoclipError
from moclip.generators.base.learners import LENGTH, Learner
from moclip.generators.base.token_clips import MAX_TOKENS, MotionVQ, TokenBatch
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
from moclip.training.task import Numbers


def masked_loss(network: MaskedTransformer, batch: TokenBatch) -> tuple[Tensor, Numbers]:
    """MoMask's masked modelling: cosine-distributed mask ratio, 10 % random codes, 88 % of the rest masked.

    What the ratio is of, and how much of a target is spread over the other codes, the network's configuration says.
    """
    ids, padding, device = batch.codes[..., 0], batch.padding, batch.codes.device
    if network.config.mask_counts == "slots":
        ratio = torch.cos(torch.rand(len(ids)) * math.pi / 2).to(device)
        count = (MAX_TOKENS * ratio).round().clamp(min=1)
        slots = torch.rand(len(ids), max(MAX_TOKENS, ids.shape[1])).to(device)
        rank = slots.argsort(1).argsort(1)[:, : ids.shape[1]]
        chosen = (rank < count[:, None]) & ~padding
    else:
        chosen = _share_of_each(padding)
    draw = torch.rand(ids.shape).to(device)
    shown = ids.masked_fill(padding, network.pad_id)
    codes = torch.randint(network.config.codes, ids.shape).to(device)
    shown = torch.where(chosen & (draw < 0.1), codes, shown)
    shown = torch.where(chosen & (draw >= 0.1) & (draw < 0.1 + 0.9 * 0.88), network.mask_id, shown)
    logits = network(shown, network.drop_text(batch.text), padding)[chosen].float()
    return _cross_entropy(logits, ids[chosen], network)


def _share_of_each(padding: Tensor) -> Tensor:
    """(B, S) True at a share of each sample's codes, one at least, that the cosine of a random angle gives."""
    ratio = torch.cos(torch.rand(len(padding)) * math.pi / 2).to(padding.device)
    count = ((~padding).sum(1) * ratio).round().clamp(min=1)
    rank = torch.rand(padding.shape).to(padding.device).masked_fill(padding, 2.0).argsort(1).argsort(1)
    return (rank < count[:, None]) & ~padding


def residual_loss(network: ResidualTransformer, batch: TokenBatch) -> tuple[Tensor, Numbers]:
    """Cross entropy of one residual layer per sample; low layers are drawn more often (MoMask's cosine schedule).

    With `own_layer` of that layer's codes a share is masked and learned, as of the base layer's.
    """
    config, device = network.config, batch.codes.device
    draw = 1 - torch.cos(torch.rand(len(batch.codes)) * math.pi / 2)
    layer = ((draw * (config.quantizers - 2)).round().long() + 1).to(device)
    codes = batch.codes[..., : config.quantizers].masked_fill(batch.padding.unsqueeze(-1), network.pad_id)
    place = layer[:, None, None].expand(-1, codes.shape[1], 1)
    target = codes.gather(2, place)[..., 0]
    if config.own_layer:
        learned = _share_of_each(batch.padding)
        shown = codes.scatter(2, place, target.masked_fill(learned, network.pad_id)[..., None])
    else:
        learned, shown = ~batch.padding, codes[..., :-1]
    logits = network(shown, layer, network.drop_text(batch.text), batch.padding)
    return _cross_entropy(logits[learned].float(), target[learned], network)


def _cross_entropy(
    logits: Tensor, target: Tensor, network: MaskedTransformer | ResidualTransformer
) -> tuple[Tensor, Numbers]:
    accuracy = (logits.argmax(-1) == target).float().mean().item()
    smoothing = network.config.label_smoothing if network.training else 0.0
    # By slots, a small batch may have masked padding alone.
    loss = F.cross_entropy(logits, target, label_smoothing=smoothing) if len(target) else logits.sum()
    return loss, {"acc": accuracy if len(target) else 0.0}


@torch.no_grad()
def adopt_codebooks(network: MaskedTransformer | ResidualTransformer, vq: MotionVQ | None) -> None:
    """Let a network whose configuration asks for it begin with the codebooks of the RVQ that made its codes.

    Raises MoclipError where there is none of its sizes.
    """
    config = network.config
    if not config.codebook_start:
        return
    books = vq.parts.quantizer.codebooks if isinstance(vq, RVQ) else []
    if len(books) < config.quantizers or books[0].shape != (config.codes, config.code_dim):
        raise MoclipError(
            f"`codebook_start` needs an RVQ of {config.quantizers} layers of {config.codes} codes.",
            hint="Leave it out of the recipe, or give the network the codec's sizes.",
            code="bad_settings",
        )
    network.start_from_codebooks(books[: config.quantizers])


LEARNERS = {
    "masked": Learner(MaskedTransformer, masked_loss, adopt=adopt_codebooks),
    "residual": Learner(ResidualTransformer, residual_loss, adopt=adopt_codebooks),
    "length": LENGTH,
}
"""By the stages of `moclip train`, in their order."""
