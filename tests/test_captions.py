# SPDX-License-Identifier: Apache-2.0
"""The caption grammar: English that is right, varied, and true to its label."""

import re
from difflib import get_close_matches

import numpy as np
import pytest

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.free_sentences import free_sentences
from moclip.captions.grammar import Agent, article_of, conjugate, inflect, with_adjective
from moclip.captions.labels import ActionLabel
from moclip.captions.phrases import free_sentence
from moclip.captions.style_phrases import ALIASES, STYLES
from moclip.captions.writing import write_captions
from moclip.errors import MoclipError

CANONICAL = """walk run sprint walk_backward walk_left walk_right turn_left turn_right bow wave raise_hand kick
punch slash dance guide respond call jump backflip cartwheel crawl get_up
roll spin spin_kick side_flip sneak zombie_walk jog kick_ball basketball_dribble basketball_signals
direct_traffic stand""".split()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("verb", "s", "ing", "past"),
    [
        ("walk", "walks", "walking", "walked"),
        ("run", "runs", "running", "ran"),
        ("wave", "waves", "waving", "waved"),
        ("jog", "jogs", "jogging", "jogged"),
        ("hurry", "hurries", "hurrying", "hurried"),
        ("punch", "punches", "punching", "punched"),
        ("do", "does", "doing", "did"),
        ("lie", "lies", "lying", "lay"),
        ("bow", "bows", "bowing", "bowed"),
        ("backflip", "backflips", "backflipping", "backflipped"),
        ("flee", "flees", "fleeing", "fled"),
        ("spin-kick", "spin-kicks", "spin-kicking", "spin-kicked"),
        ("lean", "leans", "leaning", "leaned"),
        ("sit", "sits", "sitting", "sat"),
        ("box", "boxes", "boxing", "boxed"),
    ],
)
def test_verbs_inflect_as_english_does(verb, s, ing, past):
    assert (inflect(verb, "s"), inflect(verb, "ing"), inflect(verb, "past")) == (s, ing, past)


def test_slots_and_marked_verbs_are_filled():
    agent = Agent("a woman", "she", "her", "herself")
    assert conjugate("*raise {his} {side} hand and *wave", "s", agent, "left") == "raises her left hand and waves"
    assert conjugate("push {self} up", "ing", agent) == "pushing herself up"


def test_articles_follow_the_adjective():
    assert with_adjective("a man", "old") == "an old man"
    assert with_adjective("an actor", "tired") == "a tired actor"
    assert with_adjective("someone", "sad") == "someone sad"
    assert article_of("one-armed") == "a"


@pytest.mark.parametrize("action", CANONICAL)
def test_every_action_has_25_phrases_and_never_runs_out(action):
    phrases = ACTIONS[action]
    assert len({*phrases.plain, *phrases.sided, *phrases.both}) >= 25
    captions = write_captions([ActionLabel(action, None, None)], rng(), 60)
    assert len(set(captions)) == 60
    assert not [text for text in captions if set("{}*|") & set(text)]


@pytest.mark.parametrize("style", [*STYLES, *ALIASES])
def test_every_style_is_told_in_most_captions(style):
    said = STYLES[ALIASES.get(style, style)]
    words = [re.sub(r"\{\w+\}", "", w).lower() for w in (*said.adjectives, *said.adverbs, *said.manners)]
    captions = write_captions([ActionLabel("walk", style, None)], rng(), 200)
    told = sum(any(all(part in text.lower() for part in word.split()) for word in words) for text in captions)
    # People who write of a tired walk have words of their own for it.
    assert told > (120 if style == "tired" else 140)


@pytest.mark.parametrize(("action", "share"), [("wave", 0.75), ("raise_hand", 0.75), ("kick", 0.6), ("punch", 0.6)])
@pytest.mark.parametrize("side", ["left", "right"])
def test_side_is_named_and_never_the_other_one(action, share, side):
    captions = write_captions([ActionLabel(action, None, side)], rng(1), 400)
    other = {"left": "right", "right": "left"}[side]
    # "from left to right" tells how a hand moves, not which one.
    named = [re.sub(r"left (and|or|to) (\w+ )*right", "", text.lower()) for text in captions]
    assert not [text for text in named if re.search(rf"\b{other}\b", text)]
    assert sum(side in text for text in named) >= share * len(captions)
    assert any(side not in text for text in named)


