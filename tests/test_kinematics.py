# SPDX-License-Identifier: Apache-2.0
"""Kinematic measures and rules on made-up motions whose truth is known."""

import numpy as np
import pytest

from moclip.motion import skeleton
from moclip.motion.skeleton import JOINT_INDEX, MIRROR
from moclip.showing.asked import shows_in_order, side_of, wrong_side
from moclip.showing.kinematics import FPS, Kinematics, foot_skating, mean_jerk, swings
from moclip.showing.rules import FIRST_RULES, RULES, asked_side

J = JOINT_INDEX


def standing(frames: int = 60) -> np.ndarray:
    """(T, 22, 3): upright, facing +Z, arms hanging."""
    pose = np.zeros((22, 3))
    arms = {"shoulder": (0.18, 0.0), "elbow": (0.2, -0.25), "wrist": (0.2, -0.5), "collar": (0.07, -0.03)}
    legs = {"hip": (0.07, 0.86), "knee": (0.08, 0.48), "ankle": (0.08, 0.08)}
    spine = {"pelvis": 0.95, "spine1": 1.05, "spine2": 1.2, "spine3": 1.27, "neck": 1.48, "head": 1.6}
    for name, height in spine.items():
        pose[J[name], 1] = height
    for sign, side in ((1, "left"), (-1, "right")):
        for name, (x, y) in arms.items():
            pose[J[f"{side}_{name}"]] = (sign * x, 1.4 + y, 0.0)
        for name, (x, y) in legs.items():
            pose[J[f"{side}_{name}"]] = (sign * x, y, 0.0)
        pose[J[f"{side}_foot"]] = (sign * 0.08, 0.02, 0.14)
    return np.repeat(pose[None], frames, axis=0)


