# SPDX-License-Identifier: Apache-2.0
"""How motions are put together from what a generator samples, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from moclip.errors import MoclipError
from moclip.generators.base.generator import Generator
from moclip.nn.config import read_settings, suggestion


@dataclass(frozen=True)
class PlanOptions:
    """by_clause: give each clause of a sentence its own part of the motion; sentence_share: how much of the whole
    sentence's vector goes into each clause's, for who it is and how they move. takes: how many motions are sampled, of
    which MoCLIP chooses the one nearest to the text (`takes`); 1 for a model without its motion encoder. hold_feet:
    keep the body on the floor (`moclip.motion.floor`) and standing feet from sliding (`moclip.motion.feet`). window:
    most tokens in a passage of an activity that has no end of its own (`lengths.ongoing`), for data in which only such
    are long, 0 for no bound. ongoing_takes: takes of one then, as no two dances are alike. retakes: how many more are
    sampled where what was asked for is not to be seen, by rules and the model's recogniser (`retakes`), with a score
    under `agreement`, or under less of it the more of them were in vain. prototype_share: how far a text's vector is
    moved toward the captions of the actions that it names (`KnownActions.toward_prototypes`), before motions are
    sampled by it.
    """

    by_clause: bool = True
    sentence_share: float = 0.25
    takes: int = 4
    ongoing_takes: int = 8
    hold_feet: bool = True
    window: int = 0
    retakes: int = 0
    agreement: float = 0.9
    prototype_share: float = 0.0


def read_sampling(generator: type[Generator], values: Any, where: str, *, hint: str = "") -> tuple[PlanOptions, Any]:
    """Settings of how motions are put together, and the generator's own, which lie side by side in a table "sampling".

    Raises MoclipError(code="bad_settings") as `read_settings` does, for what is neither's too.
    """
    if not isinstance(values, Mapping):
        raise MoclipError(f"In {where}, a table of settings belongs.", hint=hint, code="bad_settings")
    shared, own = ({f.name for f in fields(kind)} for kind in (PlanOptions, generator.OPTIONS))
    for name in values:
        if name not in shared | own:
            known = suggestion(str(name), shared | own)
            raise MoclipError(f"In {where}, there is no setting '{name}'{known}.", hint=hint, code="bad_settings")
    planned = {name: value for name, value in values.items() if name in shared}
    sampled = {name: value for name, value in values.items() if name in own}
    return (
        read_settings(PlanOptions, planned, where, hint=hint),
        read_settings(generator.OPTIONS, sampled, where, hint=hint),
    )
