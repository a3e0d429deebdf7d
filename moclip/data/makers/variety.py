# SPDX-License-Identifier: Apache-2.0
"""Many clips of one action from the few that there are: faster and slower, repeated, held, led in and settled, and
windows of long takes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from moclip.captions.labels import ActionLabel
from moclip.captions.said import COUNTABLE
from moclip.data.makers.together import led_in, settled
from moclip.data.posture import Posture
from moclip.data.sequences import cut, join, join_matched, stretch, to_and_fro
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.motion.motion import Motion

STATES = {
    "sit", "sit_on_floor", "lie", "sleep", "meditate", "drive", "fighting_stance", "hold_torch", "listen", "stand",
    "sit_and_talk", "talk", "fly", "tread_water", "balance_on_one_leg",
}  # fmt: skip
"""What goes on as long as one likes, and may be played to and fro."""
CYCLES = {
    "swim", "push", "clap", "crawl", "dance", "crouch_walk", "formal_walk", "strafe", "dizzy", "charleston", "sneak",
    "walk", "run", "sprint", "walk_backward", "zombie_walk", "drive", "fly", "tread_water", "talk", "sit_and_talk",
    "cheer", "nod", "shake_head", "wave", "taunt",
}  # fmt: skip
"""What may begin again at once, where its last pose is its first."""
ENDING = {
    "sit_down", "sit_down_on_floor", "lie_down", "fall_down", "kneel", "crouch", "stand_up", "get_up",
    "stand_up_from_floor", "sit_up", "stop", "run_and_stop", "jump", "jump_forward", "high_jump", "jump_turn",
    "jump_down", "pick_up", "put_down", "power_up", "dab", "bow", "squat",
}  # fmt: skip
"""After which somebody is still for a while, now and then."""
_WINDOW = 120
_SHORTEST = 24
_CLOSED_M = 0.06


def closes(motion: Motion) -> bool:
    """Whether a motion drawn as a loop can begin again at its end."""
    joints = motion.joints().astype(np.float64)
    gap = np.linalg.norm((joints[-1] - joints[-1, 0]) - (joints[0] - joints[0, 0]), axis=-1).max()
    return bool(gap < _CLOSED_M)


def cycled(motion: Motion, frames: int) -> Motion:
    """A loop again and again, for at least so many frames, cut there."""
    result = motion
    while result.frames < frames:
        result = join(result, motion, blend=2)
    return cut(result, 0, frames)


def varied(clip: Clip, count: int, rng: np.random.Generator) -> Iterator[Clip]:
    """`count` clips of the same action, none of them the clip itself."""
    for k in range(count):
        made, label = _one(clip, rng)
        if made.frames < _SHORTEST:
            made = settled(led_in(made, int(rng.integers(2, 8))), _SHORTEST)
        times = label.count
        labels = (label,) if times == clip.labels[0].count else (replace(label, count=times),)
        yield replace(
            clip, motion=cut(made, 0, MAX_FRAMES), labels=labels, kind="stretch", suffix=f"{clip.suffix}_V{k}"
        )


def _one(clip: Clip, rng: np.random.Generator) -> tuple[Motion, ActionLabel]:
    label, motion = clip.labels[0], clip.motion
    action = label.action
    paced = stretch(motion, rng.uniform(0.82, 1.22))
    if action in CYCLES and motion.frames < 80 and closes(motion):
        return cycled(paced, int(rng.integers(40, 170))), label
    if action in STATES:
        if paced.frames > 140:
            return window(paced, int(rng.integers(50, 150)), rng), label
        return to_and_fro(paced, int(rng.integers(40, 170))), label
    if motion.frames > MAX_FRAMES:
        return window(paced, int(rng.integers(60, MAX_FRAMES)), rng), label
    if label.count == 1 and action in COUNTABLE and rng.random() < 0.6:
        times = int(rng.integers(2, 6))
        result = paced
        done = 1
        while done < times and result.frames + 0.7 * motion.frames < MAX_FRAMES:
            result = join_matched(result, stretch(motion, rng.uniform(0.85, 1.18)), rng, window=6, blend=6)
            done += 1
        return result, replace(label, count=done)
    if action in ENDING and rng.random() < 0.7:
        return settled(led_in(paced, int(rng.integers(0, 12))), int(rng.integers(4, 30))), label
    return paced, label


def window(motion: Motion, frames: int, rng: np.random.Generator) -> Motion:
    """A random part of this length in which somebody moves as much as anywhere."""
    if motion.frames <= frames:
        return motion
    lively = Posture.of(motion).liveliness
    least = 0.6 * float(lively.mean())
    first = 0
    for _ in range(20):
        first = int(rng.integers(motion.frames - frames + 1))
        if lively[first : first + frames].mean() >= least:
            break
    return cut(motion, first, first + frames)


def windows(clip: Clip) -> list[Clip]:
    """The clip, or where it is long its parts that move, each with half of the one before."""
    if clip.motion.frames <= MAX_FRAMES:
        return [clip]
    lively = Posture.of(clip.motion).liveliness
    parts = []
    for number, first in enumerate(range(0, clip.motion.frames - 60, _WINDOW)):
        if lively[first : first + MAX_FRAMES].mean() >= 0.5 * lively.mean():
            part = cut(clip.motion, first, first + MAX_FRAMES)
            parts.append(replace(clip, motion=part, suffix=f"{clip.suffix}_{number}"))
    return parts
