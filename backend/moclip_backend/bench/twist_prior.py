# SPDX-License-Identifier: Apache-2.0
"""Measure the table `moclip.motion.twist.TWIST_PRIOR` on a dataset.

python -m moclip_backend.bench.twist_prior FOLDER [CLIPS]
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.motion.motion import Motion
from moclip.motion.rotations import conjugate, multiply, normalize, rotate
from moclip.motion.skeleton import MIRROR, REST_OFFSETS
from moclip.motion.twist import LEVELS, TWIST_PRIOR, swing_rotations
from moclip_backend.bench.solver import true_motions

_FRAME_STEP = 4  # neighbouring frames tell the same


def measure_twist_prior(truths: Iterable[Motion]) -> dict[int, tuple[float, ...]]:
    """Least-squares rows of TWIST_PRIOR; right joints count as mirrored left ones."""
    rows: dict[int, list[NDArray[Any]]] = {}
    for truth in truths:
        local = truth.rotations[::_FRAME_STEP].astype(np.float64)
        leans = np.zeros((*local.shape[:2], 3))
        for level in LEVELS:
            joints = list(level.joints)
            rest = normalize(REST_OFFSETS[level.children].astype(np.float64))
            directions = rotate(local[:, joints], rest)
            leans[:, joints] = directions - rest
            relative = multiply(conjugate(swing_rotations(level, rest, directions)), local[:, joints])
            half = np.arctan2(np.sum(relative[..., 1:] * rest, axis=-1), relative[..., 0])
            angles = (2 * half + np.pi) % (2 * np.pi) - np.pi
            for k, joint in enumerate(joints):
                left = min(joint, MIRROR[joint])
                for sign in (1.0, -1.0) if joint == left == MIRROR[joint] else (1.0 if joint == left else -1.0,):
                    row = np.column_stack([leans[:, level.leaning[k]] * (sign, 1, 1), sign * angles[:, k]])
                    rows.setdefault(left, []).append(row)
    prior = {}
    for joint, parts in sorted(rows.items()):
        if joint not in TWIST_PRIOR:
            continue
        samples = np.concatenate(parts)
        inputs = samples[:, :3]
        # A little ridge: directions hardly vary in some joints, whose slopes would otherwise be noise.
        ridge = 1e-3 * len(samples) * np.eye(3)
        solution = np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ samples[:, 3])
        prior[joint] = tuple(round(float(value), 3) for value in solution)
    return prior


def main() -> None:
    dataset, clips = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400
    for joint, row in measure_twist_prior(true_motions(dataset, clips, np.random.default_rng(0))).items():
        print(f"    {joint}: {row},")


if __name__ == "__main__":
    main()
