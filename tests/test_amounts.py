# SPDX-License-Identifier: Apache-2.0
"""How often and how far round: what texts say, and what motions show of it."""

import pytest
from test_kinematics import standing

from moclip.prompts.amounts import Amounts, named_amounts
from moclip.showing.asked import measures, off_by


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("a man jumps twice", 2),
        ("jump three times on the spot", 3),
        ("she jumps 3 times", 3),
        ("a single jump", 1),
        ("do a couple of squats", 2),
        ("three quick jumps in a row", 3),
        ("does 10 push-ups", 10),
        ("five jumping jacks", 5),
        ("throws two punches", 2),
        ("Twice he claps", 2),
        ("walks twice as fast", None),
        ("two men walk", None),
        ("raises one arm", None),
        ("a 2 year old jumps", None),
        ("jumps once, then twice", None),
    ],
)
def test_times(text, times):
    assert named_amounts(text) == Amounts(times, None)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("turns 90 degrees to the left", 90.0),
        ("a 45-degree turn", 45.0),
        ("turn 180\u00b0", 180.0),
        ("does a 360", 360.0),
        ("a quarter turn to the left", 90.0),
        ("half a turn", 180.0),
        ("an about-face", 180.0),
        ("walks one full circle", 360.0),
        ("a three-quarter turn", 270.0),
        ("walks in a circle for 180 frames", None),
        ("a 90 year old man turns around", None),
        ("turns around", None),
        ("walks in a circle", None),
        ("a quarter past ten", None),
    ],
)
def test_degrees(text, degrees):
    assert named_amounts(text) == Amounts(None, degrees)


def test_what_can_be_counted_and_measured():
    assert measures("jump", Amounts(2)) and not measures("dance", Amounts(2)) and not measures("jump", Amounts())
    assert measures("turn_left", Amounts(None, 90.0)) and not measures("turn_left", Amounts(2))
    assert measures("spin", Amounts(2)) and measures("walk_in_circle_left", Amounts(1))  # so many times full circle
    assert off_by(standing(40), "jump", Amounts(2)) == off_by(standing(40), "spin", Amounts(1)) == 1.0
