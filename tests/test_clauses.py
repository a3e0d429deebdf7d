# SPDX-License-Identifier: Apache-2.0
"""Sentences that tell several actions, and sentences that only seem to."""

import pytest

from moclip.clauses import split_clauses


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("a tired man walks, then waves with his left hand", ["a tired man walks", "waves with his left hand"]),
        ("She walks and then sits down.", ["She walks", "sits down"]),
        ("someone runs and afterwards bows", ["someone runs", "bows"]),
        ("bowing first, after that waving goodbye", ["bowing", "waving goodbye"]),
        ("First he bows. Then he waves!", ["he bows", "he waves"]),
        ("jogs ahead and, once stopped, throws both arms up", ["jogs ahead", "throws both arms up"]),
        ("a man jumps before waving", ["a man jumps", "waving"]),
        ("a walk followed by a bow", ["a walk", "a bow"]),
        ("he waves; he runs; he jumps", ["he waves", "he runs", "he jumps"]),
        ("walk, then turn left, finally kick", ["walk", "turn left", "kick"]),
        ("he walks, and later on waves", ["he walks", "waves"]),
        ("He is walking. He stops and next he bows", ["He is walking", "He stops", "he bows"]),
    ],
)
def test_clauses_in_the_order_of_the_sentence(sentence, clauses):
    assert split_clauses(sentence) == clauses


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("After walking forward, he bows", ["walking forward", "he bows"]),
        ("a person waves after walking forward", ["walking forward", "a person waves"]),
        ("once he has waved, he runs off", ["he has waved", "he runs off"]),
        ("before waving, a person does a dance", ["a person does a dance", "waving"]),
        ("having finished bowing, she leaves", ["bowing", "she leaves"]),
    ],
)
def test_clauses_in_the_order_of_the_motion(sentence, clauses):
    assert split_clauses(sentence) == clauses


@pytest.mark.parametrize(
    "sentence",
    [
        "a person walks forward",
        "a person walks and waves",
        "a man waves while walking",
        "he runs after a ball",
        "one step after the other",
        "every now and then he waves",
        "raises an arm up and then down",
        "looks left, then right",
        "he walks 2.5 metres",
        "a man stands next to a car, next to a tree",
        "turns left at the next corner",
        "he finally sits down",
        "a man then bows",
        "when running, he raises both hands",
        "walks until he is tired",
        "He is tired. He walks slowly",
        "then",
        "then jumps",
        "",
        "...",
    ],
)
def test_one_action_stays_one(sentence):
    assert split_clauses(sentence) == [sentence.strip().rstrip(".!")]
