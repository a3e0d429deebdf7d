# SPDX-License-Identifier: Apache-2.0
"""What is said of one action: a phrase with its slots, a noun, or a whole sentence that somebody wrote."""

import numpy as np

from moclip.captions.action_phrases import ACTIONS, NOUNS, ActionPhrases
from moclip.captions.free_sentences import FreeSentences, free_sentences
from moclip.captions.grammar import article_of, chance, pick, words
from moclip.captions.labels import ActionLabel
from moclip.captions.style_phrases import ALIASES, NEUTRAL_ADVERBS, STYLES, StylePhrases
from moclip.captions.written import without_clashes

SIDE_MENTIONED = {"wave": 0.85, "raise_hand": 0.9, "kick": 0.7, "punch": 0.7, "side_step": 0.8, "strafe": 0.8}
BOTH_MENTIONED = {"raise_hand": 1.0}  # its plain phrases speak of one hand
FREE = {
    action: FreeSentences(*(without_clashes(action, part) for part in (lists.any, lists.side, lists.both)))
    for action, lists in free_sentences().items()
}
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
