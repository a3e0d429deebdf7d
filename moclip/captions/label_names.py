# SPDX-License-Identifier: Apache-2.0
"""The words by which collections of recordings name actions, and descriptions of them, as our labels.

The table is data, in `label_names.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from moclip.captions.labels import ActionLabel
from moclip.captions.written import written

SIDED = {
    "kick", "front_kick", "side_kick", "roundhouse_kick", "punch", "wave", "raise_hand", "throw", "kick_ball",
    "knee_raise", "balance_on_one_leg", "hop", "side_step", "strafe", "dodge", "jog_in_circle", "walk_in_circle",
    "turn_on_the_spot",
}  # fmt: skip
"""Actions whose captions name a hand, a foot or a direction."""
_SIDE = re.compile(r"\b(left|right)\b", re.I)
_BOTH = re.compile(r"\bboth\b", re.I)


@dataclass(frozen=True)
class NamedAction:
    """label: None where `left_out` says why the words name nothing to ask for."""

    label: ActionLabel | None
    left_out: str = ""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "label_names.toml").read_text(encoding="utf-8"))


def named_action(name: str, text: str = "") -> NamedAction:
    """What a recording shows whose maker calls it by this name and describes it with this text.

    A side comes from the table or, for an action that has sides, from a text that names one.
    """
    table, words = _table(), " ".join(re.split(r"[\s_-]+", name.strip().lower()))
    if words in table["left_out"]:
        return NamedAction(None, table["left_out"][words])
    found = table["actions"].get(words, words.replace(" ", "_"))
    action, side = (found, None) if isinstance(found, str) else (found["action"], found["side"])
    for rule in table["by_text"]:
        if rule["action"] == action and re.search(rule["text"], text, re.I):
            if "left_out" in rule:
                return NamedAction(None, rule["left_out"])
            action = rule["is"]
            break
    if side is None and action in SIDED:
        side = _side_of(text)
    return NamedAction(ActionLabel(action, None, side))


def _side_of(text: str) -> str | None:
    sides = {match.lower() for match in _SIDE.findall(text)}
    if len(sides) == 1 and not _BOTH.search(text):
        return sides.pop()
    return None


def is_known(action: str) -> bool:
    """Whether captions can be made for this action."""
    return action in written()
