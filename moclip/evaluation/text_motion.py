# SPDX-License-Identifier: Apache-2.0
"""A generator measured by the evaluator on a split of real clips: the table of text-to-motion papers.

Protocol of Guo et al., CVPR 2022, section 5: each clip's length, one random caption a repeat, groups of 32 for
R-precision, FID of all generated against all real motions. With their released evaluator it is theirs to the end: a
random crop of each clip a repeat, whole captions, and behind a generated motion the tail that its decoder makes of no
codes, of which the evaluator sees a little. Beside it stand R-precision in groups of distinct labels,
since random groups of a small dataset hold many clips that mean the same, FID of real against real, foot skating and
jerk of the motions as the network makes them.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.evaluation.evaluator import STRIDE, Evaluator
from moclip.evaluation.metrics import (
    GROUP,
    Interval,
    bootstrap,
    distinct_groups,
    diversity,
    frechet_distance,
    interval,
    matching_distance,
    multimodality,
    r_precision,
    random_groups,
)
from moclip.evaluation.train_evaluator import JudgedClips, crop
from moclip.generate.pipeline import MAX_BATCH, TextToMotion
from moclip.generators.base.token_clips import MAX_TOKENS
from moclip.motion.features import KIT, features_to_joints
from moclip.prompts.limits import LONGEST_SECONDS
from moclip.prompts.requests import Request
from moclip.showing.kinematics import foot_skating, mean_jerk

Progress = Callable[[str, float], None]
MODALITY_SAMPLES = 20
BOOTSTRAP_ROUNDS = 200


@dataclass(frozen=True)
class Report:
    """clips: N. rows: name of the model (or "real") -> metric -> (mean, half of its 95 % interval) over the repeats.

    differences: name of each model but the last -> metric -> 95 % bootstrap interval over clips of it minus the last.
    """

    clips: int
    repeats: int
    rows: dict[str, dict[str, Interval]]
    differences: dict[str, dict[str, Interval]]

    def to_dict(self) -> dict[str, Any]:
        return {"clips": self.clips, "repeats": self.repeats, "rows": self.rows, "differences": self.differences}


@dataclass(frozen=True)
class _Repeat:
    """One caption of each clip and how it is grouped; text, real: (N, D) embeddings."""

    captions: list[str]
    text: np.ndarray
    groups: dict[str, np.ndarray]


def evaluate_text_motion(
    evaluator: Evaluator,
    clips: JudgedClips,
    models: dict[str, TextToMotion],
    *,
    repeats: int = 5,
    seed: int = 0,
    modality_texts: int = 0,
    progress: Progress = lambda stage, fraction: None,
) -> Report:
    """Measure models side by side, on the same captions, lengths, groups and seeds.

    modality_texts: texts for MultiModality, each sampled 20 times; 0 leaves the metric out. Raises MoclipError for
    models at another frame rate or with other features than the evaluator's, and for splits of fewer than 32 clips.
    """
    for name, model in models.items():
        _check(name, model, evaluator)
    released = not evaluator.config.masked
    real = evaluator.embed_motions(clips.features)
    recorded = _kinematics(clips.features)
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in ("real", *models)}
    first: _Repeat | None = None
    drawn: dict[str, np.ndarray] = {}
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        shown: Sequence[np.ndarray] = clips.features
        if released:
            shown = [crop(f, rng, evaluator.config.most_frames) for f in clips.features]
            real = evaluator.embed_motions(shown)
        given = _draw(evaluator, clips, rng)
        half = np.array_split(rng.permutation(len(real)), 2)
        _note(found["real"], given, real, rng)
        found["real"]["FID, halves"].append(frechet_distance(real[half[0]], real[half[1]]))
        for metric, value in recorded.items():
            found["real"][metric].append(value)
        for name, model in models.items():

            def told(share: float, name: str = name, repeat: int = repeat) -> None:
                progress(name, (repeat + share) / repeats)

            frames, first_seed = [len(f) for f in shown], (seed + repeat) * len(real)
            make = generate_with_tail if released else generate_features
            features = make(model, given.captions, frames, seed=first_seed, progress=told)
            motion = evaluator.embed_motions(features, lengths=frames if released else None)
            if released:
                features = [f[:n] for f, n in zip(features, frames, strict=True)]
            _note(found[name], given, motion, rng)
            found[name]["FID"].append(frechet_distance(motion, real))
            for metric, value in _kinematics(features).items():
                found[name][metric].append(value)
            found[name]["FID, halves"].append(frechet_distance(motion[half[0]], real[half[1]]))
            if modality_texts:
                several = _several(model, evaluator, clips, given.captions, modality_texts, rng, progress)
                found[name]["MultiModality"].append(multimodality(several, rng))
            drawn.setdefault(name, motion)  # of the first repeat
        first = first or given
    rows = {name: {metric: interval(values) for metric, values in row.items()} for name, row in found.items()}
    *others, last = drawn
    assert first is not None
    differences = {name: _differences(first, real, (drawn[name], drawn[last]), seed) for name in others}
    return Report(len(clips), repeats, rows, differences)


def generate_features(
    model: TextToMotion,
    captions: Sequence[str],
    frames: Sequence[int],
    *,
    seed: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[np.ndarray]:
    """Features (T, F) as the model makes them, in the order of the captions: whole tokens within the frames asked for.

    Caption k is sampled with seed + k.
    """
    features: list[np.ndarray] = [np.empty(0)] * len(captions)
    order = np.argsort(frames, kind="stable")  # batches are padded to their longest motion
    for start in range(0, len(order), MAX_BATCH):
        chunk = order[start : start + MAX_BATCH]
        seconds = [min(frames[k] // STRIDE * STRIDE / model.fps, LONGEST_SECONDS) for k in chunk]
        asked = [Request(captions[k], s, seed + int(k)) for k, s in zip(chunk, seconds, strict=True)]
        for k, made in zip(chunk, model.features(asked), strict=True):
            features[k] = made
        progress((start + len(chunk)) / len(order))
    return features


def generate_with_tail(
    model: TextToMotion,
    captions: Sequence[str],
    frames: Sequence[int],
    *,
    seed: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[np.ndarray]:
    """The same as papers have it: whole captions, features (196, F), of which the frames asked for are the motion.

    What follows them is what the decoder makes of no codes, as in MoMask's evaluation.
    """
    features: list[np.ndarray] = [np.empty(0)] * len(captions)
    order = np.argsort(frames, kind="stable")
    stride = model.codec.stride
    for start in range(0, len(order), MAX_BATCH):
        chunk = [int(k) for k in order[start : start + MAX_BATCH]]
        tokens = [max(1, min(frames[k] // stride, MAX_TOKENS)) for k in chunk]
        codes = model.codes([captions[k] for k in chunk], tokens, [seed + k for k in chunk])
        padded = np.full((len(chunk), MAX_TOKENS, codes.shape[2]), -1, dtype=np.int64)
        padded[:, : codes.shape[1]] = codes
        for k, made in zip(chunk, model.codec.decode(padded), strict=True):
            features[k] = made
        progress((start + len(chunk)) / len(order))
    return features


def _check(name: str, model: TextToMotion, evaluator: Evaluator) -> None:
    features = evaluator.config.features
    fps = KIT.fps if features == KIT.width else 20
    if model.fps != fps or model.codec.features != features:
        raise MoclipError(
            f"The model '{name}' makes {model.codec.features} features at {model.fps:g} frames a second; "
            f"the evaluator reads {features} at {fps:g}.",
            hint="Train an evaluator on data of the model's kind.",
            code="bad_model",
        )


def _draw(evaluator: Evaluator, clips: JudgedClips, rng: np.random.Generator) -> _Repeat:
    rows = [int(rng.integers(len(captions))) for captions in clips.captions]
    groups = {"": random_groups(len(clips), rng)}
    if len(set(clips.labels)) >= GROUP:
        groups[" distinct"] = distinct_groups(clips.labels, rng)
    return _Repeat(
        captions=[captions[row] for captions, row in zip(clips.captions, rows, strict=True)],
        text=evaluator.embed_texts([s[row] for s, row in zip(clips.sentences, rows, strict=True)]),
        groups=groups,
    )


def _kinematics(features: Sequence[np.ndarray]) -> dict[str, float]:
    """Foot skating (share of contacts) and mean jerk (m/s^3), means over the motions."""
    if features[0].shape[1] == KIT.width:
        return {}  # these measures are made for our body and its rate
    joints = [features_to_joints(f) for f in features]
    return {
        "foot skating": float(np.mean([foot_skating(j) for j in joints])),
        "jerk": float(np.mean([mean_jerk(j) for j in joints])),
    }


def _note(found: dict[str, list[float]], given: _Repeat, motion: np.ndarray, rng: np.random.Generator) -> None:
    for kind, groups in given.groups.items():
        for k, share in enumerate(r_precision(given.text, motion, groups), 1):
            found[f"Top-{k}{kind}"].append(float(share))
    found["MM-Dist"].append(matching_distance(given.text, motion))
    found["Diversity"].append(diversity(motion, rng))


def _several(
    model: TextToMotion,
    evaluator: Evaluator,
    clips: JudgedClips,
    captions: list[str],
    texts: int,
    rng: np.random.Generator,
    progress: Progress,
) -> np.ndarray:
    """(texts, MODALITY_SAMPLES, D) embeddings of many motions of each of a few texts."""
    chosen = rng.choice(len(captions), min(texts, len(captions)), replace=False)
    asked = np.repeat(chosen, MODALITY_SAMPLES)
    released = not evaluator.config.masked
    make, frames = generate_with_tail if released else generate_features, [len(clips.features[k]) for k in asked]
    features = make(
        model, [captions[k] for k in asked], frames, seed=int(rng.integers(2**40)),
        progress=lambda share: progress("MultiModality", share),
    )  # fmt: skip
    embedded = evaluator.embed_motions(features, lengths=frames if released else None)
    return embedded.reshape(len(chosen), MODALITY_SAMPLES, -1)


def _differences(
    given: _Repeat, real: np.ndarray, motions: tuple[np.ndarray, np.ndarray], seed: int
) -> dict[str, Interval]:
    """Paired intervals on the first repeat's samples: over clips for FID, over groups for R-precision."""
    rng = np.random.default_rng([seed, 0x0D1F])

    def fid(rows: np.ndarray) -> float:
        one, other = (frechet_distance(motion[rows], real[rows]) for motion in motions)
        return one - other

    found = {}
    for kind, groups in given.groups.items():
        if len(groups) < 2:
            continue
        one, other = (np.array([r_precision(given.text, m, g[None]) for g in groups]) for m in motions)
        for k in (1, 3):
            change = one[:, k - 1] - other[:, k - 1]

            def mean(rows: np.ndarray, change: np.ndarray = change) -> float:
                return float(change[rows].mean())

            found[f"Top-{k}{kind}"] = bootstrap(mean, len(groups), rng)
    return {**found, "FID": bootstrap(fid, len(real), rng, rounds=BOOTSTRAP_ROUNDS)}
