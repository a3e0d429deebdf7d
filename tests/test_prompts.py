# SPDX-License-Identifier: Apache-2.0
"""Prompts and lengths: what is cleaned, what is refused, what is warned about."""

import math

import pytest

from moclip.errors import MoclipError
from moclip.prompts.checks import check_prompt, check_seconds


def test_whitespace_and_control_characters_become_single_spaces():
    assert check_prompt("  a person\n\twalks\x00  forward ") == ("a person walks forward", [])


def test_zero_width_space_alone_is_empty():
    with pytest.raises(MoclipError, match="empty"):
        check_prompt("\u200b \u200b")


@pytest.mark.parametrize("text", ["", "   \n", "12 34", "!!!", "🏃🏃"])
def test_prompts_without_words_are_refused(text):
    with pytest.raises(MoclipError) as caught:
        check_prompt(text)
    assert caught.value.code == "bad_prompt"
    assert "English" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "一个人向前走",
        "человек идёт вперёд",
        "شخص يمشي إلى الأمام",
        "人が歩く",
        "ο άνθρωπος περπατά",
        "사람이 걷는다",
        "אדם הולך",
    ],
)
def test_other_scripts_are_refused_as_not_english(text):
    with pytest.raises(MoclipError, match="English only") as caught:
        check_prompt(text)
    assert caught.value.code == "bad_prompt"


def test_accents_and_curly_quotes_are_still_latin():
    assert check_prompt("a naïve dancer’s pirouette, très élégante")[1] == []


def test_a_few_foreign_letters_give_a_warning_only():
    text, warnings = check_prompt("a person walks 走")
    assert text == "a person walks 走"
    assert len(warnings) == 1 and "走" in warnings[0]


def test_2000_characters_pass_and_2001_do_not():
    assert check_prompt("walk " * 399 + "walks")[0].endswith("walks")
    with pytest.raises(MoclipError, match="2001 characters"):
        check_prompt("w" * 2001)


def test_75_words_fit_and_76_are_cut_with_a_warning():
    # "walk" is one token; start and end take two of the 77 places.
    assert check_prompt(" ".join(["walk"] * 75))[1] == []
    (warning,) = check_prompt(" ".join(["walk"] * 76))[1]
    assert "78 tokens" in warning and "only the first 77" in warning and "75 words" in warning


def test_not_a_string_is_refused_in_one_sentence():
    with pytest.raises(MoclipError, match="not int"):
        check_prompt(5)


@pytest.mark.parametrize("seconds", [1.0, 5, 9.8])
def test_possible_seconds_come_back_as_float(seconds):
    result = check_seconds(seconds)
    assert result == seconds and isinstance(result, float)


def test_no_seconds_lets_the_model_choose():
    assert check_seconds(None) is None


@pytest.mark.parametrize("seconds", [0, -1, 0.99, 9.81, 1000, math.nan, math.inf, True, "5"])
def test_impossible_seconds_are_refused(seconds):
    with pytest.raises(MoclipError, match="1.0 to 9.8 seconds") as caught:
        check_seconds(seconds)
    assert caught.value.code == "bad_seconds"
