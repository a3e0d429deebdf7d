# SPDX-License-Identifier: Apache-2.0
"""29,000 clips, as many as HumanML3D has, start in seconds and stay out of memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

COUNT, DISTINCT = 29_000, 300


def many_clips(folder: Path) -> Path:
    """As HumanML3D has them, of 60 to 198 frames; most files are hard links to others, which saves the disk."""
    for part in ("new_joint_vecs", "texts"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(COUNT):
        path = folder / "new_joint_vecs" / f"{k:06d}.npy"
        if k < DISTINCT:
            features = rng.normal(0, 0.1, (int(rng.integers(60, 199)), 263)).astype(np.float32)
            features[:, 3] = 0.9
            np.save(path, features)
        else:
            os.link(folder / "new_joint_vecs" / f"{k % DISTINCT:06d}.npy", path)
        words = (f"a person walks {k} steps", f"someone strolls about {k % 97}", f"he goes his way {k % 31}")
        (folder / "texts" / f"{k:06d}.txt").write_text("".join(f"{w}#a/DET walk/VERB#0.0#0.0\n" for w in words))
    ids = [f"{k:06d}\n" for k in range(COUNT)]
    for split, listed in (("train", ids[1460:]), ("val", ids[:1460]), ("test", ids[:1460])):
        (folder / f"{split}.txt").write_text("".join(listed))
    np.save(folder / "Mean.npy", np.zeros(263, np.float32))
    np.save(folder / "Std.npy", np.full(263, 0.1, np.float32))
    return folder


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_29000_clips_start_in_seconds_and_in_less_than_two_gigabytes(tmp_path, capsys):
    folder, root = many_clips(tmp_path / "many"), Path(__file__).parents[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, str(Path(__file__).parent / "large_dataset.py"), str(folder), "10"]
    runs = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    ]
    with capsys.disabled():
        for run in runs:
            print(", ".join(f"{name} {value:.4g}" for name, value in run.items()))
    first, again = runs
    assert first["clips"] == COUNT and first["sum"] == again["sum"]
    # All of the features would be 3.9 GB, and the joints 1 GB.
    assert max(run["peak_gb"] for run in runs) < 2
    assert again["start"] < 30
