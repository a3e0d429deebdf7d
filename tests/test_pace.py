# SPDX-License-Identifier: Apache-2.0
"""Lines on the ground without Blender: their points, speeds along them, and where a body faces."""

import numpy as np
import pytest
from addon_part import addon_module

pace, paths = addon_module("motion.pace"), addon_module("motion.path")
Mark, FPS = pace.Mark, 20.0


def walk(seconds=5.0, speed=1.0):
    """Straight ahead at an even speed."""
    frames = round(seconds * FPS)
    root = np.zeros((frames, 3))
    root[:, 1], root[:, 2] = 0.9, np.arange(frames) * speed / FPS
    turns = np.tile([1.0, 0, 0, 0], (frames, 22, 1))
    return turns, root


def line(points=((0, 0), (0, 4), (4, 4), (4, 0)), shares=None):
    places = np.array(points, dtype=float)
    return paths.line_through(places, closed=False).with_stations(
        places, np.ones(len(places)) if shares is None else np.array(shares, dtype=float)
    )


def test_a_line_knows_where_the_points_are_by_which_it_was_drawn():
    found = line().stations
    # Corners are rounded, which makes the way a little shorter.
    assert found[0] == 0 and found[-1] == pytest.approx(line().length)
    np.testing.assert_allclose(np.diff(found), 4.0, atol=0.25)


def test_where_it_comes_by_twice_points_keep_their_order():
    found = line(((0, 0), (0, 6), (3, 6), (3, 3), (-3, 3))).stations
    assert (np.diff(found) > 2.0).all() and found[-1] == pytest.approx(15 + 3, abs=1.5)


def test_marks_are_reached_at_their_frames_and_the_rest_goes_on_as_it_was():
    distance = np.arange(100) / FPS  # a metre a second
    at, out = pace.by_marks(distance, [Mark(2, 40, 1.0), Mark(3, 60, 3.0)])
    assert out == () and at[0] == 0
    assert np.interp(at[40], np.arange(100), distance) == pytest.approx(1.0)
    assert np.interp(at[60], np.arange(100), distance) == pytest.approx(3.0)
    assert (np.diff(at) > 0).all() and at[-1] == pytest.approx(99)
    assert len(at) == 60 + 39 + 1
    np.testing.assert_allclose(np.diff(at)[-20:], 1.0, atol=0.15)
    assert (
        np.abs(np.diff(at, 2)).max() < 0.4
    )  # it gets faster and slower, from half to twice as fast, and does not jump
    assert pace.fastest(at) > 2.0


def test_a_mark_that_the_motion_does_not_get_to_is_told():
    at, out = pace.by_marks(np.arange(100) / FPS, [Mark(2, 40, 2.0), Mark(3, 90, 30.0)])
    assert [mark.point for mark in out] == [3] and at[40] == pytest.approx(40) and len(at) == 100


def test_who_stands_on_the_way_stands_as_long_between_two_marks():
    distance = np.concatenate([np.linspace(0, 2, 41), np.full(20, 2.0), np.linspace(2.05, 4, 39)])
    at, _ = pace.by_marks(distance, [Mark(2, 40, 2.0)])
    assert at[40] == pytest.approx(40) and at[50] == pytest.approx(50, abs=0.1)


def test_radii_make_it_faster_and_slower():
    distance = np.arange(101) / FPS
    twice = pace.by_shares(distance, np.array([0.0, 10.0]), np.array([2.0, 2.0]))
    np.testing.assert_allclose(twice, 2.0 * np.arange(51))
    half = pace.by_shares(distance, np.array([0.0, 2.5, 2.5001, 10.0]), np.array([1.0, 1.0, 0.5, 0.5]))
    assert len(half) == 50 + 100 + 1 and half[50] == pytest.approx(50, abs=0.5)
    still = pace.by_shares(np.zeros(30), np.array([0.0]), np.array([3.0]))
    np.testing.assert_allclose(still, np.arange(30))
    wild = pace.by_shares(distance, np.array([0.0]), np.array([0.0]))
    assert len(wild) == 4 * 100 + 1  # never so slow that it does not end


def test_what_is_played_at_other_times_is_the_motion():
    turns, root = walk()
    turns[:, 3, :2] = np.stack([np.cos(np.arange(100) / 50), np.sin(np.arange(100) / 50)], axis=1)
    at = np.array([0.0, 0.5, 10.0, 99.0])
    shown, places = pace.played(turns, root, at)
    np.testing.assert_allclose(places[:, 2], at / FPS)
    np.testing.assert_allclose(np.abs(shown[:, 3, 0]), np.abs(np.cos(at / 50)), atol=1e-9)


def headings(turns):
    x, y, z, w = turns[:, 0, 1], turns[:, 0, 2], turns[:, 0, 3], turns[:, 0, 0]
    return np.degrees(np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)))


def test_a_body_turns_with_the_path_or_faces_as_it_begins():
    turns, root = walk(9.0)
    along, moved, distance = paths.followed(turns, root, FPS, line())
    held, other, _ = paths.followed(turns, root, FPS, line(), turns_along=False)
    np.testing.assert_allclose(moved, other, atol=1e-9)
    assert distance[0] == 0 and (np.diff(distance) >= 0).all()
    facing = headings(along)
    assert abs(facing[10]) < 3 and facing[120] == pytest.approx(90, abs=3)
    np.testing.assert_allclose(headings(held), facing[0], atol=1e-6)
