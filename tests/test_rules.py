# SPDX-License-Identifier: Apache-2.0
"""Rules of actions after the first twenty, on made-up motions whose truth is known; counts, turns, two at once."""

import numpy as np
import pytest
from test_kinematics import J, hand_up, jumping, moved, standing, travel

from moclip.evaluation.quality import floating, quality, sinking
from moclip.motion.skeleton import MIRROR
from moclip.showing.asked import Asked, shows, shows_clearly, side_of, wrong_side
from moclip.showing.kinematics import FPS, SIDES
from moclip.showing.postures import follows, held, postures_of, runs, stands_upright
from moclip.showing.rules import BY_EYE, COUNTS, RULES, TURNS, named_action


def seated(frames: int = 40) -> np.ndarray:
    """On a chair 0.5 m high, facing +Z, the feet flat before it."""
    joints = standing(frames)
    upper = [n for n in range(22) if n not in (J["left_ankle"], J["right_ankle"], J["left_foot"], J["right_foot"])]
    joints[:, upper, 1] -= 0.45
    for side in ("left", "right"):
        joints[:, J[f"{side}_knee"]] = joints[:, J[f"{side}_hip"]] + (0.0, 0.03, 0.4)
        joints[:, J[f"{side}_ankle"], 2] += 0.4
        joints[:, J[f"{side}_foot"], 2] += 0.4
    return joints


def lying(frames: int = 40) -> np.ndarray:
    """On the back, the head to -Z."""
    joints = standing(frames)
    flat = joints.copy()
    flat[..., 1] = 0.1 + joints[..., 2]
    flat[..., 2] = 0.95 - joints[..., 1]
    return flat


def blended(first: np.ndarray, second: np.ndarray, frames: int) -> np.ndarray:
    """From the last pose of one to the first of the other in so many frames, evenly, each held before and after."""
    share = np.linspace(0, 1, frames + 2)[1:-1, None, None]
    return np.concatenate([first, first[-1] + (second[0] - first[-1]) * share, second])


def treading(frames: int = 80, steps_a_second: float = 2.0) -> np.ndarray:
    """Standing, one foot and then the other lifted by 15 cm, on the spot."""
    joints = standing(frames)
    swing = np.sin(np.pi * steps_a_second * np.arange(frames) / FPS)
    for sign, side in ((1, "left"), (-1, "right")):
        lift = 0.15 * np.clip(sign * swing, 0, None)
        for part, share in (("foot", 1.0), ("ankle", 1.0), ("knee", 0.5)):
            joints[:, J[f"{side}_{part}"], 1] += share * lift
            joints[:, J[f"{side}_{part}"], 2] += 0.5 * share * lift
    return joints


def marching(degrees: float, frames: int = 80) -> np.ndarray:
    """On the spot, two steps a second, each thigh lifted by so many degrees and the shin hanging."""
    joints = standing(frames)
    swing = np.sin(2 * np.pi * np.arange(frames) / FPS)
    for sign, side in ((1, "left"), (-1, "right")):
        angle = np.radians(degrees) * np.clip(sign * swing, 0, None)
        length = joints[0, J[f"{side}_hip"], 1] - joints[0, J[f"{side}_knee"], 1]
        lift = length * np.stack([np.zeros(frames), 1 - np.cos(angle), np.sin(angle)], axis=1)
        for part in ("knee", "ankle", "foot"):
            joints[:, J[f"{side}_{part}"]] += lift
    return joints


def waving_walk(side: str) -> np.ndarray:
    joints, arm = travel(1.2), hand_up(side, True)
    for part in ("wrist", "elbow"):
        joint, shoulder = J[f"{side}_{part}"], J[f"{side}_shoulder"]
        joints[:, joint] = joints[:, shoulder] + arm[:, joint] - arm[:, shoulder]
    return joints


def shown(joints: np.ndarray, *names: str) -> set[str]:
    return {name for name in names if RULES[name](joints)}


@pytest.mark.parametrize(("degrees", "march"), [(40.0, False), (47.0, False), (55.0, True), (80.0, True)])
def test_a_march_lifts_its_knees_higher_than_a_walk(degrees, march):
    assert ("march" in shown(marching(degrees), "march")) is march


CHAIR = ("sit", "sit_down", "stand_up")


def test_sitting_down_and_standing_up_are_told_by_their_order():
    assert shown(seated(), *CHAIR) == {"sit"}
    assert shown(blended(standing(30), seated(), 20), *CHAIR) == {"sit_down"}
    assert shown(blended(seated(), standing(30), 20), *CHAIR) == {"stand_up"}
    assert shown(standing(), *CHAIR) == set()


