# SPDX-License-Identifier: Apache-2.0
"""Which clips show what they are called: a generator gives back what it was shown, failures too."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.generators.base.token_clips import MAX_FRAMES, decoded
from moclip.motion.features import features_to_joints
from moclip.motion.floor import on_floor
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.networks import Network, restore
from moclip.recipes.work import need
from moclip.showing.asked import Asked, shows, shows_clearly
from moclip.showing.rules import RULES, named_action
from moclip.training.processes import Processes

_LEAST = 0.4
"""Of an action's clips, the share that passes where its rule is taken to know better than a label. The others are of
actions that people do in other ways than those whom the rule was made for."""
_ENOUGH = 0.25
"""Of the clips that show an action, the share that does so clearly, or still by its codes, where the others are left
out; where that is less, the recordings are all that tells of it."""


class Rebuilt:
    """What the codec of a work folder gives back of a split's clips, from the layers that the generator draws.

    kind: of the codec. codes: (S, Q) of each clip. drawn: how many layers that are, None for all.
    """

    def __init__(self, work: Path, kind: type[Network], codes: Sequence[np.ndarray], drawn: int | None, device: str):
        tuned = work / "decoder.safetensors"
        has_tuned = tuned.is_file() and load_weights(tuned)[1].get("kind") == kind.KIND
        arrays, config = need(work, "decoder" if has_tuned else kind.KIND)
        self._codec: Any = restore(kind, config, arrays).to(device)
        self._codes, self._drawn, self._device = codes, drawn, device
        self.key = f"{fingerprint(arrays)} {drawn}"

    def features(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """(row, features (T, F) in their own units), not in the rows' order."""
        codes = [self._codes[row].astype(np.int64) for row in rows]
        for own in codes if self._drawn is not None else ():
            own[:, self._drawn :] = -1
        for place, features in decoded(codes, self._codec, self._device):
            yield rows[place], features


def clips_that_show(
    dataset: DatasetFolder, split: str, work: Path, device: str = "cpu", rebuilt: Rebuilt | None = None
) -> np.ndarray:
    """(N,) bool, by the ids of a split: False for clips that the rules of `moclip evaluate prompts` find to show
    something else than their labels, as a push-up that was slowed down until nobody goes down, or show it so that it is
    overlooked, as a wave at the shoulder's height.

    rebuilt: of the split; clips whose codes do not show it any more are left out, too: codes are what a generator sees.
    What has no rule counts as shown. Kept in `work/shown.SPLIT.json`.
    """
    ids, path = dataset.ids(split), work / f"shown.{split}.json"
    with Processes.join(device).first_goes_ahead():
        key = dataset.fingerprint(split) + (f" {rebuilt.key}" if rebuilt else "")
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if kept.get("key") != key:
            fps = float(dataset.meta["fps"])
            asked = [_asked(dataset.clips.get(clip, {})) for clip in ids]
            seen = [_seen(dataset.load(clip), one, fps) for clip, one in zip(ids, asked, strict=True)]
            passed = [shown for shown, _ in seen]
            trusted = _trusted(asked, passed)
            passed = _narrowed(asked, passed, [clearly for _, clearly in seen])
            if rebuilt is not None:
                passed = _narrowed(asked, passed, _by_codes(asked, passed, trusted, rebuilt, fps))
            failing = [
                clip for clip, one, held in zip(ids, asked, passed, strict=True)
                if not held and one is not None and trusted.issuperset(one.actions)
            ]  # fmt: skip
            kept = {"key": key, "failing": failing}
            # Both transformers may be trained side by side.
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            unfinished.replace(path)
    left_out = set(kept["failing"])
    return np.array([clip not in left_out for clip in ids])


def _asked(clip: Mapping[str, Any]) -> Asked | None:
    named = tuple(named_action(a["action"], a.get("side")) or "" for a in clip.get("actions") or ())
    if not 1 <= len(named) <= 2 or "" in named:
        return None
    return Asked(named, together=clip.get("relation") == "while")


def _seen(features: np.ndarray, asked: Asked | None, fps: float) -> tuple[bool, bool]:
    """Whether a clip shows what it is called, and whether clearly."""
    if asked is None:
        return True, True
    joints = on_floor(features_to_joints(features[:MAX_FRAMES]), fps)
    shown = shows(joints, asked)
    return shown, shown and shows_clearly(joints, asked)


def _trusted(asked: Sequence[Asked | None], passed: Sequence[bool]) -> set[str]:
    """Actions whose rules know better than labels."""
    alone: dict[str, list[bool]] = defaultdict(list)
    for one, held in zip(asked, passed, strict=True):
        if one is not None and len(one.actions) == 1:
            alone[one.actions[0]].append(held)
    return {action for action in RULES if np.mean(alone[action] or [False]) >= _LEAST}


def _by_codes(
    asked: Sequence[Asked | None], passed: Sequence[bool], trusted: set[str], rebuilt: Rebuilt, fps: float
) -> list[bool]:
    """Which of those that pass by a trusted rule do by their codes, too; the others as they are."""
    wanted = {
        row: one
        for row, (one, held) in enumerate(zip(asked, passed, strict=True))
        if one is not None and held and trusted.issuperset(one.actions)
    }
    still = list(passed)
    for row, features in rebuilt.features(list(wanted)):
        still[row], _ = _seen(features, wanted[row], fps)
    return still


def _narrowed(asked: Sequence[Asked | None], passed: Sequence[bool], kept: Sequence[bool]) -> list[bool]:
    """Of those that pass the ones to keep; all of them of what would hardly keep any."""
    rows: dict[Asked | None, list[int]] = defaultdict(list)
    for row, (one, held) in enumerate(zip(asked, passed, strict=True)):
        if held:
            rows[one].append(row)
    left = list(passed)
    for own in rows.values():
        if np.mean([kept[row] for row in own]) >= _ENOUGH:
            for row in own:
                left[row] = kept[row]
    return left
