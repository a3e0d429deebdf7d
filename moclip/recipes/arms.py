# SPDX-License-Identifier: Apache-2.0
"""The arms of an ablation: MoCLIP with one part of its method changed at a time."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.errors import MoclipError
from moclip.recipes.recipe import MoclipTable, Recipe, settings
from moclip.training.run import Compute, Schedule


@dataclass(frozen=True)
class Arm:
    """A preset with some settings changed. generator: is a generator fine-tuned with its tower?"""

    preset: str = "paper"
    alignment: dict[str, Any] = field(default_factory=dict)
    motion: dict[str, Any] = field(default_factory=dict)
    generator: bool = False


TEACHER = "teacher"
"""The student never learns, so its text vectors are the teacher's; the motion encoder alone is trained."""

ARMS: dict[str, Arm] = {
    TEACHER: Arm(alignment={"unfreeze": "never"}, generator=True),
    "paper": Arm(alignment={"tether_weight": 0.4}, generator=True),
    "no tether": Arm(alignment={"tether_weight": 0.0}, generator=True),
    "lambda 0.2": Arm(alignment={"tether_weight": 0.2}),
    "lambda 0.6": Arm(alignment={"tether_weight": 0.6}),
    "no alignment": Arm(alignment={"alignment_weight": 0.0}),
    "no cross-limb attention": Arm(motion={"cross_limb": False}),
    "matrix W": Arm(alignment={"weight": "matrix"}),
    "authors": Arm("authors"),
    "recommended": Arm("recommended", generator=True),
}

_SECOND_PHASE = ("tether_weight", "tether_of", "tether_reduction", "unfreeze", "student_rate", "train_words")
"""Settings that change nothing while the student is frozen."""


@dataclass(frozen=True)
class Settings:
    """An arm's settings in full, at a recipe's sizes."""

    motion: MotionEncoderConfig
    config: AlignmentConfig
    schedule: Schedule
    batch: int
    compute: Compute

    @property
    def first_phase(self) -> str:
        """Eight hex digits that name what the frozen phase depends on."""
        own = {k: v for k, v in self.config.to_dict().items() if k not in _SECOND_PHASE}
        whole = json.dumps([self.motion.to_dict(), own, vars(self.schedule), self.batch], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:8]

    def describe(self) -> dict[str, Any]:
        """What the arm's folder says that it was trained with."""
        config, motion = self.config.to_dict(), self.motion.to_dict()
        told = {"alignment": config, "motion": motion, "schedule": vars(self.schedule), "batch": self.batch}
        # As it is read again: JSON has lists for tuples.
        read: dict[str, Any] = json.loads(json.dumps(told))
        return read


def find_arm(name: str) -> Arm:
    if name not in ARMS:
        raise MoclipError(f"There is no arm '{name}'.", hint=f"Use {', '.join(ARMS)}.", code="bad_arm")
    return ARMS[name]


def arm_settings(recipe: Recipe, arm: Arm, seed: int) -> Settings:
    """The recipe's [moclip] with the arm's preset and changes."""
    table = with_preset(recipe["moclip"], arm.preset)
    changed = {"motion": {**table["motion"], **arm.motion}, "alignment": {**table["alignment"], **arm.alignment}}
    part = settings({**recipe, "moclip": {**table, **changed}}, "moclip", MoclipTable)
    steps = part.schedule.steps
    schedule = replace(part.schedule, seed=seed, validate_every=max(1, steps // 10), save_every=max(1, steps // 5))
    return Settings(part.motion, part.alignment, schedule, part.batch, part.compute)