@pytest.mark.parametrize(("action", "word", "wrong"), [("turn_left", "left", "right"), ("walk_right", "right", "left")])
def test_directions_are_always_said(action, word, wrong):
    for text in write_captions([ActionLabel(action, None, None)], rng(2), 200):
        # Clips of games have the direction's letter in their names.
        letter = re.search(rf"(?:_f?|\bf){word[0]}(?:_|\b)", text, re.IGNORECASE)
        told = word in text.lower() or "clockwise" in text.lower() or letter
        slips = [w for w in re.findall(r"\w+", text.lower()) if sorted(w) == sorted(word)]
        slips += get_close_matches(word, re.findall(r"\w+", text.lower()), cutoff=0.85)
        assert told or slips, "one slip at the most: two letters changed places, one lost or doubled"
        assert not re.search(rf"\b{wrong}\b", text.lower())


def test_free_sentences_fill_their_slots_and_name_the_side_of_their_list():
    for action, sentences in free_sentences().items():
        assert sentences.any and all(chosen.isascii() for chosen in sentences.any)
        named = [text for text in (*sentences.any, *sentences.both) if re.search(r"\{|\}", text)]
        assert not named, action
        assert all("{side}" in text and not re.search(r"\b(left|right)\b", text) for text in sentences.side), action


@pytest.mark.parametrize("side", ["left", "right", "both", None])
def test_free_sentences_keep_side_and_style(side):
    texts = [free_sentence(ActionLabel("wave", "happy", side), rng(k)) for k in range(200)]
    words = STYLES["happy"]
    told = [any(way in text for way in (*words.adverbs, *words.manners)) for text in texts]
    assert 0.7 < np.mean(told) < 0.97
    if side in ("left", "right"):
        other = {"left": "right", "right": "left"}[side]
        assert np.mean([side in text for text in texts]) > 0.7
        assert not [text for text in texts if re.search(rf"\b{other}\b", text)]


def test_left_turns_run_counterclockwise():
    texts = [t.lower() for t in write_captions([ActionLabel("turn_left", None, None)], rng(3), 600)]
    assert not [t for t in texts if re.search(r"\bclockwise", t)]
    assert any("anticlockwise" in t for t in texts)


def test_two_actions_keep_their_order():
    captions = write_captions([ActionLabel("bow", None, None), ActionLabel("jump", None, None)], rng(4), 300)
    first, second = re.compile(r"\b(bow|bows|bowing)\b"), re.compile(r"\b(jump|jumps|jumping)\b")
    checked = 0
    for text in map(str.lower, captions):
        a, b = first.search(text), second.search(text)
        if not a or not b:
            continue
        after = (
            bool(re.search(r"\bafter (?!that)|having|once done", text))
            and text.index("after" if "after" in text else "") >= 0
        )
        reversed_order = a.start() > b.start()
        if reversed_order:
            assert after or text.startswith("before"), text
        checked += 1
    assert checked > 20


def test_same_seed_same_captions_and_count_is_kept():
    label = [ActionLabel("wave", "happy", "left")]
    assert write_captions(label, rng(5), 25, 3.0) == write_captions(label, rng(5), 25, 3.0)
    assert len(write_captions(label, rng(5), 25)) == 25


def test_seconds_are_said_now_and_then_and_truly():
    texts = write_captions([ActionLabel("walk", None, None)], rng(6), 400, seconds=3.1)
    said = [t for t in texts if re.search(r"second(s)?\b", t) and "few seconds" not in t]
    assert 5 < len(said) < 60
    assert all(re.search(r"(three|3) seconds", t) for t in said)


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [ActionLabel("yodel", None, None)],
        [ActionLabel("walk", "purple", None)],
        [ActionLabel("walk", None, None)] * 3,
    ],
)
def test_unknown_labels_are_refused_in_one_sentence(labels):
    with pytest.raises(MoclipError):
        write_captions(labels, rng(), 1)
