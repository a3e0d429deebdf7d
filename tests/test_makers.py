# SPDX-License-Identifier: Apache-2.0
"""What is made of recordings: that a circle closes, a stop stands, and nothing goes where it is to stay."""

import numpy as np
import pytest
from gaits import gesture, walk

from moclip.captions.labels import ActionLabel, strikes
from moclip.data.makers import paths, turns
from moclip.data.makers.legs import lowered
from moclip.data.makers.together import ARMS, joined, lasting, led_in, settled, trunks_agree
from moclip.data.makers.travel import in_place, stays, travel_of, with_travel
from moclip.data.makers.variety import closes, cycled, varied
from moclip.data.making import MAKERS, halts, made_clips
from moclip.data.making_gestures import both_armed, lifts
from moclip.data.pool import Pool
from moclip.data.posture import Posture
from moclip.data.preparing import prepared
from moclip.data.sequences import heading
from moclip.data.variants import Clip
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

FEET = [10, 11]


def clip(motion: Motion, action: str, side: str | None = None, name: str = "a") -> Clip:
    return Clip(motion, (ActionLabel(action, None, side),), name, "clip", "")


def ground(motion: Motion) -> np.ndarray:
    return motion.root_translation[:, [0, 2]]


def test_a_gait_in_place_stays_within_half_a_metre():
    gait = walk(160)
    assert np.ptp(ground(gait), axis=0).max() > 7
    for stride in (1.0, 0.4):
        made = in_place(gait, stride)
        assert np.ptp(ground(made), axis=0).max() < 0.1 and made.frames == gait.frames
    lifted = in_place(gait, 0.4).joints()[:, FEET, 1].min(axis=1) - gait.joints()[:, FEET, 1].min(axis=1)
    assert np.abs(lifted[3:-3]).max() < 0.05


def hand(motion: Motion, side: str) -> np.ndarray:
    """(T,) metres of a wrist over its shoulder."""
    joints = motion.joints().astype(np.float64)
    return joints[:, JOINT_INDEX[f"{side}_wrist"], 1] - joints[:, JOINT_INDEX[f"{side}_shoulder"], 1]


def gestures(pool: Pool, name: str) -> list[tuple[str, Clip]]:
    maker = next(maker for maker in MAKERS if maker.name == name)
    return list(made_clips(pool, "train", maker, 6 / maker.clips, 0))


@pytest.mark.parametrize("side", [1, -1])
def test_a_circle_closes_and_turns_once(side):
    made = paths.bent(walk(170), paths.circle(side * 2 * np.pi))
    assert np.linalg.norm(ground(made)[-1] - ground(made)[0]) < 0.1
    yaw = np.unwrap(heading(made.rotations[:, 0].astype(np.float64)))
    assert abs(yaw[-1] - yaw[0] - side * 2 * np.pi) < 0.05
    assert abs(paths.length(made) - paths.length(walk(170))) < 0.1


def test_an_eight_goes_round_both_ways_and_comes_back():
    made = paths.bent(walk(190), paths.figure_eight(1.0))
    yaw = np.unwrap(heading(made.rotations[:, 0].astype(np.float64)))
    assert yaw.max() - yaw[0] > 2 * np.pi - 0.2 and abs(yaw[-1] - yaw[0]) < 0.4
    assert np.linalg.norm(ground(made)[-1] - ground(made)[0]) < 0.6


def test_a_u_turn_ends_the_other_way_and_a_zigzag_ahead():
    back = paths.bent(walk(120), paths.u_turn(0.5, 0.3, 1.0))
    yaw = np.unwrap(heading(back.rotations[:, 0].astype(np.float64)))
    assert abs(yaw[-1] - yaw[0] - np.pi) < 0.05
    assert np.linalg.norm(ground(back)[-1] - ground(back)[0]) < 2.0
    zig = paths.bent(walk(150), paths.zigzag(4, 0.7, 1.0))
    turned = np.sign(np.diff(np.unwrap(heading(zig.rotations[:, 0].astype(np.float64)))))
    assert len(np.flatnonzero(np.diff(turned[turned != 0]))) >= 3


