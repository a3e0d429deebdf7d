# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import numpy as np
import pytest
from gaits import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.motion import features as ft
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import MIRROR

SAMPLE = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).parents[2] / "shared")) / "reference" / "humanml3d"


def test_layouts_have_the_published_columns():
    assert (ft.HUMANML3D.width, ft.KIT.width) == (263, 251)
    blocks = ft.HUMANML3D.blocks
    assert blocks["positions"] == slice(4, 67) and blocks["six_d"] == slice(67, 193)
    assert blocks["joint_velocity"] == slice(193, 259) and blocks["contacts"] == slice(259, 263)
    assert ft.KIT.blocks["six_d"] == slice(64, 184) and ft.KIT.blocks["contacts"] == slice(247, 251)


@settings(max_examples=15, deadline=None)
@given(turn=st.floats(-12, 12), yaw=st.floats(-3, 3), seed=st.integers(0, 5), frames=st.integers(2, 80))
def test_joints_come_back_in_the_place_and_facing_of_frame_0(turn, yaw, seed, frames):
    start = rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.array(yaw))
    joints = rot.rotate(start[None, None], walk(frames, turn, seed).joints().astype(np.float64)) + [3.0, 0.4, -2.0]
    back = ft.features_to_joints(ft.joints_to_features(joints))
    assert back.shape == (frames - 1, 22, 3)
    # The same body: all distances between its joints, and how far the root has come.
    apart = np.linalg.norm(joints[:-1, :, None] - joints[:-1, None], axis=-1)
    assert np.abs(np.linalg.norm(back[:, :, None] - back[:, None], axis=-1) - apart).max() < 1e-4
    travelled = np.linalg.norm(joints[:-1, 0] - joints[0, 0], axis=-1)
    assert np.abs(np.linalg.norm(back[:, 0] - back[0, 0], axis=-1) - travelled).max() < 1e-4
    assert np.abs(back[0, 0, [0, 2]]).max() < 1e-6 and joints[:, :, 1].min() + back[0, 0, 1] == pytest.approx(
        joints[0, 0, 1], abs=1e-4
    )
    across = back[0, 2] - back[0, 1] + back[0, 17] - back[0, 16]
    assert across[0] < 0 and abs(across[2]) < 1e-4  # right is -X when facing +Z


def test_yaw_is_half_the_angle_of_a_turn_to_the_left():
    features = ft.motion_to_features(walk(200, turn_deg_per_frame=1.0))
    middle = features[95:105, 0]  # away from the ends, where the smoothing runs out
    # World to heading turns to the right while the body turns to the left: 1 degree, halved, negative.
    assert np.degrees(middle) == pytest.approx(-0.5, abs=0.005)


def test_a_full_turn_closes_the_circle():
    motion = walk(121, turn_deg_per_frame=3.0)
    back = ft.features_to_joints(ft.motion_to_features(motion))
    # 120 frames of 3 degrees: the path is a circle of 120 x 5 cm, and ends where it began.
    path = motion.joints()[:-1, 0]
    assert np.linalg.norm(path[-1] - path[0]) < 0.12
    assert np.linalg.norm(back[-1, 0] - back[0, 0]) == pytest.approx(np.linalg.norm(path[-1] - path[0]), abs=1e-4)


def test_walking_straight_moves_along_z_at_its_speed():
    features = ft.motion_to_features(walk(60))
    assert features[20:40, 1] == pytest.approx(0.0, abs=2e-3)
    assert features[20:40, 2] == pytest.approx(0.05, abs=1e-3)


def test_a_resting_foot_is_in_contact_and_a_fast_one_is_not():
    motion = walk(40)
    still = Motion(20.0, np.repeat(motion.rotations[:1], 40, 0), np.repeat(motion.root_translation[:1], 40, 0))
    assert (ft.motion_to_features(still)[:, ft.CONTACTS] == 1).all()
    flying = Motion(20.0, still.rotations, motion.root_translation)  # 5 cm a frame: 0.0025 squared metres > 0.002
    assert (ft.motion_to_features(flying)[:, ft.CONTACTS] == 0).all()


def test_local_channels_hold_the_motions_own_rotations():
    motion = walk(30, 3.0, seed=2)
    q = ft.local_rotations(ft.motion_to_features(motion, "local"))
    assert np.degrees(rot.angle_between(q[:, 1:], motion.rotations[:-1, 1:].astype(np.float64))).max() < 0.05
    assert (q[:, 0] == rot.IDENTITY).all()


def test_humanml3d_channels_rebuild_the_joints_from_rotations():
    joints = walk(50, 5.0, seed=3).joints()
    features = ft.joints_to_features(joints)
    offsets = ft.skeleton_offsets(joints[0])
    by_position = ft.features_to_joints(features)
    assert np.abs(ft.features_to_joints_by_rotation(features, offsets) - by_position).max() < 1e-4


def test_uniform_skeleton_scales_a_small_actor_to_the_target():
    joints = walk(40).joints().astype(np.float64)
    offsets = ft.skeleton_offsets(joints[0])
    child = ft.joints_to_features(joints * 0.6, target_offsets=offsets)
    assert np.abs(child - ft.joints_to_features(joints)).max() < 1e-4


def test_unknown_rotation_channels_and_single_frames_are_refused():
    with pytest.raises(ValueError, match="rotation_channels"):
        ft.motion_to_features(walk(5), "quaternion")
    with pytest.raises(ValueError, match="two frames"):
        ft.joints_to_features(walk(5).joints()[:1])


def test_mirrored_joints_have_mirrored_features():
    joints = walk(50, 4.0, seed=1).joints().astype(np.float64)
    there = ft.joints_to_features(joints)
    back = ft.joints_to_features(joints[:, list(MIRROR)] * [-1, 1, 1])
    assert np.abs(there[:, :2] + back[:, :2]).max() < 1e-5  # yaw and sideways velocity change sign
    assert np.abs(there[:, 2:4] - back[:, 2:4]).max() < 1e-5
    assert (there[:, [259, 260, 261, 262]] == back[:, [261, 262, 259, 260]]).all()


@pytest.mark.shared
def test_the_public_sample_is_reproduced():
    if not (SAMPLE / "new_joints_012314.npy").is_file():
        pytest.skip("needs HumanML3D's public sample beside the repository")
    joints, published = np.load(SAMPLE / "new_joints_012314.npy"), np.load(SAMPLE / "new_joint_vecs_012314.npy")
    assert np.abs(ft.features_to_joints(published) - joints).max() < 1e-6
    offsets = ft.skeleton_offsets(joints[0])
    assert np.abs(ft.features_to_joints_by_rotation(published, offsets) - joints).max() < 2e-6
    made = ft.joints_to_features(joints)
    # Its own last frame was lost when it was made, which the smoothing of the heading feels.
    within = {
        "yaw": 3.5e-4, "velocity": 2e-4, "height": 1e-6, "positions": 7.5e-3, "six_d": 1.5e-2, "joint_velocity": 5e-4,
        "contacts": 0.0,
    }  # fmt: skip
    for name, columns in ft.HUMANML3D.blocks.items():
        assert np.abs(made[:, columns] - published[: len(made), columns]).max() <= within[name], name
