# SPDX-License-Identifier: Apache-2.0
"""Sentences about one action."""

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.grammar import (
    FIRST_PERSON,
    IMPERATIVE,
    Agent,
    chance,
    conjugate,
    finite,
    pick,
    random_agent,
    words,
)
from moclip.captions.labels import ActionLabel
from moclip.captions.phrases import FREE, free_sentence, noun_phrase, styled_phrase
from moclip.captions.said import counted_sentence, turned_sentence, written_sentence
from moclip.captions.style_phrases import NEUTRAL_ADVERBS
from moclip.captions.written import counts

COUNTED_SHARE = 0.6  # of the captions of what is done several times that say how often
WRITTEN_SHARE = 0.45  # of the captions of an action that people wrote whole sentences of
FREE_SHARE = 0.5  # of the captions of an action that has free sentences
SCENES = words(
    """in the park|in the kitchen|on stage|in a gym|in the rain|at a party|at school|at work|at home|in an office|
    in the garden|in the street|in a big hall|in front of a mirror|in front of an audience|in a video game|in a film|
    on the beach|in the dark|at the station|outside|indoors|in an empty room|during a break|in the morning|at night|
    in front of the camera|all alone|with nobody around|please|, please|now|again"""
)
FRAMES = words(
    """the animation shows {a} {ing}|an animation of {a} {ing}|{a} who is {ing}|a clip of {a} {ing}|make {a} {base}|
    show {a} {ing}|i want {a} to {base}|{a} starts {ing}|{a} begins to {base}|{a} can be seen {ing}|
    there is {a} {ing}|{a} should {base}|have {a} {base}|{a} tries to {base}|motion of {a} {ing}|{a}, {ing}|
    we see {a} {ing}|{a} keeps {ing}|{a} will {base}"""
)


def about_one(label: ActionLabel, rng: np.random.Generator) -> str:
    if label.count is not None and chance(rng, COUNTED_SHARE if label.count > 1 else COUNTED_SHARE / 2):
        return counted_sentence(label, rng)
    sentence = _of_any_count(label, rng)
    while label.count is not None and label.turn is None and counts(sentence):  # words that have a number of their own
        sentence = _of_any_count(label, rng)
    return sentence


def _of_any_count(label: ActionLabel, rng: np.random.Generator) -> str:
    if label.turn is not None and chance(rng, 0.7):
        return turned_sentence(label, rng)
    if chance(rng, WRITTEN_SHARE) and (sentence := written_sentence(label, rng)):
        return sentence
    if label.action in FREE and chance(rng, FREE_SHARE):
        return free_sentence(label, rng)
    if chance(rng, 0.08):
        return noun_phrase(label, rng)
    if label.side is not None and ACTIONS[label.action].limb and chance(rng, 0.08):
        return _with_scene(_limb_sentence(label, rng), rng)
    if _has_body_sentences(label) and chance(rng, 0.06):
        return _with_scene(_body_sentence(label, rng), rng)
    return _with_scene(_sentence(label, rng), rng)


def _sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    phrase, adjective = styled_phrase(label, rng)
    side = label.side or ""
    form = rng.random()
    if form < 0.10 and not adjective:
        return conjugate(phrase, "base", IMPERATIVE, side, rng)
    if form < 0.19 and not adjective:
        return conjugate(phrase, "ing", pick_possessor(rng), side, rng)
    if form < 0.21 and not adjective:
        return finite(phrase, FIRST_PERSON, side, rng, progressive=0.4)
    agent = random_agent(rng, adjective)
    if form < 0.26:
        return f"{agent.text} {conjugate(phrase, 'past', agent, side, rng)}"
    if form < 0.35 and agent.text not in ("he", "she", "they"):
        return _framed(phrase, agent, side, rng)
    return finite(phrase, agent, side, rng)


_LIMBS = {"kick": ("foot", "leg"), "punch": ("hand", "arm", "fist")}


def _limb_sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    """The limb is the subject: "her left arm goes up", "both hands waving", "a man with his right foot kicking"."""
    name, owner = pick(rng, _LIMBS.get(label.action, ("hand", "arm", "hand"))), pick_possessor(rng)
    if label.side == "both":
        noun = f"{pick(rng, ('both', 'two', f'both {owner.his}', f'{owner.his} two'))} {_plural(name)}"
        limb = Agent(noun, "they", owner.his, number="p")
    else:
        limb = Agent(f"{pick(rng, ('', f'{owner.his} ', 'the '))}{label.side} {name}", "it", owner.his)
    verb, side = pick(rng, ACTIONS[label.action].limb), label.side or ""
    way = rng.random()
    if way < 0.2:
        return f"{limb.text} {conjugate(verb, 'ing', limb, side)}"
    if way < 0.3:
        return f"{random_agent(rng).text} with {limb.text} {conjugate(verb, 'ing', limb, side)}"
    sentence = finite(verb, limb, side, rng)
    return f"{sentence} {pick(rng, NEUTRAL_ADVERBS)}" if chance(rng, 0.1) else sentence


def _plural(name: str) -> str:
    return "feet" if name == "foot" else f"{name}s"


def _has_body_sentences(label: ActionLabel) -> bool:
    phrases = ACTIONS[label.action]
    return bool(phrases.body) and not (label.side == "both" and phrases.sided)  # those of sided actions name one hand


def _body_sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    """A part of the body is the subject: "her feet leave the ground", "left palm swaying in farewell"."""
    noun, _, phrase = pick(rng, ACTIONS[label.action].body).replace("{side}", label.side or "").partition(" > ")
    owner = pick_possessor(rng)
    plural = noun.endswith(("s", "feet")) and not noun.endswith("ss")
    subject = noun if noun.startswith("both") else f"{owner.his if chance(rng, 0.7) else 'the'} {noun}"
    part = Agent(subject, "they" if plural else "it", owner.his, number="p" if plural else "s")
    if chance(rng, 0.25):
        return f"{noun} {conjugate(phrase, 'ing', part)}"
    return finite(phrase, part, "", rng)


def pick_possessor(rng: np.random.Generator) -> Agent:
    """The unnamed agent of "raising his left hand" or "raising their left hand"."""
    return pick(
        rng,
        (
            Agent("", "he", "his", "himself"),
            Agent("", "she", "her", "herself"),
            Agent(""),
            Agent("", "they", "the", "themselves"),
        ),
    )


def _framed(phrase: str, agent: Agent, side: str, rng: np.random.Generator) -> str:
    frame = pick(rng, FRAMES)
    for form in ("base", "ing"):
        frame = frame.replace(f"{{{form}}}", conjugate(phrase, form, agent, side, rng))
    return frame.replace("{a}", agent.text)


def _with_scene(sentence: str, rng: np.random.Generator) -> str:
    """Where it happens, once in a while: words that say nothing about the movement."""
    return f"{sentence} {pick(rng, SCENES)}" if chance(rng, 0.1) else sentence