def test_somebody_who_turns_on_the_spot_stays_there():
    steps = in_place(walk(60), 0.3)
    for angle in (np.pi / 2, np.pi, 2 * np.pi):
        made = turns.turned_on_the_spot(steps, angle, 6)
        yaw = np.unwrap(heading(made.rotations[:, 0].astype(np.float64)))
        assert abs(yaw[-1] - yaw[0] - angle) < 0.2 and np.ptp(ground(made), axis=0).max() < 0.5
    assert [turns.how_far(np.radians(d)) for d in (90, -180, 360)] == ["quarter", "half", "full"]
    (found,) = turns.turns_in(turns.turned_on_the_spot(gesture(60, 16, 0), np.pi, 15))
    assert abs(found[2] - np.pi) < 0.3


def test_loops_that_stay_get_the_speed_of_their_standing_feet():
    gait = walk(100)
    still = in_place(gait)
    assert stays(still) and not stays(gait)
    moved = with_travel(still, np.array([0.0, 1.0]))
    assert abs(ground(moved)[-1, 1] - ground(still)[-1, 1] - 99 / 20) < 1e-3
    assert travel_of(gait).shape == (2,)
    flying = prepared(gesture(40, 16, 0), ActionLabel("fly", None, None))
    assert flying.root_translation[0, 1] > 1.8
    assert prepared(gait, ActionLabel("walk", None, None)) is gait


def test_a_lowered_gait_keeps_its_feet():
    gait = walk(60)
    made = lowered(gait, 0.2, 0.5)
    assert np.abs(made.root_translation[:, 1] - gait.root_translation[:, 1] + 0.2).max() < 1e-5
    assert np.abs(made.joints()[:, FEET] - gait.joints()[:, FEET]).max() < 0.03
    assert Posture.of(made).upright.mean() < Posture.of(gait).upright.mean() - 0.05


def test_arms_of_one_and_legs_of_the_other():
    lower, upper = walk(60), gesture(60, 16, 140)
    made = joined(lower, upper, ("left",))
    assert np.array_equal(made.root_translation, lower.root_translation)
    assert np.abs(np.abs((made.rotations[:, ARMS["left"]] * upper.rotations[:, ARMS["left"]]).sum(-1)) - 1).max() < 1e-5
    right = made.rotations[:, ARMS["right"]]
    assert np.abs(np.abs((right * lower.rotations[:, ARMS["right"]]).sum(-1)) - 1).max() < 1e-5
    assert trunks_agree(lower, upper)
    assert lasting(upper, 90, np.random.default_rng(0)).frames == 90


def test_ends_settle_and_beginnings_wait():
    gait = walk(40)
    ended = settled(gait, 15)
    assert np.array_equal(ended.root_translation[-10], ended.root_translation[-1])
    step = np.linalg.norm(np.diff(ground(ended), axis=0), axis=1)
    assert step.max() < 0.06 and np.all(np.diff(step[36:50]) < 1e-3)
    begun = led_in(gait, 10)
    assert np.array_equal(begun.root_translation[0], begun.root_translation[8])


def test_varied_clips_have_as_many_times_as_they_say():
    once = Clip(gesture(30, 16, 120), (ActionLabel("squat", None, None, count=1),), "a", "clip", "_c0")
    made = list(varied(once, 24, np.random.default_rng(0)))
    assert len(made) == 24 and len({one.suffix for one in made}) == 24
    for one in made:
        wrist = one.motion.joints()[:, 20, 1]
        top = wrist > wrist.min() + 0.7 * np.ptp(wrist)
        assert len(np.flatnonzero(np.diff(top.astype(int)) == 1)) == one.labels[0].count
    assert max(one.labels[0].count for one in made) >= 3
    loop = gesture(30, 16, 120)
    assert closes(loop) and cycled(loop, 100).frames == 100


@pytest.fixture(scope="module")
def pool() -> Pool:
    stand = gesture(40, 16, 0)
    stopping = settled(walk(60), 30)
    waving = [clip(gesture(60, 16, 140), "wave", "left", f"v{k}") for k in range(2)]
    return Pool([*(clip(walk(90 + k, seed=k), "walk", None, f"w{k}") for k in range(3)),
                 *(clip(walk(80 + k, seed=k), "run", None, f"r{k}") for k in range(2)), clip(stand, "stand", None, "s"),
                 clip(stopping, "stop", None, "h"), *waving])  # fmt: skip


