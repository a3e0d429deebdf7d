# SPDX-License-Identifier: Apache-2.0
"""Sentences about two actions, one after the other."""

import numpy as np

from moclip.captions.grammar import IMPERATIVE, Agent, chance, conjugate, finite, pick, random_agent, words
from moclip.captions.labels import ActionLabel
from moclip.captions.one_action import pick_possessor
from moclip.captions.phrases import FREE, free_sentence, noun_phrase, styled_phrase

LOCOMOTION = {"walk", "run", "sprint", "jog", "walk_left", "walk_right", "sneak", "walk_backward"}
GESTURES = {"wave", "raise_hand", "call", "guide", "respond"}

TWO_FINITE = words(
    """{1}, then {2}|{1} and then {2}|{1}, and then {2}|{1} then {2}|{1} and {2}|{1}, after that {p2}|{1}. then {p2}|
    {1}, then {p2}|{1} and afterwards {2}|{1}, next {p2}|first {1}, then {2}|first {1} and then {2}|{1} before {ing2}|
    {1}, before {ing2}|{1}, finally {2}|{1} and after that {2}|after {ing1}, {a2}|before {ing2}, {1}|
    {a2} after {ing1}|{1} followed by {ing2}|{1}, stops and {2}|{1}. {p2}|{1} and ends by {ing2}|
    having finished {ing1}, {a2}|{1} and finally {2}|{1}, followed by {ing2}|{1}. after that {p2}|{1}. next, {p2}|
    {1}; then {p2}|{1}, and {2}|{1} until {p2}|initially {1}, later {p2}|once done {ing1}, {a2}|{1}, pauses, then {2}|
    as soon as {1}, {p2}"""
)
TWO_GERUND = words(
    """{1}, then {2}|{1} and then {2}|{1} followed by {2}|{1}, followed by {2}|{1} before {2}|{1} and {2}|
    first {1}, then {2}|{2} after {1}|after {1}, {2}|{1}, next {2}|{1}, after that {2}|from {1} to {2}"""
)
TWO_BASE = words(
    """{1}, then {2}|{1} and then {2}|{1} and {2}|first {1}, then {2}|{1}, after that {2}|{1}, next {2}|{1}. then {2}|
    {1} and finally {2}|{1} before {ing2}|after {ing1}, {2}|before {ing2}, {1}|{1} then {2}|start by {ing1}, then {2}|
    {1}, stop, and {2}"""
)


TWO_NOUNS = words(
    "{}, then {}|{} and then {}|{} followed by {}|{} before {}|first {}, then {}|{}, followed by {}|{}. then {}"
)

TWO_FREE = words("{}, then {}|{}. then {}|{} and then {}|{}. after that {}|{}; next {}|first {}, then {}|{}, and {}")


def about_two(first: ActionLabel, second: ActionLabel, rng: np.random.Generator) -> str:
    """Two actions in time order. One style for both is said once, on the agent or on one of the clauses."""
    if first.action in FREE and second.action in FREE and chance(rng, 0.15):
        return pick(rng, TWO_FREE).format(
            free_sentence(first, rng), free_sentence(second, rng, styled=second.style != first.style)
        )
    if chance(rng, 0.05):
        return pick(rng, TWO_NOUNS).format(noun_phrase(first, rng), noun_phrase(second, rng))
    phrase1, adjective = styled_phrase(first, rng)
    phrase2, _ = styled_phrase(second, rng, styled=second.style != first.style)
    side1, side2 = first.side or "", second.side or ""
    form = rng.random()
    if form < 0.12 and not adjective:
        return _join(pick(rng, TWO_BASE), "base", phrase1, phrase2, IMPERATIVE, side1, side2, rng)
    if form < 0.24 and not adjective:
        return _join(pick(rng, TWO_GERUND), "ing", phrase1, phrase2, pick_possessor(rng), side1, side2, rng)
    agent = random_agent(rng, adjective)
    if first.action in LOCOMOTION and second.action in GESTURES and chance(rng, 0.04):
        return f"{finite(phrase1, agent, side1, rng)} while {conjugate(phrase2, 'ing', agent, side2, rng)}"
    return _join(pick(rng, TWO_FINITE), "finite", phrase1, phrase2, agent, side1, side2, rng)


def _join(
    template: str, form: str, phrase1: str, phrase2: str, agent: Agent, side1: str, side2: str, rng: np.random.Generator
) -> str:
    """Fill a two-action template: {1}, {2} clauses, {a2} with agent, {p2} with pronoun, {ing1}, {ing2} gerunds."""
    subject_form = "s" if agent.number == "s" else "base"
    verb_form = subject_form if form == "finite" else form
    second = conjugate(phrase2, verb_form, agent, side2, rng)
    values = {
        "{1}": finite(phrase1, agent, side1, rng, progressive=0.0)
        if form == "finite"
        else conjugate(phrase1, form, agent, side1, rng),
        "{2}": second,
        "{a2}": f"{agent.text} {second}",
        "{p2}": f"{agent.he} {conjugate(phrase2, agent.pronoun_form, agent, side2, rng)}",
        "{ing1}": conjugate(phrase1, "ing", agent, side1, rng),
        "{ing2}": conjugate(phrase2, "ing", agent, side2, rng),
    }
    for slot, value in values.items():
        template = template.replace(slot, value)
    return template
