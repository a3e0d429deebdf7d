# SPDX-License-Identifier: Apache-2.0
"""Turns, stops, side steps and two things at once, of the pieces of recordings; and what is made in all."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from moclip.captions.labels import ActionLabel
from moclip.data.makers import turns
from moclip.data.makers.together import joined, lasting, settled, trunks_agree
from moclip.data.makers.travel import in_place
from moclip.data.making_drawn import DRAWN_MAKERS
from moclip.data.making_gaits import GAIT_MAKERS
from moclip.data.making_gestures import GESTURE_MAKERS
from moclip.data.pool import RUNS, TRIES, WALKS, Make, Maker, Pool, renamed, sources_of
from moclip.data.posture import Posture, spans
from moclip.data.sequences import cut, join_matched, loop, stretch, take, to_and_fro
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.motion.motion import Motion

_SHORTEST = 24


def _turns_on_the_spot(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Stands, steps round with small steps, stands."""
    angle = float(rng.choice([np.pi / 2, np.pi, np.pi, 2 * np.pi]))
    steps = int(abs(angle) / np.pi * rng.uniform(24, 36)) + 8
    gait, before = pool.gait(rng, WALKS, steps + 12), pool.any(rng, "stand")
    if gait is None or before is None:
        return None
    stepping = in_place(gait.motion, float(rng.uniform(0.2, 0.4)))
    turned = turns.turned_on_the_spot(stepping, angle, 5)
    stands = to_and_fro(before.motion, 24)
    made = join_matched(join_matched(cut(stands, 0, int(rng.integers(10, 20))), turned, rng, 10), stands, rng, 10)
    return renamed(replace(gait, source=sources_of(gait, before)), made, "turn_on_the_spot", side="left",
                    turn=turns.how_far(angle))  # fmt: skip


