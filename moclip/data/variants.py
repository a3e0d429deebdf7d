# SPDX-License-Identifier: Apache-2.0
"""What is made of each recording: loops, repeats, stretched copies, single strikes, standing, and two-action sequences.

Real clips are short (a raised hand lasts 2.5 s, a run 3 s) and rare classes hold a handful, so a model that sees the
recordings alone fails at five-second requests and at kicks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from moclip.captions.labels import ActionLabel, mirrored, strikes
from moclip.captions.writing import Relation
from moclip.data.posture import Posture, fits_after
from moclip.data.sequences import cut, join_matched, loop, mirror, stretch, to_and_fro
from moclip.motion.motion import Motion

MAX_FRAMES = 197  # 196 rows of features
MIN_SEQUENCE_FRAMES = 50  # two actions in less than 2.5 s are over before they are seen
LOCOMOTION = {"walk", "run", "sprint", "walk_backward", "walk_left", "walk_right", "jog", "sneak", "zombie_walk"}
STRIKES = {"kick", "punch", "slash", "jump"}
RARE = 20
"""Classes with at most this many recordings get more variants each."""
DENSE = 20
"""Frames of a long recording of a rare class for each window that is cut from it."""
_TRIES = 8
_VEERS, _VEERING = np.radians(20.0), 6
"""A walk that turns by more is no straight one; and how many paces of it there are."""
STILL = 0.3
"""A window that moves less than this share of its recording's speed shows somebody who waits."""


@dataclass(frozen=True)
class Clip:
    """A motion with what it shows; source: the recordings it comes from. relation: of two actions in time. whole: it is
    all of its recording, so that what was said of that is true of it. drawn: not all of its movement was recorded."""

    motion: Motion
    labels: tuple[ActionLabel, ...]
    source: str
    kind: str
    suffix: str
    mirrored: bool = False
    relation: Relation = "then"
    whole: bool = False
    drawn: bool = False

    def mirror(self) -> "Clip":
        labels = tuple(mirrored(label) for label in self.labels)
        return replace(self, motion=mirror(self.motion), labels=labels, mirrored=not self.mirrored)


def whole(clip: Clip) -> Iterator[Clip]:
    """The recording itself, in windows where it is long and repeats itself."""
    action = clip.labels[0].action
    if clip.motion.frames <= MAX_FRAMES or action in STRIKES | {"raise_hand", "wave", "bow", "turn_left", "turn_right"}:
        yield replace(clip, motion=cut(clip.motion, 0, MAX_FRAMES))
        return
    least = STILL * _speed(clip.motion)
    for number, first in enumerate(range(0, clip.motion.frames - 60, 150)):
        window = cut(clip.motion, first, first + MAX_FRAMES)
        if _speed(window) >= least:
            yield replace(clip, motion=window, suffix=f"_{number}")


def _speed(motion: Motion) -> float:
    """Mean distance that a joint goes in a frame, in metres."""
    return float(np.linalg.norm(np.diff(motion.joints(), axis=0), axis=2).mean()) if motion.frames > 1 else 0.0


def _lively_part(motion: Motion, frames: int, rng: np.random.Generator) -> Motion:
    """A random part of this length in which somebody moves; the motion itself if it is shorter."""
    least = STILL * _speed(motion)
    for _ in range(20):
        first = int(rng.integers(max(1, motion.frames - frames + 1)))
        part = cut(motion, first, first + frames)
        if _speed(part) >= least:
            break
    return part


def single_actions(clip: Clip) -> list[Clip]:
    """The single strikes of a recording, else the recording: building blocks of repeats and sequences."""
    if clip.labels[0].action not in STRIKES:
        return [clip]
    found = strikes(clip.motion, clip.labels[0])
    return [
        replace(clip, motion=cut(clip.motion, first, end), labels=(sided,), kind="stretch", suffix=f"_K{k}")
        for k, (first, end, sided) in enumerate(found)
    ]


