# SPDX-License-Identifier: Apache-2.0
"""A dataset folder of four short clips, for tests of training."""

import json
from pathlib import Path

import numpy as np
from gaits import gesture, walk

from moclip.data.folder import DatasetFolder
from moclip.motion.features import motion_to_features


def make_toy_dataset(folder: Path) -> DatasetFolder:
    """Walks and raised hands: two clips to train on, two to validate, two to test."""
    for part in ("new_joint_vecs", "texts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    motions = {
        "walk": ("walk", None, walk(81)), "stroll": ("walk", None, walk(60, 1.0, seed=1)),
        "left": ("raise_hand", "left", gesture(70, 16, 140)), "right": ("raise_hand", "right", gesture(50, 17, 140)),
    }  # fmt: skip
    lines, rows = [], []
    for clip, (action, side, motion) in motions.items():
        rows.append(motion_to_features(motion))
        np.save(folder / "new_joint_vecs" / f"{clip}.npy", rows[-1])
        sentence = f"a person does {clip} with the {side} hand"
        (folder / "texts" / f"{clip}.txt").write_text(f"{sentence}#a/DET#0.0#0.0\nsomeone: {clip}#a/DET#0.0#0.0\n")
        label = {"action": action, "style": None, "side": side}
        lines.append(json.dumps({"id": clip, "kind": "clip", "source": clip, "actions": [label]}))
    for split, ids in (("train", ["walk", "left"]), ("val", ["stroll", "right"]), ("test", ["walk", "right"])):
        (folder / f"{split}.txt").write_text("\n".join(ids))
    (folder / "clips.jsonl").write_text("\n".join(lines))
    np.save(folder / "Mean.npy", np.concatenate(rows).mean(0))
    np.save(folder / "Std.npy", np.full(263, 0.3, np.float32))
    meta = {"fps": 20, "joints": 22, "rotation_channels": "local", "licence": "CC0", "sources": {"toy": "CC0"}}
    (folder / "meta.json").write_text(json.dumps(meta))
    return DatasetFolder(folder)
