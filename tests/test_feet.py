# SPDX-License-Identifier: Apache-2.0
"""Feet that stand do not slide, and nothing else moves."""

import numpy as np
import pytest
from gaits import gesture, walk

from moclip.motion.feet import hold_feet, step_lifts
from moclip.motion.footing import bend_leg, contact_offsets, standing
from moclip.motion.skeleton import JOINT_INDEX, PARENTS
from moclip.showing.kinematics import foot_skating, mean_jerk

TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
LEGS = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "ankle", "foot")]


def sliding_walk(share: float = 0.3) -> np.ndarray:
    """A walk whose ground moves under it: each step slides by a share of it."""
    joints = walk(100).joints().astype(np.float64)
    slide = (joints[:, :1] - joints[:1, :1]) * (share, 0.0, share)
    return joints + slide


def contacts(joints: np.ndarray) -> np.ndarray:
    return standing(joints[:, TOES], joints[:, 0], 20.0)


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints[:, 1:] - joints[:, PARENTS[1:]], axis=-1)


def test_a_sliding_walk_is_planted_and_keeps_its_bones_and_body():
    joints = sliding_walk()
    held = hold_feet(joints, 20.0)
    assert foot_skating(held) < 0.7 * foot_skating(joints)
    speed = np.linalg.norm(np.diff(held[:, TOES][..., [0, 2]], axis=0), axis=-1) * 20
    assert speed[contacts(joints)[:-1]].mean() < 0.05
    assert np.allclose(bone_lengths(held), bone_lengths(joints), atol=1e-6)
    others = [joint for joint in range(22) if joint not in LEGS]
    assert np.array_equal(held[:, others], joints[:, others])
    assert mean_jerk(held) < 25  # m/s^3, a quarter of a recorded walk's: steps are lifted, and nothing snaps


def test_feet_that_rest_are_left_alone():
    joints = gesture(60, 16, 140).joints()
    assert np.abs(hold_feet(joints, 20.0) - joints).max() < 1e-4


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 4])
def test_few_frames_are_no_trouble(frames):
    joints = sliding_walk()[10 : 10 + frames]
    assert hold_feet(joints, 20.0).shape == joints.shape and contacts(sliding_walk()).shape == (100, 2)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_pose_stands_nowhere_from_one_frame_to_the_next(frames):
    stands = standing(np.zeros((frames, 2, 3)), np.zeros((frames, 3)), 20.0)
    assert stands.shape == (frames, 2) and stands.sum() == 2 * (frames - 1)


def test_offsets_hold_the_place_and_fade_in_the_air():
    toe = np.zeros((40, 3))
    toe[:, 2] = np.linspace(0, 0.4, 40)
    stands = np.zeros(40, dtype=bool)
    stands[10:20] = True
    offset = contact_offsets(toe, stands, 20.0)
    held = (toe + offset)[10:21]
    assert np.ptp(held[:, 2]) < 1e-9 and not offset[:, 1].any()
    assert not offset[:4].any() and not offset[27:].any()
    assert np.abs(np.diff(offset[:, 2])).max() < 0.03


def dragging_step(length: float) -> tuple[np.ndarray, np.ndarray]:
    """Toes (40, 3) that stand for ten frames, slide `length` metres over the floor in twenty, and stand again."""
    toe, stands = np.zeros((40, 3)), np.ones(40, dtype=bool)
    toe[:, 2] = np.interp(np.arange(40), [10, 30], [0.0, length])
    stands[10:30] = False
    return toe, stands


def test_a_step_that_drags_is_lifted_between_its_contacts():
    toe, stands = dragging_step(0.5)
    lift = step_lifts(toe, stands, 20.0)
    assert lift.max() == pytest.approx(0.12 * 0.5, abs=1e-3) and not lift[:11].any() and not lift[30:].any()
    assert lift.argmax() < 20 and (lift[12:29] > 0).all()  # the arch peaks before the middle
    assert step_lifts(*dragging_step(2.0), 20.0).max() == pytest.approx(0.085, abs=1e-3)


def test_shuffles_and_steps_that_clear_the_floor_are_left_alone():
    assert not step_lifts(*dragging_step(0.2), 20.0).any()
    toe, stands = dragging_step(0.5)
    toe[10:31, 1] = 0.1 * np.sin(np.linspace(0, np.pi, 21)) ** 0.3
    assert not step_lifts(toe, stands, 20.0).any()


def test_contacts_that_wander_far_off_are_not_believed():
    toe = np.zeros((20, 3))
    toe[:, 0] = np.linspace(0, 2, 20)
    assert not contact_offsets(toe, np.ones(20, dtype=bool), 20.0).any()


def test_a_leg_bends_to_its_target_by_hand_and_no_farther_than_it_reaches():
    hip, knee, ankle = np.array([[0.0, 1.0, 0.0]]), np.array([[0.0, 0.6, 0.3]]), np.array([[0.0, 0.2, 0.0]])
    new_knee, new_ankle = bend_leg(hip, knee, ankle, np.array([[0.0, 0.4, 0.0]]))
    # Thigh and shin are 0.5 long, hip and ankle 0.6 apart: the knee stands sqrt(0.25 - 0.09) = 0.4 in front.
    assert np.allclose(new_ankle, [[0.0, 0.4, 0.0]]) and np.allclose(new_knee, [[0.0, 0.7, 0.4]])
    far_knee, far_ankle = bend_leg(hip, knee, ankle, np.array([[3.0, 1.0, 0.0]]))
    assert np.allclose(far_ankle, [[0.995, 1.0, 0.0]])
    assert np.linalg.norm(far_knee - hip) == pytest.approx(0.5)
