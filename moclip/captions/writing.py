# SPDX-License-Identifier: Apache-2.0
"""Captions for labelled motion: many varied English sentences from tables of phrases.

`action_phrases` and `style_phrases` hold the words, `moclip.captions.grammar` the verb forms and agents; this module
combines them into sentences of one action, or of two that follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moclip.captions.action_phrases import ACTIONS, NOUNS, ActionPhrases
from moclip.captions.free_sentences import free_sentences
from moclip.captions.grammar import (
    FIRST_PERSON,
    IMPERATIVE,
    Agent,
    article_of,
    chance,
    conjugate,
    dress,
    finite,
    pick,
    random_agent,
    words,
)
from moclip.captions.labels import ActionLabel
from moclip.captions.style_phrases import ALIASES, NEUTRAL_ADVERBS, STYLES, StylePhrases
from moclip.errors import MoclipError

SIDE_MENTIONED = {"wave": 0.85, "raise_hand": 0.9, "kick": 0.7, "punch": 0.7}
BOTH_MENTIONED = {"raise_hand": 1.0}  # its plain phrases speak of one hand
FREE = free_sentences()
FREE_SHARE = 0.5  # of the captions of an action that has free sentences
LOCOMOTION = {"walk", "run", "sprint", "jog", "walk_left", "walk_right", "sneak", "walk_backward"}
GESTURES = {"wave", "raise_hand", "call", "guide", "respond"}

SCENES = words(
    """in the park|in the kitchen|on stage|in a gym|in the rain|at a party|at school|at work|at home|in an office|
    in the garden|in the street|in a big hall|in front of a mirror|in front of an audience|in a video game|in a film|
    on the beach|in the dark|at the station|outside|indoors|in an empty room|during a break|in the morning|at night|
    in front of the camera|all alone|with nobody around|please|, please|now|again"""
)
INSTRUMENTS = {
    "hand": words(
        """with {his} {side} hand|with the {side} hand|with {his} {side} arm|using {his} {side} hand|
        using the {side} arm|, {side} hand|with just {his} {side} hand|{side}-handed|using only the {side} hand|
        with the {side} arm"""
    ),
    "foot": words(
        """with {his} {side} foot|with the {side} leg|with {his} {side} leg|using {his} {side} foot|
        using the {side} leg|, {side} leg|with the {side} foot|, {side} foot|on the {side} side"""
    ),
}
BOTH_INSTRUMENTS = {
    "hand": words("with both hands|with both arms|using both hands|, both hands|with two hands|using both arms"),
    "foot": words("with both feet"),
}
TAIL_WORDS = ("along", "ahead", "forward", "over", "off", "away", "past", "up")
FRAMES = words(
    """the animation shows {a} {ing}|an animation of {a} {ing}|{a} who is {ing}|a clip of {a} {ing}|make {a} {base}|
    show {a} {ing}|i want {a} to {base}|{a} starts {ing}|{a} begins to {base}|{a} can be seen {ing}|
    there is {a} {ing}|{a} should {base}|have {a} {base}|{a} tries to {base}|motion of {a} {ing}|{a}, {ing}|
    we see {a} {ing}|{a} keeps {ing}|{a} will {base}"""
)


def write_captions(
    actions: Sequence[ActionLabel], rng: np.random.Generator, count: int, seconds: float | None = None
) -> list[str]:
    """`count` distinct English sentences for one action, or for two that follow one another.

    actions: one or two labels, in the order of the motion. seconds: the motion's length, mentioned now and then.
    Raises MoclipError for an action or style that has no phrases, or for more than two labels.
    """
    if len(actions) not in (1, 2):
        raise MoclipError(f"A caption describes one or two actions, not {len(actions)}.", code="bad_label")
    for label in actions:
        _check(label)
    write = _one if len(actions) == 1 else _two
    captions: dict[str, None] = {}  # a dict keeps the order of writing
    for _ in range(60 * count):
        if len(captions) == count:
            break
        sentence = write(*actions, rng)
        if seconds is not None and chance(rng, 0.05):
            sentence = f"{sentence} for {_duration(seconds, rng)}"
        captions[dress(sentence, rng)] = None
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


def core_phrase(label: ActionLabel, rng: np.random.Generator) -> str:
    """A base-form phrase with its slots: "wave {his} {side} hand"."""
    phrase, endings = _bare_phrase(label, rng), ACTIONS[label.action].endings
    return _ended(phrase, pick(rng, endings)) if endings and chance(rng, 0.3) else phrase


def _ended(phrase: str, ending: str) -> str:
    if "*" in ending and "*" not in phrase:
        phrase = f"*{phrase}"
    return f"{phrase}{ending}" if ending.startswith(",") else f"{phrase} {ending}"


def _bare_phrase(label: ActionLabel, rng: np.random.Generator) -> str:
    phrases = ACTIONS[label.action]
    if label.side in ("left", "right") and phrases.sided and chance(rng, SIDE_MENTIONED.get(label.action, 0.6)):
        return _with_side(phrases, rng)
    if label.side == "both" and phrases.both and chance(rng, BOTH_MENTIONED.get(label.action, 0.85)):
        if phrases.instrument and chance(rng, 0.3):
            return f"{pick(rng, phrases.plain)} {pick(rng, BOTH_INSTRUMENTS[phrases.instrument])}"
        return _pick_core(phrases.both, rng)
    phrase = _pick_core(phrases.plain, rng)
    takes_tail = len(phrase.split()) <= 2 and not phrase.endswith(TAIL_WORDS)
    if phrases.tails and takes_tail and chance(rng, 0.45):
        phrase = f"{phrase} {pick(rng, phrases.tails)}"
    return phrase


def _pick_core(phrases: tuple[str, ...], rng: np.random.Generator) -> str:
    """One phrase; the plainest, which the tables put first, come more often because people type them most."""
    return pick(rng, phrases[:5] if chance(rng, 0.25) else phrases)


def _with_side(phrases: ActionPhrases, rng: np.random.Generator) -> str:
    if phrases.instrument and chance(rng, 0.4):
        return f"{pick(rng, phrases.plain)} {pick(rng, INSTRUMENTS[phrases.instrument])}"
    return _pick_core(phrases.sided, rng)


def styled_phrase(label: ActionLabel, rng: np.random.Generator, styled: bool = True) -> tuple[str, str]:
    """(phrase, adjective for the agent): the style goes into one of the two, or stays unsaid (one time in seven)."""
    phrase = core_phrase(label, rng)
    if not styled or not ACTIONS[label.action].styled:
        return phrase, ""
    if label.style is None:
        return (f"{phrase} {pick(rng, NEUTRAL_ADVERBS)}" if chance(rng, 0.07) else phrase), ""
    style: StylePhrases = STYLES[ALIASES.get(label.style, label.style)]
    way = rng.random()
    if way < 0.36:
        return phrase, pick(rng, style.adjectives)
    if way < 0.60:
        return _with_adverb(phrase, pick(rng, style.adverbs), rng), ""
    if way < 0.85:
        return f"{phrase} {pick(rng, style.manners)}", ""
    return phrase, ""


def _with_adverb(phrase: str, adverb: str, rng: np.random.Generator) -> str:
    """The adverb after the phrase, before its verb ("wearily walks") or right after it ("walks wearily ahead")."""
    if " " in adverb or chance(rng, 0.5):
        return f"{phrase} {adverb}"
    marked = phrase if "*" in phrase else f"*{phrase}"
    if marked.count("*") == 1 and marked.startswith("*") and chance(rng, 0.5):
        verb, _, rest = marked.partition(" ")
        if not rest or rest.split()[0] in ("forward", "ahead", "along", "to", "in", "across", "down", "towards"):
            return f"{verb} {adverb} {rest}".strip()
    return f"{adverb} {marked}"


def noun_phrase(label: ActionLabel, rng: np.random.Generator) -> str:
    """A noun for the action: "a tired walk", "a goodbye wave with the left hand", "walk"."""
    noun = pick(rng, words(NOUNS[label.action]))
    phrases = ACTIONS[label.action]
    if phrases.styled and label.style is not None and chance(rng, 0.7):
        noun = f"{pick(rng, STYLES[ALIASES.get(label.style, label.style)].adjectives)} {noun}"
    if label.side in ("left", "right") and phrases.sided and chance(rng, SIDE_MENTIONED.get(label.action, 0.6)):
        limb = pick(rng, ("foot", "leg") if phrases.instrument == "foot" else ("hand", "arm"))
        way = pick(rng, ("{n} with the {s} {l}", "{s} {l} {n}", "{n} using the {s} {l}", "{s}-{l} {n}", "{n}, {s} {l}"))
        noun = way.format(n=noun, s=label.side, l=limb)
    elif label.side == "both" and phrases.both and chance(rng, BOTH_MENTIONED.get(label.action, 0.85)):
        way = pick(rng, ("{n} with both {l}s", "{n} with two {l}s", "two-{l}ed {n}", "two {l}ed {n}", "{n}, both {l}s"))
        noun = way.format(n=noun, l=pick(rng, ("hand", "arm")))
    return f"{article_of(noun)} {noun}" if chance(rng, 0.6) else noun


def _with_scene(sentence: str, rng: np.random.Generator) -> str:
    """Where it happens, once in a while: words that say nothing about the movement."""
    return f"{sentence} {pick(rng, SCENES)}" if chance(rng, 0.1) else sentence


def free_sentence(label: ActionLabel, rng: np.random.Generator, styled: bool = True) -> str:
    """A whole sentence from the list of the action, its style added behind (one time in seven it stays unsaid)."""
    sentences = FREE[label.action]
    # Drawn even where no sentence has the slot: with one draw less, a seed's captions would be others.
    side = label.side if label.side in ("left", "right") else pick(rng, ("left", "right"))
    chosen = sentences.any
    if label.side in ("left", "right") and sentences.side and chance(rng, SIDE_MENTIONED.get(label.action, 0.6)):
        chosen = sentences.side
    elif label.side == "both" and sentences.both and chance(rng, BOTH_MENTIONED.get(label.action, 0.85)):
        chosen = sentences.both
    sentence = pick(rng, chosen).replace("{side}", side)
    if not styled or label.style is None or chance(rng, 0.14):
        return sentence
    style = STYLES[ALIASES.get(label.style, label.style)]
    return f"{sentence}, {pick(rng, style.adverbs)}" if chance(rng, 0.5) else f"{sentence} {pick(rng, style.manners)}"


def _one(label: ActionLabel, rng: np.random.Generator) -> str:
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


def _two(first: ActionLabel, second: ActionLabel, rng: np.random.Generator) -> str:
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
