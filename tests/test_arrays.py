# SPDX-License-Identifier: Apache-2.0
"""Motions in numpy's files as others write them: AMASS, SMPL-X, joints, diffusion models' results, KIT-ML."""

import pickle

import numpy as np
import pytest
from gaits import walk

from moclip.errors import MoclipError
from moclip.files.foreign import Given
from moclip.files.formats import load_motion, read_motion
from moclip.motion import rotations as rot
from moclip.motion.features import KIT, joints_to_features
from moclip.motion.skeleton import JOINT_INDEX

X, Y, Z = np.eye(3)
Z_UP = rot.from_axis_angle(X, np.radians(90.0))


def turns_of(q: np.ndarray) -> np.ndarray:
    """Axis angles (..., 3)."""
    q = np.where(q[..., :1] < 0, -q, q)
    angle = 2 * np.arccos(np.clip(q[..., :1], -1, 1))
    return rot.normalize(q[..., 1:]) * angle


def amass(frames: int = 30, joints: int = 52, world: np.ndarray = Z_UP, **more) -> dict[str, np.ndarray]:
    """A walk in SMPL's parameters, as far as its rest is ours: 120 frames a second, seen by axes `world`."""
    motion = walk(frames)
    rotations = motion.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(world, rotations[:, 0])
    poses = np.zeros((frames, joints, 3))
    poses[:, :22] = turns_of(rotations)
    trans = rot.rotate(world, motion.root_translation.astype(np.float64))
    return {"poses": poses.reshape(frames, -1), "trans": trans, "betas": np.zeros(16), "gender": np.array("neutral"),
            "mocap_framerate": np.array(120.0), **more}  # fmt: skip


def close(motion, other, metres: float) -> None:
    """Nearly: SMPL's mean body has limbs that are not quite ours."""
    a, b = motion.joints(), other.joints()
    assert np.abs((a - a[:, :1]) - (b - b[:, :1])).max() < metres
    step = np.diff(motion.root_translation[:, [0, 2]], axis=0) - np.diff(other.root_translation[:, [0, 2]], axis=0)
    assert np.abs(step).max() < 0.01
    assert abs(a[..., 1].min()) < 1e-5


@pytest.mark.parametrize("joints", [24, 52, 55])
def test_amass_is_read_upright_at_its_rate(tmp_path, joints):
    np.savez(tmp_path / "m.npz", **amass(joints=joints))
    reading = read_motion(tmp_path / "m.npz")
    close(reading.motion, walk(30), 0.2)
    assert reading.motion.fps == 120.0 and "Z is up" in " ".join(reading.notes)
    # The arms' and the legs' own turns are SMPL's: a knee that bends by 30 degrees bends by 30 degrees.
    knee = JOINT_INDEX["left_knee"]
    bends = [rot.angle_between(m.rotations[:, knee].astype(float), rot.IDENTITY) for m in (reading.motion, walk(30))]
    assert np.degrees(np.abs(np.ptp(bends[0]) - np.ptp(bends[1]))) < 1.0


def test_an_arm_that_is_raised_in_smpl_is_the_left(tmp_path):
    held = amass()
    held["poses"] = held["poses"].copy().reshape(30, 52, 3)
    held["poses"][:, 16] = Z * np.radians(80.0)
    held["poses"][:, [17, 18, 19]] = 0
    np.savez(tmp_path / "m.npz", **held)
    joints = load_motion(tmp_path / "m.npz").joints()
    left, right = (joints[:, JOINT_INDEX[f"{side}_wrist"]] for side in ("left", "right"))
    assert (left[:, 1] > right[:, 1] + 0.3).all()


