# SPDX-License-Identifier: Apache-2.0
"""Captions for labelled motion: many varied English sentences from tables of phrases.

`action_phrases` and `style_phrases` hold the words, `grammar` the verb forms and agents, `phrases` what is said of an
action, `one_action` and `two_actions` the sentences.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.at_once import about_both
from moclip.captions.grammar import chance, dress, misspell
from moclip.captions.labels import ActionLabel
from moclip.captions.one_action import about_one
from moclip.captions.style_phrases import ALIASES, STYLES
from moclip.captions.two_actions import about_two
from moclip.errors import MoclipError

Relation = Literal["then", "while"]
"""How two actions of a motion lie in time: one after the other, or the legs do the first and the arms the second."""
SLIPS = 0.015
"""Share of captions with a slip of the keyboard."""


def write_captions(
    actions: Sequence[ActionLabel],
    rng: np.random.Generator,
    count: int,
    seconds: float | None = None,
    relation: Relation = "then",
) -> list[str]:
    """`count` distinct English sentences for one action, or for two.

    actions: one or two labels, in the order of the motion. seconds: the motion's length, mentioned now and then.
    Raises MoclipError for an action or style that has no phrases, or for more than two labels.
    """
    if len(actions) not in (1, 2):
        raise MoclipError(f"A caption describes one or two actions, not {len(actions)}.", code="bad_label")
    for label in actions:
        _check(label)
    captions: dict[str, None] = {}  # a dict keeps the order of writing
    for _ in range(60 * count):
        if len(captions) == count:
            break
        if len(actions) == 1:
            sentence = about_one(actions[0], rng)
        else:
            sentence = (about_both if relation == "while" else about_two)(actions[0], actions[1], rng)
        if seconds is not None and chance(rng, 0.05):
            sentence = f"{sentence.rstrip('.!')} for {_duration(seconds, rng)}"
        dressed = dress(sentence, rng)
        captions[misspell(dressed, rng) if chance(rng, SLIPS) else dressed] = None
    return list(captions)


def _check(label: ActionLabel) -> None:
    if label.action not in ACTIONS:
        raise MoclipError(
            f"There are no phrases for the action '{label.action}'.",
            hint="Known: " + ", ".join(ACTIONS) + ".",
            code="bad_label",
        )
    if label.style is not None and ALIASES.get(label.style, label.style) not in STYLES:
        raise MoclipError(
            f"There are no phrases for the style '{label.style}'.",
            hint="Known: " + ", ".join(STYLES) + ".",
            code="bad_label",
        )


def _duration(seconds: float, rng: np.random.Generator) -> str:
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    whole = max(1, round(seconds))
    number = names[whole] if whole < len(names) and chance(rng, 0.6) else str(whole)
    return f"{number} second" + ("" if whole == 1 else "s")
