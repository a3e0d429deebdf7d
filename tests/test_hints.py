# SPDX-License-Identifier: Apache-2.0
"""A prompt that is being typed is asked about once the typing pauses, and told of only while it stands as it was."""

import pytest
from addon_part import addon_module

hints = addon_module("backend.hints")
ABLE = {"features": ["familiarity"]}


@pytest.fixture
def typing():
    """(hint, the clock's hands)"""
    now = [100.0]
    return hints.Hint(lambda: now[0]), now


def test_it_is_asked_once_when_the_typing_has_paused(typing):
    hint, now = typing
    assert hint.wait() is None
    for letters in ("a", "a p", "a person juggles"):
        hint.typed(letters)
        now[0] += 0.3
        assert hint.question(ABLE) is None  # less than the pause since the last letter
    assert hint.wait() == pytest.approx(0.1)
    now[0] += 0.15
    asked = hint.question(ABLE)
    assert asked["type"] == "familiarity" and asked["text"] == "a person juggles"
    assert hint.question(ABLE) is None and hint.wait() is None
    hint.typed("a  person juggles ")  # the same but for spaces
    now[0] += 1.0
    assert hint.question(ABLE) is None


def test_the_answer_is_told_while_the_prompt_stands_and_nothing_newer_is_to_be_told(typing):
    hint, now = typing
    hint.typed("a person juggles")
    now[0] += 1.0
    asked = hint.question(ABLE)
    hint.answered({"id": asked["id"], "far": True, "nearest": ["throw", "catch"]}, "The backend is ready.")
    told = "The model was not trained for this. The nearest it can do: throw, catch."
    assert hint.of("a person juggles ", "The backend is ready.") == told
    assert hint.of("a person juggles", "Keyed 'a person juggles'.") == ""
    assert hint.of("a person walks", "The backend is ready.") == ""
    hint.typed("a person juggles b")
    assert hint.of("a person juggles b", "The backend is ready.") == ""


def test_an_answer_to_what_was_typed_before_counts_no_more(typing):
    hint, now = typing
    hint.typed("far")
    now[0] += 1.0
    old = hint.question(ABLE)["id"]
    hint.typed("a person walks")
    hint.answered({"id": old, "far": True, "nearest": []}, "")
    assert hint.of("a person walks", "") == ""
    now[0] += 1.0
    new = hint.question(ABLE)["id"]
    assert new != old
    hint.answered({"id": old, "far": True}, "")
    assert hint.sentence == ""
    hint.answered({"id": new, "far": False}, "")
    assert hint.sentence == ""


@pytest.mark.parametrize(
    "text, welcome",
    [
        ("", ABLE),
        ("   ", ABLE),
        ("x" * 2001, ABLE),
        ("a person walks", {"features": ["batch"]}),
        ("a person walks", {}),
    ],
)
def test_nothing_is_asked_without_a_prompt_or_of_a_backend_that_cannot_tell(typing, text, welcome):
    hint, now = typing
    hint.typed(text)
    now[0] += 1.0
    assert hint.question(welcome) is None and hint.wait() is None
