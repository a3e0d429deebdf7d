# SPDX-License-Identifier: Apache-2.0
"""Where a codec begins: as the best linear one, which principal components and least squares give without a step.

No paper's. Activations are shifted so far up that ReLU cuts nothing, and the residual blocks add nothing yet; training
bends both.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.convolutions import Decoder, Encoder, ResidualBlock, ResidualStack

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
    first, *_, last = _convolutions(encoder.model)
    width = first.out_channels
    root = weights.sqrt()
    seen = _principal(windows.flatten(0, 1) * root, width)[0] * root
    level = F.pad(windows @ seen.T, (0, width - len(seen)))
    lift = _lift(level)
    _set(first, {1: seen}, lift)
    levels = [level]
    for convolution, stack in _stages(encoder.model):
        pairs = torch.cat([level[:, 0::2], level[:, 1::2]], dim=-1)
        components, _ = _principal(pairs.flatten(0, 1), width)
        _set(convolution, {1: components[:, :width], 2: components[:, width:]}, -(components @ lift.repeat(2)))
        _silence(stack)
        level, lift = pairs @ components.T, torch.zeros(width)
        levels.append(level)
    components, mean = _principal(level.flatten(0, 1), last.out_channels)
    latent = (level - mean) @ components.T
    scale = latent.square().mean().rsqrt()
    _set(last, {1: components * scale}, -(components @ mean) * scale)
    return levels, F.pad(latent * scale, (0, last.out_channels - len(components)))


def _decoder(decoder: Decoder, windows: Tensor, levels: list[Tensor], latent: Tensor) -> None:
    """Least squares back to every level; two neighbours are told apart by what lies around them."""
    first, middle, last = _convolutions(decoder.model)
    matrix, offset = _least_squares(latent, levels[-1])
    level = latent @ matrix.T + offset
    lift = _lift(level)
    _set(first, {1: matrix}, offset + lift)
    for target, (convolution, stack) in zip(reversed(levels[:-1]), _stages(decoder.model), strict=True):
        _silence(stack)
        level = _solve(convolution, level.repeat_interleave(2, dim=1), target, lift)
        lift = torch.zeros_like(lift)
    lift = _lift(level)
    _set(middle, {1: torch.eye(len(lift))}, lift)
    _solve(last, level, windows, lift)


def _solve(convolution: nn.Conv1d, inputs: Tensor, target: Tensor, lift: Tensor) -> Tensor:
    """Set a convolution of three frames to what it should give of `inputs`, which reach it lifted; what it gives."""
    padded = F.pad(inputs, (0, 0, 1, 1))
    around = torch.cat([padded[:, :-2], inputs, padded[:, 2:]], dim=-1)
    matrix, offset = _least_squares(around[:, 1:-1], target[:, 1:-1])
    _set(convolution, dict(enumerate(matrix.chunk(3, dim=1))), offset - matrix @ lift.repeat(3))
    return around @ matrix.T + offset


def _convolutions(model: nn.Sequential) -> list[nn.Conv1d]:
    """Those that change no rate."""
    return [part for part in model if isinstance(part, nn.Conv1d)]


def _stages(model: nn.Sequential) -> list[tuple[nn.Conv1d, ResidualStack]]:
    """Those that halve or double it, each with the blocks beside it."""
    found = []
    for stage in model:
        if isinstance(stage, nn.Sequential):
            (convolution,) = _convolutions(stage)
            (stack,) = (part for part in stage if isinstance(part, ResidualStack))
            found.append((convolution, stack))
    return found


def _set(convolution: nn.Conv1d, taps: Mapping[int, Tensor], bias: Tensor) -> None:
    """taps: which of its frames is multiplied by what, all others by nothing; rows that are missing give nothing."""
    assert convolution.bias is not None
    convolution.weight.zero_()
    convolution.bias.zero_()
    for tap, matrix in taps.items():
        convolution.weight[: len(matrix), :, tap] = matrix
    convolution.bias[: len(bias)] = bias


def _silence(stack: ResidualStack) -> None:
    for block in stack.model:
        assert isinstance(block, ResidualBlock)
        nn.init.zeros_(block.conv2.weight)
        assert block.conv2.bias is not None
        nn.init.zeros_(block.conv2.bias)


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