def _turns_as_recorded(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Turns of people who do something else besides: a referee, somebody who looks for a seat."""
    clip = pool.any(rng, "direct_traffic", "direct_traffic", "mop_floor", "walk_around")
    found = turns.turns_in(clip.motion) if clip else []
    if clip is None or not found:
        return None
    first, end, angle = found[int(rng.integers(len(found)))]
    side = "left" if angle > 0 else "right"
    return renamed(clip, stretch(cut(clip.motion, first, end), rng.uniform(0.95, 1.3)), "turn_on_the_spot", side=side,
                    turn=turns.how_far(angle))  # fmt: skip


def halts(motion: Motion) -> tuple[int, int] | None:
    """(frame at which somebody stops walking, end of standing) of a motion that goes and then stands; else None."""
    speed = Posture.of(motion).speed
    for first, end in spans(speed < 0.22, 8):
        if first > 12 and speed[max(0, first - 24) : first].max() > 0.7:
            return first, end
    return None


def _stops(actions: Sequence[str], action: str, tails: Sequence[str]) -> Make:
    """A gait that goes on into a recorded stop; where there is none, into somebody who stands."""

    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        gait = pool.gait(rng, actions, int(rng.integers(26, 80)))
        ends = pool.any(rng, *tails) if rng.random() < 0.75 else None
        found = halts(ends.motion) if ends else None
        stand = pool.any(rng, "stand")
        if gait is None or stand is None:
            return None
        if ends is not None and found is not None:
            tail = cut(ends.motion, max(0, found[0] - 22), found[1])
            made, source = (
                settled(join_matched(gait.motion, tail, rng), int(rng.integers(8, 40))),
                sources_of(gait, ends),
            )
        else:
            slower = _slowing(gait.motion, 12)
            made = join_matched(slower, to_and_fro(stand.motion, int(rng.integers(30, 60))), rng, window=10, blend=12)
            source = sources_of(gait, stand)
        return renamed(replace(gait, source=source), made, action)

    return make


def _slowing(motion: Motion, frames: int) -> Motion:
    """The last frames of a gait at half their pace in the end."""
    last = motion.frames - 1
    slow = last - frames + np.cumsum(np.linspace(1.0, 0.4, int(frames * 1.43)))
    return take(motion, np.concatenate([np.arange(last - frames), np.minimum(slow, last)]))


def _side_steps(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Where somebody goes sideways; the arms are those of somebody who stands."""
    clip = pool.any(rng, *("basketball_dribble",) * 3, *("indian_dance",) * 2, "boxing")
    if clip is None:
        return None
    velocity = Posture.of(clip.motion).velocity
    found = [
        (first, end, way)
        for way, sign in (("left", 1.0), ("right", -1.0))
        for first, end in spans(
            (sign * velocity[:, 0] > 0.3) & (np.abs(velocity[:, 0]) > 2 * np.abs(velocity[:, 1])), 16
        )
    ]
    if not found:
        return None
    first, end, way = found[int(rng.integers(len(found)))]
    motion = cut(clip.motion, first, end)
    if motion.frames >= 24 and (looped := loop(motion, int(rng.integers(40, 110)), rng)) is not None:
        motion = looped
    source = clip.source
    stand = pool.any(rng, "stand")
    if stand is not None:
        arms = to_and_fro(stand.motion, motion.frames)
        motion, source = joined(motion, arms, ("left", "right"), head=True, trunk=0.6), sources_of(clip, stand)
    return renamed(replace(clip, source=source), stretch(motion, rng.uniform(1.0, 1.5)), "side_step", side=way)


LOWER = ("walk", "walk", "walk", "run", "run", "stand", "stand", "sit", "sit",
         "walk_backward", "slow_walk", "crouch_walk")  # fmt: skip
UPPER = ("wave", "wave", "raise_hand", "clap", "clap", "call", "talk", "drink", "nod", "shake_head", "listen", "cheer",
         "guide", "respond", "shrug", "laugh")  # fmt: skip
_ONE_ARM = {"wave", "raise_hand", "call", "guide", "respond", "listen"}
_HEAD_TOO = {"nod", "shake_head", "drink", "listen", "laugh", "shrug", "talk"}
_STILL_LOWER = {"stand", "sit"}


def _at_once(pool: Pool, rng: np.random.Generator) -> Clip | None:
    action = LOWER[int(rng.integers(len(LOWER)))]
    upper = pool.any(rng, *UPPER)
    if upper is None:
        return None
    frames = int(rng.integers(50, 150))
    if action in _STILL_LOWER:
        base = pool.any(rng, action)
        lower = base and replace(base, motion=to_and_fro(base.motion, frames))
    else:
        lower = pool.gait(rng, (action,), frames)
    if lower is None or not trunks_agree(lower.motion, upper.motion):
        return None
    what, side = upper.labels[0].action, upper.labels[0].side
    sides: tuple[str, ...] = (side,) if what in _ONE_ARM and side in ("left", "right") else ("left", "right")
    if what in ("nod", "shake_head"):
        sides = ()
    gesture = lasting(upper.motion, lower.motion.frames, rng)
    made = joined(lower.motion, gesture, sides, head=what in _HEAD_TOO, trunk=0.0 if len(sides) < 2 else 0.35)
    labels = (
        ActionLabel(lower.labels[0].action, lower.labels[0].style, None), ActionLabel(what, None, side),
    )  # fmt: skip
    return replace(lower, motion=made, labels=labels, kind="while", source=sources_of(lower, upper), relation="while")


MAKERS = (
    *GAIT_MAKERS,
    *GESTURE_MAKERS,
    *DRAWN_MAKERS,
    Maker("turn_on_the_spot", 130, _turns_on_the_spot),
    Maker("turn_as_recorded", 16, _turns_as_recorded),
    Maker("stop", 80, _stops(WALKS, "stop", ("stop", "walk", "slow_walk", "turn_left"))),
    Maker("run_and_stop", 40, _stops(RUNS, "run_and_stop", ("run_and_stop",))),
    Maker("side_step", 70, _side_steps),
    Maker("at_once", 800, _at_once),
)


def made_clips(pool: Pool, split: str, maker: Maker, share: float, seed: int) -> Iterator[tuple[str, Clip]]:
    """(id, clip) of all that one maker makes of a split's pieces. share: of the clips that it names."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{split} {maker.name}".encode())])
    wanted, made = max(2, round(maker.clips * share)), 0
    for _ in range(TRIES * wanted):
        if made == wanted:
            break
        clip = maker.make(pool, rng)
        if clip is not None and clip.motion.frames >= _SHORTEST:
            yield f"{split}-{maker.name}-{made:05d}", replace(clip, motion=cut(clip.motion, 0, MAX_FRAMES))
            made += 1
