# SPDX-License-Identifier: Apache-2.0
"""How MoCLIP is trained: the settings of its losses and phases, and three named sets of them.

`paper` has the printed equations, `authors` what their code does, `recommended` the paper's method with what it leaves
open decided. A preset says nothing of sizes, batches and steps: those are the recipe's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moclip.errors import MoclipError
from moclip.nn.config import Config, NotNegative, Positive, Share
from moclip.training.run import Schedule


@dataclass(frozen=True)
class AlignmentConfig(Config):
    """Losses and phases; the defaults are the paper's.

    weight: W of eq. 1, a "scalar" temperature or a "matrix". initial_scale: what it starts from. max_scale: the scalar
    is clamped to it; 0 leaves it alone. scale_frozen: until the student is free. duplicates: clips of equal meaning are
    negatives of one another, or not. partners: half of each batch are clips easily mistaken for the other half.

    tether_weight: lambda. tether_of: "raw" embeddings as in eq. 3, or "unit" vectors. tether_reduction: over their
    dimensions, "sum" or "mean". alignment_weight: of the cosine alignment loss.

    frozen_share: share of the steps with the student frozen (35 of 50 epochs). unfreeze: then "whole", by "layers" from
    the last to the first over half of what is left, or "never". student_rate: its learning rate as a share of the
    motion encoder's. train_words: its token table too. restart: at that point a new optimiser, in which everything has
    the student's rate, and the cosine begins again. Raises ValueError for other words.
    """

    weight: str = "scalar"
    initial_scale: Positive = 1 / 0.07
    max_scale: NotNegative = 0.0
    scale_frozen: bool = False
    duplicates: bool = True
    partners: bool = False
    tether_weight: NotNegative = 0.4
    tether_of: str = "raw"
    tether_reduction: str = "sum"
    alignment_weight: NotNegative = 1.0
    frozen_share: Share = 0.7
    unfreeze: str = "whole"
    student_rate: NotNegative = 0.01
    train_words: bool = True
    restart: bool = False

    def __post_init__(self) -> None:
        words = {
            "weight": ("scalar", "matrix"),
            "tether_of": ("raw", "unit"),
            "tether_reduction": ("sum", "mean"),
            "unfreeze": ("whole", "layers", "never"),
        }
        for name, allowed in words.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {' or '.join(allowed)}, not '{getattr(self, name)}'")
        if not 0 <= self.frozen_share <= 1:
            raise ValueError(f"frozen_share is from 0 to 1, not {self.frozen_share}")

    def unfreeze_step(self, steps: int) -> int:
        """The first step of the second phase; `steps` when there is none."""
        return steps if self.unfreeze == "never" else round(steps * self.frozen_share)

    def rates(self, schedule: Schedule, step: int) -> tuple[float, float]:
        """Learning rates of motion encoder and student.

        With `restart`, two cosines as long as the whole schedule and without warm-up, as the authors' run has them.
        """
        begin = self.unfreeze_step(schedule.steps)
        if not self.restart:
            rate = schedule.rate(step)
            return rate, rate * self.student_rate
        peak = schedule.learning_rate * (self.student_rate if step >= begin else 1.0)
        done = (step - begin if step >= begin else step) / schedule.steps
        rate = peak * 0.5 * (1 + math.cos(math.pi * done))
        return rate, rate


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {"alignment": {}, "motion": {"cross_limb": True}},
    # Their scale starts from CLIP's, 100, and their loss averages the tether over the dimensions of unit vectors.
    "authors": {
        "alignment": {
            "initial_scale": 100.0,
            "scale_frozen": True,
            "tether_of": "unit",
            "tether_reduction": "mean",
            "restart": True,
        },
        "motion": {
            "cross_limb": False,
            "positions": "batch",
            "masked": False,
            "parts": "authors",
            "joint_source": "normalised",
        },
    },
    # The token table stays: captions hold a few hundred of its 49,408 words, and moving those would tear them from
    # their neighbours. Raw embeddings are some ten units long: eq. 3 with the paper's 0.4 holds them where they are.
    "recommended": {
        "alignment": {
            "max_scale": 100.0,
            "duplicates": False,
            "partners": True,
            "train_words": False,
            "tether_weight": 0.03,
        },
        "motion": {"cross_limb": True},
    },
}


def with_preset(table: Mapping[str, Any], preset: str | None = None) -> dict[str, Any]:
    """A recipe's [moclip] with the settings of a preset under its own; `preset` goes before the one that it names.

    What is asked for by name wins over the recipe, setting by setting. What is no table is left for the checks of
    settings. Raises MoclipError for an unknown preset.
    """
    name = preset or table.get("preset", "recommended")
    if not isinstance(name, str) or name not in PRESETS:
        raise MoclipError(
            f"There is no preset '{name}' of MoCLIP.", hint=f"Use {', '.join(PRESETS)}.", code="bad_preset"
        )
    merged = {**table, "preset": name}
    for part, settings in PRESETS[name].items():
        own = table.get(part, {})
        if isinstance(own, Mapping):
            merged[part] = {**own, **settings} if preset else {**settings, **own}
    return merged
