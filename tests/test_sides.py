# SPDX-License-Identifier: Apache-2.0
"""Sides that prompts name, and what they say of the action that is meant."""

from dataclasses import replace

import numpy as np
import pytest

from moclip.generate.familiarity import KnownActions
from moclip.generate.options import PlanOptions
from moclip.generate.plan import TextStates, plan_line, plan_request
from moclip.generate.reading import TextReader
from moclip.prompts.sides import named_side
from moclip.recognition.config import ActionClass
from moclip.recognition.text_classifier import TextClassifier

SIDES = ("left", "right")


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("a person waves with the left hand", "left"),
        ("Her RIGHT hand waves at a friend", "right"),
        ("she jogs in a circle clockwise", "right"),
        ("walks counterclockwise, walks anti-clockwise", "left"),
        ("walk and take a right at the corner", "right"),
        ("the left hand, then the right", ""),
        ("a bright day, a copyright claim, leftovers", ""),
        ("he has left the room right away", ""),
        ("standing right beside the door, arms at right angles, all right", ""),
        ("kicks with the right leg, right now", "right"),
        ("", ""),
    ],
)
def test_the_side_that_a_text_names(text, side):
    assert named_side(text) == side


def test_of_two_actions_that_differ_in_the_side_the_other_one_is_not_meant():
    waves, walks = [ActionClass("wave", side) for side in ("left", "right")], [ActionClass(f"walk_{s}") for s in SIDES]
    classes = (*waves, *walks, ActionClass("walk"), ActionClass("kick", "right"), ActionClass("wave", "both"))
    assert [c.mirrored for c in classes] == [*waves[::-1], *walks[::-1], classes[4], ("kick", "left"), classes[6]]
    weights, prototypes = np.arange(16.0).reshape(8, 2) % 7, np.random.default_rng(0).normal(size=(7, 2))
    known = KnownActions(classes, TextClassifier(weights, np.zeros(8)), 0.9, prototypes)
    text = np.array([[1.0, 0.1], [1.0, 0.1], [0.1, 1.0]])
    plain = known.read([""] * 3, text)
    told = known.sided(plain, ["", "right", "left"])
    assert np.allclose(told[0], plain[0]) and np.allclose(told.sum(axis=1), 1.0)
    assert np.allclose(told[:, 4:], plain[:, 4:]), "what has no other side stays, and so does what is unknown"
    for row, own, other in ((1, 1, 0), (1, 3, 2), (2, 0, 1), (2, 2, 3)):
        assert told[row, other] == 0.0 and told[row, own] == pytest.approx(plain[row, own] + plain[row, other])
    moved, as_named = (known.toward_prototypes(text[1:2], plain[1:2], sides, 0.5) for sides in ([""], ["right"]))
    over = plain[1, 0] * (prototypes[1] - prototypes[0]) + plain[1, 2] * (prototypes[3] - prototypes[2])
    assert np.allclose(as_named - moved, 1.5 * over), "by its share, and as far as the two sides are apart"


def test_a_passage_knows_the_side_of_its_clause():
    class Runtime:
        def call(self, name, tokens):
            return tokens[:, :2].astype(np.float32)

    reader, prompt = TextReader(Runtime()), "a man waves with his left hand, then kicks with the right leg"
    whole = reader.read([prompt])
    (clauses,) = reader.read_clauses([prompt], whole, PlanOptions(), 8)
    assert whole[0].asks.side == "" and [clause.asks.side for clause in clauses] == ["left", "right"]
    line = plan_line(4.0, clauses, np.array([10, 10]), np.zeros(2, bool), whole[0], 20.0, 49, 4)
    nothing = np.full((0, 1), -1)
    assert [p.asks.side for p in plan_request(0, [line], 4, 0, nothing, nothing).passages] == ["left", "right"]
    bare = [TextStates(clause.vector) for clause in clauses]
    plan = plan_request(0, [replace(line, texts=bare)], 4, 0, nothing, nothing)
    assert [p.asks.side for p in plan.passages] == ["", ""]
