# SPDX-License-Identifier: Apache-2.0
"""How well and how fast rotations are solved from joint positions."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.errors import MoclipError
from moclip.motion import rotations
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import CHILDREN, JOINT_COUNT, JOINT_NAMES, LEAF_JOINTS, PARENTS, REST_OFFSETS
from moclip.motion.solver import solve_rotations

SOLVED_JOINTS = tuple(j for j in range(JOINT_COUNT) if j not in LEAF_JOINTS)
FPS = 20.0
TIMED_FRAMES = 196
# What bones do in the output of a model: each length wanders by about this much.
WOBBLE_METRES = 0.005
_X, _Y, _Z = np.eye(3)


def bench_solver(dataset: Path | None, clips: int = 100, seed: int = 0) -> dict[str, Any]:
    """Figures of `solve_rotations` against true rotations, ready for JSON.

    dataset: a dataset folder whose features carry local rotations, or a folder of BVH files; None uses made-up motions.
    `clips` of them are drawn at random with `seed`. Errors are degrees and metres; a fast turn is a joint that turns
    over 30 degrees in a frame in which the bones that meet in it turn under 15. Raises MoclipError for a folder without
    true rotations.
    """
    rng = np.random.default_rng(seed)
    motions = (
        (synthetic_motion(rng) for _ in range(clips)) if dataset is None else true_motions(Path(dataset), clips, rng)
    )
    figures = {"source": "synthetic" if dataset is None else str(dataset)}
    return {**figures, **measure(motions, rng), **time_solver(rng)}


def measure(truths: Iterable[Motion], rng: np.random.Generator) -> dict[str, Any]:
    """Errors over motions with true rotations; leaf joints, which positions cannot tell, are not counted."""
    fk, wobbled, geodesic = [], [], []
    turns = invented = true_turns = frames = 0
    for truth in truths:
        joints = truth.joints()
        solved = solve_rotations(joints, fps=truth.fps)
        fk.append(_distance(solved.joints(), joints))
        geodesic.append(np.degrees(rotations.angle_between(solved.rotations, truth.rotations)[:, SOLVED_JOINTS]))
        fast, true_fast = fast_turns(solved), fast_turns(truth)
        turns += int(fast.sum())
        invented += int((fast & ~true_fast).sum())
        true_turns += int(true_fast.sum())
        target = wobble(joints, rng)
        wobbled.append(_distance(solve_rotations(target, fps=truth.fps).joints(), target))
        frames += truth.frames
    if not fk:
        raise MoclipError("There is no clip to measure on.", hint="Check the dataset folder.", code="empty_dataset")
    errors = np.concatenate(geodesic)
    return {
        "clips": len(fk),
        "frames": frames,
        "fk_error_m": _spread(np.concatenate(fk)),
        "fk_error_with_wobbling_bones_m": _spread(np.concatenate(wobbled)),
        "geodesic_error_deg": {
            "mean": float(errors.mean()),
            "p95": float(np.percentile(errors, 95)),
            "per_joint": {JOINT_NAMES[j]: float(e) for j, e in zip(SOLVED_JOINTS, errors.mean(axis=0), strict=True)},
        },
        "fast_turns": turns,
        "fast_turns_that_are_not_true": invented,
        "fast_turns_of_the_true_rotations": true_turns,
    }


def time_solver(rng: np.random.Generator, repeats: int = 20) -> dict[str, Any]:
    """Milliseconds for 196 frames with constant and with wobbling bones, and the ratio to forward kinematics."""
    motion = synthetic_motion(rng, TIMED_FRAMES)
    joints = motion.joints()
    kinematics = _milliseconds(
        lambda: forward_kinematics(motion.rotations, motion.root_translation, motion.offsets), repeats
    )
    exact = _milliseconds(lambda: solve_rotations(joints), repeats)
    target = wobble(joints, rng)
    wobbling = _milliseconds(lambda: solve_rotations(target), repeats)
    return {
        "timed_frames": TIMED_FRAMES,
        "solve_ms": exact,
        "solve_wobbling_ms": wobbling,
        "forward_kinematics_ms": kinematics,
        "solve_to_forward_kinematics": wobbling / kinematics,
    }


def fast_turns(motion: Motion) -> NDArray[Any]:
    """Where a local rotation turns fast although the bones that meet in the joint turn slowly: (T - 1, 22) bool."""
    joints = motion.joints().astype(np.float64)
    per_second = motion.fps / FPS
    bones = rotations.normalize(joints - joints[:, np.maximum(PARENTS, 0)])
    cosines = np.clip(np.sum(bones[1:] * bones[:-1], axis=-1), -1, 1)
    bone_turns = np.degrees(np.arccos(cosines)) * per_second
    bone_turns[:, 0] = 0.0
    joint_turns: NDArray[Any] = (
        np.degrees(rotations.angle_between(motion.rotations[1:], motion.rotations[:-1])) * per_second
    )
    fast: NDArray[Any] = joint_turns > 30
    fast[:, LEAF_JOINTS] = False
    for joint in SOLVED_JOINTS:
        fast[:, joint] &= np.all(bone_turns[:, [joint, *CHILDREN[joint]]] < 15, axis=1)
    return fast


def wobble(joints: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Joints (T, 22, 3) whose bones change their lengths smoothly over time, as those of a decoder do."""
    joints = np.asarray(joints, dtype=np.float64)
    bones = joints - joints[:, np.maximum(PARENTS, 0)]
    lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
    change = WOBBLE_METRES * _smooth_noise(rng, len(joints), (JOINT_COUNT, 1))
    bones = bones * (1 + change / np.maximum(lengths, 0.02))
    wobbled = joints.copy()
    for joint in range(1, JOINT_COUNT):
        wobbled[:, joint] = wobbled[:, PARENTS[joint]] + bones[:, joint]
    return wobbled


