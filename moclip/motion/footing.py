# SPDX-License-Identifier: Apache-2.0
"""Feet on the floor: when one stands, how far it is from where it should rest, and the leg that takes it there.

As in Kovar, Schreiner and Gleicher, "Footskate Cleanup for Motion Capture Editing" (SCA 2002), with one anchor a
contact and offsets that are blended while the foot is in the air. Positions are in metres, Y up.
"""

import numpy as np

_SHORTEST_S, _FADE_S = 0.15, 0.3
"""Of a contact that counts; in which an offset fades before the first contact and after the last."""
_TOUCH_S = 0.1
"""Before a foot stands and after it has left, in which it comes to the floor and goes."""
_ROOM_S = 0.25
"""That a foot has to get from where a neighbouring frame has it to where it stands."""
_REACH = 0.995
"""Of a leg's length: a leg that is pulled straight snaps."""
_MOST_M = 0.35
"""Farther off than this the contact was a wrong guess."""
_LOW_M, _SLOW_M_S, _SLOWER = 0.06, 0.35, 0.9
"""A foot stands when its toes are this near to the floor and slower than this, or than this share of the pelvis."""


def standing(toes: np.ndarray, pelvis: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool: do the left and the right toes (T, 2, 3) stand, from this frame to the next? pelvis: (T, 3).

    A foot that should stand may slide, but slower than the body travels; one in the air is faster. The contacts that a
    model generates say less: they stay on through whole strides of feet that shuffle.
    """
    stands = np.zeros((len(toes), 2), dtype=bool)
    if len(toes) < 2:
        return stands  # a pose has no next frame
    ground = toes[..., [0, 2]].astype(np.float64)
    speed = np.linalg.norm(np.diff(ground, axis=0), axis=-1) * fps
    step = np.diff(pelvis[:, [0, 2]].astype(np.float64), axis=0) * fps
    travel = np.linalg.norm(_smoothed(step), axis=-1, keepdims=True)
    height = toes[..., 1]
    low = height < np.percentile(height.min(axis=1), 10) + _LOW_M
    stands[:-1] = (speed < np.maximum(_SLOW_M_S, _SLOWER * travel)) & low[:-1] & low[1:]
    return stands


def _smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """(T, D) running means over `width` frames, fewer at the ends."""
    kernel, ones = np.ones(width), np.ones(len(values))
    count = np.convolve(ones, kernel, "same")[: len(values)]
    return np.stack([np.convolve(v, kernel, "same")[: len(values)] / count for v in values.T], axis=1)


def contact_offsets(toe: np.ndarray, stands: np.ndarray, fps: float, rise: np.ndarray | None = None) -> np.ndarray:
    """(T, 3) what to add to a foot with toes (T, 3) so that it rests where it stands (T,); blended in the air.

    rise: (T,) metres to add to its height where it stands; None for none.
    """
    fade = max(2, round(_FADE_S * fps))
    offset, last, end = np.zeros((len(toe), 3)), -fade - 1, np.zeros(3)
    for first, final in contact_spans(stands, fps):
        part = toe[first : final + 1]
        move = (np.median(part, axis=0) - part) * (1.0, 0.0, 1.0)
        if rise is not None:
            move[:, 1] = rise[first : final + 1]
        if np.linalg.norm(move, axis=1).max() > _MOST_M:
            continue
        offset[first : final + 1] = move
        _blend(offset, max(last, first - fade) if last < 0 else last, first, end, move[0])
        last, end = final, move[-1]
    _blend(offset, last, min(last + fade, len(toe)), end, np.zeros(3))
    return offset


def offsets_between(
    toe: np.ndarray, stands: np.ndarray, first: int, end: int, fps: float, rise: np.ndarray | None = None
) -> np.ndarray:
    """(T, 3) as `contact_offsets`, for the frames first..end-1 between others that are not moved."""
    offset, last, move = np.zeros((len(toe), 3)), first - 1, np.zeros((1, 3))
    room = round(_ROOM_S * fps)
    for begins, ends in contact_spans(stands, fps):
        from_before, to_after = begins < first, ends >= end
        inside = np.arange(
            first if from_before else max(begins, first + room), end if to_after else min(ends + 1, end - room)
        )
        if not len(inside):
            continue
        shared = toe[first - 1] if from_before else toe[end] if to_after else np.median(toe[inside], axis=0)
        found = (shared - toe[inside]) * (1.0, 0.0, 1.0)
        if rise is not None:
            found[:, 1] = 0.0 if from_before or to_after else rise[inside]
        if np.linalg.norm(found, axis=1).max() > _MOST_M:
            continue
        _blend(offset, last, inside[0], move[-1], found[0])
        offset[inside], last, move = found, inside[-1], found
    _blend(offset, last, end, move[-1], np.zeros(3))
    return offset


def _blend(offset: np.ndarray, before: int, after: int, start: np.ndarray, end: np.ndarray) -> None:
    """Fill the frames between two with a change that begins and ends slowly."""
    frames = np.arange(max(before + 1, 0), min(after, len(offset)))
    share = (frames - before) / max(after - before, 1)
    offset[frames] = start + (end - start) * (share * share * (3 - 2 * share))[:, None]


def contact_weights(stands: np.ndarray, fps: float) -> np.ndarray:
    """(T,) 0 to 1: does a foot stand (T,)? 1 in a contact that counts, falling to 0 over a tenth of a second beside."""
    weight, room = np.zeros(len(stands)), max(1, round(_TOUCH_S * fps))
    frames = np.arange(len(stands))
    for first, last in contact_spans(stands, fps):
        beside = np.maximum(np.maximum(first - frames, frames - last), 0)
        weight = np.maximum(weight, np.clip(1.0 - beside / (room + 1), 0.0, 1.0))
    return weight


def contact_spans(stands: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """(first, last) frames of the contacts; the frame after the last true one belongs to it, gaps of one are closed."""
    shortest = max(2, round(_SHORTEST_S * fps))
    down = stands.copy()
    down[1:] |= stands[:-1]
    gap = ~down[1:-1] & down[:-2] & down[2:]
    down[1:-1] |= gap
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(int)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


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
