# SPDX-License-Identifier: Apache-2.0
"""Does a model know its edges? Of what it does not show, how much it warned of; of what it shows, how much as well."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from moclip.evaluation.prompt_checks import Sample
from moclip.evaluation.viewer import SAID


@dataclass(frozen=True)
class Edges:
    """Counts of results. unknown: of which neither a rule nor a viewer says anything yet."""

    shown: int
    shown_and_warned: int
    not_shown: int
    not_shown_and_warned: int
    unknown: int

    @property
    def caught(self) -> float | None:
        """Share of what is not shown that was warned of."""
        return self.not_shown_and_warned / self.not_shown if self.not_shown else None

    @property
    def false_alarms(self) -> float | None:
        """Share of what is shown that was warned of."""
        return self.shown_and_warned / self.shown if self.shown else None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "caught": self.caught, "false_alarms": self.false_alarms}


def edges(samples: Sequence[Sample], said: Sequence[str] = ()) -> Edges:
    """said: what a viewer says of each sample, "" for nothing; it goes before the rules. "partly" counts as shown.

    A prompt that asks for none of the actions counts as not shown until a viewer says otherwise.
    """
    counts = {(shown, warned): 0 for shown in (True, False, None) for warned in (True, False)}
    for sample, word in zip(samples, said or [""] * len(samples), strict=True):
        shown = SAID[word] >= 0.5 if word else sample.passed
        if shown is None and not sample.prompt.actions:
            shown = False
        counts[shown, sample.warned] += 1
    return Edges(
        counts[True, True] + counts[True, False], counts[True, True],
        counts[False, True] + counts[False, False], counts[False, True],
        counts[None, True] + counts[None, False],
    )  # fmt: skip