def synthetic_motion(rng: np.random.Generator, frames: int = TIMED_FRAMES) -> Motion:
    """A smooth motion without meaning that keeps to what joints can do: knees and elbows are hinges."""
    local = np.zeros((frames, JOINT_COUNT, 4))
    local[..., 0] = 1.0

    def noise(*shape: int) -> NDArray[Any]:
        return _smooth_noise(rng, frames, shape)

    def sway(x: float, y: float, z: float) -> NDArray[Any]:
        vector = noise(3) * (x, y, z)
        angle = np.linalg.norm(vector, axis=-1)
        return rotations.from_axis_angle(rotations.normalize(vector), angle)

    turn = rotations.from_axis_angle(_Y, np.cumsum(noise()) * 0.05)
    local[:, 0] = rotations.multiply(turn, sway(0.2, 0.1, 0.2))
    for joint in (3, 6, 9, 12):
        local[:, joint] = sway(0.1, 0.1, 0.1)
    for k, side in enumerate((1, -1)):
        local[:, 1 + k] = rotations.multiply(rotations.from_axis_angle(_X, 0.4 * noise() - 0.3), sway(0.1, 0.15, 0.1))
        local[:, 4 + k] = rotations.from_axis_angle(_X, np.abs(0.6 * noise()))
        local[:, 7 + k] = sway(0.2, 0.05, 0.05)
        local[:, 13 + k] = sway(0.1, 0.1, 0.1)
        lowered = rotations.from_axis_angle(_Z, -side * (1.2 + 0.3 * noise()))
        local[:, 16 + k] = rotations.multiply(lowered, sway(0.4, 0.4, 0.4))
        local[:, 18 + k] = rotations.from_axis_angle(-side * _Y, np.abs(0.9 * noise()))
    root = np.cumsum(noise(3) * 0.02, axis=0) + (0, 0.95, 0)
    return Motion(FPS, rotations.continuous(rotations.normalize(local)), root, REST_OFFSETS, text="made up")


def _smooth_noise(rng: np.random.Generator, frames: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Normal values one second apart, joined smoothly: (frames, *shape)."""
    keys = rng.normal(size=(int(frames / FPS) + 2, *shape))
    place = np.arange(frames) / FPS
    before = place.astype(int)
    part = (place - before).reshape(-1, *[1] * len(shape))
    part = part * part * (3 - 2 * part)
    joined: NDArray[Any] = keys[before] * (1 - part) + keys[before + 1] * part
    return joined


def true_motions(folder: Path, count: int, rng: np.random.Generator) -> Iterator[Motion]:
    """Motions with true rotations, at most `count` at random, out of a dataset folder or a folder of BVH files."""
    if not (folder / "meta.json").is_file() and (recordings := sorted(folder.rglob("*.bvh"))):
        from moclip.files.foreign import load_bvh_motion

        return (load_bvh_motion(recordings[k]) for k in rng.permutation(len(recordings))[:count])
    return _dataset_motions(folder, count, rng)


def _dataset_motions(dataset: Path, count: int, rng: np.random.Generator) -> Iterator[Motion]:
    """Motions out of a dataset folder; features hold no pelvis rotation, so it is the best fit of its rigid bones."""
    from moclip.motion.features import features_to_joints, local_rotations

    try:
        meta = json.loads((dataset / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MoclipError(
            f"'{dataset}' is not a dataset folder: its meta.json cannot be read.",
            hint="`moclip data check` tells more.",
        ) from error
    if meta.get("rotation_channels") != "local":
        raise MoclipError(
            f"The dataset in '{dataset}' holds no true rotations to compare with.",
            hint="Use one made by `moclip data bvh`.",
        )
    paths = sorted((dataset / "new_joint_vecs").glob("*.npy"))
    for index in rng.permutation(len(paths))[:count]:
        features = np.load(paths[index], allow_pickle=False)
        joints, local = features_to_joints(features), local_rotations(features).astype(np.float64)
        local[:, 0] = _rigid_fit(joints[:, [1, 2, 3]] - joints[:, :1], REST_OFFSETS[[1, 2, 3]])
        yield Motion(float(meta.get("fps", FPS)), rotations.continuous(local), joints[:, 0], REST_OFFSETS)


def _rigid_fit(targets: NDArray[Any], rest: NDArray[Any]) -> NDArray[Any]:
    """Kabsch: rotations (T, 4) that take rest (K, 3) nearest to targets (T, K, 3)."""
    u, _, vt = np.linalg.svd(np.einsum("tki,kj->tij", targets.astype(np.float64), rest.astype(np.float64)))
    u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
    return rotations.from_matrix(u @ vt)


def _distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    distances: NDArray[Any] = np.linalg.norm(a - b, axis=-1)
    return distances.ravel()


def _spread(errors: NDArray[Any]) -> dict[str, float]:
    return {"mean": float(errors.mean()), "p95": float(np.percentile(errors, 95)), "max": float(errors.max())}


def _milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Median duration of a call after one that does not count."""
    call()
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return float(np.median(durations)) * 1000
