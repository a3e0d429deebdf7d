# SPDX-License-Identifier: Apache-2.0
"""The script's bars, without Blender: where they lie in an editor, what the mouse holds, where a drag leads."""

import itertools
import random
import time

import pytest
from addon_part import addon_module

bars, dragging = addon_module("timeline.bars"), addon_module("timeline.dragging")
Grip = dragging.Grip
LASTS = dragging.Lasts(shortest=20, longest=100, earliest=1)
SCRIPT = (11, 61, 111, 161)
"""Three lines of 50 frames."""


def drag(index, part, frames, along=False, bounds=SCRIPT, lasts=LASTS):
    return dragging.dragged(bounds, Grip(index, part), frames, lasts, along)


def test_whole_frames_of_seconds():
    assert dragging.Lasts.of((1.0, 9.8), 24.0, 1) == dragging.Lasts(24, 235, 1)
    assert dragging.Lasts.of((1.0, 9.8), 30000 / 1001, 5) == dragging.Lasts(30, 293, 5)
    assert [LASTS.allows(n) for n in (19, 20, 100, 101)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("index", "part", "frames", "expected"),
    [
        (1, "END", 10, (11, 61, 121, 161)),  # the next one gives the frames
        (1, "END", -10, (11, 61, 101, 161)),
        (1, "START", 10, (11, 71, 111, 161)),
        (0, "START", -5, (6, 61, 111, 161)),  # the script begins sooner
        (2, "END", 30, (11, 61, 111, 191)),  # and lasts longer
        (1, "ALL", 10, (11, 71, 121, 161)),  # both neighbours give way
        (1, "ALL", -10, (11, 51, 101, 161)),
        (0, "ALL", -10, (1, 51, 111, 161)),
        (2, "ALL", 20, (11, 61, 131, 181)),
        (1, "END", 40, (11, 61, 151, 171)),  # the next one is the shortest, and pushed on from there
        (0, "END", 50, (11, 111, 131, 161)),
        (0, "END", 99, (11, 111, 131, 161)),  # nothing gets longer than the longest
        (1, "ALL", 50, (11, 111, 161, 181)),
        (1, "END", -45, (11, 61, 81, 161)),  # nor shorter than the shortest
        (1, "START", 45, (11, 91, 111, 161)),
        (1, "START", -60, (1, 21, 111, 161)),  # what is pushed begins with the scene at the soonest
        (0, "ALL", -60, (-39, 11, 111, 161)),  # what is dragged itself, where it is wanted: the next one is the longest
        (2, "START", -70, (11, 41, 61, 161)),
    ],
)
def test_a_drag_pushes_what_is_in_its_way_and_stops_at_the_longest(index, part, frames, expected):
    assert drag(index, part, frames) == expected


@pytest.mark.parametrize(
    ("index", "part", "frames", "expected"),
    [
        (1, "END", 10, (11, 61, 121, 171)),
        (0, "END", -20, (11, 41, 91, 141)),
        (1, "START", -10, (1, 51, 111, 161)),
        (1, "ALL", 33, (44, 94, 144, 194)),
        (1, "END", 70, (11, 61, 161, 211)),
    ],
)
def test_along_the_others_keep_their_lengths(index, part, frames, expected):
    assert drag(index, part, frames, along=True) == expected


def test_a_line_that_is_too_long_or_too_short_already_may_be_mended_and_gets_no_worse():
    bounds = (1, 11, 211)  # 10 and 200 frames
    assert drag(0, "END", -5, bounds=bounds) == bounds
    assert drag(0, "END", 15, bounds=bounds) == (1, 26, 211)
    assert drag(1, "END", 10, bounds=bounds) == bounds
    assert drag(1, "END", -150, bounds=bounds) == (1, 11, 61)
    assert drag(0, "ALL", 0, bounds=(1, 61, 41)) == (1, 61, 62)  # as it cannot be: a line lasts a frame at least


def test_whatever_is_dragged_the_script_stays_one():
    """Rules that hold for every drag, on scripts of any lengths."""
    dice = random.Random(5)
    for _ in range(400):
        lengths = [dice.randint(20, 100) for _ in range(dice.randint(1, 6))]
        bounds = tuple(itertools.accumulate([dice.randint(1, 50), *lengths]))
        part, along = dice.choice(["START", "END", "ALL"]), dice.random() < 0.3
        grip, frames = Grip(dice.randrange(len(lengths)), part), dice.randint(-300, 300)
        found = dragging.dragged(bounds, grip, frames, LASTS, along)
        after = [b - a for a, b in itertools.pairwise(found)]
        assert all(20 <= n <= 100 for n in after), (bounds, grip, frames, found)
        assert part != "ALL" or after[grip.index] == lengths[grip.index]
        assert dragging.dragged(bounds, grip, 0, LASTS, along) == bounds
        one = grip.index + (part == "END")
        by = found[one] - bounds[one]
        assert 0 <= by <= frames or frames <= by <= 0
        # Back by as much, from where the drag began: what was pushed has come back.
        assert dragging.dragged(bounds, grip, by, LASTS, along) == found


def test_a_range_is_taken_as_it_is_and_the_others_give_way_or_come_along():
    def of(first, end, index=1, bounds=SCRIPT):
        return dragging.ranged(bounds, index, first, end, LASTS)

    assert of(71, 121) == (11, 71, 121, 161)
    assert of(21, 151) == (1, 21, 151, 171)
    assert of(400, 450) == (300, 400, 450, 470)
    assert of(5, 55, index=0, bounds=(11, 61)) == (5, 55)


