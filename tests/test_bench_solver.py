# SPDX-License-Identifier: Apache-2.0
"""What the solver's figures mean, and that the table of usual twists can be measured."""

import json
from dataclasses import replace

import numpy as np
import pytest

from moclip.errors import MoclipError
from moclip.motion import rotations
from moclip.motion.features import motion_to_features
from moclip.motion.motion import Motion
from moclip.motion.skeleton import LEAF_JOINTS, PARENTS, REST_OFFSETS
from moclip.motion.twist import TWIST_PRIOR
from moclip_backend.bench.solver import bench_solver, fast_turns, synthetic_motion, wobble
from moclip_backend.bench.twist_prior import measure_twist_prior

X, Y, Z = np.eye(3)


def test_figures_of_made_up_motions_hold_and_fit_into_json():
    figures = bench_solver(None, clips=3)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["clips"] == 3 and figures["source"] == "synthetic"
    assert figures["fk_error_m"]["max"] < 1e-4
    assert figures["fk_error_with_wobbling_bones_m"]["mean"] < 0.01
    assert len(figures["geodesic_error_deg"]["per_joint"]) == 17
    assert figures["geodesic_error_deg"]["mean"] < 15
    assert figures["fast_turns"] == 0
    assert 0 < figures["forward_kinematics_ms"] < figures["solve_ms"] * 2


def _dataset(folder, rotation_channels: str):
    (folder / "new_joint_vecs").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        np.save(folder / "new_joint_vecs" / f"{name}.npy", motion_to_features(synthetic_motion(rng, 60)))
    (folder / "meta.json").write_text(json.dumps({"format": 1, "fps": 20, "rotation_channels": rotation_channels}))


def test_a_dataset_folder_gives_the_same_kind_of_figures(tmp_path):
    _dataset(tmp_path, "local")
    figures = bench_solver(tmp_path, clips=5)
    assert figures["clips"] == 2 and figures["frames"] == 2 * 59
    assert figures["fk_error_m"]["mean"] < 0.001
    assert figures["geodesic_error_deg"]["per_joint"]["pelvis"] < 0.1
    assert figures["geodesic_error_deg"]["mean"] < 15


def test_folders_without_true_rotations_are_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="not a dataset"):
        bench_solver(tmp_path)
    _dataset(tmp_path, "humanml3d")
    with pytest.raises(MoclipError, match="no true rotations"):
        bench_solver(tmp_path)


def test_fast_turns_finds_a_twist_that_no_bone_shows():
    local = np.tile([1.0, 0, 0, 0], (10, 22, 1))
    local[5:, 18] = rotations.from_axis_angle(X, np.radians(40))  # a forearm turns about itself
    root = np.zeros((10, 3))
    found = fast_turns(Motion(20.0, local, root))
    assert found.sum() == 1 and found[4, 18]
    # At 60 frames a second 40 degrees in a frame are 120 in a twentieth of a second; 10 would be 30.
    local[5:, 18] = rotations.from_axis_angle(X, np.radians(11))
    assert fast_turns(Motion(60.0, local, root)).sum() == 1
    assert fast_turns(Motion(20.0, local, root)).sum() == 0
    # A shoulder that carries its bone along is not a twist.
    local[5:, 16] = rotations.from_axis_angle(Y, np.radians(40))
    assert not fast_turns(Motion(20.0, local, root))[:, 16].any()


def test_wobble_changes_lengths_and_keeps_directions():
    joints = synthetic_motion(np.random.default_rng(0), 50).joints()
    wobbled = wobble(joints, np.random.default_rng(1))
    bones, moved = (a[:, 1:] - a[:, list(PARENTS[1:])] for a in (joints.astype(np.float64), wobbled))
    change = np.linalg.norm(moved, axis=-1) - np.linalg.norm(bones, axis=-1)
    assert 0.003 < np.abs(change).mean() < 0.006
    assert np.sum(rotations.normalize(bones) * rotations.normalize(moved), axis=-1).min() > 0.9999


def test_measured_twists_are_the_ones_that_were_put_in():
    # The left upper arm points about and turns about itself by 0.5 rad for each unit that it leans backwards.
    rng = np.random.default_rng(0)
    directions = rotations.normalize(rng.normal(size=(400, 3)) * 0.3 + X)
    turn = rotations.from_axis_angle(X, -0.5 * directions[:, 2])
    local = np.tile([1.0, 0, 0, 0], (400, 22, 1))
    local[:, 16] = rotations.multiply(rotations.between(X, directions), turn)
    # The right one mirrors it: x the other way, and turns about y and z too.
    local[:, 17] = local[:, 16] * (1, 1, -1, -1)
    table = measure_twist_prior([Motion(20.0, local, np.zeros((400, 3)), REST_OFFSETS)])
    assert table[16] == pytest.approx((0, 0, -0.5), abs=0.02)
    assert set(table) == set(TWIST_PRIOR)
    assert not set(TWIST_PRIOR) & set(LEAF_JOINTS)


def test_leaf_rotations_do_not_count():
    truth = synthetic_motion(np.random.default_rng(2), 40)
    turned = truth.rotations.copy()
    turned[20:, 15] = rotations.from_axis_angle(Y, 1.0)
    assert not fast_turns(replace(truth, rotations=turned))[:, 15].any()
