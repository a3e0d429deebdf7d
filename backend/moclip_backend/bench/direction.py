# SPDX-License-Identifier: Apache-2.0
"""Motions that are directed: several prompts in turn, a range made anew, a motion continued. What stays, what shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moclip.generate.pipeline import TextToMotion
from moclip.motion.motion import Motion
from moclip.motion.rotations import angle_between
from moclip.prompts.limits import MAX_BATCH
from moclip.prompts.requests import Line, Request, Result
from moclip.shipped import DEFAULT_MODEL
from moclip.showing.asked import shows
from moclip.showing.kinematics import FPS, foot_skating
from moclip_backend.bench.control import bench_control

ACTIONS = (
    ("a person walks forward", "walk"),
    ("a person runs", "run"),
    ("a person bows", "bow"),
    ("a person waves with the right hand", "wave_right"),
    ("a person raises the left hand", "raise_left"),
    ("a person kicks", "kick"),
    ("a person punches", "punch"),
    ("a person jumps", "jump"),
)
TRAVELS = ("walk", "run")
STAYS = ("bow", "wave_right", "raise_left", "kick", "punch", "jump")
_WALK, _BOW = "a person walks forward", "a person bows"
_BASE_SECONDS, _FROM_SECONDS, _SECONDS = 7.0, 2.0, 3.0
_JOIN_FRAMES, _NEAR_FRAMES = 3, 20


def bench_direction(
    model: str = DEFAULT_MODEL, runtime: str = "auto", seeds: int = 3, cases: int = 50, only_control: bool = False
) -> dict[str, Any]:
    """Pass rates by kinematic rules, changes of what stays, and how much rougher joins are than the rest; and of so
    many cases how exactly pins and poses are met."""
    engine = TextToMotion.load(model, runtime=runtime)
    control = bench_control(engine, cases)
    if only_control:
        return {"model": model, "runtime": engine.runtime, **control}
    free = _generate(engine, [Request(text, _SECONDS, seed) for text, _ in ACTIONS for seed in range(seeds)])
    actions = [action for _, action in ACTIONS for _ in range(seeds)]
    walks, bows = (
        _generate(engine, [Request(text, _BASE_SECONDS, seed) for seed in range(seeds)]) for text in (_WALK, _BOW)
    )
    return {
        "model": model, "runtime": engine.runtime, "seeds": seeds,
        "free": {"samples": len(free), "pass_rate": _rate(free, actions), "foot_skating": _skating(free)},
        # What follows stays where it is, so a walk can become what travels too, and a bow what does not.
        "edit_of_a_walk": _edits(engine, walks, TRAVELS, _SECONDS, both=True),
        "edit_of_a_bow": _edits(engine, bows, STAYS, _SECONDS, both=True),
        "continued_walk": _edits(engine, walks, tuple(action for _, action in ACTIONS), _SECONDS, both=False),
        "one_second_between": _edits(engine, walks, ("walk",), 1.0, both=True),
        "script": _scripts(engine, seeds),
        **control,
    }  # fmt: skip


def _generate(engine: TextToMotion, requests: Sequence[Request]) -> list[Result]:
    chunks = [requests[k : k + MAX_BATCH] for k in range(0, len(requests), MAX_BATCH)]
    return [result for chunk in chunks for result in engine.generate(chunk)]


def _rate(results: Sequence[Result], actions: Sequence[str]) -> float:
    shown = [shows(r.motion.joints()[slice(*r.new)], (a,)) for r, a in zip(results, actions, strict=True)]
    return float(np.mean(shown))


def _skating(results: Sequence[Result]) -> float:
    return float(np.mean([foot_skating(r.motion.joints()[slice(*r.new)]) for r in results]))


def _edits(
    engine: TextToMotion, base: Sequence[Result], wanted: Sequence[str], seconds: float, *, both: bool
) -> dict[str, Any]:
    """Each action in a range of each base motion. both: what follows the range stays too."""
    start, length = round(_FROM_SECONDS * FPS), round(seconds * FPS)
    cases = [(given, text, action) for given in base for text, action in ACTIONS if action in wanted]
    requests = [
        Request(
            text, seconds, given.seed,
            before=_cut(given.motion, 0, start),
            after=_cut(given.motion, start + length, given.motion.frames) if both else None,
        ) for given, text, _ in cases
    ]  # fmt: skip
    results = _generate(engine, requests)
    changed = [_changes(result, case[0].motion) for result, case in zip(results, cases, strict=True)]
    joins = [_roughness(result, both) for result in results]
    # Nobody shows an action within a second between two others.
    shown = {"pass_rate": _rate(results, [action for *_, action in cases])} if seconds >= _SECONDS else {}
    return {
        "samples": len(results), **shown, "foot_skating": _skating(results), "joins_to_rest": float(np.median(joins)),
        "joins_to_rest_p95": float(np.percentile(joins, 95)), "kept_millimetres": max(c[0] for c in changed),
        "kept_degrees": max(c[1] for c in changed),
    }  # fmt: skip


def _cut(motion: Motion, first: int, end: int) -> Motion:
    return Motion(motion.fps, motion.rotations[first:end], motion.root_translation[first:end], motion.offsets)


def _changes(result: Result, given: Motion) -> tuple[float, float]:
    """The largest change of a kept frame: of a joint in millimetres, of a rotation in degrees."""
    first, end = result.new
    kept = np.r_[0:first, end : result.motion.frames]
    place = np.linalg.norm(result.motion.joints()[kept] - given.joints()[kept], axis=-1).max()
    turn = angle_between(result.motion.rotations[kept].astype(float), given.rotations[kept].astype(float)).max()
    return 1000 * float(place), float(np.degrees(turn))


def _roughness(result: Result, both: bool) -> float:
    """The largest change of a joint's velocity at the joins, to the largest within a second of them."""
    bend = np.linalg.norm(np.diff(result.motion.joints(), 2, axis=0), axis=-1).max(axis=1)
    joins = np.array(result.new if both else result.new[:1])
    away = np.abs(np.arange(1, len(bend) + 1)[:, None] - (joins - 0.5)).min(axis=1)
    return float(bend[away < _JOIN_FRAMES].max() / bend[(away >= _JOIN_FRAMES) & (away < _NEAR_FRAMES)].max())


@dataclass(frozen=True)
class _Script:
    texts: tuple[str, ...]
    actions: tuple[str, ...]


_SCRIPTS = (
    _Script(("a person walks forward", "a person bows", "a person walks forward"), ("walk", "bow", "walk")),
    _Script(("a person runs", "a person jumps", "a person punches"), ("run", "jump", "punch")),
    _Script(
        ("a person waves with the right hand", "a person walks forward", "a person kicks", "a person bows"),
        ("wave_right", "walk", "kick", "bow"),
    ),
)


def _scripts(engine: TextToMotion, seeds: int) -> dict[str, Any]:
    """Lines of three seconds; a line passes when its own frames show its action."""
    requests = [
        Request("", None, seed, tuple(Line(text, _SECONDS) for text in script.texts))
        for script in _SCRIPTS for seed in range(seeds)
    ]  # fmt: skip
    passed, length = [], round(_SECONDS * FPS)
    results = _generate(engine, requests)
    for script, result in zip([s for s in _SCRIPTS for _ in range(seeds)], results, strict=True):
        joints = result.motion.joints()
        for number, action in enumerate(script.actions):
            passed.append(shows(joints[number * length : (number + 1) * length], (action,)))
    return {"samples": len(results), "lines": len(passed), "pass_rate": float(np.mean(passed)),
            "foot_skating": _skating(results)}  # fmt: skip
