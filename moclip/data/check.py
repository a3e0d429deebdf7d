# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a dataset folder."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

import numpy as np

from moclip.data.folder import PROTOCOL, DatasetFolder
from moclip.errors import MoclipError

SPLITS = ("train", "val", "test")
TOKEN = 4
"""Frames of a token: a clip of fewer has nothing to be learnt of."""


def problems(dataset: DatasetFolder, limit: int = 20) -> list[str]:
    """One sentence each, at most `limit`; every file is read."""
    return list(islice(_all(dataset), limit))


def _all(dataset: DatasetFolder) -> Iterator[str]:
    yield from _statistics(dataset)
    lists = {split: dataset.listed(split) for split in SPLITS if (dataset.path / f"{split}.txt").is_file()}
    for split in SPLITS:
        if split not in lists:
            yield f"There is no {split}.txt."
        elif not lists[split]:
            yield f"The split {split}.txt is empty."
    where: dict[str, list[str]] = defaultdict(list)
    for split, clips in lists.items():
        for clip in clips:
            where[clip].append(split)
    for clip, splits in where.items():
        if len(splits) > 1:
            yield f"{clip} is listed {len(splits)} times: in {' and '.join(f'{split}.txt' for split in splits)}."
    alike: dict[bytes, list[str]] = defaultdict(list)
    for clip in where:
        yield from _clip(dataset, clip, alike)
    for clips in alike.values():
        if len(clips) > 1:
            yield f"{', '.join(clips[:-1])} and {clips[-1]} hold the same motion."


def _statistics(dataset: DatasetFolder) -> Iterator[str]:
    for name, numbers in (("Mean", dataset.mean), ("Std", dataset.std)):
        if not np.isfinite(numbers).all():
            yield f"{name}.npy holds numbers that are not finite."
    still = np.flatnonzero(dataset.std <= 0)
    if len(still):
        told = f"{len(still)} of its {len(dataset.std)} numbers, the first in column {still[0]}"
        yield f"Std.npy is 0 or less in {told}: features cannot be divided by it."


def _clip(dataset: DatasetFolder, clip: str, alike: dict[bytes, list[str]]) -> Iterator[str]:
    try:
        features = dataset.load(clip)
    except MoclipError as error:
        yield error.message
    else:
        if len(features) < TOKEN:
            frames = "1 frame" if len(features) == 1 else f"{len(features)} frames"
            yield f"{clip}: it has {frames}, and a token is {TOKEN}."
        alike[hashlib.sha256(features.tobytes()).digest()].append(clip)
    try:
        if dataset.meta["protocol"] == PROTOCOL:
            dataset.caption_lines(clip)
        else:
            dataset.captions(clip)
    except MoclipError as error:
        yield error.message