def variants(clip: Clip, units: list[Clip], rng: np.random.Generator, rare: bool) -> Iterator[Clip]:
    """Longer, shorter and repeated versions of one recording; `units` are its single actions."""
    label, motion = clip.labels[0], clip.motion

    def made(result: Motion, suffix: str, kind: str = "stretch") -> Clip:
        return replace(clip, motion=result, kind=kind, suffix=suffix)

    if label.action in LOCOMOTION and np.ptp(Posture.of(motion).yaw) > _VEERS and label.action.startswith("walk_"):
        # A loop goes straight on, and this one does not.
        for k in range(_VEERING if rare else 2):
            yield made(stretch(motion, rng.uniform(0.85, 1.2)), f"_S{k}")
    elif label.action in LOCOMOTION:
        for k in range(8 if rare else 1 if label.action == "walk" else 2):
            looped = loop(motion, int(rng.integers(45, MAX_FRAMES)), rng)
            if looped is not None:
                yield made(stretch(looped, rng.uniform(0.88, 1.15)) if rare else looped, f"_L{k}", "loop")
    elif label.action in STRIKES:
        yield from _strike_variants(units, rng)
    elif label.action == "bow":
        for k in range(6):
            yield made(stretch(motion, rng.uniform(0.75, 1.25)), f"_S{k}")
        for k in range(2):
            yield made(join_matched(cut(motion, 0, 98), stretch(motion, rng.uniform(0.85, 1.1)), rng), f"_R{k}")
    elif label.action == "raise_hand":
        if rng.random() < 0.45:
            yield made(join_matched(motion, stretch(motion, rng.uniform(0.85, 1.25)), rng), "_R")
    elif label.action == "wave" and motion.frames > 80:
        frames = int(rng.integers(44, 90))
        yield made(cut(motion, 0, frames) if rng.random() < 0.5 else shortened(motion, frames, rng), "_C")
    elif label.action in ("turn_left", "turn_right"):
        if rng.random() < 0.3:
            yield made(stretch(motion, rng.uniform(0.8, 1.2)), "_S")
    elif rare:
        # A minute of dancing is many dances; a short one goes on from its own beginning.
        for k in range(max(5, motion.frames // DENSE)):
            yield made(stretch(_lively_part(motion, MAX_FRAMES, rng), rng.uniform(0.85, 1.18)), f"_S{k}")
        if label.action == "dance" and motion.frames < MAX_FRAMES:
            for k in range(8):
                yield made(_repeated(motion, int(rng.integers(70, MAX_FRAMES)), rng), f"_R{k}")
    if label.action in ("raise_hand", "wave") and rng.random() < 0.35:
        yield from _standing(clip, rng)


def _repeated(motion: Motion, frames: int, rng: np.random.Generator) -> Motion:
    """A motion and again the same at other paces, joined where the poses match, until it is this long."""
    result = stretch(motion, rng.uniform(0.85, 1.15))
    while result.frames < frames:
        result = join_matched(result, stretch(motion, rng.uniform(0.85, 1.15)), rng)
    return cut(result, 0, frames)


def shortened(motion: Motion, frames: int, rng: np.random.Generator) -> Motion:
    """The start and the end of a motion with its middle left out: a hand goes up, waves for a moment, comes down."""
    return join_matched(cut(motion, 0, max(24, frames - 24)), cut(motion, motion.frames - 30, motion.frames), rng)


def _strike_variants(units: list[Clip], rng: np.random.Generator) -> Iterator[Clip]:
    # Kicks are the rarest: a recording holds three, punches come in fives.
    single, repeated = (5, 3) if len(units) > 3 else (9, 6)
    for unit in units:
        label = unit.labels[0]
        same = [u for u in units if label.action not in ("kick", "punch") or u.labels[0].side == label.side]
        for k in range(single):
            result = stretch(unit.motion, rng.uniform(0.88, 1.18)) if k else unit.motion
            first = int(rng.integers(6))
            yield replace(
                unit, motion=cut(result, first, result.frames - int(rng.integers(6))), suffix=f"{unit.suffix}_{k}"
            )
        for k in range(repeated):
            result, frames = unit.motion, int(rng.integers(60, 170))
            while result.frames < frames:
                result = join_matched(
                    result, stretch(same[rng.integers(len(same))].motion, rng.uniform(0.9, 1.15)), rng
                )
            yield replace(unit, motion=result, suffix=f"{unit.suffix}_R{k}")


def _standing(clip: Clip, rng: np.random.Generator) -> Iterator[Clip]:
    """The still moment before a gesture, played to and fro."""
    moving = np.abs(np.diff(clip.motion.joints(), axis=0)).max(axis=(1, 2)) > 0.03
    still = int(np.argmax(moving)) if moving.any() else len(moving)
    if still >= 5:
        label = ActionLabel("stand", clip.labels[0].style, None)
        motion = to_and_fro(cut(clip.motion, 0, still), int(rng.integers(40, 160)))
        yield replace(clip, motion=motion, labels=(label,), kind="stretch", suffix="_I")


SEQUENCE_WEIGHTS = {
    ("walk", None): 5, ("run", None): 2.5, ("sprint", None): 0.5, ("turn_left", None): 1.2, ("turn_right", None): 1.2,
    ("walk_backward", None): 1.5, ("walk_left", None): 0.4, ("walk_right", None): 0.4, ("bow", None): 2,
    ("wave", "left"): 1.3, ("wave", "right"): 1.3, ("wave", "both"): 1.2,
    ("raise_hand", "left"): 1, ("raise_hand", "right"): 1, ("raise_hand", "both"): 1,
    ("kick", "left"): 1, ("kick", "right"): 1, ("punch", "left"): 0.8, ("punch", "right"): 0.8, ("jump", None): 1.8,
    ("sit_down", None): 1.5, ("stand_up", None): 1.5, ("pick_up", None): 1.2, ("put_down", None): 0.8,
    ("turn_on_the_spot", "left"): 0.7, ("turn_on_the_spot", "right"): 0.7, ("get_up", None): 1.0,
    ("lie_down", None): 0.8, ("kneel", None): 0.6, ("jump_forward", None): 0.6, ("squat", None): 0.6,
    ("clap", None): 0.6, ("stand_up_from_floor", None): 0.7, ("sit_down_on_floor", None): 0.7, ("crouch", None): 0.6,
    ("slash", None): 1, ("slash", "left"): 0.4, ("slash", "right"): 0.5, ("dance", None): 0.8, ("stand", None): 1.2,
}  # fmt: skip


OTHER_WEIGHT = 0.35
"""Of actions that no weight is given for."""
NOT_IN_SEQUENCES = {"while", "balance_on_one_leg", "fly", "swim", "tread_water", "drive", "climb", "climb_ladder"}
_LONGEST_PART = 120


def sequences(units: list[Clip], count: int, rng: np.random.Generator) -> Iterator[Clip]:
    """`count` two-action sequences of different actions, joined where the poses match.

    The second begins as the first ends: nobody walks out of lying.
    """
    by_key: dict[tuple[str, str | None], list[Clip]] = {}
    for unit in units:
        if unit.labels[0].action not in NOT_IN_SEQUENCES:
            by_key.setdefault((unit.labels[0].action, unit.labels[0].side), []).append(unit)
    keys = sorted(by_key, key=repr)
    if len(keys) < 2:
        return
    weights = np.array([SEQUENCE_WEIGHTS.get(key, OTHER_WEIGHT) for key in keys], dtype=np.float64)
    weights /= weights.sum()
    for number in range(count):
        made = _sequence(by_key, keys, weights, rng)
        if made is not None:
            yield replace(made, suffix=f"{number:05d}")


def _sequence(
    by_key: dict[tuple[str, str | None], list[Clip]],
    keys: list[tuple[str, str | None]],
    weights: np.ndarray,
    rng: np.random.Generator,
) -> Clip | None:
    for _ in range(_TRIES):
        a, b = rng.choice(len(keys), size=2, replace=False, p=weights)
        first = _any(by_key[keys[a]], rng)
        second = _any(by_key[keys[b]], rng)
        # People do not change their mood between two actions, more often than not.
        alike = [u for u in by_key[keys[b]] if u.labels[0].style == first.labels[0].style]
        if alike and rng.random() < 0.6:
            second = _any(alike, rng)
        one, other = _part(first, rng, is_first=True), _part(second, rng, is_first=False)
        if not fits_after(one, other):
            continue
        motion = join_matched(one, other, rng)
        if motion.frames < MIN_SEQUENCE_FRAMES:
            return None
        if motion.frames > MAX_FRAMES:
            motion = cut(motion, 0, MAX_FRAMES) if motion.frames < 225 else stretch(motion, MAX_FRAMES / motion.frames)
        return Clip(motion, first.labels + second.labels, f"{first.source}+{second.source}", "sequence", "")
    return None


def _any(clips: list[Clip], rng: np.random.Generator) -> Clip:
    return clips[rng.integers(len(clips))]


def _part(unit: Clip, rng: np.random.Generator, is_first: bool) -> Motion:
    """A part of a recording that is long enough to show its action in a sequence."""
    motion, action = unit.motion, unit.labels[0].action
    if action in LOCOMOTION:
        frames = int(rng.integers(32, 90))
        if motion.frames <= frames + 6:
            motion = loop(motion, frames + 6, rng) or motion
        first = int(rng.integers(max(1, motion.frames - frames)))
        return cut(motion, first, first + frames)
    if action == "wave" and motion.frames > 70:
        frames = int(rng.integers(46, 80))
        # A wave that comes first must come down again; the last may end in the air.
        return shortened(motion, frames, rng) if is_first else cut(motion, 0, frames + 10)
    if action == "dance":
        return _lively_part(motion, int(rng.integers(50, 90)), rng)
    if action == "stand":
        return cut(motion, 0, int(rng.integers(24, 40)))
    if motion.frames > _LONGEST_PART:
        # What ends otherwise than it begins is to be seen to its end.
        hurried = stretch(motion, _LONGEST_PART / motion.frames) if motion.frames < 1.35 * _LONGEST_PART else motion
        return cut(hurried, 0, _LONGEST_PART)
    return motion
