# SPDX-License-Identifier: Apache-2.0
"""Feet that roll while they stand: one place of the control from heel strike to toe-off, the rest an angle."""

import numpy as np
import pytest
from addon_part import addon_module

from moclip.motion import rotations

rolled = addon_module("rig.rolled")
LEFT, UP = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
ANKLE, BALL, HEEL = np.array([0.1, 0.02, 0.09]), np.array([0.1, -0.12, 0.0]), np.array([0.1, 0.06, 0.0])
FPS = 20.0


def pivots(heel=HEEL):
    return rolled.Pivots(ANKLE, BALL, heel, LEFT, UP, UP)


def step(noise_m=0.002, yaw=0.6, outward=0.0):
    """A foot that comes, lands on its heel at frame 16, is flat from 20 to 29, rises over its ball until 36, and goes.

    By hand: the ankle turns about the point that touches the floor. Toes are down from 18 on.
    """
    pitch = np.interp(np.arange(60), [0, 12, 16, 20, 29, 36, 44, 59], np.radians([0, -20, -24, 0, 0, 48, 0, 0]))
    ahead = np.interp(np.arange(60), [0, 16, 36, 59], [-0.8, 0.0, 0.0, 1.0])
    about = np.where(pitch[:, None] < 0, HEEL, BALL)
    out = rotations.from_axis_angle(np.array([0, 1.0, 0]), outward * np.maximum(pitch, 0.0))
    turn = rotations.multiply(out, rotations.from_axis_angle(LEFT, pitch))
    place = about + rotations.rotate(turn, ANKLE - about) + ahead[:, None] * np.array([0, -1.0, 0])
    heading = rotations.from_axis_angle(UP, np.full(60, yaw))
    place = rotations.rotate(heading, place) + noise_m * (np.random.default_rng(1).random((60, 3)) - 0.5)
    stands = (np.arange(60) >= 18) & (np.arange(60) < 36)
    return rotations.multiply(heading, turn), place, stands


def control_of(found, frame):
    """(4, 4) of the control that a foot and its roll say, a matrix by hand."""
    foot = np.eye(4)
    foot[:3, :3] = rotations.to_matrix(found.turn[frame])
    foot[:3, 3] = found.place[frame] - foot[:3, :3] @ ANKLE
    return foot @ np.linalg.inv(found.roll.foot()[frame])


def test_a_step_from_heel_strike_to_toe_off_is_one_place():
    turn, place, stands = step()
    found = rolled.rolling(turn, place, stands, FPS, pivots(), 0.008)
    assert found.ranges == [(16, 37)]
    controls = np.array([control_of(found, frame) for frame in range(60)])
    assert np.ptp(controls[16:37], axis=0).max() < 1e-12
    # It points where the foot does, level.
    np.testing.assert_allclose(controls[20, :3, :3], rotations.to_matrix(rotations.from_axis_angle(UP, 0.6)), atol=2e-3)


def test_the_foot_stays_where_it_was_and_flat_is_flat():
    turn, place, stands = step()
    found = rolled.rolling(turn, place, stands, FPS, pivots(), 0.008)
    assert np.linalg.norm(found.place - place, axis=1).max() < 0.009
    assert np.degrees(rotations.angle_between(found.turn, turn)).max() < 2.1
    assert np.all(found.roll.angle[20:30] == 0.0) and np.all(found.roll.turn[20:30] == 0.0)
    assert np.degrees(found.roll.angle[[16, 36]]) == pytest.approx([-24, 48], abs=0.5)


def test_in_the_air_the_roll_ends_softly():
    found = rolled.rolling(*step(), FPS, pivots(), 0.008)
    angle = np.degrees(found.roll.angle)
    assert np.all(angle[45:] == 0.0) and np.all(angle[:10] == 0.0)
    assert np.abs(np.diff(angle)).max() < 16.0 and np.all(np.diff(angle[36:44]) <= 0)
    controls = np.array([control_of(found, frame)[:3, 3] for frame in range(60)])
    assert np.linalg.norm(np.diff(controls, axis=0), axis=1).max() < 0.12


def test_what_turns_otherwise_is_kept_beside():
    turn, place, stands = step(outward=0.3)
    found = rolled.rolling(turn, place, stands, FPS, pivots(), 0.008)
    assert np.degrees(rotations.angle_between(found.turn[16:37], turn[16:37])).max() < 4.1
    assert np.ptp([control_of(found, frame) for frame in range(*found.ranges[-1])], axis=0).max() < 1e-12
    assert np.degrees(np.linalg.norm(found.roll.turn[36])) > 6.0


def test_without_a_heel_the_place_is_from_where_the_sole_is_down():
    turn, place, stands = step()
    found = rolled.rolling(turn, place, stands, FPS, pivots(None), 0.008)
    assert len(found.ranges) == 1
    first, end = found.ranges[0]
    assert first >= 18 and end == 37
    toes = found.roll.toes()
    assert np.all(toes == np.eye(4))


def test_toes_stay_on_the_floor_while_the_heel_rises_and_go_along_on_the_heel():
    found = rolled.rolling(*step(noise_m=0.0), FPS, pivots(), 0.008)
    toes = found.roll.toes()
    assert np.all(toes[36] == np.eye(4))
    np.testing.assert_allclose(toes[16] @ [*BALL, 1], found.roll.foot()[16] @ [*BALL, 1], atol=1e-12)
    assert (toes[16] @ [*BALL, 1])[2] > 0.05


def test_a_foot_that_slides_is_held_in_several_places():
    turn, place, stands = step(noise_m=0.0)
    place = place + np.clip(np.arange(60) - 18, 0, 18)[:, None] * np.array([0.004, 0, 0])
    found = rolled.rolling(turn, place, stands, FPS, pivots(), 0.008)
    assert len(found.ranges) > 1
    assert np.linalg.norm(found.place - place, axis=1).max() < 0.017
