# SPDX-License-Identifier: Apache-2.0
"""Several takes of each request, of which MoCLIP chooses the one that is nearest to the text.

A text-motion space that generators are trained in also tells how well a motion came out; the field measures with it
(R-precision), and here it casts.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.generators.base.codec import Codec
from moclip.generators.base.passages import Passage
from moclip.generators.base.runtime import Runtime
from moclip.motion.features import features_to_joints

_TAKE = 1 << 63
"""Seeds are smaller, so no take of one seed is a take of another."""


def later_takes(seed: int, taken: int, number: int) -> int:
    """The seed of the `number`-th take after the first `taken` ones of a seed."""
    return seed + (taken + number) * _TAKE


def repeat_takes(
    passages: Sequence[Passage], lengths: np.ndarray, seeds: Sequence[int], takes: Sequence[int]
) -> tuple[list[Passage], np.ndarray, list[int]]:
    """Rows for so many takes of each request, (B,), one after the other; the first has the request's own seed."""
    firsts = np.cumsum(takes) - takes
    rows = [replace(p, request=int(firsts[p.request]) + k) for p in passages for k in range(takes[p.request])]
    rows.sort(key=lambda p: p.request)
    drawn = [seed + take * _TAKE for seed, count in zip(seeds, takes, strict=True) for take in range(count)]
    return rows, np.repeat(lengths, takes), drawn


def best_takes(
    runtime: Runtime, codec: Codec, codes: np.ndarray, passages: Sequence[Passage], takes: Sequence[int]
) -> np.ndarray:
    """Row of the best take of each request: codes (all takes, S, Q), passages as from `repeat_takes` -> (B,).

    A take's score is the mean cosine of its passages' motions and texts, each passage for as long as it is.
    """
    features, stride = codec.decode(codes), codec.stride
    clips = [features_to_joints(features[p.request, p.first * stride : p.end * stride]) for p in passages]
    longest = max(len(clip) for clip in clips)
    joints = np.zeros((len(clips), longest, *clips[0].shape[1:]), dtype=np.float32)
    valid = np.zeros((len(clips), longest), dtype=bool)
    for row, clip in enumerate(clips):
        joints[row, : len(clip)], valid[row, : len(clip)] = clip, True
    text = np.stack([p.text for p in passages])
    text = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-9)
    cosine = (runtime.call("motion", joints=joints, valid=valid) * text).sum(axis=1)
    frames = valid.sum(axis=1)
    rows = np.array([p.request for p in passages])
    total = np.bincount(rows, weights=cosine * frames, minlength=len(codes)) / np.bincount(rows, weights=frames)
    ends = np.cumsum(takes)
    return np.array([first + total[first:end].argmax() for first, end in zip(ends - takes, ends, strict=True)])
