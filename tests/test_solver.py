# SPDX-License-Identifier: Apache-2.0
"""Rotations from positions, on poses whose answers are known by hand and on made-up motions."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.errors import MoclipError
from moclip.motion import rotations
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import JOINT_INDEX, LEAF_JOINTS, REST_OFFSETS
from moclip.motion.solver import fit_offsets, solve_rotations
from moclip_backend.bench.solver import fast_turns, synthetic_motion, wobble

X, Y, Z = np.eye(3)
HALF = np.sqrt(0.5)
SOLVED = [j for j in range(22) if j not in LEAF_JOINTS]


def posed(local: dict[str, np.ndarray], frames: int = 1, root=(0.0, 0.9, 0.0)) -> np.ndarray:
    """Joints (frames, 22, 3) of the T-pose with some local rotations, each (4,) or (frames, 4)."""
    quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 22, 1))
    for name, value in local.items():
        quaternions[:, JOINT_INDEX[name]] = value
    return forward_kinematics(quaternions, np.broadcast_to(root, (frames, 3)), REST_OFFSETS)


def about(axis: np.ndarray, degrees) -> np.ndarray:
    return rotations.from_axis_angle(axis, np.radians(degrees))


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(rotations.angle_between(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)))


def test_t_pose_solves_to_identity():
    solved = solve_rotations(posed({}))
    assert degrees_between(solved.rotations, rotations.IDENTITY).max() < 0.01
    assert np.allclose(solved.root_translation, (0, 0.9, 0), atol=1e-6)
    assert solved.offsets.tobytes() == REST_OFFSETS.tobytes()


@pytest.mark.parametrize("degrees", [90, 180, -135])
def test_turning_the_whole_body_turns_only_the_pelvis(degrees):
    solved = solve_rotations(posed({"pelvis": about(Y, degrees)}))
    assert degrees_between(solved.rotations[0, 0], about(Y, degrees)) < 0.01
    assert degrees_between(solved.rotations[0, 1:], rotations.IDENTITY).max() < 0.01


def test_lying_on_the_back_upside_down_and_head_first():
    for axis, degrees in ((X, -90), (Z, 180), (X, 180)):
        solved = solve_rotations(posed({"pelvis": about(axis, degrees)}))
        assert degrees_between(solved.rotations[0, 0], about(axis, degrees)) < 0.01
        assert degrees_between(solved.rotations[0, 1:], rotations.IDENTITY).max() < 0.01


def test_elbows_bend_forward_about_the_vertical_axis():
    # The left forearm swings from +X to +Z: a quarter turn about -Y. The right one from -X to +Z: about +Y.
    joints = posed({"left_elbow": [HALF, 0, -HALF, 0], "right_elbow": [HALF, 0, HALF, 0]})
    assert np.allclose(joints[0, 20] - joints[0, 18], np.linalg.norm(REST_OFFSETS[20]) * Z, atol=1e-6)
    assert np.allclose(joints[0, 21] - joints[0, 19], np.linalg.norm(REST_OFFSETS[21]) * Z, atol=1e-6)
    solved = solve_rotations(joints).rotations[0]
    assert np.allclose(solved[18], [HALF, 0, -HALF, 0], atol=1e-3)
    assert np.allclose(solved[19], [HALF, 0, HALF, 0], atol=1e-3)
    assert degrees_between(solved[[13, 14, 16, 17]], rotations.IDENTITY).max() < 0.2


def test_knees_bend_backward_about_the_lateral_axis():
    joints = posed({"left_knee": [HALF, HALF, 0, 0], "right_knee": [HALF, HALF, 0, 0]})
    assert np.allclose(joints[0, 7] - joints[0, 4], np.linalg.norm(REST_OFFSETS[7]) * -Z, atol=1e-6)
    solved = solve_rotations(joints).rotations[0]
    assert np.allclose(solved[[4, 5]], [HALF, HALF, 0, 0], atol=1e-3)
    assert degrees_between(solved[[1, 2, 7, 8]], rotations.IDENTITY).max() < 0.2


def test_a_bent_elbow_shows_the_twist_of_the_upper_arm():
    twist = about(X, 40)
    solved = solve_rotations(posed({"left_shoulder": twist, "left_elbow": about(-Y, 90)}, frames=20))
    assert degrees_between(solved.rotations[:, 16], twist).max() < 6
    assert degrees_between(solved.rotations[:, 18], about(-Y, 90)).max() < 6


def test_chest_twist_is_shared_by_the_spine():
    solved = solve_rotations(posed({"spine3": about(Y, 45)})).rotations[0].astype(np.float64)
    chest = rotations.multiply(rotations.multiply(solved[3], solved[6]), solved[9])
    assert degrees_between(chest, about(Y, 45)) < 0.01
    assert degrees_between(solved[[3, 6, 9]], rotations.IDENTITY).min() > 5


def test_rotations_stay_near_the_truth_and_positions_meet_it():
    rng = np.random.default_rng(5)
    for _ in range(5):
        truth = synthetic_motion(rng, 120)
        solved = solve_rotations(truth.joints())
        assert np.abs(solved.joints() - truth.joints()).max() < 1e-4
        assert degrees_between(solved.rotations[:, SOLVED], truth.rotations[:, SOLVED]).mean() < 8
        assert not fast_turns(solved).any()


def test_straight_limbs_that_swing_slowly_do_not_flip():
    # Arms and legs stay perfectly straight, where a hinge plane is pure noise; the arms go down, forward and up.
    frames = 80
    ramp = np.linspace(0, 1, frames)
    swing = {
        "left_shoulder": rotations.multiply(about(-Y, 80 * ramp), about(-Z, 70 - 140 * ramp)),
        "right_shoulder": rotations.multiply(about(Y, 80 * ramp), about(Z, 70 - 140 * ramp)),
        "left_hip": about(X, -60 + 90 * ramp),
        "right_hip": about(X, 60 - 90 * ramp),
    }
    joints = posed(swing, frames)
    noise = np.random.default_rng(0).normal(scale=1e-4, size=joints.shape)
    for target in (joints, joints + noise):
        turns = degrees_between(*(solve_rotations(target).rotations[s] for s in (np.s_[1:], np.s_[:-1])))
        assert turns.max() < 15


def test_overstretched_knees_and_elbows_do_not_turn_the_limb_round():
    over = np.array([0.0, -2, -4, -8, -12, -8, -4, 0, 5, 20, 5, -3])
    joints = posed({
        "left_knee": about(X, over), "right_knee": about(X, over),
        "left_elbow": about(-Y, over), "right_elbow": about(Y, over),
    }, len(over))  # fmt: skip
    solved = solve_rotations(joints).rotations
    assert degrees_between(solved[:, [1, 2, 16, 17]], rotations.IDENTITY).max() < 25
    assert degrees_between(solved[1:], solved[:-1]).max() < 20


def test_walk_turn_round_walk_back_is_continuous():
    frames = 120
    heading = np.interp(np.arange(frames), [40, 80], [0, 180])
    stride = 25 * np.sin(np.arange(frames) / 3)
    joints = posed({
        "pelvis": about(Y, heading), "left_hip": about(X, stride), "right_hip": about(X, -stride),
        "left_knee": about(X, np.maximum(stride, 0)), "right_knee": about(X, np.maximum(-stride, 0)),
        "left_shoulder": about(-Z, np.full(frames, 75.0)), "right_shoulder": about(Z, np.full(frames, 75.0)),
    }, frames)  # fmt: skip
    solved = solve_rotations(joints).rotations
    assert degrees_between(solved[:, 0], about(Y, heading)).max() < 0.01
    assert degrees_between(solved[1:], solved[:-1]).max() < 12
    # The second half is the first half's pose from behind: local rotations of the walk do not depend on the heading.
    again = solve_rotations(rotations.rotate(about(Y, 180), joints)).rotations
    assert degrees_between(again[:, 1:], solved[:, 1:]).max() < 0.01
    # Neighbouring quaternions lie in the same hemisphere.
    assert np.sum(solved[1:] * solved[:-1], axis=-1).min() > 0


@pytest.mark.parametrize("coincident", [(9, 6), (13, 9), (14, 9), (4, 1), (18, 16), (12, 9), (1, 0), (15, 12)])
def test_coincident_joints_give_numbers(coincident):
    child, parent = coincident
    joints = synthetic_motion(np.random.default_rng(1), 30).joints()
    joints[:, child] = joints[:, parent]
    for offsets in (REST_OFFSETS, None):
        solved = solve_rotations(joints, offsets=offsets)
        assert np.isfinite(solved.rotations).all()
        assert np.allclose(np.linalg.norm(solved.rotations, axis=-1), 1, atol=1e-5)
    assert np.linalg.norm(solved.offsets[child]) < 1e-6


def test_all_joints_in_one_point_give_an_upright_body_that_keeps_still():
    solved = solve_rotations(np.zeros((3, 22, 3)))
    assert degrees_between(solved.rotations[1:], solved.rotations[:-1]).max() < 0.1
    assert degrees_between(solved.rotations[:, 0], rotations.IDENTITY).max() < 30


def test_a_chain_without_spine3_and_collars_keeps_its_pose():
    # As in motion capture whose chest has no third spine joint and whose arms start at the chest.
    offsets = REST_OFFSETS.astype(np.float64).copy()
    offsets[16] += offsets[13]
    offsets[17] += offsets[14]
    offsets[[9, 13, 14]] = 0
    truth = synthetic_motion(np.random.default_rng(3), 100)
    bare = truth.rotations.copy()
    bare[:, [9, 13, 14]] = rotations.IDENTITY
    joints = forward_kinematics(bare, truth.root_translation, offsets)
    solved = solve_rotations(joints, offsets=None)
    assert np.linalg.norm(solved.joints() - joints, axis=-1).mean() < 0.01
    assert degrees_between(solved.rotations[1:], solved.rotations[:-1]).max() < 30


def test_a_bone_that_turns_over_within_one_frame_is_survived():
    joints = posed(
        {"left_hip": about(X, np.repeat([0, 180], 5)), "left_shoulder": about(Z, np.repeat([0, 180], 5))}, 10
    )
    solved = solve_rotations(joints)
    assert np.abs(solved.joints() - joints).max() < 1e-4


def test_bone_lengths_are_fitted_to_the_clip():
    truth = synthetic_motion(np.random.default_rng(2), 100)
    long = REST_OFFSETS * 1.2
    long[[4, 5]] *= 1.1
    joints = forward_kinematics(truth.rotations, truth.root_translation, long)
    assert np.abs(fit_offsets(joints) - long).max() < 1e-3
    solved = solve_rotations(joints, offsets=None)
    assert np.abs(solved.joints() - joints).max() < 5e-3


def test_wobbling_bones_spread_their_error():
    rng = np.random.default_rng(4)
    target = wobble(synthetic_motion(rng, 100).joints(), rng)
    solved = solve_rotations(target)
    error = np.linalg.norm(solved.joints() - target, axis=-1)
    assert error.mean() < 0.01
    # The best translation was found: no shift of the whole body is left.
    assert np.linalg.norm((solved.joints() - target).mean(axis=1), axis=-1).mean() < 0.003


def test_leaf_rotations_are_taken_and_others_ignored():
    joints = posed({"left_elbow": about(-Y, 60)}, 4)
    given = np.tile(about(X, 30), (4, 22, 1))
    solved = solve_rotations(joints, leaf_rotations=given).rotations
    assert degrees_between(solved[:, LEAF_JOINTS], about(X, 30)).max() < 0.01
    assert degrees_between(solved[:, SOLVED], solve_rotations(joints).rotations[:, SOLVED]).max() < 0.01
    assert degrees_between(solve_rotations(joints).rotations[:, LEAF_JOINTS], rotations.IDENTITY).max() == 0


def test_one_frame_and_other_rates_work():
    joints = synthetic_motion(np.random.default_rng(6), 40).joints()
    assert solve_rotations(joints[:1]).frames == 1
    assert solve_rotations(joints, fps=60.0).fps == 60.0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shape"):
        solve_rotations(np.zeros((5, 21, 3)))
    with pytest.raises(ValueError, match="shape"):
        solve_rotations(np.zeros((0, 22, 3)))
    with pytest.raises(ValueError, match="frames"):
        solve_rotations(posed({}, 3), leaf_rotations=np.ones((2, 22, 4)))
    joints = posed({}, 3)
    joints[1, 5, 2] = np.nan
    with pytest.raises(MoclipError) as caught:
        solve_rotations(joints)
    assert caught.value.code == "bad_motion"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-np.pi, np.pi), st.integers(1, 30))
def test_any_plausible_pose_is_met_within_a_millimetre(seed, heading, frames):
    truth = synthetic_motion(np.random.default_rng(seed), frames)
    joints = rotations.rotate(rotations.from_axis_angle(Y, heading), truth.joints().astype(np.float64))
    solved = solve_rotations(joints)
    assert np.linalg.norm(solved.joints() - joints, axis=-1).mean() < 1e-3
    assert isinstance(solved, Motion)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_rotation_at_all_gives_unit_quaternions_and_met_positions(seed):
    rng = np.random.default_rng(seed)
    local = rotations.normalize(rng.normal(size=(6, 22, 4)))
    joints = forward_kinematics(local, rng.normal(size=(6, 3)), REST_OFFSETS)
    solved = solve_rotations(joints)
    assert np.allclose(np.linalg.norm(solved.rotations, axis=-1), 1, atol=1e-5)
    assert np.linalg.norm(solved.joints() - joints, axis=-1).max() < 1e-3


def test_196_frames_take_less_than_60_ms():
    joints = synthetic_motion(np.random.default_rng(0), 196).joints()
    solve_rotations(joints)
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        solve_rotations(joints)
        durations.append(time.perf_counter() - start)
    assert min(durations) < 0.06
