# SPDX-License-Identifier: Apache-2.0
"""Where a codec begins: as the best linear one, which principal components and least squares give without a step.

Convolutions with random weights need thousands of steps to come as far. No paper's: with this start the activations are
shifted so far up that ReLU cuts nothing, and the residual blocks add nothing yet; training bends both.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.convolutions import Decoder, Encoder, ResidualStack

SHIFT = 8.0
"""Standard deviations that activations are lifted by before a ReLU, and lowered by after it."""
RIDGE = 1e-4
"""Of least squares, as a share of the inputs' mean square."""


@torch.no_grad()
def start_linear(encoder: Encoder, decoder: Decoder, windows: Tensor, weights: Tensor) -> None:
    """Give both their first weights.

    windows: (N, T, features) normalised, of valid frames alone, T a multiple of the stride. weights: (features,) what
    an error counts. Raises ValueError where features and codes do not fit through the network's width.
    """
    levels, latent = _encoder(encoder, windows, weights)
    _decoder(decoder, windows, levels, latent)


def _encoder(encoder: Encoder, windows: Tensor, weights: Tensor) -> tuple[list[Tensor], Tensor]:
    """Components of the frame, then of two neighbours at every halving: (N, T / 2^k, width) of each level, latents."""
    first, last = encoder.model[0], encoder.model[-1]
    width = first.out_channels
    root = weights.sqrt()
    components, _ = _principal(windows.flatten(0, 1) * root, width)
    seen = components * root
    _clear(first)
    first.weight[: len(seen), :, 1] = seen
    level = F.pad(windows @ seen.T, (0, width - len(seen)))
    lift = _lift(level)
    first.bias.copy_(lift)
    levels = [level]
    for stage in encoder.model[2:-1]:
        pairs = torch.cat([level[:, 0::2], level[:, 1::2]], dim=-1)
        components, _ = _principal(pairs.flatten(0, 1), width)
        down = stage[0]
        _clear(down)
        down.weight[..., 1], down.weight[..., 2] = components[:, :width], components[:, width:]
        down.bias.copy_(-(components @ torch.cat([lift, lift])))
        _silence(stage[1])
        level, lift = pairs @ components.T, torch.zeros(width)
        levels.append(level)
    components, mean = _principal(level.flatten(0, 1), last.out_channels)
    latent = (level - mean) @ components.T
    scale = latent.square().mean().rsqrt()
    _clear(last)
    last.weight[: len(components), :, 1] = components * scale
    last.bias[: len(components)] = -(components @ mean) * scale
    return levels, F.pad(latent * scale, (0, last.out_channels - len(components)))


def _decoder(decoder: Decoder, windows: Tensor, levels: list[Tensor], latent: Tensor) -> None:
    """Least squares back to every level; two neighbours are told apart by what lies around them."""
    convolutions = [part for part in decoder.model if isinstance(part, nn.Conv1d)]
    first, middle, last = convolutions
    matrix, offset = _least_squares(latent, levels[-1])
    level = latent @ matrix.T + offset
    lift = _lift(level)
    _clear(first)
    first.weight[..., 1] = matrix
    first.bias.copy_(offset + lift)
    for target, stage in zip(reversed(levels[:-1]), decoder.model[2:-3], strict=True):
        _silence(stage[0])
        level = _solve(stage[2], level.repeat_interleave(2, dim=1), target, lift)
        lift = torch.zeros_like(lift)
    lift = _lift(level)
    _clear(middle)
    middle.weight[..., 1] = torch.eye(len(lift))
    middle.bias.copy_(lift)
    _solve(last, level, windows, lift)


def _solve(convolution: nn.Conv1d, inputs: Tensor, target: Tensor, lift: Tensor) -> Tensor:
    """Set a convolution of three frames to what it should give of `inputs`, which reach it lifted; what it gives."""
    padded = F.pad(inputs, (0, 0, 1, 1))
    around = torch.cat([padded[:, :-2], inputs, padded[:, 2:]], dim=-1)
    matrix, offset = _least_squares(around[:, 1:-1], target[:, 1:-1])
    convolution.weight.copy_(matrix.unflatten(1, (3, -1)).transpose(1, 2))
    convolution.bias.copy_(offset - matrix @ lift.repeat(3))
    return around @ matrix.T + offset


def _clear(convolution: nn.Conv1d) -> None:
    convolution.weight.zero_()
    convolution.bias.zero_()


def _silence(stack: ResidualStack) -> None:
    for block in stack.model:
        _clear(block.conv2)


def _lift(level: Tensor) -> Tensor:
    flat = level.flatten(0, 1)
    return SHIFT * flat.std(0) - flat.mean(0)


def _principal(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` principal components of (N, D), or all D: (count, D), and the mean (D,)."""
    mean = rows.mean(0)
    centred = (rows - mean).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(rows))
    return vectors[:, -count:].flip(1).T.float(), mean


def _least_squares(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """(N, T, P), (N, T, Q) -> matrix (Q, P) and offset (Q,) with inputs @ matrix.T + offset near the outputs."""
    inputs, outputs = inputs.flatten(0, 1), outputs.flatten(0, 1)
    mean_in, mean_out = inputs.mean(0), outputs.mean(0)
    a, b = (inputs - mean_in).double(), (outputs - mean_out).double()
    gram = a.T @ a
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    matrix = torch.linalg.solve(gram, a.T @ b).T.float()
    return matrix, mean_out - matrix @ mean_in