def test_other_names_and_matrices_of_smpl_are_read(tmp_path):
    held = amass(world=rot.IDENTITY)
    poses = held["poses"].reshape(30, 52, 3)
    angle = np.linalg.norm(poses, axis=-1)
    matrices = rot.to_matrix(rot.from_axis_angle(poses / np.maximum(angle, 1e-9)[..., None], angle))
    forms = {
        "smplx": {"root_orient": poses[:, 0], "pose_body": poses[:, 1:22].reshape(30, 63), "trans": held["trans"],
                  "mocap_frame_rate": np.array(30)},
        "tracker": {"global_orient": matrices[:, :1], "body_pose": matrices[:, 1:22], "transl": held["trans"]},
    }  # fmt: skip
    for name, form in forms.items():
        np.savez(tmp_path / f"{name}.npz", **form)
        reading = read_motion(tmp_path / f"{name}.npz")
        close(reading.motion, walk(30), 0.2)
        assert reading.motion.fps == 30.0 and ("frame rate" in " ".join(reading.notes)) == (name == "tracker")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trans": np.zeros((7, 3))}, "its trans has shape (7, 3) for 30 frames"),
        ({"poses": np.zeros((30, 10))}, "its poses have shape (30, 10)"),
        ({"poses": np.zeros((30, 21))}, "of 7 joints"),
        ({"poses": np.full((30, 156), np.nan)}, "not finite"),
        ({"poses": np.zeros((0, 156))}, "its poses have shape (0, 156)"),
    ],
)
def test_parameters_that_do_not_fit_are_one_sentence(tmp_path, change, says):
    np.savez(tmp_path / "m.npz", **{**amass(), **change})
    with pytest.raises(MoclipError) as caught:
        load_motion(tmp_path / "m.npz")
    assert says in caught.value.message and caught.value.code == "damaged_file"


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
@pytest.mark.parametrize("joints", [22, 24])
def test_joints_are_read_in_any_unit(tmp_path, scale, joints):
    motion = walk(40)
    held = np.concatenate([motion.joints(), motion.joints()[:, 20:22]], axis=1)[:, :joints] * scale
    np.save(tmp_path / "m.npy", held)
    reading = read_motion(tmp_path / "m.npy", Given(fps=30.0))
    assert np.linalg.norm(reading.motion.joints() - motion.joints(), axis=-1).max() < 0.02
    assert reading.motion.fps == 30.0 and ("not in metres" in " ".join(reading.notes)) == (scale > 1)


def test_joints_with_z_up_stand_upright(tmp_path):
    motion = walk(40)
    np.save(tmp_path / "m.npy", rot.rotate(Z_UP, motion.joints().astype(float)) + [30.0, 2.0, 0.0])
    for given in (Given(), Given(up="z")):
        reading = read_motion(tmp_path / "m.npy", given)
        assert np.linalg.norm(reading.motion.joints() - motion.joints() - (30, 0, -2), axis=-1).max() < 0.02
        assert ("Z is up" in " ".join(reading.notes)) == (given.up is None)


def test_somebody_who_lies_stays_lying(tmp_path):
    lying = rot.rotate(rot.from_axis_angle(X, np.radians(-90.0)), walk(40).joints().astype(float) * (1, 1, 0.5))
    np.save(tmp_path / "m.npy", lying - [0, lying[..., 1].min(), 0])
    assert np.ptp(load_motion(tmp_path / "m.npy").joints()[0, :, 1]) < 1.0


def test_results_of_diffusion_models_are_read_without_running_code(tmp_path):
    motion = walk(40)
    joints = np.stack([motion.joints(), motion.joints() * 0]).transpose(0, 2, 3, 1)
    results = {"motion": joints, "text": ["walks", "stands"], "lengths": np.array([30, 40]), "num_samples": 2}
    np.save(tmp_path / "results.npy", results, allow_pickle=True)
    reading = read_motion(tmp_path / "results.npy")
    assert reading.motion.frames == 30 and reading.motion.fps == 20.0 and reading.motion.text == "walks"
    assert np.linalg.norm(reading.motion.joints() - motion.joints()[:30], axis=-1).max() < 0.02
    assert "2 motions; the first" in reading.notes[0]


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "made"), "w"))

    np.save(tmp_path / "evil.npy", {"motion": Evil()}, allow_pickle=True)
    with pytest.raises(MoclipError):
        load_motion(tmp_path / "evil.npy")
    assert not (tmp_path / "made").exists()
    (tmp_path / "plain.npy").write_bytes(pickle.dumps({"motion": 1}))
    with pytest.raises(MoclipError):
        load_motion(tmp_path / "plain.npy")


