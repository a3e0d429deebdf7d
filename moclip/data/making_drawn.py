# SPDX-License-Identifier: Apache-2.0
"""What no free collection holds, drawn onto recordings: bodies and gaits are recorded, what is special is not.

Claps, shrugs, cuts and throws are ways of wrists on the bodies of others; a march, a limp and a slant are walks with
other legs. They are seeds for words that nothing else shows, and are marked as drawn.
"""

from dataclasses import replace

import numpy as np

from moclip.captions.labels import ActionLabel
from moclip.data.makers import arms
from moclip.data.makers.gaits import limped, marched, slanted
from moclip.data.makers.together import joined
from moclip.data.making_blows import BLOW_MAKERS
from moclip.data.pool import WALKS, Maker, Pool, drawn, renamed, sources_of
from moclip.data.posture import Posture, spans
from moclip.data.sequences import cut, join_matched, stretch, take, to_and_fro
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.motion.motion import Motion


def _stander(pool: Pool, rng: np.random.Generator, frames: int, *actions: str) -> Clip | None:
    """Somebody who stands, or does another of these actions that go nowhere, for so many frames."""
    clip = pool.any(rng, *(actions or ("stand",)))
    return clip and replace(clip, motion=to_and_fro(clip.motion, frames))


# Gaits.


def _slants(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, WALKS, int(rng.integers(50, 170)))
    return gait and drawn(gait, slanted(gait.motion, float(rng.uniform(0.38, 0.75))), "walk_left")


def _paced(motion: Motion, speed: float) -> Motion:
    """A gait at so many metres a second, if that is slower."""
    paced = stretch(motion, max(1.0, float(Posture.of(motion).speed.mean()) / speed))
    return cut(paced, 0, MAX_FRAMES)


def _marches(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, WALKS, int(rng.integers(60, 180)))
    if gait is None:
        return None
    paced = _paced(gait.motion, float(rng.uniform(0.75, 1.15)))
    return drawn(gait, marched(paced, float(rng.uniform(1.15, 1.5)), float(rng.uniform(1.1, 1.6))), "march")


def _limps(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, ("walk", "slow_walk"), int(rng.integers(70, 190)))
    if gait is None:
        return None
    paced, side = _paced(gait.motion, float(rng.uniform(0.6, 0.95))), arms.either(rng, 0.5)
    behind, dip, hurry = rng.uniform((0.18, 0.035, 1.4), (0.3, 0.065, 1.9))
    made = limped(paced, side, behind, dip, hurry)
    return drawn(gait, cut(made, 0, MAX_FRAMES), "limp")