def test_who_falls_is_faster_than_who_lies_down():
    slowly, fast = blended(standing(20), lying(), 50), blended(standing(20), lying(), 6)
    both = ("lie_down", "fall_down")
    assert shown(slowly, *both) == {"lie_down"} and shown(fast, *both) == {"fall_down"}
    assert shown(lying(), "lie", "sleep", *both, "get_up") == {"lie", "sleep"}
    assert shown(slowly[::-1], "get_up", *both) == {"get_up"}


def test_who_stops_stands_still_in_the_end():
    walk = travel(1.2)
    halted = np.concatenate([walk, np.repeat(walk[-1:], 30, axis=0)])
    assert shown(halted, "stop") and not shown(walk, "stop") and not shown(standing(), "stop")
    # Who stands first and then goes has not stopped.
    assert not shown(halted[::-1], "stop")


def test_in_place_stays_within_half_a_metre():
    assert shown(treading(), "walk_in_place") and not shown(travel(1.2), "walk_in_place")
    drifting = moved(treading(), np.zeros(80), np.stack([np.zeros(80), np.linspace(0, 0.7, 80)], axis=1))
    assert not shown(drifting, "walk_in_place") and not shown(standing(), "walk_in_place", "run_in_place")


def test_a_circle_closes():
    circle = travel(1.2, turn_deg=360.0, frames=140)
    names = ("walk_in_circle", "walk_in_circle_left", "walk_in_circle_right")
    assert shown(circle, *names) == set(names[:2])
    assert shown(circle[:, list(MIRROR)] * (-1, 1, 1), *names) == {names[0], names[2]}
    assert not shown(travel(1.2, turn_deg=180.0, frames=140), *names)
    on_the_spot = moved(standing(80), np.linspace(0, 360, 80), np.zeros((80, 2)))
    assert not shown(on_the_spot, *names) and shown(on_the_spot, "spin")


def test_a_turn_is_as_far_as_asked():
    def turning(degrees):
        return moved(treading(), np.linspace(0, degrees, 80), np.zeros((80, 2)))

    half = Asked(("turn_on_the_spot",), degrees=180.0)
    assert shows(turning(180), half) and shows(turning(-170), half) and not shows(turning(90), half)
    left = Asked(("turn_on_the_spot_left",), degrees=90.0)
    assert shows(turning(90), left) and not shows(turning(-90), left)
    assert wrong_side(turning(-90), ["turn_on_the_spot_left"]) is True


def test_who_gets_up_from_the_floor_picks_nothing_up():
    on_floor, bent = standing(20), standing(20)
    upper = [
        n for n in range(22) if not any(n == J[f"{s}_{part}"] for s in SIDES for part in ("knee", "ankle", "foot"))
    ]
    on_floor[:, upper, 1] -= on_floor[0, J["pelvis"], 1] - 0.15
    for side in SIDES:
        for far, part in ((0.4, "knee"), (0.8, "ankle"), (0.9, "foot")):
            on_floor[:, J[f"{side}_{part}"]] = on_floor[:, J[f"{side}_hip"]] + (0.0, -0.05, far)
    bent[:, J["right_wrist"], 1], bent[:, J["right_elbow"], 1] = 0.1, 0.4
    assert "pick_up" in shown(blended(blended(standing(20), bent, 10), standing(20), 10), "pick_up")
    assert "pick_up" not in shown(blended(on_floor, standing(30), 20), "pick_up")


def test_sideways_is_not_diagonally():
    names = ("side_step_left", "side_step_right", "walk_left", "walk_right")
    assert shown(travel(0.6, 90.0), *names) == {"side_step_left"}
    assert shown(travel(0.6, -90.0), *names) == {"side_step_right"}
    assert shown(travel(1.0, 35.0), *names) == {"walk_left"}
    assert side_of(travel(0.6, -90.0), "side_step_left") == "right"


def test_who_walks_crouched_may_have_the_knees_low_but_not_on_the_floor():
    for knees, crouched in ((0.3, True), (0.15, True), (0.04, False)):
        joints = travel(0.8)
        upper = [n for n in range(22) if n not in (J["left_ankle"], J["right_ankle"], J["left_foot"], J["right_foot"])]
        joints[:, upper, 1] -= 0.42
        for side in ("left", "right"):
            joints[:, J[f"{side}_knee"], 1] = knees
            joints[:, J[f"{side}_knee"], 2] += 0.3
        assert (shown(joints, "crouch_walk") == {"crouch_walk"}) is crouched