def test_makers_make_what_they_name(pool):
    actions = {"in_place": "walk_in_place", "circle": "walk_in_circle", "turn_around": "turn_around", "stop": "stop",
               "turn_on_the_spot": "turn_on_the_spot", "crouch_walk": "crouch_walk"}  # fmt: skip
    made = {maker.name: list(made_clips(pool, "train", maker, 3 / maker.clips, 0)) for maker in MAKERS}
    for name, action in actions.items():
        assert made[name] and {c.labels[0].action for _, c in made[name]} == {action}, name
    for _, one in made["stop"]:
        assert halts(one.motion) and Posture.of(one.motion).speed[-6:].max() < 0.25
    for _, one in made["circle"]:
        assert one.labels[0].side == "left"
        assert np.linalg.norm(ground(one.motion)[-1] - ground(one.motion)[0]) < 0.5
    for _, one in made["at_once"]:
        assert one.relation == "while" and [label.action for label in one.labels][1] == "wave" and "+" in one.source
    again = list(made_clips(pool, "train", MAKERS[0], 3 / MAKERS[0].clips, 0))
    assert [i for i, _ in again] == [i for i, _ in made[MAKERS[0].name]]
    assert np.array_equal(again[0][1].motion.rotations, made[MAKERS[0].name][0][1].motion.rotations)


def test_hands_that_go_up_are_found_and_held_up(pool):
    up = gesture(60, 16, 140)
    ((first, top, side),) = lifts(up)
    assert side == "left" and first < top <= 30 and hand(up, "left")[first] < -0.3 < 0.2 < hand(up, "left")[top]
    assert lifts(gesture(60, 16, 40)) == [] and lifts(walk(60)) == []
    both = both_armed(up, "left", 3)
    assert np.abs(hand(both, "right")[3:] - hand(both, "left")[:-3]).max() < 0.02
    made = [clip for _, clip in gestures(pool, "raise_hand")]
    assert made and {clip.labels[0].action for clip in made} == {"raise_hand"}
    for one in made:
        sides = ("left", "right") if one.labels[0].side == "both" else (one.labels[0].side,)
        assert all(hand(one.motion, side).max() > 0.15 for side in sides)
        assert one.labels[0].side != "left" or hand(one.motion, "right").max() < -0.3


def test_walks_turn_a_corner_and_go_backwards(pool):
    for _, one in gestures(pool, "corner"):
        yaw = np.unwrap(heading(one.motion.rotations[:, 0].astype(np.float64)))
        assert one.labels[0].action == "turn_left" and 1.0 < yaw[-1] - yaw[0] < 2.3
    for _, one in gestures(pool, "veer"):
        yaw = np.unwrap(heading(one.motion.rotations[:, 0].astype(np.float64)))
        assert one.labels[0].action == "walk_left" and 0.45 < yaw[-1] - yaw[0] < 0.85
    for _, one in gestures(pool, "backwards"):
        assert one.labels[0].action == "walk_backward" and ground(one.motion)[-1, 1] < ground(one.motion)[0, 1] - 1.0


def test_a_punch_shoots_forward_and_a_guard_does_not():
    arm = np.concatenate([np.linspace(0, 1, 6), np.linspace(1, 0, 10)])
    angles = np.zeros((60, 22, 3))
    angles[:, 16, 2], angles[:, 17, 2], angles[:, 19, 1] = -80, 80, 0.0
    still = np.zeros((60, 22, 3))
    still[:] = angles
    angles[22:38, 17, 2], angles[22:38, 17, 1] = 80 - 80 * arm, 80 * arm
    still[22:38, 17, 2] = 80 - 20 * arm
    punch, swing = (
        Motion(20.0, rot.from_euler_deg(a, "XYZ"), np.tile([0.0, 0.95, 0.0], (60, 1))) for a in (angles, still)
    )
    label = ActionLabel("punch", None, None)
    assert [found.side for *_, found in strikes(punch, label)] == ["right"] and strikes(swing, label) == []
    boxers = Pool([clip(punch, "boxing")])
    for _, one in gestures(boxers, "punch"):
        assert one.labels[0].action == "punch" and one.motion.frames >= 24


def test_what_was_recorded_often_enough_is_not_made(pool):
    named = {maker.name: maker for maker in MAKERS}
    waves = Pool([clip(gesture(40, 16, 140), "wave", "left", f"v{k}") for k in range(18)])
    assert named["wave_standing"].is_needed([waves]) and not named["wave_standing"].is_needed([waves, pool])
    assert named["circle"].is_needed([waves, pool])
