# SPDX-License-Identifier: Apache-2.0
"""Exercises that are done again and again: where one time ends and the next begins, and by which side it is done."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moclip.captions.labels import peaks
from moclip.data.posture import LEG_M, Posture
from moclip.motion.skeleton import JOINT_INDEX

SIDES = ("left", "right")


def heights(joints: np.ndarray, joint: str) -> np.ndarray:
    """(T, 2) heights of the left and the right joint, in the body's leg lengths."""
    found: np.ndarray = joints[:, [JOINT_INDEX[f"{side}_{joint}"] for side in SIDES], 1] / LEG_M
    return found


Signal = Callable[[Posture], np.ndarray]


def _higher(joint: str) -> Signal:
    def above(posture: Posture) -> np.ndarray:
        found = heights(posture.joints, joint)
        over: np.ndarray = found - np.percentile(found, 10, axis=0)
        return over

    return above


def _hands_up(posture: Posture) -> np.ndarray:
    return heights(posture.joints, "wrist").mean(axis=1, keepdims=True)


def _bent_down(posture: Posture) -> np.ndarray:
    return -posture.joints[:, [JOINT_INDEX["head"]], 1] / LEG_M


def _down(posture: Posture) -> np.ndarray:
    return -posture.pelvis[:, None]


def _off_the_floor(posture: Posture) -> np.ndarray:
    """(T, 1) how far the lower foot is over the floor."""
    lower = heights(posture.joints, "foot").min(axis=1)
    above: np.ndarray = np.maximum(lower - np.median(lower), 0.0)[:, None]
    return above


def _elbow_at_knee(posture: Posture) -> np.ndarray:
    left, right = (posture.joints[:, JOINT_INDEX[f"{s}_elbow"]] for s in SIDES)
    knees = [posture.joints[:, JOINT_INDEX[f"{s}_knee"]] for s in SIDES]
    near = [np.linalg.norm(left - knees[1], axis=1), np.linalg.norm(right - knees[0], axis=1)]
    return -np.min(near, axis=0)[:, None] / LEG_M


def _chest_down(posture: Posture) -> np.ndarray:
    return -posture.joints[:, [JOINT_INDEX["spine3"]], 1] / LEG_M


def _twisted(posture: Posture) -> np.ndarray:
    """(T, 2) how far the shoulders are turned to the left and to the right of the hips, in half turns."""
    lines = [posture.joints[:, JOINT_INDEX[f"left_{j}"]] - posture.joints[:, JOINT_INDEX[f"right_{j}"]]
             for j in ("shoulder", "hip")]  # fmt: skip
    shoulders, hips = (np.arctan2(-line[:, 2], line[:, 0]) for line in lines)
    turned = (shoulders - hips + np.pi) % (2 * np.pi) - np.pi
    return np.stack([turned, -turned], axis=1) / np.pi


def _bent_aside(posture: Posture) -> np.ndarray:
    """(T, 2) how far the head is lower than upright, by which hand is lower."""
    shoulders = heights(posture.joints, "shoulder")
    return np.stack([shoulders[:, 1] - shoulders[:, 0], shoulders[:, 0] - shoulders[:, 1]], axis=1)


@dataclass(frozen=True)
class Again:
    """How one time of an exercise is told from the next. signal: (T, 1) or (T, 2) for a left and a right one, high in
    the middle of it. rise: how far it goes up, at the least. gap: frames between two. sided: the label gets the side.
    lead: frames before and after the signal that belong to it: a jump begins with bent knees.
    """

    signal: Signal
    rise: float
    gap: int
    sided: bool = False
    lead: int = 5


AGAIN = {
    "squat": Again(_down, 0.25, 12),
    "toe_touch": Again(_bent_down, 0.4, 12),
    "jumping_jack": Again(_hands_up, 0.35, 10),
    "arm_circle": Again(_hands_up, 0.35, 10),
    "knee_raise": Again(_higher("knee"), 0.18, 8, sided=True),
    "front_kick": Again(_higher("ankle"), 0.4, 14, sided=True),
    "side_kick": Again(_higher("ankle"), 0.4, 14, sided=True),
    "roundhouse_kick": Again(_higher("ankle"), 0.4, 14, sided=True),
    "jump": Again(_off_the_floor, 0.05, 12, lead=22),
    "high_jump": Again(_off_the_floor, 0.12, 16, lead=22),
    "jump_forward": Again(_off_the_floor, 0.05, 16, lead=22),
    "jump_turn": Again(_off_the_floor, 0.05, 16, lead=22),
    "elbow_to_knee": Again(_elbow_at_knee, 0.25, 8),
    "push_up": Again(_chest_down, 0.12, 8),
    "twist_torso": Again(_twisted, 0.1, 8),
    "side_bend": Again(_bent_aside, 0.12, 12, sided=True),
    "reach_up_and_down": Again(_bent_down, 0.4, 14),
    "pick_up": Again(_bent_down, 0.3, 20),
    "kick_ball": Again(_higher("ankle"), 0.3, 20, sided=True),
}


def times(posture: Posture, again: Again) -> list[tuple[int, int, str | None]]:
    """(first, end, side) of each time that an exercise is done."""
    signal = again.signal(posture)
    best = signal.max(axis=1)
    rest = np.percentile(best, 8)
    tops = [k for k in peaks(best, rest + again.rise, again.gap) if 0 < k < len(best) - 1]
    valleys = [_calmest(best, a, b) for a, b in zip(tops, tops[1:], strict=False)]
    if not tops:
        return []
    calm = rest + 0.2 * again.rise
    before = np.flatnonzero(best[: tops[0]] <= calm)
    after = np.flatnonzero(best[tops[-1] :] <= calm)
    ends = [max(0, int(before[-1]) - again.lead) if len(before) else 0, *valleys,
            min(len(best), tops[-1] + int(after[0]) + again.lead + 1) if len(after) else len(best)]  # fmt: skip
    found = []
    for k, top in enumerate(tops):
        # A pause between two times belongs to neither.
        first, end = max(ends[k], top - 40), min(ends[k + 1] + 1, top + 45)
        side = SIDES[int(signal[top].argmax())] if again.sided and signal.shape[1] == 2 else None
        found.append((first, end, side))
    return found


def _calmest(values: np.ndarray, a: int, b: int) -> int:
    """The middle of the lowest frames between two tops."""
    part = values[a : b + 1]
    return a + int(np.median(np.flatnonzero(part <= part.min() + 1e-3)))
