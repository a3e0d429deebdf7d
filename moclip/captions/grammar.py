# SPDX-License-Identifier: Apache-2.0
"""A small English grammar engine: agents, verb forms and slots, shared by the captions and by the distillation corpus.

A verb phrase is written in its base form: `"walk forward"`, `"*step up and *bow"`. Words marked with `*` are verbs;
without a mark the first word is the verb. Slots: `{his}` possessive, `{he}` subject pronoun, `{him}` object pronoun,
`{self}` reflexive, `{side}` left or right, `{other}` the other side. `Clause` renders it in any person and form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

IRREGULAR_PAST = dict(
    pair.split(":")
    for pair in """be:was flee:fled have:had do:did go:went run:ran swing:swung spin:spun swim:swam sit:sat
    stand:stood get:got give:gave take:took make:made come:came throw:threw fall:fell rise:rose lie:lay bend:bent
    bring:brought hold:held lift:lifted put:put say:said bid:bade fly:flew shake:shook strike:struck hit:hit cut:cut
    fling:flung creep:crept sneak:sneaked leap:leapt kneel:knelt sweep:swept set:set let:let keep:kept begin:began
    draw:drew break:broke burst:burst shoot:shot speed:sped tear:tore hide:hid lead:led send:sent show:showed
    catch:caught drive:drove beat:beat slide:slid sling:slung stick:stuck turn:turned spring:sprang feel:felt
    find:found grind:ground hang:hung lose:lost leave:left ride:rode push:pushed pay:paid shrink:shrank sink:sank
    sleep:slept stride:strode thrust:thrust tread:trod weave:wove wind:wound write:wrote build:built dig:dug
    drink:drank eat:ate fight:fought freeze:froze read:read spread:spread see:saw tell:told think:thought wake:woke
    wear:wore wring:wrung bite:bit blow:blew choose:chose light:lit meet:met quit:quit ring:rang sing:sang
    split:split steal:stole swear:swore teach:taught""".split()
)
DOUBLING = {
    "begin",
    "zigzag",
    "backflip",
    "frontflip",
    "sidestep",
    "backstep",
    "overstep",
    "kidnap",
    "goosestep",
    "handclap",
}
THIRD_PERSON = {"be": "is", "have": "has", "do": "does", "go": "goes"}
VOWELS = "aeiou"


def inflect(verb: str, form: str) -> str:
    """One English verb in "base", "s" (walks), "ing" (walking) or "past" (walked)."""
    if form == "base":
        return verb
    if "-" in verb:  # high-five, side-step: the last part inflects
        head, _, last = verb.rpartition("-")
        return f"{head}-{inflect(last, form)}"
    if form == "s":
        return THIRD_PERSON.get(verb) or _with_s(verb)
    if form == "past" and verb in IRREGULAR_PAST:
        return IRREGULAR_PAST[verb]
    if verb == "be":
        return "being"
    stem = verb + verb[-1] if _doubles(verb) else verb
    if form == "past":
        if verb.endswith("e"):
            return verb + "d"
        return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in VOWELS else stem + "ed"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return stem + "ing"


def _with_s(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def _doubles(verb: str) -> bool:
    if verb in DOUBLING:
        return True
    if len(re.findall("[aeiouy]+", verb)) != 1 or len(verb) < 3:
        return False
    before, vowel, last = verb[-3], verb[-2], verb[-1]
    return last not in "aeiouwxy" and vowel in VOWELS and (before not in VOWELS or verb.endswith("quit"))


@dataclass(frozen=True)
class Agent:
    """Who moves. number: "s" takes walks/is, "p" takes walk/are, "i" takes walk/am; "" is nobody (imperative)."""

    text: str
    he: str = "they"
    his: str = "their"
    himself: str = "themselves"
    number: str = "s"

    @property
    def pronoun_form(self) -> str:
        """The verb form after the pronoun: "they walk", "he walks"."""
        return "base" if self.he in ("they", "i", "you") else "s"

    @property
    def him(self) -> str:
        """The pronoun as an object: "behind them"."""
        return _OBJECTS[self.he]


_OBJECTS = {"he": "him", "she": "her", "they": "them", "it": "it", "you": "you", "i": "me"}
PRONOUNS = {"he": ("he", "his", "himself"), "she": ("she", "her", "herself"), "they": ("they", "their", "themselves")}
ANYBODY = """a person|the person|person|someone|somebody|a human|a figure|the figure|the character|a character|
    the subject|an individual|one person|this person|the actor|a performer|the avatar|an actor|the model|a pedestrian|
    the user|a stranger|a teenager|a kid|a child|an adult|a dancer|an athlete|the player|a stick figure|the performer|
    a human being|my character|the human|a worker|a friend|the hero|a soldier|the guy's friend|a tourist|a student|
    a neighbour|a pensioner|a fighter|a nurse|a teacher|