VIEW = bars.View(left=1.0, right=201.0, width=400)
LANE = bars.Lane.at(1.0, markers=False)


def test_frames_and_pixels():
    assert VIEW.x(1) == 0 and VIEW.x(201) == 400 and VIEW.x(11) == 20
    assert all(VIEW.frame(VIEW.x(frame)) == pytest.approx(frame) for frame in (-50, 1, 77.5, 900))


def test_bars_lie_over_the_scroller_and_over_markers():
    assert LANE.bottom >= 10 and bars.Lane.at(1.0, markers=True).bottom - LANE.bottom >= 40
    double = bars.Lane.at(2.0, markers=False)
    assert (double.bottom, double.top, double.grip) == (2 * LANE.bottom, 2 * LANE.top, 2 * LANE.grip)


def test_what_is_under_the_mouse():
    def at(frame, y=LANE.bottom + 1, bounds=SCRIPT, aside=0.0):
        return bars.hit(bounds, VIEW, LANE, VIEW.x(frame) + aside, y)

    assert at(35) == Grip(0, "ALL") and at(86) == Grip(1, "ALL")
    assert at(61, aside=-2) == Grip(0, "END") and at(61, aside=2) == Grip(1, "START")
    assert at(11, aside=-2) is None and at(161, aside=2) is None
    assert at(35, LANE.bottom - 1) is None and at(35, LANE.top) is None
    narrow = (1, 5, 100)  # 8 pixels: a third of it each
    assert [at(1, bounds=narrow, aside=a).part for a in (1, 4, 7)] == ["START", "ALL", "END"]
    assert at(35, bounds=(10,)) is None and at(35, bounds=(40, 20)) is None


def drawn(bounds=SCRIPT, active=1, wrong=(), view=VIEW, scene=(1, 251)):
    return bars.drawn(bounds, [f"prompt {k}" for k in range(len(bounds) - 1)], active, wrong, view, LANE, scene)


def fills(what):
    return [(rectangle, colour) for rectangle, colour in what.rectangles if rectangle[3] - rectangle[1] > 2 and
            rectangle[2] - rectangle[0] > 1.5]  # fmt: skip


def test_a_bar_a_line_the_active_one_another_with_an_outline():
    what = drawn()
    found = fills(what)
    assert [(round(r[0]), round(r[2])) for r, _ in found] == [(20, 119), (120, 219), (220, 319)]
    assert len({colour for _, colour in found}) == 2 and found[0][1] == found[2][1] != found[1][1]
    assert len(what.rectangles) == 3 + 4
    assert [(label.text, label.active) for label in what.labels] == [
        ("prompt 0", False), ("prompt 1", True), ("prompt 2", False),
    ]  # fmt: skip
    for label, (rectangle, _) in zip(what.labels, found, strict=True):
        assert rectangle[0] < label.x and label.x + label.width < rectangle[2]
    red = fills(drawn(wrong={1}))[1][1]
    assert red[0] > max(red[1:3]) and red != found[1][1]


def test_outside_of_the_scenes_range_bars_are_dimmer():
    found = fills(drawn(scene=(41, 86)))
    assert [(round(r[0]), round(r[2]), colour[3]) for r, colour in found] == [
        (20, 80, bars._OUTSIDE), (80, 119, bars._OPAQUE),
        (120, 170, bars._OPAQUE), (170, 219, bars._OUTSIDE),
        (220, 319, bars._OUTSIDE),
    ]  # fmt: skip
    assert bars._OUTSIDE < bars._OPAQUE


def test_what_is_not_in_the_view_is_not_drawn_and_texts_stay_in_it():
    zoomed = bars.View(70.0, 90.0, 400)
    what = drawn(view=zoomed)
    assert [(rectangle[0], rectangle[2]) for rectangle, _ in fills(what)] == [(0.0, 399.0)]
    (label,) = what.labels
    assert label.text == "prompt 1" and 0 < label.x and label.x + label.width < 400
    assert drawn(view=bars.View(300.0, 400.0, 400)) == bars.Drawn((), ())
    far = drawn(view=bars.View(-10000.0, 10000.0, 400))
    assert far.labels == ()  # no room


def test_texts_are_cut_to_their_width_and_measured_once():
    asked = []

    def measure(text):
        asked.append(text)
        return 6.0 * len(text)

    letters = bars.Letters(measure)
    text = "a person walks   forward,\nthen bows"
    assert letters.cut(text, 1000) == "a person walks forward, then bows"
    for width in range(0, 220, 7):
        found = letters.cut(text, width)
        assert 6.0 * len(found) <= width or found == ""
        assert len(found) >= min(width // 6, 33) - 1 or found == ""
    assert letters.cut(text, 60) == "a person…" and letters.cut("", 50) == ""
    count = len(asked)
    for width in range(0, 220, 7):
        letters.cut(text, width)
    assert len(asked) == count
    letters.cut("word " * 1000, 300)
    assert max(map(len, asked)) <= 201


def test_sixteen_lines_are_laid_out_in_far_less_than_a_frame():
    bounds = tuple(range(1, 18 * 50, 50))[:17]
    began = time.process_time()
    for k in range(100):
        drawn(bounds, view=bars.View(-k, 900.0, 1600))
    assert (time.process_time() - began) / 100 < 0.005
