# SPDX-License-Identifier: Apache-2.0
"""Long takes cut into what their label says, by the motion and not by the clock.

An exercise that is done again and again is cut between two times; sitting down and standing up where the pelvis goes
down and up; a stop before somebody runs on; a climb where it goes up. What has no rule stays whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from moclip.captions.labels import ActionLabel, peaks
from moclip.captions.said import COUNTABLE
from moclip.data.posture import LEG_M, Posture, smoothed, spans
from moclip.data.sequences import cut
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX


@dataclass(frozen=True)
class Piece:
    """A part of a take. whole: it is all of it, so that what was said of the take is true of it, too."""

    motion: Motion
    label: ActionLabel
    suffix: str = ""
    whole: bool = False


_SIDES = ("left", "right")
_LEAST = 8
"""Frames of a piece."""
_MOST_COUNTED = 5
_STILL_M_S, _STILL_FRAMES = 0.12, 20


def _both(joints: np.ndarray, joint: str) -> np.ndarray:
    """(T, 2) heights of the left and the right joint, in the body's leg lengths."""
    heights: np.ndarray = joints[:, [JOINT_INDEX[f"{side}_{joint}"] for side in _SIDES], 1] / LEG_M
    return heights


Signal = Callable[[Posture], np.ndarray]


def _higher(joint: str) -> Signal:
    def heights(posture: Posture) -> np.ndarray:
        found = _both(posture.joints, joint)
        above: np.ndarray = found - np.percentile(found, 10, axis=0)
        return above

    return heights


def _hands_up(posture: Posture) -> np.ndarray:
    return _both(posture.joints, "wrist").mean(axis=1, keepdims=True)


def _bent_down(posture: Posture) -> np.ndarray:
    return -posture.joints[:, [JOINT_INDEX["head"]], 1] / LEG_M


def _down(posture: Posture) -> np.ndarray:
    return -posture.pelvis[:, None]


def _off_the_floor(posture: Posture) -> np.ndarray:
    """(T, 1) how far the lower foot is over the floor."""
    lower = _both(posture.joints, "foot").min(axis=1)
    above: np.ndarray = np.maximum(lower - np.median(lower), 0.0)[:, None]
    return above


def _elbow_at_knee(posture: Posture) -> np.ndarray:
    left, right = (posture.joints[:, JOINT_INDEX[f"{s}_elbow"]] for s in _SIDES)
    knees = [posture.joints[:, JOINT_INDEX[f"{s}_knee"]] for s in _SIDES]
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
    shoulders = _both(posture.joints, "shoulder")
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


