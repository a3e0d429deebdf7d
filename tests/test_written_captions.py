# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.labels import ActionLabel
from moclip.captions.said import COUNTABLE
from moclip.captions.writing import write_captions
from moclip.captions.written import written


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_more_than_a_hundred_actions_have_captions_by_several_hands():
    assert len(written()) >= 150 and set(written()) <= set(ACTIONS)
    assert all(len(lists.any) >= 10 for lists in written().values())
    for action, lists in written().items():
        assert len(set(lists.any)) == len(lists.any), action
        assert all(not re.search(r"\bright\b", text, re.I) or "left" in text.lower() for text in lists.left), action


@pytest.mark.parametrize("action", sorted(written()))
def test_every_action_can_be_told_in_many_ways(action):
    captions = write_captions([ActionLabel(action, None, None)], rng(), 40)
    assert len(set(captions)) == 40 and not [text for text in captions if set("{}*|") & set(text)]


@pytest.mark.parametrize(
    ("action", "word"),
    [("jump", r"\bhop|\bleap|jumping jacks?\b"), ("basketball_dribble", r"\bshoot|\bthrow"), ("sneak", r"\bcrouch"),
     ("walk_left", r"side ?step|sideways"), ("turn_left", r"\bcircle|\bring\b"), ("kick", r"\bball\b")],
)  # fmt: skip
def test_an_action_does_not_say_what_another_shows(action, word):
    captions = write_captions([ActionLabel(action, None, None)], rng(1), 400)
    assert not [text for text in captions if re.search(word, text, re.I)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "action", ["front_kick", "hop", "side_step", "turn_on_the_spot", "throw", "balance_on_one_leg"]
)
def test_new_sided_actions_name_their_side_and_seldom_the_other(action, side):
    captions = [text.lower() for text in write_captions([ActionLabel(action, None, side)], rng(2), 150)]
    other = {"left": "right", "right": "left"}[side]
    assert np.mean([side in text for text in captions]) > 0.5
    assert np.mean([side not in text and bool(re.search(rf"\b{other}\b", text)) for text in captions]) < 0.02


@pytest.mark.parametrize("action", sorted(COUNTABLE))
def test_counts_are_said_and_true(action):
    captions = write_captions([ActionLabel(action, None, None, count=3)], rng(3), 100)
    told = [bool(re.search(r"\b(three|3|thrice|x3)\b", text, re.I)) for text in captions]
    assert np.mean(told) > 0.4
    wrong = r"\b(once|twice|two times|four|five|six|ten|2|4|5)\b"
    assert not [text for text in captions if re.search(wrong, text, re.I) and "five o'clock" not in text]


@pytest.mark.parametrize(("turn", "words"), [("half", r"180|around|round|half|other way|about|behind|backward"),
                                             ("full", r"360|full|all the way|complete|once around")])  # fmt: skip
def test_turns_say_how_far(turn, words):
    captions = write_captions([ActionLabel("turn_on_the_spot", None, "left", turn=turn)], rng(4), 100)
    assert np.mean([bool(re.search(words, text, re.I)) for text in captions]) > 0.6


def test_two_things_at_once_are_told_as_such():
    labels = [ActionLabel("walk", None, None), ActionLabel("wave", None, "left")]
    captions = write_captions(labels, rng(5), 100, relation="while")
    at_once = r"\b(while|as|with|same time|still|meanwhile|all the while)\b|ing\b.*\band\b.*ing\b|, \w+ing|\+|and "
    assert np.mean([bool(re.search(at_once, text, re.I)) for text in captions]) > 0.95
    assert not [text for text in captions if re.search(r"\b(then|after that|afterwards)\b", text, re.I)]


def test_a_tired_walk_is_called_so():
    captions = write_captions([ActionLabel("walk", "tired", None)], rng(6), 300)
    tired = set(written()["tired_walk"].any)
    assert sum(text.rstrip(".").lower() in {t.rstrip(".").lower() for t in tired} for text in captions) > 10
