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
from moclip.data.exercises import AGAIN, SIDES, Again, heights, times
from moclip.data.posture import LEG_M, Posture, smoothed, spans
from moclip.data.sequences import cut
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.showing.postures import postures_of


@dataclass(frozen=True)
class Piece:
    """A part of a take. whole: it is all of it, so that what was said of the take is true of it, too."""

    motion: Motion
    label: ActionLabel
    suffix: str = ""
    whole: bool = False


_LEAST = 8
"""Frames of a piece."""
_MOST_COUNTED = 5
_STILL_M_S, _STILL_FRAMES = 0.12, 20
_FEET_APART_M = 0.32
_BENT_DEG = 46.0
"""Of a knee, from which on nobody just stands."""
_FLOWING = {"twist_torso", "arm_circle", "jumping_jack"}
"""Exercises of which nobody does one alone: cut out, it begins and ends in the middle of the next."""
_A_WHILE = 100
"""Frames of one time of sitting down."""


def pieces(motion: Motion, label: ActionLabel) -> list[Piece]:
    """What of a take shows its label; the take itself where no rule cuts it."""
    posture, rule = Posture.of(motion), _RULES.get(label.action)
    if label.action in AGAIN:
        made = list(_repeats(motion, label, posture, AGAIN[label.action]))
    elif rule is not None:
        made = list(rule(motion, label, posture))
    else:
        return [Piece(motion, label, whole=True)]
    return [replace(piece, suffix=f"_c{k}") for k, piece in enumerate(made) if piece.motion.frames >= _LEAST]


def standing_still(motion: Motion, label: ActionLabel) -> list[Piece]:
    """The longest moment of a take in which somebody stands and does nothing, arms down and feet together."""
    posture = Posture.of(motion)
    hands = heights(posture.joints, "wrist").max(axis=1) * LEG_M < posture.joints[:, JOINT_INDEX["spine1"], 1]
    feet = posture.joints[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]]
    together = np.linalg.norm(feet[:, 0] - feet[:, 1], axis=-1) < _FEET_APART_M
    # On a high stool a pelvis is as high as on straight legs.
    straight = postures_of(posture.joints).knee_bend.max(axis=1) < _BENT_DEG
    stands = posture.standing & (posture.pelvis > 0.97) & straight & together
    still = spans(stands & (posture.liveliness < _STILL_M_S) & hands, _STILL_FRAMES)
    if not still or label.action == "stand":
        return []
    first, end = max(still, key=lambda span: span[1] - span[0])
    return [Piece(cut(motion, first, end), replace(label, action="stand", side=None, count=None), "_i")]


def _repeats(motion: Motion, label: ActionLabel, posture: Posture, again: Again) -> Iterator[Piece]:
    """Each time alone, and two to five of them as they follow one another."""
    found, counted = times(posture, again), label.action in COUNTABLE
    for first, end, side in found if len(found) < 2 or label.action not in _FLOWING else ():
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
    """Lying down from standing; where it passes over sitting, sitting down on the floor; lying; and all of it
    backwards: getting up, standing up from the floor, sitting up."""
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
        hands = (
            heights(posture.joints, "wrist")[part].min(axis=1) > posture.joints[part, JOINT_INDEX["head"], 1] / LEG_M
        )
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
    ankles = heights(posture.joints, "ankle")
    for side, other in ((0, 1), (1, 0)):
        for first, end in spans(ankles[:, other] - ankles[:, side] > 0.12, 24):
            sided = replace(label, side=SIDES[side])
            for start in range(max(0, first - 8), end - 20, 60):
                yield Piece(cut(motion, start, min(end + 8, start + 100)), sided)


def _hopping(motion: Motion, label: ActionLabel, posture: Posture) -> Iterator[Piece]:
    """Hops on one leg: the other foot stays up while the pelvis goes up and down; jumps on both legs are jumps."""
    ankles = smoothed(heights(posture.joints, "ankle"), 5)
    bobbing = np.abs(np.gradient(posture.pelvis)) * motion.fps
    lively = smoothed(bobbing[:, None], 12)[:, 0] > 0.35
    for side, other in ((0, 1), (1, 0)):
        for first, end in spans((ankles[:, other] - ankles[:, side] > 0.1) & lively, 20):
            for start in range(first, end - 18, 50):
                yield Piece(cut(motion, start, min(end, start + 100)), replace(label, side=SIDES[side]))
    both = spans((np.abs(ankles[:, 0] - ankles[:, 1]) < 0.06) & lively, 30)
    for first, end in both:
        inside = cut(motion, first, end)
        jump = replace(label, action="jump", side=None)
        yield from _repeats(inside, jump, Posture.of(inside), AGAIN["jump"])


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
    """A take of sitting that begins with sitting down. Who hardly gets lower is on a high stool: half stands."""
    if posture.pelvis.max() - posture.pelvis.min() > 0.2:
        yield from _seats(motion, label, posture)
    elif label.action == "sit" or motion.frames < _A_WHILE:
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
