# SPDX-License-Identifier: Apache-2.0
"""What is asked for daily and recorded seldom: raised and waving hands, bends of a walk, walks backwards, fast runs.

Collections that may be used for everything have hardly any of them by name; the movement itself is in other recordings.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.captions.labels import ActionLabel, strikes
from moclip.data.makers import paths
from moclip.data.makers.together import joined, lasting, led_in, settled, trunks_agree
from moclip.data.pool import WALKS, Make, Maker, Pool, renamed, sources_of
from moclip.data.posture import Posture
from moclip.data.sequences import cut, loop, mirror, straightened, stretch, take, to_and_fro
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

RAISING = ("wave", "basketball_signals", "direct_traffic", "cheer", "reach_up", "arm_circle", "jumping_jack")
"""Actions in whose recordings a hand goes up from where it hangs."""
_SIDES = ("left", "right")
_OTHER = {"left": "right", "right": "left"}
_DOWN_M, _UP_M, _HIGH_M = -0.3, 0.02, 0.2
"""A wrist over its shoulder: where it hangs, where it is up, and how high it gets."""
_QUICKEST, _SLOWEST = 5, 36
"""Frames in which a hand goes up."""


def _hand_heights(motion: Motion) -> np.ndarray:
    """(T, 2) metres of the left and of the right wrist over its shoulder."""
    joints = motion.joints().astype(np.float64)
    heights = [joints[:, JOINT_INDEX[f"{s}_wrist"], 1] - joints[:, JOINT_INDEX[f"{s}_shoulder"], 1] for s in _SIDES]
    return np.stack(heights, axis=1)


def lifts(motion: Motion) -> list[tuple[int, int, str]]:
    """(first frame, frame at the top, side) of each time that a hand goes from where it hangs to over its shoulder."""
    heights, found = _hand_heights(motion), []
    for column, side in enumerate(_SIDES):
        height = heights[:, column]
        up, frame = height > _UP_M, 1
        while frame < len(height):
            if not (up[frame] and not up[frame - 1]):
                frame += 1
                continue
            down = np.flatnonzero(height[:frame] < _DOWN_M)
            end = frame + 14
            top = frame + int(height[frame:end].argmax())
            if len(down) and height[top] > _HIGH_M and _QUICKEST <= top - down[-1] <= _SLOWEST:
                found.append((int(down[-1]), top, side))
            frame = end
    return found


def _on_a_stander(pool: Pool, gesture: Motion, rng: np.random.Generator, sides: Sequence[str]) -> Clip | None:
    """Somebody who stands, with the arms of `sides` as in a gesture."""
    stand = pool.any(rng, "stand")
    if stand is None or not trunks_agree(stand.motion, gesture):
        return None
    body = to_and_fro(stand.motion, gesture.frames)
    return replace(stand, motion=joined(body, gesture, tuple(sides)))


def both_armed(motion: Motion, side: str, lag: int) -> Motion:
    """The arm of `side` on the other side as well, mirrored and `lag` frames late."""
    other = mirror(motion)
    late = np.maximum(np.arange(motion.frames) - lag, 0).astype(np.float64)
    return joined(motion, take(other, late), (_OTHER[side],))


def _standing(pool: Pool, rng: np.random.Generator, gesture: Clip, action: str, side: str) -> Clip | None:
    """A gesture on the body of somebody who stands; in a third of them the other arm does it as well."""
    both = rng.random() < 0.33
    motion = both_armed(gesture.motion, side, int(rng.integers(0, 5))) if both else gesture.motion
    made = _on_a_stander(pool, motion, rng, _SIDES if both else (side,))
    if made is None:
        return None
    told = "both" if both else side
    return renamed(replace(made, source=sources_of(made, gesture)), made.motion, action, side=told)


def _raises(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """A hand goes up, stays there and most often comes down."""
    clip = pool.any(rng, *RAISING)
    found = lifts(clip.motion) if clip else []
    if clip is None or not found:
        return None
    first, top, side = found[int(rng.integers(len(found)))]
    up = led_in(stretch(cut(clip.motion, first, top + 1), rng.uniform(0.9, 1.5)), int(rng.integers(2, 14)))
    up = settled(up, int(rng.integers(4, 50)))
    if rng.random() < 0.7:
        down = stretch(cut(clip.motion, first, top + 1), rng.uniform(1.0, 1.6))
        at = np.concatenate([np.arange(down.frames)[::-1], np.zeros(int(rng.integers(2, 16)))]).astype(np.float64)
        down = take(down, at)
        up = Motion(up.fps, np.concatenate([up.rotations, down.rotations]),
                    np.concatenate([up.root_translation, down.root_translation]))  # fmt: skip
    return _standing(pool, rng, replace(clip, motion=up), "raise_hand", side)


def _waves(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """The wave of one person on the body of another who stands; now and then with both hands."""
    clip = pool.any(rng, "wave")
    side = clip.labels[0].side if clip else None
    if clip is None or side not in _SIDES:
        return None
    paced = stretch(clip.motion, rng.uniform(0.8, 1.3))
    waving = lasting(paced, int(rng.integers(min(44, paced.frames), 120)), rng) if rng.random() < 0.5 else paced
    return _standing(pool, rng, replace(clip, motion=waving), "wave", side)


def _punches(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """A punch of a boxer, alone or one after the other."""
    clip = pool.any(rng, "boxing")
    found = strikes(clip.motion, ActionLabel("punch", None, None)) if clip else []
    if clip is None or not found:
        return None
    first, end, label = found[int(rng.integers(len(found)))]
    if rng.random() < 0.35:
        end, label = min(clip.motion.frames, end + int(rng.integers(16, 60))), replace(label, side=None)
    return renamed(clip, stretch(cut(clip.motion, first, end), rng.uniform(0.9, 1.25)), "punch", side=label.side)


def _bends(action: str, metres: tuple[float, float], radians: tuple[float, float]) -> Make:
    """A walk that turns to the left by an angle between these, within a way between these."""

    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        gait = pool.gait(rng, WALKS, int(rng.integers(60, 150)))
        share = float(rng.uniform(*metres)) / max(paths.length(gait.motion), 1e-3) if gait else 1.0
        if gait is None or share > 0.95:
            return None
        turning = paths.corner(float(rng.uniform(0.4, 0.6)), share, float(rng.uniform(*radians)))
        return renamed(gait, paths.bent(gait.motion, turning), action)

    return make


def _backwards(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """A walk from its end to its beginning, slower."""
    gait = pool.gait(rng, WALKS, int(rng.integers(50, 150)))
    if gait is None:
        return None
    turned = Motion(gait.motion.fps, gait.motion.rotations[::-1], gait.motion.root_translation[::-1])
    return renamed(gait, stretch(turned, rng.uniform(1.1, 1.5)), "walk_backward")


def _jogs(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Somebody who jogs round in circles, straightened out."""
    clip = pool.any(rng, "jog_in_circle", "jog")
    made = loop(straightened(clip.motion), int(rng.integers(50, 160)), rng) if clip else None
    return renamed(clip, made, "jog") if clip and made else None


