# SPDX-License-Identifier: Apache-2.0
"""Feet that stay where they stand and leave the floor when they swing; the legs follow by two-bone IK.

The pelvis is left as it is. Between two contacts a foot is lifted to about what recorded steps clear: generated ones
drag.
"""

import numpy as np

from moclip.footing import bend_leg, contact_offsets, contact_spans, standing
from moclip.skeleton import JOINT_INDEX

_SHORTEST = 3
"""Frames between two contacts that can be a step, and of a motion that has any."""
_STEP_M = 0.25
"""How far toes travel from one contact to the next, at the least, to have made a step."""
_CLEARANCE, _MOST_CLEARANCE_M, _EARLY = 0.12, 0.085, 0.6
"""Height of a step's arch as a share of its length, its limit, and how early it peaks (1: halfway)."""
_TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


def hold_feet(joints: np.ndarray, fps: float) -> np.ndarray:
    """Joints (T, 22, 3) in metres, Y up -> the same with feet that do not slide where they stand nor drag as they step.

    Bones keep their lengths, and only knees, ankles and toes move. A foot that the leg does not reach is held as near
    as it can be. Motions of fewer than 3 frames are left alone.
    """
    if len(joints) < _SHORTEST:
        return joints
    contacts, held = standing(joints[:, _TOES], joints[:, 0], fps), np.array(joints, dtype=np.float64)
    for column, side in enumerate(("left", "right")):
        hip, knee, ankle, toe = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
        offset = contact_offsets(held[:, toe], contacts[:, column], fps)
        offset[:, 1] += step_lifts(held[:, toe] + offset, contacts[:, column], fps)
        moved = np.any(offset != 0, axis=1)
        if not moved.any():
            continue
        target = held[moved, ankle] + offset[moved]
        new_knee, new_ankle = bend_leg(held[moved, hip], held[moved, knee], held[moved, ankle], target)
        held[moved, toe] += new_ankle - held[moved, ankle]
        held[moved, knee], held[moved, ankle] = new_knee, new_ankle
    return held.astype(joints.dtype)


def step_lifts(toe: np.ndarray, stands: np.ndarray, fps: float) -> np.ndarray:
    """(T,) metres to add to the height of toes (T, 3) so that each step between two contacts clears the floor."""
    lift = np.zeros(len(toe))
    spans = contact_spans(stands, fps)
    for (_, leaves), (lands, _) in zip(spans, spans[1:], strict=False):
        travel = np.linalg.norm((toe[lands] - toe[leaves])[[0, 2]])
        if travel < _STEP_M or lands - leaves < _SHORTEST:
            continue
        done = np.linspace(0, 1, lands - leaves + 1)[1:-1]
        arch = min(_CLEARANCE * travel, _MOST_CLEARANCE_M) * np.sin(np.pi * done**_EARLY)
        floor = toe[leaves, 1] + (toe[lands, 1] - toe[leaves, 1]) * done
        lift[leaves + 1 : lands] = np.maximum(floor + arch - toe[leaves + 1 : lands, 1], 0.0)
    return lift
