# SPDX-License-Identifier: Apache-2.0
"""How motions are put together from what a generator samples, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class PlanOptions:
    """by_clause: give each clause of a sentence its own part of the motion; sentence_share: how much of the whole
    sentence's vector goes into each clause's, for who it is and how they move. takes: how many motions are sampled, of
    which MoCLIP chooses the one nearest to the text (`takes`); 1 for a model without its motion encoder. hold_feet:
    keep standing feet from sliding (`moclip.motion.feet`). window: most tokens in a passage of an activity that has no
    end of its own (`lengths.ongoing`), for data in which only such are long, 0 for no bound. ongoing_takes: takes of
    one then, as no two dances are alike.
    """

    by_clause: bool = True
    sentence_share: float = 0.25
    takes: int = 4
    ongoing_takes: int = 8
    hold_feet: bool = True
    window: int = 0


def settings_of(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """The settings of this kind among those of a model's "sampling" table, which holds the generator's as well."""
    names = {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
