# SPDX-License-Identifier: Apache-2.0
"""Training of the recogniser: on clips of one action, half of them as a codec gives them back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.generators.base.token_clips import MAX_FRAMES
from moclip.models import RECOGNISER
from moclip.recognition.config import ActionClass, RecogniserConfig, class_of
from moclip.recognition.network import Recogniser
from moclip.training.machine import Machine, move
from moclip.training.run import Run
from moclip.training.task import Numbers, Task
from moclip.training.trainer import Trainer

_ENOUGH = 40
"""Clips of a class from which on it is drawn no more often for having more."""
_CROPPED, _MOST_OFF, _LEAST_FRAMES = 0.5, 8, 50
"""How often a clip loses up to an eighth at each end, and how long it must be for that."""
_NOISE, _SMOOTHING = 0.1, 0.05


@dataclass(frozen=True)
class ActionClips:
    """motions: per clip (T, F) features in their own units. rebuilt: the same as a codec gives them back; may be none.
    labels: (N,) class of each."""

    motions: Sequence[np.ndarray]
    rebuilt: Sequence[np.ndarray]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def classes_in(dataset: DatasetFolder, ids: Sequence[str]) -> tuple[ActionClass, ...]:
    """The classes that clips show, in order."""
    return tuple(sorted({found for clip in ids if (found := class_of(dataset.clips.get(clip, {})))}))


def action_clips(
    dataset: DatasetFolder, ids: Sequence[str], classes: Sequence[ActionClass], rebuilt: Sequence[np.ndarray] = ()
) -> ActionClips:
    """Raises MoclipError where no clip shows one of these classes."""
    row = {found: k for k, found in enumerate(classes)}
    labels = [class_of(dataset.clips.get(clip, {})) for clip in ids]
    kept = [k for k, found in enumerate(labels) if found in row]
    if not kept:
        raise MoclipError(
            "The dataset does not say which single actions its clips show.",
            hint="Build it by `moclip data bvh`, or by `moclip data amass` with BABEL's labels.",
            code="too_few_clips",
        )
    motions = [dataset.load(ids[k])[:MAX_FRAMES].astype(np.float32) for k in kept]
    copies = [rebuilt[k] for k in kept] if len(rebuilt) else []
    return ActionClips(motions, copies, np.array([row[labels[k]] for k in kept]))  # type: ignore[index]


@dataclass(frozen=True)
class ActionBatch:
    features: Tensor
    valid: Tensor
    labels: Tensor


def action_batch(motions: Sequence[np.ndarray], labels: np.ndarray) -> ActionBatch:
    """Motions (T, F) of any lengths in one batch."""
    longest = max(len(motion) for motion in motions)
    features = np.zeros((len(motions), longest, motions[0].shape[1]), np.float32)
    valid = np.zeros((len(motions), longest), bool)
    for row, motion in enumerate(motions):
        features[row, : len(motion)], valid[row, : len(motion)] = motion, True
    return ActionBatch(torch.from_numpy(features), torch.from_numpy(valid), torch.from_numpy(labels))


class RecogniserTask(Task[ActionBatch]):
    """Best by the share of held-out clips that are recognised, each class counting alike."""

    def __init__(self, network: Recogniser, train: ActionClips, val: ActionClips, batch: int):
        super().__init__(RECOGNISER, network, {"kind": network.KIND, **network.config.to_dict()})
        self.train, self.val, self.batch = train, val, batch
        self._of_class = [np.flatnonzero(train.labels == k) for k in range(len(network.config.actions))]
        sizes = np.array([min(len(own), _ENOUGH) ** 0.5 for own in self._of_class])
        self._shares = sizes / sizes.sum()
        self._spread = network.std.numpy().copy()
        self._device = torch.device("cpu")

    def begin(self, machine: Machine) -> None:
        self._device = machine.device

    def make_batch(self, rng: np.random.Generator) -> ActionBatch:
        classes = rng.choice(len(self._shares), self.batch, p=self._shares)
        drawn = [int(rng.choice(self._of_class[k])) for k in classes]
        return action_batch([self._seen(k, rng) for k in drawn], self.train.labels[drawn])

    def _seen(self, clip: int, rng: np.random.Generator) -> np.ndarray:
        copies = self.train.rebuilt if len(self.train.rebuilt) and rng.random() < 0.5 else self.train.motions
        motion = copies[clip]
        if len(motion) > _LEAST_FRAMES and rng.random() < _CROPPED:
            off = len(motion) // _MOST_OFF
            motion = motion[int(rng.integers(off)) : len(motion) - int(rng.integers(off))]
        if rng.random() < 0.5:
            motion = motion + _NOISE * self._spread * rng.standard_normal(motion.shape, dtype=np.float32)
        return motion

    def loss(self, batch: ActionBatch) -> tuple[Tensor, Numbers]:
        logits = self.network(batch.features, batch.valid)
        right = (logits.argmax(1) == batch.labels).float().mean().item()
        return F.cross_entropy(logits.float(), batch.labels, label_smoothing=_SMOOTHING), {"acc": right}

    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        right = np.zeros(len(self.val), bool)
        for first in range(0, len(self.val), self.batch):
            part = slice(first, first + self.batch)
            batch = move(action_batch(self.val.motions[part], self.val.labels[part]), self._device)
            with torch.no_grad():
                right[part] = (network(batch.features, batch.valid).argmax(1) == batch.labels).cpu().numpy()
        by_class = [right[self.val.labels == k].mean() for k in np.unique(self.val.labels)]
        return 1 - float(np.mean(by_class)), {"recognised": float(right.mean())}


def train_recogniser(
    train: ActionClips,
    val: ActionClips,
    classes: Sequence[ActionClass],
    moments: tuple[np.ndarray, np.ndarray],
    config: RecogniserConfig,
    run: Run,
    *,
    batch: int = 64,
) -> None:
    """Writes `recogniser.safetensors`. config: its classes are replaced. moments: mean and std (F,) of the features."""
    torch.manual_seed(run.schedule.seed)
    told = {"features": len(moments[0]), "actions": [c.action for c in classes], "sides": [c.side for c in classes]}
    network = Recogniser(RecogniserConfig.from_dict({**config.to_dict(), **told}))
    for buffer, values in zip((network.mean, network.std), moments, strict=True):
        # As the file will hold them, so that a trained network and its file are one.
        buffer.copy_(torch.from_numpy(np.asarray(values, np.float16).astype(np.float32)))
    Trainer(RecogniserTask(network, train, val, batch), run).run()
