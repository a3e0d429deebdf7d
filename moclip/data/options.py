# SPDX-License-Identifier: Apache-2.0
"""What a dataset is to be, and what became of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

RARE_CAPTIONS = 3
"""Times the usual number of captions for a clip of a rare action: few clips would leave most wordings of it unused."""


@dataclass(frozen=True)
class BuildOptions:
    """min_frames: shorter clips are refused. captions_per_clip: `RARE_CAPTIONS` times as many where an action has few
    recordings. sequences: two-action sequences of the training split, before mirroring;
    the other splits get a twelfth each. mirror: add mirrored copies with left and right swapped in the captions.
    rotation_channels: "local" keeps the recordings' own joint rotations, "humanml3d" has those of HumanML3D.
    permissive: refuse recordings whose licence forbids commercial use, or is unknown here. without_licences: refuse
    those whose licence has one of these words, such as "BY-SA". without: actions to leave out. made: clips of what no
    recording shows (circles, stops, two things at once, ...), as a share of the usual number; 0 for none."""

    min_frames: int = 20
    captions_per_clip: int = 10
    sequences: int = 3000
    mirror: bool = True
    seed: int = 0
    rotation_channels: str = "local"
    permissive: bool = False
    without: Sequence[str] = ()
    without_licences: Sequence[str] = ()
    made: float = 1.0


def _nothing() -> list[float]:
    return [0, 0.0]


@dataclass
class BuildReport:
    """clips: ids written, by kind. minutes: of motion, by split. refused: reason -> (files, minutes)."""

    clips: Counter[str] = field(default_factory=Counter)
    minutes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    refused: dict[str, list[float]] = field(default_factory=lambda: defaultdict(_nothing))
    messages: list[str] = field(default_factory=list)

    def refuse(self, reason: str, name: str, seconds: float = 0.0) -> None:
        self.refused[reason][0] += 1
        self.refused[reason][1] += seconds / 60
        self.messages.append(f"{name}: {reason}")

    def add(self, other: "BuildReport") -> None:
        """What another report refuses, too."""
        for reason, (files, minutes) in other.refused.items():
            self.refused[reason][0] += files
            self.refused[reason][1] += minutes
        self.messages += other.messages
