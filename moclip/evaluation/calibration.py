# SPDX-License-Identifier: Apache-2.0
"""How the rules of the prompt checks fare on real clips: those of the action, and those of the others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.kinematics import foot_skating, mean_jerk
from moclip.evaluation.rules import RULES, named_action, shows_in_order
from moclip.motion.features import features_to_joints

IMPLIED = {
    ("sprint", "run"): "runs of the data are as fast as its dashes (top speeds 1.4 to 3.9 m/s and 2.6 to 4.6 m/s)",
    ("run", "sprint"): "a sprint is a run",
}
"""(rule, action of the clips) -> why such clips are not counted among the other actions."""
EXCLUDED = {
    "dataset-1_dance-short_normal_001_0": "the dancer stands and waits for the music",
    "dataset-1_dance-short_normal_001_8": "the dancer has finished and holds the last pose",
}
"""Pieces of recordings (and their mirror images) that do not show their label -> why."""
LEAST_OWN, MOST_OTHERS = 0.95, 0.10


@dataclass(frozen=True)
class RuleScore:
    """own: share of the action's clips that pass. others: the same of the other actions, each counting the same.

    others_pooled: with each clip counting the same. worst: the other action that passes most often.
    """

    action: str
    clips: int
    own: float
    others: float
    others_pooled: float
    worst: str
    worst_rate: float

    @property
    def calibrated(self) -> bool:
        return self.own >= LEAST_OWN and max(self.others, self.others_pooled) <= MOST_OTHERS

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "calibrated": self.calibrated}


def real_clips(
    folder: DatasetFolder, rebuild: Callable[[np.ndarray], np.ndarray] | None = None
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(id, named action, joints) of each whole recording that shows one named action; no made-up variants.

    rebuild: features (T, F) -> features, what a model's codes keep of them. Raises MoclipError for a folder without
    labels.
    """
    if not folder.clips:
        raise MoclipError(
            "This dataset folder has no clips.jsonl, so nobody knows what its clips show.",
            hint="Build one with `moclip data bvh`.",
            code="bad_dataset",
        )
    for clip, row in folder.clips.items():
        shown = clip not in EXCLUDED and clip.removeprefix("M") not in EXCLUDED
        if row["kind"] == "clip" and len(row["actions"]) == 1 and shown:
            action = named_action(row["actions"][0]["action"], row["actions"][0]["side"])
            if action:
                features = folder.load(clip)
                yield clip, action, features_to_joints(rebuild(features) if rebuild else features)


@dataclass(frozen=True)
class WalkMeasures:
    """Means over the walks: share of the feet's contacts that slide, jerk in m/s^3."""

    foot_skating: float
    jerk: float


def score_rules(
    clips: Iterable[tuple[str, str, np.ndarray]],
) -> tuple[list[RuleScore], dict[str, list[str]], WalkMeasures | None]:
    """Scores of all rules, for each action the ids of its own clips that fail, and what the walks are like."""
    passed: dict[str, dict[str, list[bool]]] = {rule: defaultdict(list) for rule in RULES}
    failing: dict[str, list[str]] = defaultdict(list)
    walks = []
    for clip, action, joints in clips:
        if action == "walk":
            walks.append((foot_skating(joints), mean_jerk(joints)))
        for rule, check in RULES.items():
            result = bool(check(joints))
            passed[rule][action].append(result)
            if rule == action and not result:
                failing[action].append(clip)
    scores = [_score(rule, passed[rule]) for rule in RULES if passed[rule].get(rule)]
    return scores, dict(failing), WalkMeasures(*map(float, np.mean(walks, axis=0))) if walks else None


def _score(rule: str, passed: dict[str, list[bool]]) -> RuleScore:
    others = {a: v for a, v in passed.items() if a != rule and (rule, a) not in IMPLIED}
    rates = {action: float(np.mean(values)) for action, values in others.items()}
    worst = max(rates, key=rates.__getitem__, default="")
    pooled = [value for values in others.values() for value in values]
    return RuleScore(
        rule,
        len(passed[rule]),
        float(np.mean(passed[rule])),
        float(np.mean(list(rates.values()))) if rates else 0.0,
        float(np.mean(pooled)) if pooled else 0.0,
        worst,
        rates.get(worst, 0.0),
    )


def score_order(
    folder: DatasetFolder, rebuild: Callable[[np.ndarray], np.ndarray] | None = None, most: int = 300
) -> tuple[int, float, float]:
    """Two-action sequences of the dataset: how many, share that passes, share that passes for the opposite order."""
    named = []
    for clip, row in folder.clips.items():
        if row["kind"] == "sequence" and len(row["actions"]) == 2:
            first, second = (named_action(a["action"], a["side"]) for a in row["actions"])
            if first and second and first != second:
                named.append((clip, (first, second)))
    named = named[:: max(1, len(named) // most)][:most]
    if not named:
        return 0, 0.0, 0.0
    features = [(folder.load(clip), pair) for clip, pair in named]
    joints = [(features_to_joints(rebuild(f) if rebuild else f), pair) for f, pair in features]
    right = [shows_in_order(j, first, second) for j, (first, second) in joints]
    opposite = [shows_in_order(j, second, first) for j, (first, second) in joints]
    return len(named), float(np.mean(right)), float(np.mean(opposite))