def _brisk(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """A walk that is faster than it was."""
    gait = pool.gait(rng, ("walk", "walk", "brisk_walk"), int(rng.integers(70, 190)))
    if gait is None or (speed := float(Posture.of(gait.motion).speed.mean())) < 0.9:
        return None
    return renamed(gait, stretch(gait.motion, speed / float(rng.uniform(1.65, 1.95))), "brisk_walk")


# Hands.


def _clapping(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(T, 3) the left wrist of somebody who claps all the time."""
    period, wide = float(rng.uniform(6.5, 13.0)), float(rng.uniform(0.09, 0.2))
    height, ahead = float(rng.uniform(-0.28, 0.05)), float(rng.uniform(0.27, 0.38))
    phase = 2 * np.pi * (np.arange(frames) / period + rng.random())
    apart = wide * (0.5 + 0.5 * np.cos(phase)) ** 0.8
    return np.stack([0.045 + apart, height + 0.12 * apart, np.full(frames, ahead)], axis=1)


def _with_claps(motion: Motion, rng: np.random.Generator, always: bool) -> Motion:
    left = _clapping(motion.frames, rng)
    first, end = (0, motion.frames) if always else (int(rng.integers(2, 12)), motion.frames - int(rng.integers(0, 10)))
    weight = np.ones(motion.frames) if always else arms.eased(motion.frames, first, end, int(rng.integers(6, 11)))
    return arms.reaching(motion, {"left": left, "right": arms.of_side(left, "right")}, weight)


def _claps(pool: Pool, rng: np.random.Generator) -> Clip | None:
    body = _stander(pool, rng, int(rng.integers(45, 150)))
    return body and drawn(body, _with_claps(body.motion, rng, bool(rng.random() < 0.4)), "clap")


def _claps_besides(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Claps of somebody who sits or walks."""
    action = ("sit", "sit", "sit", "walk", "walk", "slow_walk")[int(rng.integers(6))]
    frames = int(rng.integers(50, 150))
    body = _stander(pool, rng, frames, "sit") if action == "sit" else pool.gait(rng, (action,), frames)
    if body is None:
        return None
    labels = (ActionLabel(action, body.labels[0].style, None), ActionLabel("clap", None, None))
    made = _with_claps(body.motion, rng, True)
    return replace(body, motion=made, labels=labels, kind="while", relation="while", drawn=True)


def _shrugs(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """The shoulders go up, the hands turn out."""
    times = [int(rng.integers(6, 20)), int(rng.integers(18, 34)), int(rng.integers(6, 24))]
    body = _stander(pool, rng, sum(times))
    if body is None:
        return None
    rise = int(rng.integers(5, 9))
    weight = arms.eased(body.motion.frames, times[0], times[0] + times[1], rise)
    made = arms.shoulders_raised(body.motion, weight * float(rng.uniform(0.38, 0.6)))
    out, low, ahead = rng.uniform((0.4, -0.32, 0.12), (0.5, -0.2, 0.28))
    left = np.broadcast_to((out, low, ahead), (made.frames, 3))
    made = arms.reaching(
        made, {"left": left, "right": arms.of_side(left, "right")}, weight, np.array([0.2, -0.9, -0.3])
    )
    return drawn(body, arms.leaning(made, arms.AHEAD, weight * float(rng.uniform(-0.08, 0.08))), "shrug")


def _side_bends(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """The trunk bends to a side, or to one after the other; now and then an arm goes along over the head."""
    side, both = arms.either(rng, 0.5), rng.random() < 0.4
    down, pause, lead = int(rng.integers(10, 20)), int(rng.integers(4, 24)), int(rng.integers(3, 12))
    bend, at, sign = float(rng.uniform(0.5, 0.85)), lead, 1.0 if side == "right" else -1.0
    keys: list[tuple[float, tuple[float]]] = [(0.0, (0.0,))]
    for _ in range(int(rng.integers(2, 5)) if both else int(rng.integers(1, 3))):
        keys += [(at, (0.0,)), (at + down, (sign * bend,)), (at + down + pause, (sign * bend,))]
        at += 2 * down + pause + (0 if both else 4)
        sign = -sign if both else sign
    body = _stander(pool, rng, min(at + 6, MAX_FRAMES))
    if body is None:
        return None
    angle = arms.track(body.motion.frames, [*keys, (float(at), (0.0,))])[:, 0]
    made = arms.leaning(body.motion, arms.AHEAD, -angle)
    if rng.random() < 0.5:
        over = np.broadcast_to((0.12, 0.42, 0.1), (made.frames, 3))
        for which, sense in (("left", 1.0), ("right", -1.0)):
            weight = np.clip(sense * angle / bend, 0.0, 1.0)
            made = arms.reaching(made, {which: arms.of_side(over, which)}, weight, np.array([0.9, 0.4, 0.0]))
    return drawn(body, made, "side_bend", side=None if both else side)


def _twists(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Twists of the trunk, one after the other: recordings are cut into single ones."""
    clip = pool.any(rng, "twist_torso")
    if clip is None:
        return None
    made, whole = stretch(clip.motion, float(rng.uniform(0.85, 1.2))), clip
    for _ in range(6):
        if made.frames > 70:
            break
        more = (pool.any(rng, "twist_torso") if rng.random() < 0.5 else None) or clip
        made = join_matched(made, stretch(more.motion, float(rng.uniform(0.85, 1.2))), rng)
        if more.source not in whole.source.split("+"):
            whole = replace(whole, source=sources_of(whole, more))
    return renamed(whole, cut(made, 0, MAX_FRAMES), "twist_torso")


# Jumps.


def _jumps_down(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """A jump that lands lower than it began: as from a wall."""
    clip = pool.any(rng, "jump_forward", "jump_forward", "jump", "jump_down")
    if clip is None:
        return None
    feet = clip.motion.joints()[:, [10, 11], 1].min(axis=1)
    air = np.flatnonzero(feet > np.percentile(feet, 15) + 0.06)
    if not len(air) or air[0] < 6:
        return None
    first = air[0] - 1
    landing = np.flatnonzero(np.diff(air) > 1)
    last = int(air[landing[0]] if len(landing) else air[-1]) + 1
    if last - first < 4 or last > clip.motion.frames - 6:
        return None
    drop = float(rng.uniform(0.4, 1.1))
    slower = 1.0 + drop / 0.8
    time = np.concatenate([np.arange(first), np.linspace(first, last, round((last - first) * slower) + 1),
                           np.arange(last + 1, clip.motion.frames)])  # fmt: skip
    turned = take(clip.motion, time)
    share = np.clip((time - first) / (last - first), 0.0, 1.0)
    root = turned.root_translation.astype(np.float64)
    root[:, 1] += drop * (1.0 - share**1.6)
    return drawn(clip, cut(replace(turned, root_translation=root), 0, MAX_FRAMES), "jump_down")


def _strafes(pool: Pool, rng: np.random.Generator) -> Clip | None:
    """Side steps of a player with the arms and the trunk of one on guard."""
    clip = pool.any(rng, "basketball_dribble")
    guard = pool.any(rng, "fighting_stance", "boxing")
    if clip is None or guard is None:
        return None
    velocity = Posture.of(clip.motion).velocity
    aside = np.abs(velocity[:, 0]) > np.maximum(0.35, 1.6 * np.abs(velocity[:, 1]))
    found = spans(aside, 16)
    if not found:
        return None
    first, end = found[int(rng.integers(len(found)))]
    way = "left" if velocity[first:end, 0].mean() > 0 else "right"
    part = cut(clip.motion, first, end)
    upper = to_and_fro(guard.motion, part.frames)
    made = joined(part, upper, arms.SIDES, head=True, trunk=0.6)
    renewed = replace(clip, source=sources_of(clip, guard))
    return renamed(renewed, stretch(made, float(rng.uniform(0.9, 1.4))), "strafe", side=way)


DRAWN_MAKERS = (
    Maker("slant", 110, _slants, unless=("walk_left", 20)),
    Maker("march", 90, _marches, unless=("march", 10)),
    Maker("limp", 90, _limps, unless=("limp", 10)),
    Maker("brisk", 60, _brisk, unless=("brisk_walk", 10)),
    Maker("clap", 60, _claps, unless=("clap", 10)),
    Maker("clap_besides", 60, _claps_besides, unless=("clap", 10)),
    Maker("shrug", 50, _shrugs, unless=("shrug", 10)),
    Maker("side_bend", 80, _side_bends, unless=("side_bend", 10)),
    Maker("twists", 50, _twists, unless=("twist_torso", 20)),
    *BLOW_MAKERS,
    Maker("jump_down", 50, _jumps_down, unless=("jump_down", 10)),
    Maker("strafe", 50, _strafes, unless=("strafe", 10)),
)
