# SPDX-License-Identifier: Apache-2.0
"""Codebooks of a trained codec: the root's course in the first of them, and finer ones behind the last.

No paper's. What varies most comes first in a residual quantiser, and in a large dataset that is the pose: a base layer
whose walks to the left, to the right and straight on have the same codes leaves nothing to the text that asks for one
of them. `weigh_root` stretches the two directions of the latent space that tell the root's course, changes encoder and
decoder so that each undoes what the other does, and makes the codebooks anew. `add_layers` makes more of them, of what
the others leave: the finest details need more layers than a codec trains.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from moclip.codecs.rvq import RVQ, Codebook
from moclip.data.clips import Clips

CLIPS = 4000
"""That the directions and the codebooks are made of."""
PASSES = 15
"""Over their latents, for each codebook."""
RIDGE = 1e-3
"""Of least squares, as a share of the latents' mean variance."""
_COURSE = slice(0, 2)
"""Features that tell the root's turning and its velocity sideways."""
_CHUNK = 8192


@torch.no_grad()
def weigh_root(network: RVQ, clips: Clips, weight: float, seed: int = 0) -> None:
    """Give the root's course its weight in a trained codec, in place; what it makes of a latent stays as it was.

    weight: what the course shall vary by in each of its two directions, as a share of what latents vary by in all.
    """
    latents, course = _latents(network, clips, seed)
    middle = latents.mean(0)
    directions = _directions(latents - middle, course - course.mean(0))
    spread = (latents - middle).square().sum(1).mean().sqrt()
    scale = weight * spread / ((latents - middle) @ directions).std(0)
    stretch = _along(directions, scale)
    _stretch(network, stretch, _along(directions, 1 / scale))
    left = latents @ stretch
    _fit(network.quantizer.layers, left, seed)


@torch.no_grad()
def add_layers(network: RVQ, clips: Clips, count: int, seed: int = 0) -> None:
    """Give a trained codec so many finer layers, in place; those that it has stay as they are."""
    left, _ = _latents(network, clips, seed)
    for layer in network.quantizer.layers:
        left = left - _quantized(layer, left)
    added = [Codebook(network.config) for _ in range(count)]
    _fit(added, left, seed)
    network.quantizer.layers.extend(added)


def _latents(network: RVQ, clips: Clips, seed: int) -> tuple[Tensor, Tensor]:
    """(N, D) latents of clips as they are drawn in training, and (N, 2) their root's course, normalised."""
    rng, stride = np.random.default_rng(seed), network.config.stride
    latents, course = [], []
    for index in rng.choice(len(clips), size=min(CLIPS, 4 * len(clips)), p=clips.weights):
        features = clips.features[index]
        frames = len(features) // stride * stride
        if frames:
            normalized = network.normalize(torch.from_numpy(features[:frames]).float())
            latents.append(network.latent(normalized[None])[0])
            course.append(normalized[:, _COURSE].unflatten(0, (-1, stride)).mean(1))
    return torch.cat(latents), torch.cat(course)


def _directions(latents: Tensor, course: Tensor) -> Tensor:
    """(D, 2) orthonormal: those from which least squares tell the course. Both are given without their means."""
    covariance = latents.T @ latents / len(latents)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance))
    found: Tensor = torch.linalg.qr(torch.linalg.solve(covariance + ridge, latents.T @ course / len(latents)))[0]
    return found


def _along(directions: Tensor, scale: Tensor) -> Tensor:
    """(D, D), symmetric: what stretches these directions and leaves all others."""
    return torch.eye(len(directions)) + (directions * (scale - 1)) @ directions.T


def _stretch(network: RVQ, stretch: Tensor, undo: Tensor) -> None:
    last, first = network.encoder.model[-1], network.decoder.model[0]
    assert isinstance(last, nn.Conv1d) and isinstance(first, nn.Conv1d) and last.bias is not None
    last.weight.copy_(torch.einsum("de,ewk->dwk", stretch, last.weight))
    last.bias.copy_(stretch @ last.bias)
    first.weight.copy_(torch.einsum("wdk,de->wek", first.weight, undo))


def _fit(layers: Iterable[nn.Module], left: Tensor, seed: int) -> None:
    """Make codebooks of vectors (N, D), each of what those before it leave."""
    generator = torch.Generator().manual_seed(seed)
    for layer in layers:
        assert isinstance(layer, Codebook)
        _make(layer, left, generator)
        left = left - _quantized(layer, left)


def _make(layer: Codebook, vectors: Tensor, generator: torch.Generator) -> None:
    """By its own moving averages."""
    count = len(layer.codebook)
    layer.codebook.copy_(vectors[torch.randint(len(vectors), (count,), generator=generator)])
    layer.start_from_codebook()
    for _ in range(PASSES):
        for chunk in vectors[torch.randperm(len(vectors), generator=generator)].split(_CHUNK):
            layer.update(chunk, layer.codes_of(chunk, sample=False))


def _quantized(layer: nn.Module, vectors: Tensor) -> Tensor:
    """(N, D) of the codebook."""
    assert isinstance(layer, Codebook)
    return torch.cat([layer.codebook[layer.codes_of(chunk, sample=False)] for chunk in vectors.split(_CHUNK)])
