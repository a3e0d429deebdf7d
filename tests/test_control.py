# SPDX-License-Identifier: Apache-2.0
"""Motions that are held to pins and poses, on made-up walks whose every joint is known."""

from dataclasses import replace

import numpy as np
import pytest
from gaits import walk

from moclip.errors import MoclipError
from moclip.models import list_models
from moclip.motion import rotations as rot
from moclip.motion.easing import eased
from moclip.motion.feet import toe_contacts
from moclip.motion.meet import Span, at_moment, met, missed
from moclip.motion.motion import forward_kinematics, world_rotations
from moclip.motion.pins import EFFECTORS, Aim, Anchor, Pin
from moclip.motion.skeleton import JOINT_INDEX
from moclip.motion.way import Post, bent
from moclip.motion.whole_body import Pose, solve_pose
from moclip.prompts.limits import MAX_ANCHORS, MAX_PINS
from moclip.prompts.requests import Request, check_request
from moclip_backend.server.submit import read_requests

needs_weights = pytest.mark.skipif(
    "embedded" not in [m.name for m in list_models()], reason="needs the embedded model's weights"
)
WALK = walk(80)
ONE_POSE = {"anchor_rotations": WALK.rotations[:1], "anchor_root_translation": WALK.root_translation[:1]}
AWAY = {"left_hand": 0.25, "right_hand": 0.25, "left_foot": 0.12, "right_foot": 0.12, "head": 0.08, "hips": 0.08}


