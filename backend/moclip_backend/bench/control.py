# SPDX-License-Identifier: Apache-2.0
"""Motions that are held to pins and poses: how exactly they meet them, and what feet do meanwhile."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from moclip.generate.pipeline import TextToMotion
from moclip.motion import rotations as rot
from moclip.motion.meet import Span, at_moment, missed
from moclip.motion.motion import Motion, forward_kinematics, world_rotations
from moclip.motion.pins import EFFECTORS, Anchor, Pin
from moclip.prompts.limits import MAX_BATCH
from moclip.prompts.requests import Request, Result
from moclip.showing.kinematics import foot_skating, mean_jerk

_TEXTS = ("a person walks forward", "a person waves with the right hand", "a person bows")
_SECONDS = 5.0
_FIRST_S, _LAST_S = 0.4, 4.8
_AWAY_M = {"left_hand": 0.3, "right_hand": 0.3, "left_foot": 0.2, "right_foot": 0.2, "head": 0.12, "hips": 0.12}
"""How far from where it would be an effector is pinned at the most."""
_TURNED = np.radians(30.0)
_POSES = 3


def bench_control(engine: TextToMotion, cases: int, seed: int = 0) -> dict[str, Any]:
    """Cases are walks, waves and bows in turn, each with one pin or with three poses of another motion of its text, all
    at any time between frames."""
    rng = np.random.default_rng(seed)
    texts = [_TEXTS[k % len(_TEXTS)] for k in range(cases)]
    free = _motions(engine, [Request(text, _SECONDS, seed + k) for k, text in enumerate(texts)])
    pins = [_pin(own.motion, rng) for own in free]
    pinned = _motions(engine, [
        Request(text, _SECONDS, seed + k, pins=(pin,)) for k, (text, pin) in enumerate(zip(texts, pins, strict=True))
    ])  # fmt: skip
    # Poses come from another motion of the same text, which goes elsewhere in another stride.
    others = [[k for k in range(cases) if texts[k] == text] for text in _TEXTS]
    marked = [_poses(free[_next(others[k % len(_TEXTS)], k)].motion, rng) for k in range(cases)]
    met = _motions(engine, [
        Request(text, _SECONDS, seed + k, anchors=tuple(poses))
        for k, (text, poses) in enumerate(zip(texts, marked, strict=True))
    ])  # fmt: skip
    off = [missed(own.motion, [pin], Span(*own.new))[0] for own, pin in zip(pinned, pins, strict=True)]
    away = [_pose_error(own.motion, poses) for own, poses in zip(met, marked, strict=True)]
    return {
        "pins": {
            "cases": cases, "seed": seed, "millimetres": _spread([1000 * place for place, _ in off]),
            "degrees": _spread(np.degrees([turn for _, turn in off]).tolist()), **_feet(free, pinned),
        },
        "anchors": {
            "cases": cases, "seed": seed, "poses": _POSES * cases, "millimetres": _spread([1000 * far for far in away]),
            **_feet(free, met),
        },
    }  # fmt: skip


def _motions(engine: TextToMotion, requests: Sequence[Request]) -> list[Result]:
    return [
        result for k in range(0, len(requests), MAX_BATCH) for result in engine.generate(requests[k : k + MAX_BATCH])
    ]


def _next(group: Sequence[int], own: int) -> int:
    return group[(group.index(own) + 1) % len(group)]


def _joints(motion: Motion, moment: float) -> tuple[np.ndarray, np.ndarray]:
    """Places (22, 3) and world turns (22, 4) at a frame or between two."""
    pose = at_moment(motion.rotations.astype(float), motion.root_translation.astype(float), moment)
    joints = forward_kinematics(pose.rotations[None], pose.root[None], motion.offsets.astype(float))[0]
    return joints, world_rotations(pose.rotations[None])[0]


def _direction(rng: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray = rng.normal(size=3)
    return rot.normalize(drawn)


def _pin(motion: Motion, rng: np.random.Generator) -> Pin:
    """Near to where an effector comes by itself: as far as `_AWAY_M` from it, turned by up to 30 degrees."""
    effector, seconds = str(rng.choice(list(EFFECTORS))), float(rng.uniform(_FIRST_S, _LAST_S))
    joints, turns = _joints(motion, seconds * motion.fps)
    joint = EFFECTORS[effector]
    away = _direction(rng) * _AWAY_M[effector] * rng.uniform(0.3, 1.0)
    if effector.endswith("foot"):
        away[1] = abs(away[1])  # the floor is under it
    twist = rot.from_axis_angle(_direction(rng), np.array(rng.uniform(0.0, _TURNED)))
    x, y, z = (joints[joint] + away).tolist()
    qw, qx, qy, qz = rot.multiply(twist, turns[joint]).tolist()
    return Pin(effector, seconds, (x, y, z), (qw, qx, qy, qz))


def _poses(motion: Motion, rng: np.random.Generator) -> list[Anchor]:
    """Half a second apart at the least."""
    slots = np.sort(rng.choice(np.arange(8), _POSES, replace=False))
    seconds = _FIRST_S + 0.5 * slots + rng.uniform(0.0, 0.4, _POSES)
    turns, root = motion.rotations.astype(float), motion.root_translation.astype(float)
    poses = [at_moment(turns, root, second * motion.fps) for second in seconds]
    return [Anchor(float(second), pose.rotations, pose.root) for second, pose in zip(seconds, poses, strict=True)]


def _pose_error(motion: Motion, poses: Sequence[Anchor]) -> float:
    """Metres by which the worst joint is away from where a pose has it."""
    worst = 0.0
    for pose in poses:
        given = forward_kinematics(
            pose.rotations[None], pose.root_translation[None], motion.offsets.astype(float)
        )[0]  # fmt: skip
        worst = max(worst, float(np.linalg.norm(_joints(motion, pose.seconds * motion.fps)[0] - given, axis=1).max()))
    return worst


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "most": float(np.max(values))}


def _feet(free: Sequence[Result], held: Sequence[Result]) -> dict[str, float]:
    """Feet that skate, and how jerky the motion is, with and without."""
    alone, own = ([r.motion.joints() for r in results] for results in (free, held))
    before, after = (float(np.mean([foot_skating(joints) for joints in each])) for each in (alone, own))
    rough = (float(np.mean([mean_jerk(joints) for joints in each])) for each in (alone, own))
    return {
        "foot_skating_without": before, "foot_skating": after, "foot_skating_ratio": after / max(before, 1e-9),
        **dict(zip(("jerk_without", "jerk"), rough, strict=True)),
    }  # fmt: skip
