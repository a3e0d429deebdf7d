# SPDX-License-Identifier: Apache-2.0
"""Cuts and throws: a hand, or both, wound up and swung along a way, on the body of somebody who stands or steps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from moclip.data.makers import arms
from moclip.data.makers.together import joined
from moclip.data.pool import Make, Maker, Pool, drawn, sources_of
from moclip.data.sequences import cut, join_matched, to_and_fro
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.motion.motion import Motion

_BLOW_BODIES = ("fighting_stance", "boxing", "boxing", "stand", "stand")
_CUTS = (
    # Wound up, half way, at the end; of the left wrist from the middle of the shoulders.
    ((0.22, 0.36, 0.02), (0.14, 0.12, 0.46), (-0.14, -0.36, 0.34)),
    ((0.14, 0.42, -0.02), (0.08, 0.16, 0.47), (0.04, -0.34, 0.36)),
    ((0.42, 0.28, 0.0), (0.22, 0.02, 0.46), (-0.24, -0.26, 0.28)),
)


def _blow(
    body: Motion, rng: np.random.Generator, side: str, way: tuple[tuple[float, float, float], ...],
    both: bool, times: Mapping[str, tuple[int, int]], turn: float,
) -> Motion:  # fmt: skip
    """A hand, or both, wound up and swung along a way, from and to where the body has it."""
    lead, up, wait, swing, rest, back = (int(rng.integers(*times[name])) for name in
                                         ("lead", "up", "wait", "swing", "rest", "back"))  # fmt: skip
    at = np.cumsum([lead + up, wait, swing, swing, rest])
    start = (0.3, -0.3, 0.25)
    points = np.add(way, rng.normal(0, 0.025, (3, 3)))
    keys: list[tuple[float, Sequence[float]]] = [
            (lead, start), (at[0], points[0]), (at[1], points[0]), (at[2], points[1]), (at[3], points[2]),
            (at[4], points[2] + (0, -0.03, -0.02)), (at[4] + back, start)]  # fmt: skip
    frames = min(body.frames, at[4] + back)
    motion = cut(body, 0, frames)
    sense = 1.0 if side == "left" else -1.0
    twist = arms.track(frames, [(lead, (0.0,)), (at[0], (turn,)), (at[1], (turn,)), (at[3], (-turn,)),
                                (at[4], (-0.8 * turn,)), (at[4] + back, (0.0,))])[:, 0]  # fmt: skip
    motion = arms.leaning(motion, arms.UP, sense * twist)
    places = arms.of_side(arms.track(frames, keys), side)
    wrists = {side: places}
    if both:
        wrists[arms.OTHER[side]] = places + (-0.06 * sense, -0.07, 0.0)
    weight = arms.eased(frames, lead - 1, at[4] + back + 1, min(up, back))
    return arms.reaching(motion, wrists, weight)


_CUT_TIMES = {"lead": (2, 14), "up": (8, 15), "wait": (1, 6), "swing": (2, 4), "rest": (4, 14), "back": (10, 18)}
_THROW_TIMES = {"lead": (2, 14), "up": (9, 16), "wait": (1, 4), "swing": (2, 4), "rest": (3, 10), "back": (12, 20)}
_THROW = ((0.34, 0.16, -0.22), (0.3, 0.34, 0.2), (0.04, -0.06, 0.46))


def _stepping(pool: Pool, rng: np.random.Generator, frames: int) -> Clip | None:
    """Somebody on whose body a blow is drawn: one who boxes, one on guard, one who stands; half of them step ahead."""
    clip = pool.any(rng, *_BLOW_BODIES)
    if clip is None:
        return None
    if rng.random() < 0.5:
        step = pool.gait(rng, ("walk",), int(rng.integers(16, 30)))
        if step is not None:
            joint = join_matched(step.motion, to_and_fro(clip.motion, frames), rng, window=10, blend=8)
            stand = pool.any(rng, "stand")
            stepped = replace(clip, motion=joint, source=sources_of(clip, step))
            if stand is not None:
                still = joined(joint, to_and_fro(stand.motion, joint.frames), arms.SIDES, trunk=0.7)
                stepped = replace(stepped, motion=still, source=sources_of(stepped, stand))
            return replace(stepped, motion=cut(stepped.motion, 0, frames))
    return replace(clip, motion=to_and_fro(clip.motion, frames))


def _blows(action: str, ways: tuple[tuple[tuple[float, float, float], ...], ...],
           times: Mapping[str, tuple[int, int]], both_share: float, turn: tuple[float, float]) -> Make:  # fmt: skip
    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        body, side, both = _stepping(pool, rng, 110), arms.either(rng), bool(rng.random() < both_share)
        if body is None:
            return None
        way = ways[int(rng.integers(len(ways)))]
        made = _blow(body.motion, rng, side, way, both, times, float(rng.uniform(*turn)))
        again = int(rng.integers(0, 3)) if rng.random() < 0.4 else 0
        for _ in range(again):
            another = _blow(body.motion, rng, side, way, both, times, float(rng.uniform(*turn)))
            made = join_matched(made, another, rng)
        return drawn(body, cut(made, 0, MAX_FRAMES), action, side="both" if both else side)

    return make


BLOW_MAKERS = (
    Maker("slash", 170, _blows("slash", _CUTS, _CUT_TIMES, 0.25, (0.2, 0.5)), unless=("slash", 20)),
    Maker("throw", 90, _blows("throw", (_THROW,), _THROW_TIMES, 0.0, (0.3, 0.6)), unless=("throw", 10)),
)
