# SPDX-License-Identifier: Apache-2.0
"""How clean motions are, whatever they show: feet that slide, jerk, bodies over or under the floor."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from moclip.motion.floor import clearance
from moclip.showing.kinematics import FPS, foot_skating, mean_jerk
from moclip.showing.rules import OFF_THE_FLOOR

OFF_FLOOR_M = 0.02
"""By which nobody may sink or float."""
_LONGER_THAN_A_JUMP = round(1.0 * FPS)


def sinking(joints: np.ndarray) -> float:
    """Metres by which the lowest joint is under the floor, y = 0, at the worst."""
    return max(0.0, -float(joints[..., 1].min()))


def floating(joints: np.ndarray) -> float:
    """Metres by which what a body rests on is over the floor, y = 0, for longer than a jump lasts."""
    heights = clearance(joints)
    span = min(_LONGER_THAN_A_JUMP, len(heights))
    return max(0.0, float(np.lib.stride_tricks.sliding_window_view(heights, span).min(axis=1).max()))


def quality(motions: Sequence[np.ndarray], asked: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Means over motions (T, 22, 3), of which each was asked to show these actions; None where there are none.

    Feet and jerk of walks, of all, jerk by action, and the shares of motions that sink or float by more than 2 cm.
    """
    walks = [joints for joints, actions in zip(motions, asked, strict=True) if actions == ("walk",)]
    grounded = [joints for joints, actions in zip(motions, asked, strict=True) if not OFF_THE_FLOOR & set(actions)]
    by_action: dict[str, list[float]] = {}
    for joints, actions in zip(motions, asked, strict=True):
        if len(actions) == 1:
            by_action.setdefault(actions[0], []).append(mean_jerk(joints))
    return {
        "walk_foot_skating": _mean([foot_skating(joints) for joints in walks]),
        "walk_mean_jerk": _mean([mean_jerk(joints) for joints in walks]),
        "mean_jerk": _mean([mean_jerk(joints) for joints in motions]),
        "jerk": {action: float(np.mean(values)) for action, values in by_action.items()},
        "sinking": _mean([float(sinking(joints) > OFF_FLOOR_M) for joints in motions]),
        "floating": _mean([float(floating(joints) > OFF_FLOOR_M) for joints in grounded]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