def _shown(motion, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Joints (22, 3) and world turns (22, 4) of what a player shows that turns on evenly between frames."""
    pose = at_moment(motion.rotations.astype(float), motion.root_translation.astype(float), seconds * motion.fps)
    joints = forward_kinematics(pose.rotations[None], pose.root[None], motion.offsets.astype(float))[0]
    return joints, world_rotations(pose.rotations[None])[0]


@pytest.mark.parametrize("effector", list(EFFECTORS))
@pytest.mark.parametrize("seconds", [1.0, 2.137, 3.9])
def test_a_pin_is_met_between_frames_too(effector, seconds):
    joint = EFFECTORS[effector]
    joints, turns = _shown(WALK, seconds)
    place = joints[joint] + AWAY[effector] * np.array([0.6, 0.5, -0.4])
    turn = rot.multiply(rot.from_axis_angle(np.array([0.0, 0.6, 0.8]), np.array(0.4)), turns[joint])
    held = met(WALK, [Pin(effector, seconds, tuple(place), tuple(turn))], [])
    joints, turns = _shown(held, seconds)
    assert np.linalg.norm(joints[joint] - place) < 0.01
    assert np.degrees(rot.angle_between(turns[joint], turn)) < 2.0
    # Far from it, nothing has changed.
    away = np.abs(np.arange(WALK.frames) / WALK.fps - seconds) > 1.5
    np.testing.assert_allclose(held.rotations[away], WALK.rotations[away], atol=2e-3)


def test_what_a_pin_leaves_free_stays_free():
    joints, turns = _shown(WALK, 2.0)
    hand = JOINT_INDEX["left_wrist"]
    place = joints[hand] + (0.1, 0.2, 0.1)
    held = met(WALK, [Pin("left_hand", 2.0, tuple(place), None)], [])
    assert missed(held, [Pin("left_hand", 2.0, tuple(place), None)])[0][1] == 0.0
    turned = met(WALK, [Pin("left_hand", 2.0, None, tuple(turns[hand]))], [])
    assert np.linalg.norm(_shown(turned, 2.0)[0][hand] - joints[hand]) < 0.01


def test_a_pin_that_stays_holds_the_hand_while_the_body_goes_on():
    place = _shown(WALK, 1.5)[0][JOINT_INDEX["right_wrist"]] + (0.0, 0.25, 0.15)
    pin = Pin("right_hand", 1.5, tuple(place), None, until=1.8)
    held = met(WALK, [pin], [])
    for seconds in np.linspace(1.5, 1.8, 7):
        assert np.linalg.norm(_shown(held, seconds)[0][JOINT_INDEX["right_wrist"]] - place) < 0.01
    travelled = held.root_translation[36] - held.root_translation[30]
    assert np.linalg.norm(travelled) > 0.1


def test_feet_stand_where_they_stood_under_a_pinned_hand():
    place = _shown(WALK, 2.0)[0][JOINT_INDEX["left_wrist"]] + (0.0, 0.2, -0.1)
    held = met(WALK, [Pin("left_hand", 2.0, tuple(place))], [])
    contacts = toe_contacts(WALK.joints(), WALK.fps)
    for column, toe in enumerate((JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])):
        moved = np.linalg.norm(held.joints()[:, toe] - WALK.joints()[:, toe], axis=1)
        assert moved[contacts[:, column]].max() < 0.005


def test_elbows_and_knees_do_not_bend_the_wrong_way():
    pose = Pose(WALK.rotations[30].astype(float), WALK.root_translation[30].astype(float))
    wrist = JOINT_INDEX["left_wrist"]
    joints = forward_kinematics(pose.rotations[None], pose.root[None], WALK.offsets.astype(float))[0]
    for away in ((0.0, 0.0, -0.3), (0.3, 0.5, 0.0), (0.0, 0.9, -0.2)):
        solved = solve_pose(pose, WALK.offsets, {wrist: Aim(joints[wrist] + np.array(away), None)}, {})
        # About the axis by which an elbow bends, it does not come back past straight.
        local = rot.to_vector(solved.rotations[JOINT_INDEX["left_elbow"]])
        assert local @ np.array([0.0, -1.0, 0.0]) > -0.02


def test_a_pin_out_of_reach_is_told():
    apart = [Pin("left_hand", 2.0, (2.0, 1.0, 2.0)), Pin("right_hand", 2.0, (-2.0, 1.0, 2.0))]
    held = met(WALK, apart, [])
    # Hands are not four metres apart: the arms' length and the shoulders' width are what they are.
    assert sum(off for off, _ in missed(held, apart)) > 2.0 and np.isfinite(held.rotations).all()


@pytest.mark.parametrize("moments", [(0.5, 2.037, 3.3), (0.0, 1.61), (2.5,)])
def test_poses_are_met_to_the_millimetre(moments):
    other = walk(80)
    other = replace(other, root_translation=other.root_translation * (1.0, 1.0, 1.1) + (0.2, 0.0, 0.0))
    anchors = []
    for moment in moments:
        pose = at_moment(
            other.rotations.astype(float), other.root_translation.astype(float), (moment + 0.15) % 3.9 * other.fps
        )
        anchors.append(Anchor(moment, pose.rotations, pose.root))
    held = met(WALK, [], anchors)
    for anchor in anchors:
        given = forward_kinematics(
            anchor.rotations[None], anchor.root_translation[None], WALK.offsets.astype(float)
        )[0]  # fmt: skip
        assert np.linalg.norm(_shown(held, anchor.seconds)[0] - given, axis=1).max() < 0.001


def test_frames_outside_the_span_stay():
    place = _shown(WALK, 1.5)[0][JOINT_INDEX["left_wrist"]] + (0.1, 0.3, 0.1)
    held = met(WALK, [Pin("left_hand", 0.5, tuple(place))], [], Span(20, 60))
    kept = np.r_[0:20, 60:80]
    assert np.array_equal(held.rotations[kept], WALK.rotations[kept])
    assert np.array_equal(held.root_translation[kept], WALK.root_translation[kept])
    assert np.linalg.norm(_shown(held, 1.5)[0][JOINT_INDEX["left_wrist"]] - place) < 0.01
    step = np.linalg.norm(np.diff(held.joints(), axis=0), axis=-1).max()
    assert step < 1.6 * np.linalg.norm(np.diff(WALK.joints(), axis=0), axis=-1).max()


def test_pins_leave_poses_alone():
    pose = Anchor(2.0, WALK.rotations[44], WALK.root_translation[44] + np.array([0.1, 0.0, 0.0]))
    place = _shown(WALK, 3.0)[0][JOINT_INDEX["left_wrist"]] + (0.1, 0.2, 0.1)
    held = met(WALK, [Pin("left_hand", 3.0, tuple(place))], [pose])
    given = forward_kinematics(
        pose.rotations[None].astype(float), pose.root_translation[None].astype(float), WALK.offsets.astype(float)
    )[0]  # fmt: skip
    assert np.linalg.norm(_shown(held, 2.0)[0] - given, axis=1).max() < 0.001
    assert missed(held, [Pin("left_hand", 3.0, tuple(place))])[0][0] < 0.01


def test_changes_are_eased_in_and_out():
    made = eased([10, 20], np.array([[1.0], [3.0]]), 60, 8)[:, 0]
    assert made[10] == 1.0 and made[20] == 3.0 and made[15] == 2.0
    assert not made[:3].any() and not made[28:].any()


def test_a_way_leads_through_its_posts():
    root = np.linspace([0, 1, 0], [0, 1, 4], 81)
    way = bent(
        root, np.zeros(81), [Post(40, np.array([0.5, 2.2])), Post(80, np.array([0.0, 4.0]))], starts_where_it_was=True
    )
    np.testing.assert_allclose(way.here[[0, 40, 80]], [[0, 1, 0], [0.5, 1, 2.2], [0, 1, 4]], atol=1e-9)


@pytest.mark.parametrize(
    ("pins", "words"),
    [
        ([Pin("nose", 1.0, (0, 0, 0))], "nose"),
        ([Pin("head", 1.0)], "neither"),
        ([Pin("head", -1.0, (0, 0, 0))], "second"),
        ([Pin("head", 1.0, (0, float("nan"), 0))], "place"),
        ([Pin("head", 1.0, (0, 5000.0, 0))], "place"),
        ([Pin("head", 1.0, None, (1, 1, 0, 0))], "rotation"),
        ([Pin("head", 1.0, (0, 0, 0), None, 0.5)], "before it begins"),
        ([Pin("head", 3.0, (0, 0, 0))], "ends at second 2"),
        ([Pin("head", 1.0, (0, 0, 0))] * (MAX_PINS + 1), "at most"),
    ],
)
def test_pins_that_cannot_be_are_refused(pins, words):
    with pytest.raises(MoclipError, match=words) as caught:
        check_request(Request("a person walks", 2.0, pins=tuple(pins)))
    assert caught.value.code == "bad_pins" and caught.value.hint


def test_poses_that_cannot_be_are_refused():
    pose = Anchor(1.0, WALK.rotations[0], WALK.root_translation[0])
    bad = [
        (replace(pose, rotations=WALK.rotations[0, :5]),),
        (replace(pose, rotations=2 * WALK.rotations[0]),),
        (replace(pose, root_translation=np.full(3, np.nan)),),
        (pose, pose),
        tuple(replace(pose, seconds=k / 100) for k in range(MAX_ANCHORS + 1)),
    ]
    for anchors in bad:
        with pytest.raises(MoclipError) as caught:
            check_request(Request("a person walks", 2.0, anchors=anchors))
        assert caught.value.code == "bad_anchors"
    check_request(Request("a person walks", None, anchors=(pose,)))


def test_pins_and_poses_come_over_the_wire():
    pins = [{"effector": "left_hand", "seconds": 1, "place": [0, 1, 2], "turn": None, "until": 2.5}]
    arrays = {
        "anchor_rotations": WALK.rotations[[0, 40]],
        "anchor_root_translation": WALK.root_translation[[0, 40]],
    }
    entries = [{"text": "walk", "seconds": 4.0, "pins": pins}, {"text": "walk", "seconds": 4.0}]
    first, second = read_requests({"requests": entries, "anchor_seconds": [0, 2.0]}, arrays, 20.0)
    assert first.pins == (Pin("left_hand", 1.0, (0.0, 1.0, 2.0), None, 2.5),) and second.pins == ()
    for request in (first, second):
        assert [anchor.seconds for anchor in request.anchors] == [0.0, 2.0]
        assert np.array_equal(request.anchors[1].rotations, WALK.rotations[40])


@pytest.mark.parametrize(
    ("entry", "header", "arrays"),
    [
        ({"pins": "all"}, {}, {}),
        ({"pins": [3]}, {}, {}),
        ({"pins": [{"effector": "head"}]}, {}, {}),
        ({"pins": [{"effector": "head", "seconds": True}]}, {}, {}),
        ({"pins": [{"effector": "head", "seconds": 1, "place": [0, 1]}]}, {}, {}),
        ({"pins": [{"effector": "head", "seconds": 1, "turn": [0, 1, 0, "x"]}]}, {}, {}),
        ({"pins": [{"effector": "head", "seconds": 1, "place": [0, 0, 0]}] * (MAX_PINS + 1)}, {}, {}),
        ({}, {"anchor_seconds": [1.0]}, {}),
        ({}, {"anchor_seconds": []}, {"anchor_rotations": WALK.rotations[:0]}),
        ({}, {"anchor_seconds": [1.0, 2.0]}, ONE_POSE),
        ({}, {}, ONE_POSE),
    ],
)  # fmt: skip
def test_malformed_pins_and_poses_are_refused(entry, header, arrays):
    with pytest.raises(MoclipError) as caught:
        read_requests({"requests": [{"text": "x", **entry}], **header}, arrays, 20.0)
    assert caught.value.code == "bad_request"


@needs_weights
def test_the_model_makes_a_motion_long_enough_and_meets_what_it_is_to():
    from moclip.generate.pipeline import TextToMotion

    model = TextToMotion.load("embedded")
    pin = Pin("right_hand", 7.3, (0.1, 1.3, 0.5))
    anchor = Anchor(1.0, WALK.rotations[20], WALK.root_translation[20])
    pinned, led = model.generate(
        [
            Request("a person bows", None, 1, pins=(pin,)),
            Request("a person walks forward", 4.0, 1, anchors=(anchor,)),
        ]
    )
    assert pinned.seconds >= 7.3 and missed(pinned.motion, [pin])[0][0] < 0.01 and not pinned.warnings
    given = forward_kinematics(
        anchor.rotations[None].astype(float), anchor.root_translation[None].astype(float), WALK.offsets.astype(float)
    )[0]  # fmt: skip
    assert np.linalg.norm(_shown(led.motion, 1.0)[0] - given, axis=1).max() < 0.001
