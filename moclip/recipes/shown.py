# SPDX-License-Identifier: Apache-2.0
"""Which clips show what they are called: a generator gives back what it was shown, failures too."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.evaluation.rules import RULES, named_action
from moclip.evaluation.showing import Asked, shows
from moclip.generators.base.token_clips import MAX_FRAMES
from moclip.motion.features import features_to_joints
from moclip.motion.floor import on_floor
from moclip.training.processes import Processes

_LEAST = 0.4
"""Of an action's clips, the share that passes where its rule is taken to know better than a label. The others are of
actions that people do in other ways than those whom the rule was made for."""


def clips_that_show(dataset: DatasetFolder, split: str, work: Path, device: str = "cpu") -> np.ndarray:
    """(N,) bool, by the ids of a split: False for clips that the rules of `moclip evaluate prompts` find to show
    something else than their labels, as a push-up that was slowed down until nobody goes down.

    What has no rule counts as shown. Kept in `work/shown.SPLIT.json`.
    """
    ids, path = dataset.ids(split), work / f"shown.{split}.json"
    with Processes.join(device).first_goes_ahead():
        key = dataset.fingerprint(split)
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if kept.get("key") != key:
            asked = [_asked(dataset.clips.get(clip, {})) for clip in ids]
            passed = [one is None or _shows(dataset, clip, one) for clip, one in zip(ids, asked, strict=True)]
            kept = {"key": key, "failing": _failing(ids, asked, passed)}
            # Both transformers may be trained side by side.
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            unfinished.replace(path)
    failing = set(kept["failing"])
    return np.array([clip not in failing for clip in ids])


def _asked(clip: Mapping[str, Any]) -> Asked | None:
    named = tuple(named_action(a["action"], a.get("side")) or "" for a in clip.get("actions") or ())
    if not 1 <= len(named) <= 2 or "" in named:
        return None
    return Asked(named, together=clip.get("relation") == "while")


def _shows(dataset: DatasetFolder, clip: str, asked: Asked) -> bool:
    joints = on_floor(features_to_joints(dataset.load(clip)[:MAX_FRAMES]), float(dataset.meta["fps"]))
    return shows(joints, asked)


def _failing(ids: Sequence[str], asked: Sequence[Asked | None], passed: Sequence[bool]) -> list[str]:
    """Ids of what fails rules that know better."""
    alone: dict[str, list[bool]] = defaultdict(list)
    for one, held in zip(asked, passed, strict=True):
        if one is not None and len(one.actions) == 1:
            alone[one.actions[0]].append(held)
    trusted = {action for action in RULES if np.mean(alone[action] or [False]) >= _LEAST}
    return [
        clip for clip, one, held in zip(ids, asked, passed, strict=True)
        if not held and one is not None and trusted.issuperset(one.actions)
    ]  # fmt: skip
