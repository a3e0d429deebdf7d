# SPDX-License-Identifier: Apache-2.0
"""A motion that repeats goes on: the cycle within a walk is found, whole strides, and nothing stops at its seam."""

import numpy as np
import pytest
from addon_part import addon_module

from moclip.motion import rotations as rot

loop = addon_module("motion.loop")
FPS = 20.0


def strides(frames, period, *, starts=True, turn_deg=0.0, noise=0.0):
    """(turns, root) of a gait that starts from standing and comes to a stand; its phase is told too."""
    rng, t = np.random.default_rng(0), np.arange(frames)
    drive = np.ones(frames)
    if starts:
        drive = np.clip(np.minimum(t / 16, (frames - 1 - t) / 16), 0, 1)
    phase = 2 * np.pi * np.cumsum(drive) / period
    angles = np.zeros((frames, 22, 3))
    for joint, sign in ((1, 1), (2, -1), (16, -1), (17, 1)):
        angles[:, joint, 0] = sign * 25 * drive * np.sin(phase)
    angles[:, 4, 0], angles[:, 5, 0] = (15 * drive * (1 + np.cos(phase + k * np.pi)) for k in (0, 1))
    angles += noise * rng.normal(size=(1, 22, 3)) * np.sin(t / 7)[:, None, None]
    angles[:, 0, 1] = turn_deg * t
    yaw = np.radians(turn_deg * t)
    step = 0.06 * drive[:, None] * np.stack([np.sin(yaw), 0 * t, np.cos(yaw)], axis=1)
    return rot.from_euler_deg(angles, "XYZ"), np.cumsum(step, axis=0) + [0, 0.9, 0], phase


def round_and_round(turns, root, laps=3):
    """The loop as it plays: its last frame is the next lap's first."""
    shift = root[-1] - root[0]
    return (
        np.concatenate([turns[:-1]] * laps),
        np.concatenate([root[:-1] + k * np.array([shift[0], 0, shift[2]]) for k in range(laps)]),
    )


@pytest.mark.parametrize("period", [18, 24, 31])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_walk_from_stand_to_stand_walks_on_for_ever(period, noise):
    turns, root, phase = strides(150, period, noise=noise)
    first, last = loop.cycle_of(turns, root, FPS)
    laps = (phase[last] - phase[first]) / (2 * np.pi)
    assert laps >= 0.9 and abs(laps - round(laps)) < 0.06
    played, places = round_and_round(*loop.looped(turns, root, FPS))
    pace = np.linalg.norm(np.diff(places[:, [0, 2]], axis=0), axis=1)
    assert pace.min() > 0.9 * 0.06  # it neither stops nor starts
    turned = rot.angle_between(played[1:], played[:-1]).max(axis=1)
    assert turned.max() < 1.35 * np.percentile(turned, 98)


def test_a_walk_that_never_stands_loops_too_and_one_round_a_bend_keeps_to_it():
    turns, root, _ = strides(100, 20, starts=False, turn_deg=3.0)
    closed, way = loop.looped(turns, root, FPS)
    assert rot.angle_between(closed[0], closed[-1]).max() < 1e-6
    assert np.linalg.norm(np.diff(way[:, [0, 2]], axis=0), axis=1).min() > 0.05


def test_what_does_not_repeat_is_bent_as_a_whole():
    t = np.linspace(0, np.pi, 60)
    angles = np.zeros((60, 22, 3))
    angles[:, 3, 0] = 60 * np.sin(t)
    turns, root = rot.from_euler_deg(angles, "XYZ"), np.tile([0.0, 0.9, 0.0], (60, 1))
    assert loop.cycle_of(turns, root, FPS) is None
    closed, _ = loop.looped(turns, root, FPS)
    assert len(closed) == 61 and rot.angle_between(closed[0], closed[-1]).max() < 1e-6


def test_jumping_jacks_on_the_spot_are_whole_ones():
    t = np.arange(120)
    angles = np.zeros((120, 22, 3))
    for joint, sign in ((16, 1), (17, -1)):
        angles[:, joint, 2] = -sign * 70 * np.cos(2 * np.pi * t / 22)
    turns, root = rot.from_euler_deg(angles, "XYZ"), np.tile([0.0, 0.9, 0.0], (120, 1))
    first, last = loop.cycle_of(turns, root, FPS)
    assert (last - first) % 22 in (0, 1, 21) and last - first >= 22