def moved(joints: np.ndarray, yaw_deg: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Turn each frame to the left by yaw_deg (T,) about the vertical and put it at path (T, 2) = x, z."""
    yaw = np.radians(yaw_deg)[:, None]
    x, y, z = np.moveaxis(joints, -1, 0)
    turned = np.stack([x * np.cos(yaw) + z * np.sin(yaw), y, z * np.cos(yaw) - x * np.sin(yaw)], axis=-1)
    return turned + np.stack([path[:, 0], np.zeros(len(path)), path[:, 1]], axis=-1)[:, None]


def travel(
    speed: float, direction_deg: float = 0.0, turn_deg: float = 0.0, frames: int = 80, facing: float = 0.0
) -> np.ndarray:
    """Facing `facing` at first, going at `speed` in `direction_deg` to the left of the facing, turning evenly."""
    yaw = facing + np.linspace(0, turn_deg, frames)
    way = np.radians(yaw + direction_deg)
    path = np.cumsum(np.stack([np.sin(way), np.cos(way)], axis=1) * speed / FPS, axis=0)
    return moved(stepping(frames), yaw, path)


def stepping(frames: int) -> np.ndarray:
    """Standing with swinging legs: two steps a second, 0.25 m to front and back."""
    joints = standing(frames)
    swing = 0.25 * np.sin(2 * np.pi * np.arange(frames) / FPS)
    for sign, side in ((1, "left"), (-1, "right")):
        for part in ("ankle", "foot"):
            joints[:, J[f"{side}_{part}"], 2] += sign * swing
    return joints


def hand_up(side: str, wave: bool, frames: int = 80, lifted: float = 0.8) -> np.ndarray:
    """Lifts the hand over the shoulder within a second; holds it, or swings it sideways by 15 cm twice a second."""
    joints = standing(frames)
    lift = np.clip(np.arange(frames) / FPS, 0, 1)
    joints[:, J[f"{side}_wrist"], 1] += lifted * lift
    joints[:, J[f"{side}_elbow"], 1] += 0.3 * lift
    if wave:
        joints[:, J[f"{side}_wrist"], 0] += 0.15 * np.sin(4 * np.pi * np.arange(frames) / FPS) * lift
    return joints


def both_hands(wave: bool) -> np.ndarray:
    joints = hand_up("left", wave)
    for part in ("wrist", "elbow"):
        joints[:, J[f"right_{part}"]] = hand_up("right", wave)[:, J[f"right_{part}"]]
    return joints


def bowing(frames: int = 60) -> np.ndarray:
    joints = standing(frames)
    angle = np.radians(50) * np.sin(np.pi * np.arange(frames) / frames)
    for name in ("spine1", "spine2", "spine3", "neck", "head", "left_shoulder", "right_shoulder"):
        up = joints[:, J[name], 1] - 0.95
        joints[:, J[name], 1], joints[:, J[name], 2] = 0.95 + up * np.cos(angle), up * np.sin(angle)
    return joints


def jumping(height: float) -> np.ndarray:
    joints = standing(60)
    air = np.clip(np.arange(60) - 20, 0, 12) / 12
    joints[..., 1] += (height * 4 * air * (1 - air))[:, None]
    return joints


def kicking(side: str) -> np.ndarray:
    joints = standing(40)
    strike = np.exp(-(((np.arange(40) - 20) / 4.0) ** 2))
    for part in ("ankle", "foot"):
        joints[:, J[f"{side}_{part}"]] += strike[:, None] * (0.0, 0.7, 0.7)
    return joints


def punching(side: str) -> np.ndarray:
    joints = standing(40)
    strike = np.exp(-(((np.arange(40) - 20) / 2.0) ** 2))
    for s in ("left", "right"):
        joints[:, J[f"{s}_wrist"]] = joints[:, J[f"{s}_shoulder"]] + (0.0, -0.1, 0.15)
    joints[:, J[f"{side}_wrist"], 2] += 0.35 * strike
    return joints


def mirrored(joints: np.ndarray) -> np.ndarray:
    return joints[:, list(MIRROR)] * (-1.0, 1.0, 1.0)


MOTIONS = {
    "walk": travel(1.2), "run": travel(3.0), "sprint": travel(3.6), "walk_backward": travel(0.8, 180.0),
    "walk_left": travel(1.0, 35.0), "walk_right": travel(1.0, -35.0), "turn_left": travel(1.0, turn_deg=90.0),
    "turn_right": travel(1.0, turn_deg=-90.0), "bow": bowing(), "wave_left": hand_up("left", True),
    "wave_right": hand_up("right", True), "wave_both": both_hands(True), "raise_left": hand_up("left", False),
    "raise_right": hand_up("right", False), "raise_both": both_hands(False), "kick": kicking("right"),
    "punch": punching("left"), "jump": jumping(0.4),
}  # fmt: skip
OVERLAP = {("run", "sprint"), ("sprint", "run")}


@pytest.mark.parametrize("action", MOTIONS)
def test_rule_knows_its_action_from_the_others(action):
    shown = {rule for rule in FIRST_RULES if RULES[rule](MOTIONS[action])}
    assert action in shown
    assert {(action, rule) for rule in shown - {action}} <= OVERLAP


@pytest.mark.parametrize("action", MOTIONS)
def test_mirrored_motion_shows_the_mirrored_action(action):
    other = {"left": "right", "right": "left"}
    side = asked_side(action)
    expected = action.replace(side, other[side]) if side in other else action
    assert RULES[expected](mirrored(MOTIONS[action]))


def test_standing_still_shows_nothing():
    assert [rule for rule in RULES if RULES[rule](standing())] == ["stand"]


@pytest.mark.parametrize("facing", [0.0, 90.0, 179.0, -135.0])
def test_measures_do_not_depend_on_where_north_is(facing):
    k = Kinematics(travel(1.5, turn_deg=0.0, frames=61, facing=facing))
    assert k.displacement == pytest.approx([0.0, 4.5], abs=0.01)
    assert k.speed == pytest.approx(1.5, rel=0.06) and k.drift == pytest.approx(0.0, abs=0.5)
    k = Kinematics(travel(1.0, 30.0, frames=61, facing=facing))
    assert k.drift == pytest.approx(30.0, abs=0.5)
    # Left of +Z is +X: 3 m at 30 degrees.
    assert k.displacement == pytest.approx([1.5, 2.598], abs=0.01)


@pytest.mark.parametrize("turn", [-170.0, -90.0, 60.0, 190.0])
def test_turn_is_measured_past_the_half_circle(turn):
    assert Kinematics(travel(1.0, turn_deg=turn, facing=120.0)).turn == pytest.approx(turn, rel=0.08)


def test_swings_counts_turning_points_of_the_given_size():
    wave = np.sin(np.linspace(0, 6 * np.pi, 200))
    # Three periods from 0: peak, dip, peak, dip, peak, dip; the last dip is left again by a whole amplitude.
    assert swings(wave, 0.5) == 6
    assert swings(0.2 * wave, 0.5) == 0 and swings(np.linspace(0, 3, 50), 0.5) == 0


def test_sides_and_wrong_sides():
    assert side_of(MOTIONS["wave_right"], "wave_left") == "right"
    assert side_of(MOTIONS["raise_both"], "raise_left") == "both"
    assert side_of(MOTIONS["turn_left"], "turn_right") == "left"
    assert side_of(MOTIONS["walk_right"], "walk_left") == "right"
    assert side_of(standing(), "wave_left") is None
    assert wrong_side(MOTIONS["wave_right"], ["wave_left"]) is True
    assert wrong_side(MOTIONS["wave_left"], ["wave_left"]) is False
    assert wrong_side(standing(), ["wave_left"]) is False
    assert wrong_side(MOTIONS["walk"], ["walk"]) is None and wrong_side(MOTIONS["wave_both"], ["wave_both"]) is None


def test_two_actions_must_come_in_order():
    walk, wave = MOTIONS["walk"], MOTIONS["wave_left"]
    there = walk[-1, 0] * (1, 0, 1)
    both = np.concatenate([walk, wave + there])
    assert shows_in_order(both, "walk", "wave_left") and not shows_in_order(both, "wave_left", "walk")
    assert not shows_in_order(walk, "walk", "wave_left")
    assert wrong_side(both, ["walk", "wave_left"]) is False and wrong_side(both, ["walk", "wave_right"]) is True
    other = np.concatenate([wave, walk])
    assert shows_in_order(other, "wave_left", "walk") and not shows_in_order(other, "walk", "wave_left")


def test_foot_skating_and_jerk():
    assert foot_skating(standing()) == 0.0 and mean_jerk(standing()) == 0.0
    sliding = moved(standing(), np.zeros(60), np.stack([np.zeros(60), np.arange(60) / FPS], axis=1))
    assert foot_skating(sliding) == 1.0
    # x = t^3 has the third derivative 6.
    cubic = standing(30) + ((np.arange(30) / FPS) ** 3)[:, None, None] * (1, 0, 0)
    assert mean_jerk(cubic) == pytest.approx(6.0, rel=1e-6)


def test_short_clips_are_measured_too():
    for frames in (2, 5, 12):
        assert {name for name, rule in RULES.items() if rule(standing(frames))} <= {"stand"}
    assert skeleton.JOINT_COUNT == standing(2).shape[1]
