# SPDX-License-Identifier: Apache-2.0
"""Feet that stay where they stand and leave the floor when they swing; the legs follow by two-bone IK.

As in Kovar, Schreiner and Gleicher, "Footskate Cleanup for Motion Capture Editing" (SCA 2002), with one anchor a
contact and offsets that are blended while the foot is in the air; the pelvis is left as it is. Between two contacts a
foot is lifted to about what recorded steps clear: generated ones drag.
"""

import numpy as np

from moclip.skeleton import JOINT_INDEX

_SHORTEST = 3
"""Frames of a contact that counts."""
_REACH = 0.995
"""Of a leg's length: a leg that is pulled straight snaps."""
_MOST_M = 0.35
"""Farther off than this the contact was a wrong guess."""
_FADE = 6
"""Frames in which an offset fades before the first contact and after the last."""


_LOW_M, _SLOW_M_S, _SLOWER = 0.06, 0.35, 0.9
"""A foot stands when its toes are this near to the floor and slower than this, or than this share of the pelvis."""


_STEP_M = 0.25
"""How far toes travel from one contact to the next, at the least, to have made a step."""
_CLEARANCE, _MOST_CLEARANCE_M, _EARLY = 0.12, 0.085, 0.6
"""Height of a step's arch as a share of its length, its limit, and how early it peaks (1: halfway)."""


def standing(joints: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool: do the left and the right toes stand, from this frame to the next? joints: (T, 22, 3) in metres.

    A foot that should stand may slide, but slower than the body travels; one in the air is faster. The contacts that a
    model generates say less: they stay on through whole strides of feet that shuffle.
    """
    ground = joints[:, :, [0, 2]].astype(np.float64)
    toes = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    speed = np.linalg.norm(np.diff(ground[:, toes], axis=0), axis=-1) * fps
    travel = np.linalg.norm(_smoothed(np.diff(ground[:, 0], axis=0) * fps), axis=-1, keepdims=True)
    height = joints[:, toes, 1]
    low = height < np.percentile(height.min(axis=1), 10) + _LOW_M
    stands = np.zeros((len(joints), 2), dtype=bool)
    stands[:-1] = (speed < np.maximum(_SLOW_M_S, _SLOWER * travel)) & low[:-1] & low[1:]
    return stands


def _smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """(T, D) running means over `width` frames, fewer at the ends."""
    kernel, ones = np.ones(width), np.ones(len(values))
    count = np.convolve(ones, kernel, "same")[: len(values)]
    return np.stack([np.convolve(v, kernel, "same")[: len(values)] / count for v in values.T], axis=1)


def hold_feet(joints: np.ndarray, fps: float) -> np.ndarray:
    """Joints (T, 22, 3) in metres, Y up -> the same with feet that do not slide where they stand nor drag as they step.

    Bones keep their lengths, and only knees, ankles and toes move. A foot that the leg does not reach is held as near
    as it can be. Motions of fewer than 3 frames are left alone.
    """
    if len(joints) < _SHORTEST:
        return joints
    contacts, held = standing(joints, fps), np.array(joints, dtype=np.float64)
    for column, side in enumerate(("left", "right")):
        hip, knee, ankle, toe = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
        offset = contact_offsets(held[:, toe], contacts[:, column])
        offset[:, 1] += step_lifts(held[:, toe] + offset, contacts[:, column])
        moved = np.any(offset != 0, axis=1)
        if not moved.any():
            continue
        target = held[moved, ankle] + offset[moved]
        new_knee, new_ankle = bend_leg(held[moved, hip], held[moved, knee], held[moved, ankle], target)
        held[moved, toe] += new_ankle - held[moved, ankle]
        held[moved, knee], held[moved, ankle] = new_knee, new_ankle
    return held.astype(joints.dtype)


def contact_offsets(toe: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """(T, 3) what to add to a foot with toes (T, 3) so that it rests where it stands (T,); blended in the air."""
    offset, last, end = np.zeros((len(toe), 3)), -_FADE - 1, np.zeros(3)
    for first, final in _spans(stands):
        part = toe[first : final + 1]
        move = (np.median(part, axis=0) - part) * (1.0, 0.0, 1.0)
        if np.linalg.norm(move, axis=1).max() > _MOST_M:
            continue
        offset[first : final + 1] = move
        _blend(offset, max(last, first - _FADE) if last < 0 else last, first, end, move[0])
        last, end = final, move[-1]
    _blend(offset, last, min(last + _FADE, len(toe)), end, np.zeros(3))
    return offset


def step_lifts(toe: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """(T,) metres to add to the height of toes (T, 3) so that each step between two contacts clears the floor."""
    lift = np.zeros(len(toe))
    spans = _spans(stands)
    for (_, leaves), (lands, _) in zip(spans, spans[1:], strict=False):
        travel = np.linalg.norm((toe[lands] - toe[leaves])[[0, 2]])
        if travel < _STEP_M or lands - leaves < _SHORTEST:
            continue
        done = np.linspace(0, 1, lands - leaves + 1)[1:-1]
        arch = min(_CLEARANCE * travel, _MOST_CLEARANCE_M) * np.sin(np.pi * done**_EARLY)
        floor = toe[leaves, 1] + (toe[lands, 1] - toe[leaves, 1]) * done
        lift[leaves + 1 : lands] = np.maximum(floor + arch - toe[leaves + 1 : lands, 1], 0.0)
    return lift


def _blend(offset: np.ndarray, before: int, after: int, start: np.ndarray, end: np.ndarray) -> None:
    """Fill the frames between two with a change that begins and ends slowly."""
    frames = np.arange(max(before + 1, 0), min(after, len(offset)))
    share = (frames - before) / max(after - before, 1)
    offset[frames] = start + (end - start) * (share * share * (3 - 2 * share))[:, None]


def _spans(stands: np.ndarray) -> list[tuple[int, int]]:
    """(first, last) frames of the contacts; the frame after the last true one belongs to it, gaps of one are closed."""
    down = stands.copy()
    down[1:] |= stands[:-1]
    gap = ~down[1:-1] & down[:-2] & down[2:]
    down[1:-1] |= gap
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(int)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= _SHORTEST]


def bend_leg(hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle (T, 3) of legs whose ankles go to `target`, as near as their bones reach; knees bend as before."""
    thigh, shin = (np.linalg.norm(a - b, axis=1, keepdims=True) for a, b in ((knee, hip), (ankle, knee)))
    away = target - hip
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    own = np.linalg.norm(ankle - hip, axis=1, keepdims=True)
    # A leg that was straight already may stay so.
    reach = np.clip(distance, np.abs(thigh - shin) + 1e-4, np.maximum(_REACH * (thigh + shin), own))
    axis = away / np.maximum(distance, 1e-9)
    along = (thigh**2 - shin**2 + reach**2) / (2 * np.maximum(reach, 1e-9))
    height = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    pole = knee - hip
    pole = pole - axis * (pole * axis).sum(axis=1, keepdims=True)
    pole = pole / np.maximum(np.linalg.norm(pole, axis=1, keepdims=True), 1e-9)
    return hip + axis * along + pole * height, hip + axis * reach
