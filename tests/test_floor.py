# SPDX-License-Identifier: Apache-2.0
"""Bodies on the floor: they neither sink nor hang over it, and what leaves it on purpose stays as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moclip.evaluation.quality import OFF_FLOOR_M, floating, sinking
from moclip.motion.floor import clearance, on_floor, over_floor, settled
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX, PARENTS, REST_OFFSETS

FPS = 20.0


def standing(frames: int) -> np.ndarray:
    """A body that stands still with its toes at y = 0."""
    pose = np.array(REST_OFFSETS, dtype=np.float64)
    for joint, parent in enumerate(PARENTS[1:], 1):
        pose[joint] += pose[parent]
    joints = np.repeat(pose[None], frames, axis=0)
    return joints - [0.0, joints[..., 1].min(), 0.0]


def test_one_toe_that_dips_does_not_leave_the_rest_in_the_air():
    joints = standing(100)
    joints[50, JOINT_INDEX["left_foot"], 1] -= 0.04
    joints[..., 1] += 0.04  # as recordings are put on the floor: by their lowest point
    assert floating(joints) > 0.03
    moved = on_floor(joints, FPS)
    assert floating(moved) < 0.005 and sinking(moved) < 1e-6


def test_a_body_that_sinks_is_raised_and_one_that_drifts_up_comes_down():
    joints = standing(120)
    joints[..., 1] += np.linspace(-0.05, 0.06, 120)[:, None]
    moved = on_floor(joints, FPS)
    assert sinking(moved) < 1e-6 and floating(moved) < 0.015


@pytest.mark.parametrize("height", [0.05, 0.12, 0.19])
def test_who_hangs_lower_than_a_step_all_along_comes_down(height):
    moved = on_floor(standing(80) + [0.0, height, 0.0], FPS)
    assert floating(moved) < 1e-6 and sinking(moved) < 1e-6


@pytest.mark.parametrize("top", [0.3, 1.0])
def test_jumps_keep_their_height(top):
    joints = standing(60)
    flight = np.zeros(60)
    flight[20:36] = top * np.sin(np.linspace(0, np.pi, 16))
    joints[..., 1] += flight[:, None]
    assert np.abs(on_floor(joints, FPS) - joints).max() < 1e-9


def test_who_climbs_stays_where_he_is():
    joints = standing(120)
    joints[..., 1] += np.repeat([0.0, 0.17, 0.34, 0.51], 30)[:, None]
    assert np.abs(on_floor(joints, FPS) - joints).max() < 1e-9


def test_who_is_known_to_stay_comes_down_from_any_height():
    moved = on_floor(standing(80) + [0.0, 0.5, 0.0], FPS, stays=True)
    assert floating(moved) < 1e-6 and floating(on_floor(standing(80) + [0.0, 0.5, 0.0], FPS)) > 0.4


def test_who_hangs_on_his_heels_comes_down_to_an_ankles_height():
    joints = standing(80) + [0.0, 0.15, 0.0]
    joints[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 1] += 0.2
    lowest = on_floor(joints, FPS)[..., 1].min(axis=1)
    assert (lowest > 0.04).all() and (lowest < 0.06).all()


def test_who_hangs_for_little_longer_than_a_jump_comes_down_too():
    joints = standing(80)
    joints[25:53, :, 1] += 0.1  # 1.4 seconds
    moved = on_floor(joints, FPS)
    assert floating(joints) > 0.09 and floating(moved) < 0.005 and sinking(moved) < 1e-6
    jump = standing(80)
    jump[25:43, :, 1] += 0.3
    assert np.array_equal(on_floor(jump, FPS), jump)


def test_bones_that_lead_under_the_floor_are_raised():
    rest = np.zeros((40, 22, 4))
    rest[..., 0] = 1.0
    root = np.zeros((40, 3))
    root[:, 1] = -standing(1)[0, :, 1].min() + standing(1)[0, 0, 1] - np.hanning(40) * 0.05
    motion = Motion(FPS, rest, root)
    assert sinking(motion.joints()) > 0.04
    raised = over_floor(motion)
    assert sinking(raised.joints()) < 1e-5
    assert np.array_equal(raised.root_translation[:, [0, 2]], motion.root_translation[:, [0, 2]])


def upright(heights: np.ndarray) -> Motion:
    """A body that stands still, its toes at heights (T,)."""
    rest = np.zeros((len(heights), 22, 4))
    rest[..., 0] = 1.0
    root = np.zeros((len(heights), 3))
    root[:, 1] = standing(1)[0, 0, 1] + heights
    return Motion(FPS, rest, root)


def test_a_motion_is_settled_as_its_joints_are():
    hangs, sinks = np.full(60, 0.04), np.zeros(60)
    sinks[30] = -0.03
    moved = settled(upright(hangs + sinks))
    assert floating(upright(hangs).joints()) > 0.03
    assert floating(moved.joints()) < 0.005 and sinking(moved.joints()) < 1e-5
    high = upright(hangs + 0.5)
    assert floating(settled(high).joints()) > 0.5 and floating(settled(high, stays=True).joints()) < 0.005


@pytest.mark.parametrize(("frames", "height"), [(21, 0.3), (25, 0.1)])
def test_long_steps_over_something_do_not_leave_a_body_in_the_air(frames, height):
    joints = standing(120)
    joints[40 : 40 + frames, :, 1] += height
    assert floating(joints) > 0.9 * height and floating(on_floor(joints, FPS, stays=True)) < OFF_FLOOR_M


def test_a_body_is_over_the_floor_by_what_it_rests_on():
    pose, toes = standing(3), [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    assert clearance(pose + (0, 0.03, 0)) == pytest.approx([0.03] * 3)
    assert clearance(pose - (0, 0.03, 0)) == pytest.approx([-0.03] * 3)
    on_heels = pose.copy()
    on_heels[:, toes, 1] += 0.2
    on_heels[..., 1] -= on_heels[..., 1].min()
    assert clearance(on_heels + (0, 0.04, 0)) == pytest.approx([0.0] * 3)  # heels are lower than ankles
    assert clearance(on_heels + (0, 0.09, 0)) == pytest.approx([0.04] * 3)
    assert floating(on_heels + (0, 0.04, 0)) == 0.0 and floating(on_heels + (0, 0.09, 0)) == pytest.approx(0.04)
    seated = pose.copy()
    seated[:, toes, 1] += 1.2
    seated[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]], 1] += 1.2
    seated[..., 1] -= seated[..., 1].min()
    assert clearance(seated + (0, 0.11, 0)) == pytest.approx([0.0] * 3)
    assert clearance(seated + (0, 0.15, 0)) == pytest.approx([0.03] * 3)


def test_the_joints_of_who_lies_stay_over_the_floor():
    joints = standing(60)
    lying = joints[..., [0, 2, 1]] * [1.0, 0.1, 1.0]
    lying[..., 1] += 0.05 - lying[..., 1].min()
    lying[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 1] += 0.05
    assert np.array_equal(on_floor(lying, FPS), lying)


@given(st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_nobody_sinks_whatever_he_does(frames, seed):
    rng = np.random.default_rng(seed)
    joints = standing(frames) + np.cumsum(rng.normal(0, 0.03, (frames, 1, 3)), axis=0)
    moved = on_floor(joints, FPS)
    assert sinking(moved) < 1e-6 and moved.shape == joints.shape
    assert np.array_equal(moved[..., [0, 2]], joints[..., [0, 2]])