def test_winding_up_for_an_overarm_throw_may_be_a_circle_but_circles_are_no_throws():
    once = np.concatenate([np.linspace(0, 200, 24), np.linspace(230, 350, 6), np.full(30, 350)])
    for degrees, throws in ((once, True), (np.linspace(0, 1080, 60), False)):
        joints, angle = standing(60), np.radians(degrees)
        for part, reach in (("wrist", 0.5), ("elbow", 0.25)):
            # Down, back, up, forward.
            round_shoulder = np.stack([np.zeros(60), -reach * np.cos(angle), -reach * np.sin(angle)], axis=1)
            joints[:, J[f"right_{part}"]] = joints[:, J["right_shoulder"]] + round_shoulder
        assert ("throw" in shown(joints, "throw")) is throws and "arm_circle" in shown(joints, "arm_circle")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_is_counted_is_done_so_often(times):
    jumps = np.concatenate([jumping(0.4)] * 2)
    assert shows(jumps, Asked(("jump",), times=times)) is (times == 2)


def test_at_once_is_not_one_after_the_other():
    asked, other = Asked(("walk", "wave_left"), together=True), Asked(("walk", "wave_right"), together=True)
    walk, wave = travel(1.2), hand_up("left", True)
    after = np.concatenate([walk, wave + walk[-1, 0] * (1, 0, 1)])
    both = waving_walk("left")
    assert shows(both, asked) and not shows(both, other) and wrong_side(both, other) is True
    assert not shows(after, asked) and shows(after, ["walk", "wave_left"])
    assert not shows(walk, asked) and not shows(wave, asked)


def test_what_has_no_rule_is_told_by_eye():
    assert not set(BY_EYE) & set(RULES) and len(set(BY_EYE)) == len(BY_EYE)
    assert Asked(("sneak", "sword_stab")).by_eye and Asked(()).by_eye and not Asked(("walk",)).by_eye
    assert wrong_side(standing(), Asked(("punch_left", "dab"))) is None
    assert set(COUNTS) <= set(RULES) and set(TURNS) >= {"turn_left", "spin", "walk_in_circle_right"}


def test_at_least_forty_actions_beyond_the_first_twenty_have_rules():
    from moclip.evaluation.kinds import plain

    assert len({plain(rule) for rule in RULES}) >= 60


def test_labels_find_their_rules():
    assert named_action("hop", "left") == "hop_left" and named_action("hop", None) == "hop"
    assert named_action("raise_hand", "both") == "raise_both" and named_action("wave", None) == "wave"
    # A walk with the left hand up is no walk to the left.
    assert named_action("walk", "left") == "walk" and named_action("dab", "left") is None


def test_spans_of_frames():
    mask = np.array([0, 1, 1, 0, 1, 1, 1, 1], bool)
    assert runs(mask, 2) == [(1, 3), (4, 8)] and runs(mask, 3) == [(4, 8)]
    assert held(mask, 0.2) and not held(mask, 0.25)
    assert follows(mask, ~mask, 1.0, hold=0.05) and not follows(np.zeros(8, bool), mask, 1.0, hold=0.05)


def test_who_sinks_or_floats_is_told():
    on_floor = standing(60) - (0, 0.02, 0)
    assert sinking(on_floor) == 0.0 and floating(on_floor) == pytest.approx(0.0, abs=1e-9)
    assert sinking(on_floor - (0, 0.05, 0)) == pytest.approx(0.05)
    assert floating(on_floor + (0, 0.05, 0)) == pytest.approx(0.05)
    # A jump is over before somebody could be said to float.
    assert floating(jumping(0.4) - (0, 0.02, 0)) < 0.01
    found = quality([on_floor, on_floor + (0, 0.05, 0), on_floor + (0, 0.05, 0)], [("walk",), ("run",), ("fly",)])
    assert found["floating"] == 0.5 and found["sinking"] == 0.0 and found["jerk"]["walk"] == 0.0


def crouching(joints: np.ndarray) -> np.ndarray:
    """The same with deeply bent knees, the feet where they are."""
    low = joints.copy()
    low[
        :, [n for n in range(22) if n not in (J["left_ankle"], J["right_ankle"], J["left_foot"], J["right_foot"])], 1
    ] -= 0.2
    for side in SIDES:
        low[:, J[f"{side}_knee"], 2] += 0.3
    return low


def on_tiptoe(joints: np.ndarray) -> np.ndarray:
    high = joints + (0, 0.08, 0)
    for side in SIDES:
        high[:, J[f"{side}_foot"], 1] -= 0.08
    return high


def test_who_waves_does_so_upright_and_on_his_heels():
    wave = hand_up("left", True, lifted=0.8)
    assert stands_upright(wave) and shows_clearly(wave, Asked(("wave_left",)))
    for crooked in (crouching(wave), on_tiptoe(wave)):
        assert not stands_upright(crooked) and shows(crooked, ["wave_left"])
        assert not shows_clearly(crooked, Asked(("wave_left",)))
    assert shows_clearly(crouching(wave), Asked(("boxing",)))


def test_postures_of_the_made_up_poses():
    assert postures_of(seated()).seated.all() and not postures_of(seated()).crouched.any()
    assert postures_of(lying()).lying.all() and postures_of(standing()).standing.all()
