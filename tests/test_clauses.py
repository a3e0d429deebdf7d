# SPDX-License-Identifier: Apache-2.0
"""Sentences that tell several actions, and sentences that only seem to."""

from dataclasses import dataclass

import pytest

from moclip.prompts import clause_table
from moclip.prompts.clauses import Splitter, split_clauses

KINDS = {
    "lists": clause_table.LISTS,
    "between": clause_table.BETWEEN,
    "two_parts": clause_table.TWO_PARTS,
    "joints": clause_table.JOINTS,
    "firsts": clause_table.FIRSTS,
}


@dataclass(frozen=True)
class Place:
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}"


PLACES = [Place(kind, number) for kind, rows in KINDS.items() for number in range(len(rows))]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_rows_example_is_parted_by_that_very_row(place):
    rows = KINDS[place.kind]
    row = rows[place.number]
    assert split_clauses(row.example) == list(row.clauses)
    others = rows[: place.number] + rows[place.number + 1 :]
    assert Splitter(**{place.kind: others}).split(row.example) != list(row.clauses)


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("a tired man walks, then waves with his left hand", ["a tired man walks", "waves with his left hand"]),
        ("a marching soldier who ends by spinning round", ["a marching soldier", "spinning round"]),
        ("sneaks down the hall and crouches", ["sneaks down the hall", "crouches"]),
        ("A punch first, a kick second.", ["A punch", "a kick"]),
        ("after a full-speed sprint, she throws both arms up", ["a full-speed sprint", "she throws both arms up"]),
        ("Okay. Walk forward. Then bow!", ["Walk forward", "bow"]),
        ("hi! wave at my viewers, then jump", ["wave at my viewers", "jump"]),
        ("Goal! The striker throws both arms up", ["Goal! The striker throws both arms up"]),
        ("goes for a walk and sits down on a bench", ["goes for a walk", "sits down on a bench"]),
        ("the boxer falls and gets back on his feet", ["the boxer falls", "gets back on his feet"]),
        ("picks a stone up and throws it far", ["picks a stone up", "throws it far"]),
        ("jumps over the wall, rolls, gets up", ["jumps over the wall", "rolls", "gets up"]),
        ("the zombie rises and than walks", ["the zombie rises", "walks"]),
        ("lies down on the sofa and falls asleep", ["lies down on the sofa", "falls asleep"]),
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
        ("walks forward. He then waves", ["walks forward", "He waves"]),
        ("walk over, stop, wave your left hand", ["walk over", "wave your left hand"]),
        ("1. walk 2. wave with the left hand", ["walk", "wave with the left hand"]),
        ("jump -> bow", ["jump", "bow"]),
        ("starts with a bow and ends with a jump", ["a bow", "a jump"]),
        ("dances, ending with a deep bow", ["dances", "a deep bow"]),
        ("bows and follows it up with a kick", ["bows", "a kick"]),
        ("walks up and when he arrives he bows", ["walks up", "he bows"]),
        ("walks over and, once there, bows", ["walks over", "bows"]),
        ("raise the right hand and after a moment walk on", ["raise the right hand", "walk on"]),
        ("he swings the sword and a second later jumps", ["he swings the sword", "jumps"]),
        ("bow first, jump second", ["bow", "jump"]),
        ("a walk that turns into a sprint", ["a walk", "a sprint"]),
        ("he walks and breaks into a run", ["he walks", "a run"]),
        ("switches from walking to running", ["walking", "running"]),
        ("she walks in and takes a bow", ["she walks in", "takes a bow"]),
        ("kicks and punches", ["kicks", "punches"]),
        ("turn left and wave with both hands", ["turn left", "wave with both hands"]),
        ("turns right and runs", ["turns right", "runs"]),
        ("runs in to kick the ball", ["runs in", "kick the ball"]),
        ("she bows, only to jump up right after", ["she bows", "jump up right after"]),
        ("walks slowly at first but then sprints", ["walks slowly", "sprints"]),
        ("he turns left; as soon as he is through it he waves", ["he turns left", "he waves"]),
        ("walks back and, once he is at a distance, bows", ["walks back", "bows"]),
        ("he punches, and once that is done he raises both arms", ["he punches", "he raises both arms"]),
        ("waves at the end of a short run", ["a short run", "waves"]),
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
        ("after a short walk, he waves", ["a short walk", "he waves"]),
        ("after the punch he kicks", ["the punch", "he kicks"]),
        ("once he has bowed he dances", ["he has bowed", "he dances"]),
        ("having bowed, she dances", ["bowed", "she dances"]),
        ("bows after a short dance", ["a short dance", "bows"]),
        ("the man bows prior to dancing", ["the man bows", "dancing"]),
        ("follows a bow with a jump", ["a bow", "a jump"]),
        ("a bow with a jump after it", ["a bow", "a jump"]),
        ("He walks away, but first he waves.", ["he waves", "He walks away"]),
        ("she dances, though before that she bows", ["she bows", "she dances"]),
    ],
)
def test_clauses_in_the_order_of_the_motion(sentence, clauses):
    assert split_clauses(sentence) == clauses


@pytest.mark.parametrize(
    "sentence",
    [
        "a person walks forward",
        "sits down and waves",  # on the chair
        "stands up straight and salutes",
        "squats down and picks something up",
        "throws up his arms and cheers",
        "crouching and crawling",
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
        "he is not fast but first in the race",
        "he walks 2.5 metres",
        "a man stands next to a car, next to a tree",
        "turns left at the next corner",
        "he finally sits down",
        "a man then bows",
        "when running, he raises both hands",
        "walks until he is tired",
        "He is tired. He walks slowly",
        "takes a bow at the end of the show",
        "the player breaks into a run",
        "walks forward, waving his left hand",
        "raises the sword and slashes",
        "lifts his knee and kicks",
        "turns into the street",
        "he runs round in a circle",
        "a boxer finishes in style",
        "he walks and closes in on him",
        "a dancer following a dance routine",
        "he stands at the end, waving",
        "he goes from left to right",
        "having fun, he dances",
        "raises his hand to wave",
        "then",
        "then jumps",
        "",
        "...",
    ],
)
def test_one_action_stays_one(sentence):
    assert split_clauses(sentence) == [sentence.strip().rstrip(".!")]
