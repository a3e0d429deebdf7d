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


def test_of_two_actions_that_differ_in_the_side_the_other_one_is_hardly_meant():
    classes = ActionClass("wave", "left"), ActionClass("wave", "right"), ActionClass("walk_right"), ActionClass("walk")
    weights = np.array([[2.0, 0], [1.5, 0], [0, 1.0], [0, 1.0], [0.5, 0.5]])
    known = KnownActions(classes, weights, np.zeros(5), 0.9, np.eye(4, 2))
    text = np.array([[1.0, 0.1], [1.0, 0.1], [0.1, 1.0]])
    plain, told = known.probabilities(text), known.probabilities(text, ["", "right", "left"])
    assert np.allclose(told[0], plain[0]) and np.allclose(told.sum(axis=1), 1.0)
    assert np.allclose(told[:, -1], plain[:, -1]), "whether it is known is another question"
    assert plain[1].argmax() == 0 and told[1].argmax() == 1 and told[1, 0] / told[1, 3] < plain[1, 0] / plain[1, 3]
    assert told[2, 2] < 0.2 * told[2, 3], "a side in an action's name is one as well"
    moved, as_named = (known.toward_prototypes(text[1:2], 0.5, sides) for sides in (None, ["right"]))
    assert not np.allclose(moved, as_named)


def test_a_passage_knows_the_side_of_its_clause():
    class Runtime:
        def call(self, name, tokens):
            return tokens[:, :2].astype(np.float32)

    reader, prompt = TextReader(Runtime()), "a man waves with his left hand, then kicks with the right leg"
    whole = reader.read([prompt])
    (clauses,) = reader.read_clauses([prompt], whole, PlanOptions(), 8)
    assert whole[0].side == "" and [clause.side for clause in clauses] == ["left", "right"]
    line = plan_line(4.0, clauses, np.array([10, 10]), np.zeros(2, bool), whole[0], 20.0, 49, 4)
    nothing = np.full((0, 1), -1)
    assert [p.side for p in plan_request(0, [line], 4, 0, nothing, nothing).passages] == ["left", "right"]
    bare = [TextStates(clause.vector) for clause in clauses]
    plan = plan_request(0, [replace(line, texts=bare)], 4, 0, nothing, nothing)
    assert [p.side for p in plan.passages] == ["", ""]
