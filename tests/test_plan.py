# SPDX-License-Identifier: Apache-2.0
"""Which text each token of a request follows, and how many tokens are sampled."""

import numpy as np
import pytest

from moclip.generate.lengths import ongoing
from moclip.generate.plan import LinePlan, TextStates, plan_request
from moclip.generators.base.passages import OVERLAP

TEXT = np.eye(3, dtype=np.float32)
NOTHING = np.zeros((0, 4), dtype=np.int64)
STRIDE, WINDOW = 4, 30


def line(frames: int, *endless: bool) -> LinePlan:
    count = len(endless)
    texts = [TextStates(row) for row in TEXT]
    return LinePlan(frames, texts[:count], np.full(count, 20), np.array(endless), texts[2])


def plan(*lines: LinePlan, window: int = WINDOW, after: np.ndarray = NOTHING):
    return plan_request(0, lines, STRIDE, window, NOTHING, after)


@pytest.mark.parametrize(
    ("frames", "lengths"),
    # Five tokens more than asked for, in parts of 19 to 30; what fits into one part fills it.
    [(60, [30]), (100, [30]), (101, [19, 19]), (132, [19, 19]), (160, [22, 23]), (196, [27, 27]), (240, [22, 21, 22])],
)
def test_what_is_ongoing_is_cut_from_a_longer_piece_in_passages_of_a_window(frames, lengths):
    made = plan(line(frames, True))
    # Inside, each reaches into its neighbours by the overlap.
    ends = (0, len(lengths) - 1)
    inner = [p.end - p.first - OVERLAP * (2 - (k == ends[0]) - (k == ends[1])) for k, p in enumerate(made.passages)]
    assert inner == lengths and made.frames == frames and made.end == len(made.known) == sum(lengths) and made.ongoing
    assert all(np.array_equal(p.text, TEXT[0]) for p in made.passages)


def test_before_a_motion_that_stays_there_is_no_tail():
    after = np.zeros((3, 4), dtype=np.int64)
    assert len(plan(line(60, True), after=after).known) == 15 + 3
    assert [p.end - p.first for p in plan(line(160, True), after=after).passages] == [20 + OVERLAP, 20 + 2 * OVERLAP]


def test_what_has_an_end_is_one_passage_of_its_own_length():
    made = plan(line(60, False))
    assert len(made.passages) == 1 and len(made.known) == 15 and not made.ongoing
    long = plan(line(196, False))
    assert len(long.passages) == 1 and len(long.known) == 49


def test_the_last_of_two_clauses_is_cut_from_a_longer_piece_and_the_first_is_not():
    made = plan(line(120, True, True))
    assert [p.end - p.first for p in made.passages] == [15 + OVERLAP, WINDOW + OVERLAP] and made.frames == 120
    first = plan(line(120, True, False))
    assert [p.end - p.first for p in first.passages] == [15 + OVERLAP, 15 + OVERLAP] and first.ongoing


def test_without_a_window_nothing_is_cut_up():
    made = plan(line(196, True), window=0)
    assert len(made.passages) == 1 and len(made.known) == 49
    short = plan(line(60, True), window=0)
    assert len(short.known) == 15 and not short.ongoing


def test_a_line_too_short_for_its_clauses_follows_the_whole_sentence():
    made = plan(line(24, True, True))
    assert len(made.passages) == 1 and np.array_equal(made.passages[0].text, TEXT[2]) and not made.ongoing


def test_ongoing_is_what_is_predicted_to_fill_a_motion():
    logits = np.full((3, 50), -20.0)
    logits[0, [44, 47]], logits[1, 28], logits[2, [20, 47, 48]] = 5.0, 5.0, [6.0, 5.0, 5.0]
    assert ongoing(logits, 49).tolist() == [True, False, False]
