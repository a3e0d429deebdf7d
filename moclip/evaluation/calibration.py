# SPDX-License-Identifier: Apache-2.0
"""How the rules of the prompt checks fare on real clips: those of the action, and those of the others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.kinds import implied
from moclip.motion.features import features_to_joints
from moclip.showing.asked import shows_in_order
from moclip.showing.kinematics import foot_skating, mean_jerk
from moclip.showing.rules import BY_EYE, FIRST_RULES, RULES, named_action

EXCLUDED = {
    "dataset-1_dance-short_normal_001_0": "the dancer stands and waits for the music",
    "dataset-1_dance-short_normal_001_8": "the dancer has finished and holds the last pose",
}
"""Pieces of recordings (and their mirror images) that do not show their label -> why."""
LEAST_OWN, MOST_OTHERS = 0.95, 0.10
LEAST_OWN_LATER = 0.80
"""For the actions after the first twenty: their recordings are few, and of uneven craft."""
FEWEST = 5
"""Clips of an action, at the least, of which a share says something."""
LONGEST = 200
"""Frames that are judged at once: a longer recording passes where one of its parts does."""


@dataclass(frozen=True)
class RuleScore:
    """own: share of the action's clips that pass. others: the same of the other actions, each counting the same.

    others_pooled: with each clip counting the same. worst: the other action that passes most often. own is None where
    there is no recording of the action. jerk: m/s^3, mean over the action's clips.
    """

    action: str
    clips: int
    own: float | None
    others: float
    others_pooled: float
    worst: str
    worst_rate: float
    jerk: float | None = None

    @property
    def calibrated(self) -> bool:
        return self.verdict == "yes"

    @property
    def verdict(self) -> str:
        """yes, NO, or "few" where the others hardly pass and the own recordings are too few to say more."""
        least = LEAST_OWN if self.action in FIRST_RULES else LEAST_OWN_LATER
        if max(self.others, self.others_pooled) > MOST_OTHERS:
            return "NO"
        if self.own is None or self.clips < FEWEST and self.action not in FIRST_RULES:
            return "few"
        return "yes" if self.own >= least else "NO"

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "calibrated": self.calibrated, "verdict": self.verdict}


def real_clips(
    folder: DatasetFolder, rebuild: Callable[[np.ndarray], np.ndarray] | None = None
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(id, action, joints) of each whole recording that shows one action of RULES or BY_EYE; no made-up variants.

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
            label = row["actions"][0]
            # What only an eye can tell is no recording of a rule's action, but the rules have to tell it apart, too.
            action = named_action(label["action"], label["side"]) or label["action"]
            if action in RULES or action in BY_EYE:
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
    jerks: dict[str, list[float]] = defaultdict(list)
    walks = []
    for clip, action, joints in clips:
        jerks[action].append(mean_jerk(joints))
        if action == "walk":
            walks.append((foot_skating(joints), jerks[action][-1]))
        parts = [joints[a : a + LONGEST] for a in range(0, max(1, len(joints) - LONGEST // 2), LONGEST)]
        for rule, check in RULES.items():
            own = rule == action
            if not own and implied(rule, action):
                continue
            results = [bool(check(part)) for part in parts]
            # An action is somewhere in its recording; what is no such action should show it nowhere.
            passed[rule][action].append(any(results) if own else float(np.mean(results)) > 0.5)
            if own and not any(results):
                failing[action].append(clip)
    scores = [_score(rule, passed[rule], jerks) for rule in RULES if passed[rule]]
    return scores, dict(failing), WalkMeasures(*map(float, np.mean(walks, axis=0))) if walks else None


def _score(rule: str, passed: dict[str, list[bool]], jerks: dict[str, list[float]]) -> RuleScore:
    own = passed.get(rule)
    others = {action: values for action, values in passed.items() if action != rule}
    rates = {action: float(np.mean(values)) for action, values in others.items()}
    worst = max(rates, key=rates.__getitem__, default="")
    pooled = [value for values in others.values() for value in values]
    return RuleScore(
        rule,
        len(own) if own else 0,
        float(np.mean(own)) if own else None,
        float(np.mean(list(rates.values()))) if rates else 0.0,
        float(np.mean(pooled)) if pooled else 0.0,
        worst,
        rates.get(worst, 0.0),
        float(np.mean(jerks[rule])) if own else None,
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
