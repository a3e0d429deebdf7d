# SPDX-License-Identifier: Apache-2.0
"""What a step of MoCLIP costs: batches by length against padding, and the text side while the student is frozen."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
from moclip.alignment.pairs import PADDED_FRAMES, embed_captions, embed_motions, pad_joints, pair_batch, pair_clips
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.models import load_model
from moclip.nn.networks import restore
from moclip.recipes.recipe import load_recipe
from moclip.text.tower import TextTower


def bench_alignment(
    dataset: Path, split: str = "val", batch: int = 96, rounds: int = 5, seed: int = 0
) -> dict[str, Any]:
    """Seconds of the forward and backward pass of the recipe's motion encoder on batches of a split; medians.

    "gain": of batching by length over padding to 196 frames. "text share": of a step whose text vectors are read from
    the table that was computed once; "text share, computed": if the tower read the captions in every step.
    """
    torch.manual_seed(seed)
    folder, part = DatasetFolder(dataset), load_recipe()["moclip"]
    encoder = MotionEncoder(MotionEncoderConfig(**{**part["motion"], "cross_limb": True})).train()
    files = load_model("embedded")
    tower = restore(TextTower, files.configs["text"], files.arrays["text"])
    clips = pair_clips(folder, load_clips(folder, split), encoder.config)
    width = tower.config.embed_dim
    table = [np.zeros((len(tokens), width), np.float16) for tokens in clips.tokens]
    rng = np.random.default_rng(seed)
    pairs = pair_batch(clips, rng, batch)
    captions = rng.integers(len(table), size=batch)

    def padded() -> None:
        encoder(*pad_joints(pairs.joints, PADDED_FRAMES)).sum().backward()

    def by_length() -> None:
        embed_motions(encoder, pairs.joints).sum().backward()

    def read_table() -> None:
        torch.from_numpy(np.stack([table[k][0] for k in captions]).astype(np.float32))

    def read_captions() -> None:
        with torch.no_grad():
            embed_captions(tower, pairs.tokens)

    seconds = {f.__name__: _median(f, rounds) for f in (padded, by_length, read_table, read_captions)}
    return {
        "split": split, "batch": batch, "seed": seed, "rounds": rounds,
        "mean frames": float(np.mean([len(j) for j in clips.joints])), "seconds": seconds,
        "gain": seconds["padded"] / seconds["by_length"],
        "text share": seconds["read_table"] / (seconds["read_table"] + seconds["by_length"]),
        "text share, computed": seconds["read_captions"] / (seconds["read_captions"] + seconds["by_length"]),
    }  # fmt: skip


def _median(call: Callable[[], None], rounds: int) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
