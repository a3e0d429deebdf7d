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
        ("a person walks and waves", ["a person walks", "waves"]),
        ("Run at the enemy and punch him", ["Run at the enemy", "punch him"]),
        ("she jumps and he quickly backs away", ["she jumps", "he quickly backs away"]),
        ("walks up and down and bows", ["walks up and down", "bows"]),
        ("wave with the left hand, then back away", ["wave with the left hand", "back away"]),
        (
            "a robot raises its left hand, then its right hand",
            ["a robot raises its left hand", "a robot raises its right hand"],
        ),
        ("punches with the left and then the right", ["punches with the left", "punches with the right"]),
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
        ("after walking to the door he bows", ["walking to the door", "he bows"]),
    ],
)
def test_clauses_in_the_order_of_the_motion(sentence, clauses):
    assert split_clauses(sentence) == clauses


@pytest.mark.parametrize(
    "sentence",
    [
        "a person walks forward",
        "a man waves while walking",
        "a man walks and waves at the same time",
        "raises his left hand and waves",
        "walks forward and turns left",
        "jumps and kicks",
        "crouches and jumps",
        "walks and walks and walks",
        "bends forward and straightens up",
        "walks to the left, then to the right",
        "he runs after a ball",
        "a person runs after something",
        "gestures after you with his left arm",
        "bows before the king",
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
