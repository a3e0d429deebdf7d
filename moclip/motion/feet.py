# SPDX-License-Identifier: Apache-2.0
"""Feet that stay where they stand and leave the floor when they swing; the legs follow by two-bone IK.

The pelvis is left as it is. Between two contacts a foot is lifted to about what recorded steps clear: generated ones
drag.
"""

from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .footing import bend_leg, contact_offsets, contact_spans, offsets_between, standing
from .motion import Motion, world_rotations
from .rotations import between, conjugate, multiply
from .skeleton import JOINT_INDEX, PARENTS

_SHORTEST = 3
"""Frames between two contacts that can be a step, and of a motion that has any."""
_STEP_M = 0.25
"""How far toes travel from one contact to the next, at the least, to have made a step."""
_CLEARANCE, _MOST_CLEARANCE_M, _EARLY = 0.12, 0.085, 0.6
"""Height of a step's arch as a share of its length, its limit, and how early it peaks (1: halfway)."""
_SOFT = 2
"""Frames over which a body that sinks is raised."""
_TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


def toe_contacts(joints: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) whether the left and the right toes of joints (T, 22, 3) stand; in fewer than 3 frames nobody can tell."""
    if len(joints) < _SHORTEST:
        return np.zeros((len(joints), 2), dtype=bool)
    return standing(joints[:, _TOES], joints[:, 0], fps)


def hold_feet(joints: np.ndarray, fps: float, contacts: np.ndarray | None = None) -> np.ndarray:
    """Joints (T, 22, 3) in metres, Y up -> the same with feet that do not slide where they stand nor drag as they step.

    Bones keep their lengths, and only knees, ankles and toes move. A foot that the leg does not reach is held as near
    as it can be. Motions of fewer than 3 frames are left alone. contacts: (T, 2) where feet stand; None finds out.
    """
    if len(joints) < _SHORTEST:
        return joints
    contacts = toe_contacts(joints, fps) if contacts is None else contacts
    held = np.array(joints, dtype=np.float64)
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


def raised(motion: Motion, first: int, end: int) -> Motion:
    """A motion whose frames first..end-1 do not sink under the floor that the lowest toes of the others tell.

    The whole body is raised: legs that bent instead would do so suddenly.
    """
    lowest = motion.joints()[:, _TOES, 1].min(axis=1)
    kept = np.r_[0:first, end : motion.frames]
    sunk = np.zeros(motion.frames)
    sunk[first:end] = np.maximum(lowest[kept].min() - lowest[first:end], 0.0)
    wide = sliding_window_view(np.pad(sunk, 2 * _SOFT), 4 * _SOFT + 1).max(axis=1)
    soft = np.convolve(np.pad(wide, _SOFT, "edge"), np.hanning(2 * _SOFT + 3)[1:-1] / (_SOFT + 1), "valid")
    frames = np.arange(motion.frames)
    eased = np.clip(np.minimum(frames - first + 1, end - frames) / (2 * _SOFT), 0.0, 1.0)
    root = motion.root_translation.copy()
    root[:, 1] += np.where(np.isin(frames, kept), 0.0, soft * eased)
    return replace(motion, root_translation=root)


def plant_feet(motion: Motion, first: int, end: int, contacts: np.ndarray) -> np.ndarray:
    """Rotations (T, 22, 4) of a motion whose frames first..end-1 have feet that stand where contacts (T, 2) says.

    A contact that the other frames share stays where they have it. Only hips, knees and ankles turn, the feet keep
    their directions.
    """
    joints, world = motion.joints().astype(np.float64), world_rotations(motion.rotations.astype(np.float64))
    planted = motion.rotations.astype(np.float64)
    for column, side in enumerate(("left", "right")):
        hip, knee, ankle, toe = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
        offset = offsets_between(joints[:, toe], contacts[:, column], first, end, motion.fps)
        new_knee, new_ankle = bend_leg(joints[:, hip], joints[:, knee], joints[:, ankle], joints[:, ankle] + offset)
        thigh = between(joints[:, knee] - joints[:, hip], new_knee - joints[:, hip])
        shin = between(joints[:, ankle] - joints[:, knee], new_ankle - new_knee)
        moved = np.any(offset != 0, axis=1)
        parent = world[:, PARENTS[hip]]
        for joint, turned in ((hip, multiply(thigh, world[:, hip])), (knee, multiply(shin, world[:, knee]))):
            planted[moved, joint] = multiply(conjugate(parent), turned)[moved]
            parent = turned
        planted[moved, ankle] = multiply(conjugate(parent), world[:, ankle])[moved]
    return planted


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
