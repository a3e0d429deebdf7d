# SPDX-License-Identifier: Apache-2.0
"""A dataset split, and how often each of its clips is drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError

BALANCE = -0.7


@dataclass(frozen=True)
class Clips:
    """features: per clip (T, 263) in their own units, which may be read when they are asked for. weights: (N,) how
    often each clip is drawn, summing to 1.
    """

    ids: list[str]
    features: Sequence[np.ndarray]
    captions: list[list[str]]
    groups: list[str]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def emphasised(self, factors: dict[str, float]) -> "Clips":
        """The same clips, drawn as `emphasised` has it."""
        return replace(self, weights=emphasised(self.weights, self.groups, factors))


def emphasised(weights: np.ndarray, groups: Sequence[str], factors: dict[str, float]) -> np.ndarray:
    """(N,) weights with the clips of some actions drawn so many times as often against the rest.

    factors: by action, as in {"dance": 4.0}; actions that no clip shows are passed over, so that one recipe serves
    several datasets.
    """
    changed: np.ndarray = weights * np.array([factors.get(group.partition(":")[0], 1.0) for group in groups])
    changed /= changed.sum()
    return changed


def only(weights: np.ndarray, groups: Sequence[str], kept: np.ndarray) -> np.ndarray:
    """(N,) weights with those left out that are not kept (N,); each group is drawn as often as before."""
    changed = np.where(kept, weights, 0.0)
    for group in set(groups):
        own = np.array([g == group for g in groups])
        if changed[own].sum() > 0:
            changed[own] *= weights[own].sum() / changed[own].sum()
    changed /= changed.sum()
    return changed


def action_group(clip: Mapping[str, Any]) -> str:
    """What class balancing counts: the action with its side, or for sequences all of them as one group."""
    actions = clip.get("actions") or []
    if not actions:
        return "unlabelled"
    if len(actions) > 1 and clip.get("relation") == "while":
        # By their pairs: what the arms do meanwhile must not be forgotten for what is walked through most.
        return "while:" + "+".join(str(a["action"]) for a in actions)
    if len(actions) > 1:
        return "sequence"
    return f"{actions[0]['action']}:{actions[0].get('side') or ''}"


def load_clips(
    dataset: DatasetFolder, split: str, *, kinds: set[str] | None = None, sequence_share: float = 0.2
) -> Clips:
    """Read a split. kinds: only clips of these kinds ("clip", "loop", ...).

    Single actions are drawn by n ** BALANCE of their class size: rare ones (a kick has three clips) are not forgotten.
    `sequence_share` of the draws are two-action sequences; clauses are sampled one by one, so these teach the changes.
    """
    ids = [i for i in dataset.ids(split) if kinds is None or dataset.clips.get(i, {}).get("kind", "clip") in kinds]
    if not ids:
        raise MoclipError(
            f"The dataset folder {dataset.path} has no clips to use in {split}.txt.",
            hint="`moclip data check` says why; a dataset of ours is built again, with more recordings.",
            code="bad_dataset",
        )
    groups = [action_group(dataset.clips.get(i, {})) for i in ids]
    sizes = Counter(groups)
    weights = np.array([sizes[g] ** BALANCE for g in groups])
    is_sequence = np.array([g == "sequence" for g in groups])
    if is_sequence.any() and not is_sequence.all():
        weights[is_sequence] = sequence_share / is_sequence.sum()
        weights[~is_sequence] *= (1 - sequence_share) / weights[~is_sequence].sum()
    return Clips(ids, dataset.features(ids), [dataset.captions(i) for i in ids], groups, weights / weights.sum())
