# SPDX-License-Identifier: Apache-2.0
"""What tells front from back, and left from right."""

from collections.abc import Mapping

import numpy as np

from .bone_names import read_name
from .rig_shape import length_of, unit

FORWARDS = 0.35
"""Of a foot's length: what its toes must lie ahead to tell front from back."""
_LIMB_JOINTS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")


def front_signs(heads: Mapping[str, np.ndarray], forwards: np.ndarray) -> float:
    """Positive where the limbs' joints tell of a front along an axis: toes before all, then knees and elbows.

    heads: by joint. Toes that lie hardly ahead of their ankles tell little; below 0.25 all signs are weak.
    """
    pairs = {j: [heads[f"{s}_{j}"] for s in ("left", "right")] for j in _LIMB_JOINTS if f"right_{j}" in heads}
    middles = {joint: (one + other) / 2 for joint, (one, other) in pairs.items()}
    told = 0.0
    if "foot" in middles:
        ahead = float(unit(middles["foot"] - middles["ankle"]) @ forwards)
        told += (3.0 if abs(ahead) > FORWARDS else 1.0) * ahead
    for (start, middle, end), sign in ((("hip", "knee", "ankle"), 1.0), (("shoulder", "elbow", "wrist"), -1.0)):
        if end not in middles:
            continue
        upper, lower = (
            float(np.mean([length_of(a - b) for a, b in zip(pairs[j], pairs[k], strict=True)]))
            for j, k in ((start, middle), (middle, end))
        )
        share = upper / max(upper + lower, 1e-12)
        aside = middles[middle] - middles[start] - share * (middles[end] - middles[start])
        bend = float(aside @ forwards) / max(upper + lower, 1e-12)
        if abs(bend) > 0.01:
            told += sign * float(np.clip(10 * bend, -0.8, 0.8))
    return told


def face_signs(heads: np.ndarray, forwards: np.ndarray, size: float) -> float:
    """As front_signs, of what hangs on a head. heads: the head's and what hangs on it."""
    if len(heads) < 3:
        return 0.0
    ahead = float((heads[1:] - heads[0]).mean(axis=0) @ forwards) / size
    return float(np.clip(10 * ahead, -0.3, 0.3)) if abs(ahead) > 0.005 else 0.0


def side_of(name: str) -> str:
    """ "left", "right" or "", as a bone's name tells for sure."""
    return next((side for side, _ in read_name(name)[0] if side), "")