a cook|a farmer|a singer|a knight|a pirate|a clown|a waiter|a traveller|a shopper|a visitor|a patient|
a stuntman|the coach|a recruit|the doctor|a robot|a pupil|our friend|a postman|a driver"""
MALE = """a man|the man|man|a guy|the guy|a boy|the boy|a young man|a gentleman|some guy|this man|a tall man|
a middle-aged man|a dude|a male|a fellow|the king|a policeman|a cowboy|a monk|my brother|dad|
a boyfriend|a father|the butler|mister smith|john|tom"""
FEMALE = """a woman|the woman|woman|a girl|the girl|a lady|a young woman|this woman|the lady|a tall woman|
a female|a gal|a young lady|the queen|a mother|my sister|mum|a princess|a waitress|a girlfriend|
an actress|mary|anna"""


def words(table: str) -> tuple[str, ...]:
    """Entries of a table written with `|` between them, over any number of lines."""
    return tuple(" ".join(entry.split()) for entry in table.split("|") if entry.strip())


AGENTS = (
    tuple(("they", text) for text in words(ANYBODY)),
    tuple(("he", text) for text in words(MALE)),
    tuple(("she", text) for text in words(FEMALE)),
)
IMPERATIVE = Agent("", "you", "your", "yourself", "")
FIRST_PERSON = Agent("I", "i", "my", "myself", "i")


def pick(rng: np.random.Generator, options: Sequence[Choice]) -> Choice:
    """One of the options, uniformly."""
    return options[int(rng.integers(len(options)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return bool(rng.random() < probability)


def random_agent(rng: np.random.Generator, adjective: str = "") -> Agent:
    """A random agent of one person; adjective: put before its noun ("a tired man")."""
    if chance(rng, 0.30):
        gender, text = "they", "a person" if chance(rng, 0.7) else "the person"
    elif not adjective and chance(rng, 0.10):
        gender = pick(rng, ("he", "she", "they"))
        return Agent(gender, *PRONOUNS[gender], number="p" if gender == "they" else "s")
    else:
        gender, text = pick(rng, AGENTS[int(rng.choice(3, p=[0.45, 0.32, 0.23]))])
    if gender == "they":
        gender = pick(rng, ("he", "she", "they", "they"))
    if adjective:
        text = with_adjective(text, adjective)
    return Agent(text, *PRONOUNS[gender])


def with_adjective(noun_phrase: str, adjective: str) -> str:
    """ "a man" + "old" -> "an old man"; "someone" + "sad" -> "someone sad"."""
    article, _, noun = noun_phrase.partition(" ")
    if article in ("a", "an"):
        return f"{article_of(adjective)} {adjective} {noun}"
    if article in ("the", "this", "my", "one", "some") and noun:
        return f"{article} {adjective} {noun}"
    return f"{noun_phrase} {adjective}" if noun_phrase in ("someone", "somebody") else f"{adjective} {noun_phrase}"


def article_of(word: str) -> str:
    """ "a" or "an" by the first letter (with the few exceptions that the tables hold)."""
    return "an" if word[0].lower() in VOWELS and not word.lower().startswith(("one", "uni", "use", "eu")) else "a"


def conjugate(phrase: str, form: str, agent: Agent, side: str = "", rng: np.random.Generator | None = None) -> str:
    """A base-form phrase in one verb form, its slots filled for the agent and the side.

    The possessive is "the" now and then when a random generator is given ("raises the left hand").
    """
    tokens = phrase.split(" ")
    if "*" not in phrase:
        tokens[0] = "*" + tokens[0]
    text = " ".join(_inflect_token(token, form) if token.startswith("*") else token for token in tokens)
    his = "the" if rng is not None and chance(rng, 0.18) else agent.his
    other = {"left": "right", "right": "left"}.get(side, "other")
    slots = {
        "{his}": his, "{he}": agent.he, "{him}": agent.him, "{self}": agent.himself, "{side}": side, "{other}": other,
    }  # fmt: skip
    for slot, value in slots.items():
        text = text.replace(slot, value)
    return text


def _inflect_token(token: str, form: str) -> str:
    verb = token[1:].rstrip(",;")
    return inflect(verb, form) + token[1 + len(verb) :]


def finite(phrase: str, agent: Agent, side: str, rng: np.random.Generator, progressive: float = 0.2) -> str:
    """Subject and verb: "a man walks", "a man is walking", "I walk", or the bare imperative for nobody."""
    if agent.number == "":
        return conjugate(phrase, "base", agent, side, rng)
    if chance(rng, progressive):
        copula = {"s": "is", "p": "are", "i": "am"}[agent.number]
        return f"{agent.text} {copula} {conjugate(phrase, 'ing', agent, side, rng)}"
    return f"{agent.text} {conjugate(phrase, 's' if agent.number == 's' else 'base', agent, side, rng)}"


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def dress(sentence: str, rng: np.random.Generator) -> str:
    """Case and punctuation as people type them: mostly lower case and bare, sometimes a proper sentence."""
    sentence = " ".join(sentence.split()).replace(" ,", ",")
    if chance(rng, 0.35):
        sentence = sentence[0].upper() + sentence[1:]
        if chance(rng, 0.7):
            sentence = _stopped(sentence)
    elif chance(rng, 0.15):
        sentence = _stopped(sentence)
    return sentence


def misspell(sentence: str, rng: np.random.Generator) -> str:
    """One slip of the keyboard: a letter lost, doubled or exchanged with its neighbour."""
    if len(sentence) < 8:
        return sentence
    at = int(rng.integers(2, len(sentence) - 2))
    change = pick(rng, ("lose", "double", "swap"))
    if change == "lose":
        return sentence[:at] + sentence[at + 1 :]
    if change == "double":
        return sentence[:at] + sentence[at] + sentence[at:]
    return sentence[:at] + sentence[at + 1] + sentence[at] + sentence[at + 2 :]
