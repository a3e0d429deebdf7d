# SPDX-License-Identifier: Apache-2.0
"""Walks and runs that nobody recorded: in place, in circles and eights, in zigzags, there and back, crouched."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.data.makers import paths
from moclip.data.makers.legs import lowered
from moclip.data.makers.travel import in_place
from moclip.data.pool import RUNS, WALKS, Make, Maker, Pool, renamed
from moclip.data.sequences import cut, stretch
from moclip.data.variants import MAX_FRAMES, Clip


def _walks_in_place(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, WALKS, int(rng.integers(50, 190)))
    stride = 1.0 if rng.random() < 0.2 else float(rng.uniform(0.25, 0.55))
    return gait and renamed(gait, in_place(gait.motion, stride), "walk_in_place")


def _runs_in_place(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, RUNS, int(rng.integers(40, 180)))
    stride = 1.0 if rng.random() < 0.2 else float(rng.uniform(0.35, 0.6))
    return gait and renamed(gait, in_place(gait.motion, stride), "run_in_place")


def _closed(pool: Pool, rng: np.random.Generator, actions: Sequence[str], radii: tuple[float, float]) -> Clip | None:
    """A gait as long as one round of a circle with a radius between these."""
    gait = pool.gait(rng, actions, MAX_FRAMES)
    if gait is None:
        return None
    frames = int(2 * np.pi * rng.uniform(*radii) / max(paths.length(gait.motion) / MAX_FRAMES, 1e-3))
    return replace(gait, motion=cut(gait.motion, 0, int(np.clip(frames, 60, MAX_FRAMES))))


def _circles(actions: Sequence[str], action: str, radii: tuple[float, float]) -> Make:
    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        gait = _closed(pool, rng, actions, radii)
        if gait is None:
            return None
        # As far round as there is room for; most often once.
        angle = min(2 * np.pi, paths.length(gait.motion) / radii[0])
        return renamed(gait, paths.bent(gait.motion, paths.circle(angle)), action, side="left")

    return make


def _figure_eight(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, WALKS, int(rng.integers(165, MAX_FRAMES + 1)))
    if gait is None or paths.length(gait.motion) < 7.5:
        return None
    return renamed(gait, paths.bent(gait.motion, paths.figure_eight(1.0)), "walk_figure_eight")


def _zigzags(actions: Sequence[str], action: str, metres: float) -> Make:
    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        gait = pool.gait(rng, actions, int(rng.integers(90, MAX_FRAMES)))
        if gait is None:
            return None
        bends = int(np.clip(round(paths.length(gait.motion) / metres), 2, 7))
        turning = paths.zigzag(bends, float(rng.uniform(0.5, 0.8)), 1.0)
        return renamed(gait, paths.bent(gait.motion, turning), action)

    return make


def _u_turns(actions: Sequence[str], action: str, frames: tuple[int, int], metres: float) -> Make:
    def make(pool: Pool, rng: np.random.Generator) -> Clip | None:
        gait = pool.gait(rng, actions, int(rng.integers(*frames)))
        if gait is None:
            return None
        share = metres / max(paths.length(gait.motion), 1e-3)
        if share > 0.6:
            return None
        turning = paths.u_turn(float(rng.uniform(0.42, 0.55)), share, 1.0)
        return renamed(gait, paths.bent(gait.motion, turning), action)

    return make


def _strolls(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, ("walk", "slow_walk"), int(rng.integers(110, MAX_FRAMES)))
    turning = gait and paths.wandering(rng, paths.length(gait.motion))
    return gait and turning and renamed(gait, paths.bent(gait.motion, turning), "walk_around")


def _crouched(pool: Pool, rng: np.random.Generator) -> Clip | None:
    gait = pool.gait(rng, ("slow_walk", "walk", "walk", "sneak"), int(rng.integers(50, 180)))
    if gait is None:
        return None
    made = lowered(stretch(gait.motion, rng.uniform(1.0, 1.25)), rng.uniform(0.2, 0.32), rng.uniform(0.35, 0.7))
    return renamed(gait, cut(made, 0, MAX_FRAMES), "crouch_walk")


GAIT_MAKERS = (
    Maker("in_place", 60, _walks_in_place),
    Maker("run_in_place", 40, _runs_in_place),
    Maker("circle", 80, _circles(WALKS, "walk_in_circle", (0.9, 1.5))),
    Maker("run_circle", 40, _circles(RUNS, "jog_in_circle", (1.5, 3.0))),
    Maker("turn_around", 80, _u_turns(WALKS, "turn_around", (80, 190), 2.0)),
    Maker("run_u_turn", 40, _u_turns(RUNS, "run_u_turn", (60, 150), 3.5)),
    Maker("figure_eight", 36, _figure_eight),
    Maker("zigzag", 36, _zigzags(WALKS, "walk_zigzag", 1.7)),
    Maker("run_zigzag", 30, _zigzags(RUNS, "run_zigzag", 3.0)),
    Maker("stroll", 40, _strolls),
    Maker("crouch_walk", 50, _crouched),
)
