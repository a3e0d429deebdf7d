# SPDX-License-Identifier: Apache-2.0
"""The pieces that things are made of, and what one thing that is made of them is called."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.data.makers import paths
from moclip.data.posture import Posture
from moclip.data.sequences import loop
from moclip.data.variants import Clip
from moclip.motion.motion import Motion

WALKS = (*("walk",) * 8, "slow_walk", "brisk_walk")
RUNS = (*("run",) * 8, "jog", "sprint")
TRIES = 12


class Pool:
    """The pieces of one split, by action; nothing of another split gets into what is made of them."""

    def __init__(self, clips: Sequence[Clip]):
        self._by_action: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            self._by_action[clip.labels[0].action].append(clip)

    def of(self, *actions: str) -> list[Clip]:
        return [clip for action in dict.fromkeys(actions) for clip in self._by_action.get(action, ())]

    def recordings(self, action: str) -> int:
        return len({clip.source for clip in self._by_action.get(action, ())})

    def any(self, rng: np.random.Generator, *actions: str) -> Clip | None:
        """One of these actions' clips: first an action, then a clip of it."""
        present = [action for action in actions if self._by_action.get(action)]
        if not present:
            return None
        clips = self._by_action[present[int(rng.integers(len(present)))]]
        return clips[int(rng.integers(len(clips)))]

    def gait(self, rng: np.random.Generator, actions: Sequence[str], frames: int) -> Clip | None:
        """One of these gaits straight on for so many frames; None where no recording of them can be looped."""
        for _ in range(TRIES):
            clip = self.any(rng, *actions)
            if clip is None:
                return None
            posture = Posture.of(clip.motion)
            if clip.motion.frames < 24 or posture.speed.mean() < 0.4 or np.ptp(posture.yaw) > 1.0:
                continue
            made = loop(clip.motion, frames, rng)
            if made is not None and paths.length(made) > 0.4 * made.seconds:
                return replace(clip, motion=made)
        return None


Make = Callable[[Pool, np.random.Generator], Clip | None]


@dataclass(frozen=True)
class Maker:
    """clips: of the training split, before mirroring. make: one clip, None where that time it did not work out.
    unless: an action of which so many recordings make this needless."""

    name: str
    clips: int
    make: Make
    unless: tuple[str, int] | None = None

    def is_needed(self, pools: Iterable[Pool]) -> bool:
        """Whether the recordings in all splits are fewer."""
        return self.unless is None or sum(pool.recordings(self.unless[0]) for pool in pools) < self.unless[1]


def renamed(clip: Clip, motion: Motion, action: str, **more: str | None) -> Clip:
    label = replace(clip.labels[0], action=action, count=None, **{"side": None, **more})
    return replace(clip, motion=motion, labels=(label,), kind="made")


def drawn(clip: Clip | None, motion: Motion | None, action: str, **more: str | None) -> Clip | None:
    """One thing of whose movement not all was recorded; None where it did not work out."""
    return replace(renamed(clip, motion, action, **more), drawn=True) if clip and motion else None


def sources_of(one: Clip, other: Clip) -> str:
    return f"{one.source}+{other.source}"
