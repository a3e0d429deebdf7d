# SPDX-License-Identifier: Apache-2.0
"""What the RVQ loses: joints and root path of held-out recordings, encoded and decoded."""

from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.evaluation.reconstruction import round_trip
from moclip.motion.differences import reconstruction_error
from moclip.shipped import DEFAULT_MODEL


def bench_rvq(
    dataset: Path, model: str = DEFAULT_MODEL, split: str = "test", clips: int = 200, seed: int = 0
) -> dict[str, Any]:
    """Centimetres, mean over clips: joint error with roots aligned, root path error and its value at the clip's end.

    Recordings only, not what was made from them. The interval is a 95 % bootstrap over clips.
    """
    folder = DatasetFolder(dataset)
    rebuild = round_trip(model, folder)
    rng = np.random.default_rng(seed)
    ids = [i for i in folder.ids(split) if folder.clips.get(i, {}).get("kind", "clip") == "clip"]
    chosen = rng.permutation(ids)[:clips]
    loaded = [folder.load(str(clip)) for clip in chosen]
    rows = [reconstruction_error(rebuild(features), features) for features in loaded]
    table = np.array(rows)
    means = np.array([table[rng.integers(len(table), size=len(table))].mean(0) for _ in range(1000)])
    names = ("root_aligned_joint_error_cm", "root_path_error_cm", "root_path_error_at_end_cm")
    return {
        "split": split,
        "clips": len(table),
        "seed": seed,
        **{
            name: {"mean": float(table[:, k].mean()), "ci95": np.quantile(means[:, k], [0.025, 0.975]).tolist()}
            for k, name in enumerate(names)
        },
    }
