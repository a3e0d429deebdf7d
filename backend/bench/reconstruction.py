# SPDX-License-Identifier: Apache-2.0
"""What the RVQ loses: joints and root path of held-out recordings, encoded and decoded."""

from pathlib import Path

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.features import features_to_joints
from moclip.models import load_model
from moclip.pipeline import make_runtime


def bench_rvq(dataset: Path, model: str = "embedded", split: str = "test", clips: int = 200, seed: int = 0) -> dict:
    """Centimetres, mean over clips: joint error with roots aligned, root path error and its value at the clip's end.

    Recordings only, not what was made from them. The interval is a 95 % bootstrap over clips.
    """
    folder, files = DatasetFolder(dataset), load_model(model)
    runtime = make_runtime(files)
    stride = 2 ** files.configs["rvq"]["down_t"]
    rng = np.random.default_rng(seed)
    ids = [i for i in folder.ids(split) if folder.clips.get(i, {}).get("kind", "clip") == "clip"]
    chosen = rng.permutation(ids)[:clips]
    rows = []
    for clip in chosen:
        features = folder.load(str(clip))
        features = features[: min(len(features), 196) // stride * stride]
        decoded = runtime.decode(runtime.encode(features[None]))[0]
        joints, truth = features_to_joints(decoded), features_to_joints(features)
        aligned = np.linalg.norm((joints - joints[:, :1]) - (truth - truth[:, :1]), axis=-1).mean()
        path = np.linalg.norm(joints[:, 0] - truth[:, 0], axis=-1)
        rows.append((100 * aligned, 100 * path.mean(), 100 * path[-1]))
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
