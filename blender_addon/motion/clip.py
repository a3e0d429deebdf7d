# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated motion, and its samples at other times."""

from dataclasses import dataclass

import numpy as np

from ..shared import rotations


@dataclass(frozen=True)
class Clip:
    """A generated motion as it came from the backend: arrays as in `Motion`.

    part: the frames first..end-1 that were generated, where the motion also holds what it continues from or leads to.
    licence: of the model, as in "CC BY-NC 4.0". repeats: it is one lap, whose last frame is the first of the next.
    """

    fps: float
    rotations: np.ndarray
    root_translation: np.ndarray
    text: str
    seed: int = 0
    warnings: tuple[str, ...] = ()
    model: str = ""
    part: tuple[int, int] | None = None
    licence: str = ""
    repeats: bool = False

    @property
    def new(self) -> tuple[int, int]:
        return self.part or (0, len(self.rotations))

    @property
    def seconds(self) -> float:
        return (self.new[1] - self.new[0]) / self.fps


def resample(clip: Clip, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 22, 4) and root translation (N, 3) at whole frames of a scene: N / fps is the clip's length.

    The identity when the rates agree. A scene frame after the clip's last sample holds that sample.
    """
    count = max(1, round(clip.seconds * fps))
    return sample(clip, np.arange(count) * (clip.fps / fps))


def sample(clip: Clip, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 22, 4) and root translation (N, 3) of a clip at some of its frames (N,), whole or not."""
    at = np.clip(at, 0, len(clip.rotations) - 1)
    before = np.floor(at + 1e-6).astype(int)
    after = np.minimum(before + 1, len(clip.rotations) - 1)
    weight = np.clip(at - before, 0.0, 1.0)
    source = np.asarray(clip.rotations, dtype=np.float64)
    root = np.asarray(clip.root_translation, dtype=np.float64)
    turns = rotations.slerp(source[before], source[after], weight[:, None])
    return turns, root[before] + (root[after] - root[before]) * weight[:, None]