def _sprints(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """The fastest of the runs, faster."""
    gait = pool.gait(rng, ("run", "run", "sprint"), int(rng.integers(70, 170)))
    if gait is None:
        return None
    made = stretch(gait.motion, rng.uniform(0.7, 0.86))
    return renamed(gait, made, "sprint") if Posture.of(made).speed.mean() > 3.2 else None


def _relabelled(actions: Sequence[str], action: str) -> Make:
    """Clips of special actions as the general one that they are."""

    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        clip = pool.any(rng, *actions)
        if clip is None:
            return None
        frames = int(rng.integers(70, MAX_FRAMES))
        first = int(rng.integers(max(1, clip.motion.frames - frames + 1)))
        return renamed(clip, cut(clip.motion, first, first + frames), action)

    return make


GESTURE_MAKERS = (
    Maker("raise_hand", 110, _raises, unless=("raise_hand", 20)),
    Maker("wave_standing", 80, _waves, unless=("wave", 20)),
    Maker("punch", 110, _punches, unless=("punch", 20)),
    Maker("corner", 70, _bends("turn_left", (0.9, 2.2), (1.05, 2.2)), unless=("turn_left", 20)),
    Maker("veer", 60, _bends("walk_left", (2.0, 4.0), (0.5, 0.8)), unless=("walk_left", 20)),
    Maker("backwards", 40, _backwards, unless=("walk_backward", 20)),
    Maker("jog", 40, _jogs, unless=("jog", 20)),
    Maker("sprint", 40, _sprints, unless=("sprint", 20)),
    Maker("any_dance", 80, _relabelled(("salsa", "charleston", "indian_dance"), "dance"), unless=("dance", 20)),
)
