# SPDX-License-Identifier: Apache-2.0
"""Controls of planted feet: one place from the first frame to the last, no jump beside it, nothing else touched."""

import numpy as np
from addon_part import addon_module

from moclip.motion import rotations

planted = addon_module("rig.planted")


def creeping(frames=60, plants=(20, 40), noise=0.002):
    """A foot that comes, stands with some millimetres of noise, and goes on."""
    t, generator = np.arange(frames), np.random.default_rng(1)
    ahead = np.clip(t - plants[0], None, 0) * 0.03 + np.clip(t - plants[1] + 1, 0, None) * 0.03
    location = np.stack([ahead, 0 * t, 0.002 * np.abs(ahead)], axis=-1) + noise * (generator.random((frames, 3)) - 0.5)
    turn = rotations.from_axis_angle(np.array([1.0, 0, 0]), ahead)
    stands = (t >= plants[0]) & (t < plants[1])
    return turn, location, stands


def test_a_planted_foot_is_one_place_whose_keys_are_its_two_ends():
    turn, location, stands = creeping()
    held = planted.held(turn, location, stands, 0.005, 1.5)
    assert np.ptp(held.location[20:40], axis=0).max() == 0.0 and np.ptp(held.turn[20:40], axis=0).max() < 1e-12
    assert held.idle.tolist() == [20 < k < 39 for k in range(60)]
    assert np.linalg.norm(held.location - location, axis=-1).max() < 0.005


def test_beside_a_range_the_foot_comes_and_goes_without_a_jump():
    turn, location, stands = creeping()
    location[20:40, 1] += 0.004  # what the range would pull away from the frames beside
    held = planted.held(turn, location, stands, 0.005, 1.5)
    jump = np.abs(np.diff(held.location, axis=0) - np.diff(location, axis=0)).max(axis=1)
    assert jump.max() < 0.0025
    assert np.abs(held.location[:16] - location[:16]).max() == 0.0 and np.abs(held.turn[:16] - turn[:16]).max() < 1e-12


def test_a_foot_that_rolls_or_slides_is_not_held():
    turn, location, _ = creeping(plants=(20, 20))
    stands = np.ones(60, dtype=bool)
    assert planted.ranges(turn, location, stands, 0.005, 1.5) == []
    rolls = rotations.from_axis_angle(np.array([1.0, 0, 0]), np.arange(60) * np.radians(4.0))
    assert planted.ranges(rolls, np.zeros((60, 3)), stands, 0.005, 1.5) == []


def test_a_foot_that_creeps_is_held_in_several_places_near_where_it_was():
    location = np.stack([np.arange(100) * 0.0006, np.zeros(100), np.zeros(100)], axis=-1)
    turn = np.tile(rotations.IDENTITY, (100, 1))
    held = planted.held(turn, location, np.ones(100, dtype=bool), 0.005, 1.5)
    assert 4 < len(planted.ranges(turn, location, np.ones(100, dtype=bool), 0.005, 1.5)) < 10
    assert np.abs(held.location - location).max() < 0.0065
    assert np.abs(np.diff(held.location, axis=0)).max() < 0.004