def test_posed_joints_in_an_archive_are_found(tmp_path):
    motion = walk(40)
    np.savez(tmp_path / "m.npz", posed_joints=motion.joints(), foot_contacts=np.zeros((40, 4)), fps=np.array(30.0))
    reading = read_motion(tmp_path / "m.npz")
    assert reading.motion.fps == 30.0 and "'posed_joints'" in reading.notes[0]
    assert np.linalg.norm(reading.motion.joints() - motion.joints(), axis=-1).max() < 0.02


def test_kimodos_results_keep_their_turns(tmp_path):
    held = amass(world=rot.IDENTITY)
    poses = held["poses"].reshape(30, 52, 3)[:, :22]
    angle = np.linalg.norm(poses, axis=-1)
    matrices = rot.to_matrix(rot.from_axis_angle(poses / np.maximum(angle, 1e-9)[..., None], angle))
    np.savez(tmp_path / "m.npz", posed_joints=walk(30).joints(), local_rot_mats=matrices, global_rot_mats=matrices,
             root_positions=held["trans"], foot_contacts=np.zeros((30, 4)))  # fmt: skip
    motion = load_motion(tmp_path / "m.npz")
    close(motion, walk(30), 0.2)
    assert motion.fps == 30.0


def test_kimodos_soma_body_is_read_by_its_joints(tmp_path):
    ours = walk(40).joints()
    joints = np.zeros((40, 77, 3))
    named = {0: "pelvis", 1: "spine1", 2: "spine2", 3: "spine3", 4: "neck", 6: "head"}
    for first, side in ((11, "left"), (39, "right")):
        named |= {first + k: f"{side}_{j}" for k, j in enumerate(("collar", "shoulder", "elbow", "wrist"))}
    for first, side in ((67, "left"), (72, "right")):
        named |= {first + k: f"{side}_{j}" for k, j in enumerate(("hip", "knee", "ankle", "foot"))}
    for k, name in named.items():
        joints[:, k] = ours[:, JOINT_INDEX[name]]
    turns = np.tile(np.eye(3), (40, 77, 1, 1))
    np.savez(tmp_path / "m.npz", posed_joints=joints, local_rot_mats=turns, root_positions=joints[:, 0])
    motion = load_motion(tmp_path / "m.npz")
    assert motion.fps == 30.0 and np.linalg.norm(motion.joints() - ours, axis=-1).max() < 0.02


def kit_joints(frames: int) -> np.ndarray:
    """The walk as KIT-ML holds it: 21 joints, millimetres, mirrored."""
    ours = walk(frames).joints().astype(np.float64)
    order = [0, 3, 9, 12, 15, 16, 18, 20, 17, 19, 21, 1, 4, 7, 10, 10, 2, 5, 8, 11, 11]
    joints = ours[:, order]
    for toe in (15, 20):
        joints[:, toe] += [0, 0, 0.05]
    return joints * (-1000.0, 1000.0, 1000.0)


def test_kit_features_walk_forwards_with_left_at_left(tmp_path):
    np.save(tmp_path / "m.npy", joints_to_features(kit_joints(60), KIT))
    reading = read_motion(tmp_path / "m.npy")
    motion, own = reading.motion, walk(60)
    assert motion.fps == 12.5 and "KIT-ML" in " ".join(reading.notes)
    joints = motion.joints()
    assert joints[-1, 0, 2] - joints[0, 0, 2] > 1.0
    assert (joints[:, JOINT_INDEX["left_hip"], 0] > joints[:, JOINT_INDEX["right_hip"], 0]).all()
    # The left ankle leads when it led in ours.
    ahead = [m.joints()[:59, 7, 2] - m.joints()[:59, 8, 2] for m in (motion, own)]
    assert np.corrcoef(ahead[0], ahead[1])[0, 1] > 0.95


def test_arrays_that_are_no_motion_are_one_sentence(tmp_path):
    for name, array in {"a": np.zeros((5, 7)), "b": np.zeros((0, 22, 3)), "c": np.zeros((5, 22, 3)),
                        "d": np.full((5, 22, 3), np.nan), "e": np.array("x"), "f": np.zeros(())}.items():  # fmt: skip
        np.save(tmp_path / f"{name}.npy", array)
        np.savez(tmp_path / f"{name}.npz", motion=array)
        for suffix in ("npy", "npz"):
            with pytest.raises(MoclipError):
                load_motion(tmp_path / f"{name}.{suffix}")
