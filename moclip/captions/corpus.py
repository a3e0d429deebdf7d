# SPDX-License-Identifier: Apache-2.0
"""The sentences that the text tower is distilled on: captions, a broad movement grammar, and WordNet.

Captions teach the phrasings of the motion data, the grammar other movements, body parts and scenes, WordNet's glosses
and examples the words that no template holds. Everything is a function of the seed.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from moclip.captions import movement
from moclip.captions.action_phrases import ACTIONS
from moclip.captions.grammar import IMPERATIVE, chance, conjugate, dress, finite, misspell, pick, random_agent
from moclip.captions.labels import ActionLabel
from moclip.captions.style_phrases import STYLES
from moclip.captions.writing import write_captions
from moclip.errors import MoclipError

WORDNET_DIR = Path("/usr/share/wordnet")
SIDED = (
    "wave", "raise_hand", "kick", "punch", "slash", "guide", "call", "respond", "front_kick", "side_kick",
    "roundhouse_kick", "throw", "kick_ball", "knee_raise", "balance_on_one_leg", "hop", "side_step", "strafe", "dodge",
    "jog_in_circle", "walk_in_circle", "turn_on_the_spot",
)  # fmt: skip
TWO_HANDED = ("wave", "raise_hand")
# Shares of WordNet's lexicographer files: verbs of body, communication, competition, contact, motion, ...;
# nouns of acts, the body, people, ...
VERB_FILES = {
    "29": 1.0,
    "30": 0.3,
    "32": 0.5,
    "33": 1.0,
    "35": 1.0,
    "36": 0.3,
    "37": 0.5,
    "38": 1.0,
    "39": 0.5,
    "41": 0.3,
}
NOUN_FILES = {"04": 0.5, "08": 0.7, "07": 0.15, "18": 0.12, "06": 0.08, "11": 0.3, "12": 0.5, "05": 0.05, "15": 0.05}


def random_label(rng: np.random.Generator, actions: tuple[str, ...] = tuple(ACTIONS)) -> ActionLabel:
    """Any action with a random style, and with a side where the action has one."""
    action = pick(rng, actions)
    style = pick(rng, tuple(STYLES)) if chance(rng, 0.4) else None
    side = None
    if action in SIDED:
        side = pick(rng, ("left", "right", "left", "right", *(("both",) if action in TWO_HANDED else ())))
    return ActionLabel(action, style, side)


def caption_sentences(rng: np.random.Generator, single: int, double: int) -> list[str]:
    """Captions of random labels; three in ten of the single ones are of the sided actions, which differ by one word."""
    sentences = []
    for _ in range(single):
        actions = SIDED[:5] if chance(rng, 0.3) else tuple(ACTIONS)
        sentences += write_captions([random_label(rng, actions)], rng, 1, seconds=float(rng.uniform(1, 10)))
    for _ in range(double):
        sentences += write_captions([random_label(rng), random_label(rng)], rng, 1)
    return sentences


def movement_sentences(rng: np.random.Generator, count: int) -> list[str]:
    """Sentences of the movement grammar; where a side is named, its mirrored twin follows."""
    sentences: list[str] = []
    while len(sentences) < count:
        phrase = _movement_phrase(rng)
        second = _movement_phrase(rng) if chance(rng, 0.15) else None
        if second:
            phrase = f"*{phrase} {pick(rng, movement.LINKS)} *{second}".replace("**", "*")
        side = pick(rng, ("left", "right")) if "{side}" in phrase else ""
        if chance(rng, 0.3):
            sentence = conjugate(phrase, pick(rng, ("base", "ing")), IMPERATIVE, side)
        else:
            agent = random_agent(rng, pick(rng, movement.ADJECTIVES) if chance(rng, 0.1) else "")
            sentence = finite(phrase, agent, side, rng)
        sentence = dress(sentence, rng)
        sentences.append(sentence)
        if side:
            sentences.append(swap_sides(sentence))
    return sentences[:count]


def swap_sides(sentence: str) -> str:
    """left and right exchanged."""
    swapped = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return re.sub(r"\b(left|right)(?=\b|ward|wards)", lambda m: swapped[m.group()], sentence, flags=re.IGNORECASE)


def _movement_phrase(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.30:
        phrase = pick(rng, movement.VERBS)
        if chance(rng, 0.6):
            phrase += " " + pick(rng, movement.DIRECTIONS)
    elif kind < 0.50:
        limb = pick(rng, movement.LIMBS)
        owner = "" if limb.startswith(("both", "two")) else "{his} "
        phrase = f"{pick(rng, movement.LIMB_VERBS)} {owner}{limb}"
        if chance(rng, 0.4):
            phrase += " " + pick(rng, movement.LIMB_ENDINGS)
    elif kind < 0.75:
        phrase = pick(rng, movement.ACTIVITIES)
    else:
        phrase = f"{pick(rng, movement.OBJECT_VERBS)} {pick(rng, movement.OBJECTS)}"
    if chance(rng, 0.3):
        phrase += " " + pick(rng, movement.MANNERS)
    if chance(rng, 0.12):
        phrase += " " + pick(rng, movement.SCENES)
    if chance(rng, 0.2):
        phrase += " " + pick(rng, movement.PURPOSES)
    return phrase


def wordnet_sentences(rng: np.random.Generator, count: int, folder: Path = WORDNET_DIR) -> list[str]:
    """Words, glosses and example sentences of WordNet, verbs of movement first.

    folder: the one with `data.verb` (Debian: package wordnet-base). Raises MoclipError when it is absent.
    """
    if not (folder / "data.verb").is_file():
        raise MoclipError(
            f"WordNet's data files are not in {folder}.",
            hint="Install them, on Debian with `apt-get install wordnet-base`.",
        )
    pool: list[str] = []
    for name, files in (("data.verb", VERB_FILES), ("data.noun", NOUN_FILES), ("data.adj", {}), ("data.adv", {})):
        for line in (folder / name).read_text(encoding="latin-1").splitlines():
            if line.startswith(" "):  # the licence at the top
                continue
            kept = files.get(line[9:11], 0.02 if files else 0.25 if name == "data.adv" else 0.08)
            if chance(rng, kept):
                pool += _entry_texts(line, rng)
    pool = [text for text in dict.fromkeys(pool) if text.isascii() and len(text.split()) <= 30]
    return [pool[i] for i in rng.permutation(len(pool))[:count]]


def _entry_texts(line: str, rng: np.random.Generator) -> list[str]:
    head, _, gloss = line.partition(" | ")
    fields = head.split(" ")
    names = [re.sub(r"\(.*", "", word).replace("_", " ") for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
    examples = re.findall(r'"([^"]+)"', gloss)
    meaning = gloss.split('; "')[0].strip().strip(";")
    texts = [pick(rng, names), meaning, *examples]
    if chance(rng, 0.3):
        texts.append(f"{names[0]}: {meaning}")
    return texts


def build_corpus(size: int = 100_000, seed: int = 0, wordnet: Path = WORDNET_DIR) -> list[str]:
    """About `size` distinct sentences: 60 % captions, 30 % movement, 10 % WordNet; one in a hundred misspelt.

    Each part has random numbers of its own, and the captions come last: rewording them leaves the parts before them,
    and what a teacher's cache holds of them, as they were.
    """
    words, movements, captions = (np.random.default_rng([seed, part]) for part in range(3))
    sentences = wordnet_sentences(words, int(0.10 * size), wordnet)
    sentences += _with_slips(movement_sentences(movements, int(0.30 * size)), movements)
    sentences += _with_slips(caption_sentences(captions, int(0.45 * size), int(0.15 * size)), captions)
    return list(dict.fromkeys(sentences))


def _with_slips(sentences: list[str], rng: np.random.Generator) -> list[str]:
    return [misspell(s, rng) if chance(rng, 0.01) else s for s in sentences]
