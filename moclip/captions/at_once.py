# SPDX-License-Identifier: Apache-2.0
"""Sentences about two things that are done at the same time: the legs do one, the arms the other."""

import numpy as np

from moclip.captions.grammar import IMPERATIVE, chance, conjugate, finite, pick, random_agent, words
from moclip.captions.labels import ActionLabel
from moclip.captions.one_action import pick_possessor
from moclip.captions.phrases import styled_phrase

_FINITE = words(
    """{1} while {ing2}|{2} while {ing1}|while {ing1}, {a2}|{1} and {2} at the same time|{1}, {ing2}|as {p1}, {a2}|
    {2} as {p1}|while {ing2}, {a1}|{1} and at the same time {2}|{1} as {p2}|{1}, all the while {ing2}|
    {2}, still {ing1}|{1} while {p2}|{2} while {p1}"""
)
_BARE = words(
    """{1} while {ing2}|{2} while {ing1}|{1} and {2} at the same time|while {ing1}, {2}|{ing1} while {ing2}|
    {ing2} while {ing1}|{ing1} and {ing2}|{1} + {2}"""
)


def about_both(lower: ActionLabel, upper: ActionLabel, rng: np.random.Generator) -> str:
    """lower: what the legs do; upper: what the arms or the head do meanwhile."""
    phrase1, _ = styled_phrase(lower, rng)
    phrase2, _ = styled_phrase(upper, rng, styled=False)
    side1, side2 = lower.side or "", upper.side or ""
    bare = chance(rng, 0.3)
    agent = (IMPERATIVE if chance(rng, 0.5) else pick_possessor(rng)) if bare else random_agent(rng)
    form = "s" if agent.number == "s" and not bare else "base"
    one, two = conjugate(phrase1, form, agent, side1, rng), conjugate(phrase2, form, agent, side2, rng)
    values = {
        "{1}": one if bare else finite(phrase1, agent, side1, rng, progressive=0.25),
        "{2}": two,
        "{a1}": f"{agent.text} {one}",
        "{a2}": f"{agent.text} {two}",
        "{p1}": f"{agent.he} {conjugate(phrase1, agent.pronoun_form, agent, side1, rng)}",
        "{p2}": f"{agent.he} {conjugate(phrase2, agent.pronoun_form, agent, side2, rng)}",
        "{ing1}": conjugate(phrase1, "ing", agent, side1, rng),
        "{ing2}": conjugate(phrase2, "ing", agent, side2, rng),
    }
    sentence = pick(rng, _BARE if bare else _FINITE)
    if not bare and sentence.startswith("{2}"):
        values["{2}"] = finite(phrase2, agent, side2, rng, progressive=0.25)
    for slot, value in values.items():
        sentence = sentence.replace(slot, value)
    return sentence