_AGAIN = {
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
        side = _SIDES[int(signal[top].argmax())] if again.sided and signal.shape[1] == 2 else None
        found.append((first, end, side))
    return found


def _calmest(values: np.ndarray, a: int, b: int) -> int:
    """The middle of the lowest frames between two tops."""
    part = values[a : b + 1]
    return a + int(np.median(np.flatnonzero(part <= part.min() + 1e-3)))


def pieces(motion: Motion, label: ActionLabel) -> list[Piece]:
    """What of a take shows its label; the take itself where no rule cuts it."""
    posture, rule = Posture.of(motion), _RULES.get(label.action)
    if label.action in _AGAIN:
        made = list(_repeats(motion, label, posture, _AGAIN[label.action]))
    elif rule is not None:
        made = list(rule(motion, label, posture))
    else:
        return [Piece(motion, label, whole=True)]
    return [replace(piece, suffix=f"_c{k}") for k, piece in enumerate(made) if piece.motion.frames >= _LEAST]


def standing_still(motion: Motion, label: ActionLabel) -> list[Piece]:
    """The longest moment of a take in which somebody stands and does nothing, arms down."""
    posture = Posture.of(motion)
    hands = _both(posture.joints, "wrist").max(axis=1) * LEG_M < posture.joints[:, JOINT_INDEX["spine1"], 1]
    still = spans(posture.standing & (posture.pelvis > 0.97) & (posture.liveliness < _STILL_M_S) & hands, _STILL_FRAMES)
    if not still or label.action == "stand":
        return []
    first, end = max(still, key=lambda span: span[1] - span[0])
    return [Piece(cut(motion, first, end), replace(label, action="stand", side=None, count=None), "_i")]


def _repeats(motion: Motion, label: ActionLabel, posture: Posture, again: Again) -> Iterator[Piece]:
    """Each time alone, and two to five of them as they follow one another."""
    found, counted = times(posture, again), label.action in COUNTABLE
    for first, end, side in found:
        yield Piece(cut(motion, first, end), replace(label, side=side or label.side, count=1 if counted else None))
    for k in range(len(found) if counted else 0):
        for count in range(2, _MOST_COUNTED + 1):
            run = found[k : k + count]
            if len(run) < count or any(b[0] - a[1] > 6 for a, b in zip(run, run[1:], strict=False)):
                break
            if run[-1][1] - run[0][0] > 196:
                break
            sides = {side for *_, side in run}
            side = sides.pop() if len(sides) == 1 else None
            yield Piece(cut(motion, run[0][0], run[-1][1]), replace(label, side=side or label.side, count=count))


def _seats(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Sitting down, sitting and standing up, from a take that does all three: by the height of the pelvis."""
    height = smoothed(posture.pelvis[:, None], 5)[:, 0]
    top, bottom = np.percentile(height, 96), np.percentile(height, 5)
    if top - bottom < 0.18:
        return
    sits = height < bottom + 0.35 * (top - bottom)
    up = height > bottom + 0.85 * (top - bottom)
    fps = motion.fps
    for first, end in spans(sits, round(0.4 * fps)):
        before = np.flatnonzero(up[:first])
        after = np.flatnonzero(up[end:])
        still = min(end, first + round(0.9 * fps))
        if len(before) and first - before[-1] < 2.5 * fps:
            begin = max(0, int(before[-1]) - round(0.5 * fps))
            yield Piece(cut(motion, begin, still), replace(label, action="sit_down"))
        if len(after) and after[0] < 2.5 * fps:
            begin, over = max(first, end - round(0.7 * fps)), end + int(after[0]) + round(0.5 * fps)
            yield Piece(cut(motion, begin, over), replace(label, action="stand_up"))
        if end - first > 2.2 * fps:
            inner = cut(motion, first + round(0.5 * fps), end - round(0.5 * fps))
            yield Piece(inner, replace(label, action="sit"))


def _to_the_floor(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Lying down from standing; where it passes over sitting, sitting down on the floor; lying; and all of it backwards:
    getting up, standing up from the floor, sitting up."""
    if not posture.standing[:10].any() or posture.pelvis[-3:].mean() > 0.42:
        yield Piece(motion, label, whole=True)
        return
    leaves = int(np.flatnonzero(posture.standing)[-1])
    begin = max(0, leaves - 10)
    yield Piece(cut(motion, begin, motion.frames), label)
    yield Piece(backwards(cut(motion, begin, motion.frames)), replace(label, action="get_up"))
    seated = (posture.pelvis < 0.36) & (posture.upright > np.cos(np.radians(48.0)))
    seat = spans(seated, 4)
    if seat:
        first, end = seat[0][0], seat[-1][1]
        middle = first + int(np.argmin(posture.liveliness[first:end]))
        yield Piece(cut(motion, begin, middle + 1), replace(label, action="sit_down_on_floor"))
        yield Piece(backwards(cut(motion, begin, middle + 1)), replace(label, action="stand_up_from_floor"))
        yield Piece(backwards(cut(motion, middle, motion.frames)), replace(label, action="sit_up"))
        calm = spans((posture.liveliness < 0.4) & seated, 8)
        if calm:
            longest = max(calm, key=lambda span: span[1] - span[0])
            yield Piece(cut(motion, *longest), replace(label, action="sit_on_floor"))
    lies = posture.upright < np.cos(np.radians(66.0))
    if (rest := spans(lies, 8)) and rest[-1][1] == motion.frames:
        yield Piece(cut(motion, max(rest[-1][0] + 3, motion.frames - 40), motion.frames), replace(label, action="lie"))


def backwards(motion: Motion) -> Motion:
    """Played from its end to its beginning."""
    return Motion(motion.fps, motion.rotations[::-1], motion.root_translation[::-1])


def _put_down(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Putting down, from standing to standing; backwards it is picking up; its lowest moment is crouching."""
    head = posture.joints[:, JOINT_INDEX["head"], 1]
    lowest = int(np.argmin(head))
    yield Piece(motion, label, whole=True)
    yield Piece(backwards(motion), replace(label, action="pick_up"))
    if posture.pelvis[lowest] < 0.6:
        yield Piece(cut(motion, 0, lowest + 4), replace(label, action="crouch"))


def _rising(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Where somebody goes up: stairs, a ladder, a climbing frame."""
    height = smoothed(posture.joints[:, :1, 1], 9)[:, 0]
    k = 0
    while k < len(height) - 20:
        top = k + int(np.argmax(height[k : k + 150]))
        low = k + int(np.argmin(height[k : top + 1]))
        if height[top] - height[low] < 0.3:
            k += 30
            continue
        base = np.flatnonzero(height[low : top + 1] <= height[low] + 0.04)
        first = max(0, low + int(base[-1]) - 8)
        part = slice(first, min(top + 8, first + 196))
        # On a climbing frame only what is done with the arms is climbing.
        hands = _both(posture.joints, "wrist")[part].min(axis=1) > posture.joints[part, JOINT_INDEX["head"], 1] / LEG_M
        if label.action != "climb" or hands.mean() > 0.25:
            yield Piece(cut(motion, part.start, part.stop), label)
        k = max(top + 20, k + 30)


def _until_it_stands(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """From travelling to standing still, without what comes after."""
    still = spans(posture.speed < 0.25, 4)
    moved = np.cumsum(posture.speed) / motion.fps
    for first, end in still:
        if moved[first] > 0.8:
            stood = min(end, first + round(1.5 * motion.fps))
            yield Piece(cut(motion, max(0, first - round(4 * motion.fps)), stood), label)
            return


def _on_one_leg(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Where one foot is well over the other and the standing one rests."""
    ankles = _both(posture.joints, "ankle")
    for side, other in ((0, 1), (1, 0)):
        for first, end in spans(ankles[:, other] - ankles[:, side] > 0.12, 24):
            sided = replace(label, side=_SIDES[side])
            for start in range(max(0, first - 8), end - 20, 60):
                yield Piece(cut(motion, start, min(end + 8, start + 100)), sided)


def _hopping(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Hops on one leg: the other foot stays up while the pelvis goes up and down; jumps on both legs are jumps."""
    ankles = smoothed(_both(posture.joints, "ankle"), 5)
    bobbing = np.abs(np.gradient(posture.pelvis)) * motion.fps
    lively = smoothed(bobbing[:, None], 12)[:, 0] > 0.35
    for side, other in ((0, 1), (1, 0)):
        for first, end in spans((ankles[:, other] - ankles[:, side] > 0.1) & lively, 20):
            for start in range(first, end - 18, 50):
                yield Piece(cut(motion, start, min(end, start + 100)), replace(label, side=_SIDES[side]))
    both = spans((np.abs(ankles[:, 0] - ankles[:, 1]) < 0.06) & lively, 30)
    for first, end in both:
        inside = cut(motion, first, end)
        jump = replace(label, action="jump", side=None)
        yield from _repeats(inside, jump, Posture.of(inside), _AGAIN["jump"])


def _kneeling(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Somebody who kneels down to work and stands up again: the work with its way there, and the way there alone."""
    down = spans(posture.low, 10)
    yield Piece(motion, label, whole=True)
    if down and posture.standing[: down[0][0] + 1].any():
        yield Piece(cut(motion, 0, down[0][0] + 18), replace(label, action="kneel"))


def _rising_from_the_floor(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Getting up, and backwards lying down."""
    yield Piece(motion, label, whole=True)
    if posture.lying[:8].any() and posture.standing[-6:].any():
        yield Piece(backwards(motion), replace(label, action="lie_down"))


def _seated_or(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """A take of sitting that begins with sitting down."""
    if posture.pelvis.max() - posture.pelvis.min() > 0.2:
        yield from _seats(motion, label, posture)
    else:
        yield Piece(motion, label, whole=True)


def _landing(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Jumps that end lower than they begin."""
    for top in peaks(posture.pelvis, float(np.median(posture.pelvis)) + 0.12, 24):
        before, after = posture.pelvis[max(0, top - 20) : top + 1], posture.pelvis[top : top + 30]
        if before[0] - after[-1] > 0.12:
            yield Piece(cut(motion, max(0, top - 24), top + 30), label)


_RULES: dict[str, Callable[[Motion, ActionLabel, Posture], Iterator[Piece]]] = {
    "sit_down": _seated_or,
    "sit": _seated_or,
    "lie_down": _to_the_floor,
    "get_up": _rising_from_the_floor,
    "put_down": _put_down,
    "climb_stairs": _rising,
    "climb_ladder": _rising,
    "climb": _rising,
    "stop": _until_it_stands,
    "run_and_stop": _until_it_stands,
    "balance_on_one_leg": _on_one_leg,
    "hop": _hopping,
    "repair_kneeling": _kneeling,
    "jump_down": _landing,
}
