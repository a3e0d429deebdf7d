# SPDX-License-Identifier: Apache-2.0
"""AMASS to HumanML3D's clips, with a body model and recordings that are made here."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="smplx needs PyTorch")
pytest.importorskip("smplx.lbs", reason="bodies are smplx's")

from test_smpl import body_arrays, joints_by_smplx  # noqa: E402

from moclip.data.check import problems  # noqa: E402
from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.data.humanml3d import file_key  # noqa: E402
from moclip.files.smpl import Parameters, load_body, to_smpl  # noqa: E402
from moclip.motion.features import BLOCKS, features_to_joints, joints_to_features  # noqa: E402
from moclip.motion.skeleton import BONE_LENGTHS, PARENTS, RAW_OFFSETS  # noqa: E402
from moclip_backend.bench.solver import synthetic_motion  # noqa: E402

TALL = np.array([2.0, 0.5])


def recording(
    path: Path, model: Path, seed: int, frames: int = 300, gender: str = "male", fps: float = 50
) -> Parameters:
    """Written as AMASS has it; at 50 frames a second, every second one is read."""
    motion = synthetic_motion(np.random.default_rng(seed), frames)
    parameters = replace(to_smpl(motion, load_body(model, TALL)), fps=fps, gender=gender)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **parameters.arrays())


@pytest.fixture
def world(tmp_path) -> Path:
    """bodies, AMASS and HumanML3D's repository: two clips of one recording, one of one that is not there."""
    for gender in ("male", "female"):
        (tmp_path / "bodies" / "smplh" / gender).mkdir(parents=True)
        np.savez(tmp_path / "bodies" / "smplh" / gender / "model.npz", **body_arrays("smplh"))
    model = tmp_path / "bodies" / "smplh" / "male" / "model.npz"
    recording(tmp_path / "amass" / "KIT" / "3" / "walk_left02_poses.npz", model, 1)
    recording(tmp_path / "amass" / "Transitions" / "mazen_c3d" / "crawl run_poses.npz", model, 2, gender="female")
    inner = tmp_path / "HumanML3D" / "HumanML3D"
    (inner / "texts").mkdir(parents=True)
    (tmp_path / "HumanML3D" / "index.csv").write_text(
        "source_path,start_frame,end_frame,new_name\n"
        "./pose_data/KIT/3/walk_left02_poses.npy,10,90,000000.npy\n"
        "./pose_data/KIT/3/walk_left02_poses.npy,80,140,000001.npy\n"
        "./pose_data/Transitions_mocap/mazen_c3d/crawl_run_poses.npy,0,60,000002.npy\n"
        "./pose_data/CMU/01/01_01_poses.npy,0,60,000003.npy\n"
        "./pose_data/KIT/3/walk_left02_poses.npy,400,460,000004.npy\n"
        "./pose_data/KIT/3/walk_left02_poses.npy,0,60,000005.npy\n"
    )
    for k in range(5):
        for name, side in ((f"00000{k}", "left"), (f"M00000{k}", "right")):
            (inner / "texts" / f"{name}.txt").write_text(f"goes {side}.#go/VERB {side}/ADV#0.0#0.0\n")
    ids = [f"{m}00000{k}" for k in (0, 2, 3, 4, 5) for m in ("", "M")]
    (inner / "train.txt").write_text("\n".join(ids))
    (inner / "val.txt").write_text("000001\nM000001")
    (inner / "test.txt").write_text("")
    return tmp_path


def amass(moclip, world: Path, *more: str, out: str = "made"):
    return moclip(
        "data", "amass", str(world / "amass"), "--body-models", str(world / "bodies"), "--out", str(world / out), *more
    )


def features_by_smplx(world: Path, first: int, last: int) -> np.ndarray:
    """Of the recording in KIT, by smplx's own joints and the steps of HumanML3D's scripts."""
    with np.load(world / "amass" / "KIT" / "3" / "walk_left02_poses.npz") as held:
        poses, trans, betas = held["poses"][::2].reshape(-1, 52, 3), held["trans"][::2], held["betas"][:10]
    joints = joints_by_smplx(body_arrays("smplh"), Parameters("smplh", 20, poses, trans, betas))[:, :22]
    joints = (joints @ np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]]))[first:last]
    joints[..., 0] *= -1
    return joints_to_features(joints, target_offsets=RAW_OFFSETS * BONE_LENGTHS[:, None])


def test_a_body_model_made_here_goes_the_whole_way_to_features(world, moclip):
    code, told, _ = amass(moclip, world, "--humanml3d", str(world / "HumanML3D"))
    assert code == 0 and "refused, not among AMASS's files: 1 files" in told
    dataset = DatasetFolder(world / "made")
    assert dataset.listed("train") == ["000000", "M000000", "000002", "M000002"]
    assert dataset.ids("val") == ["000001", "M000001"] and dataset.captions("M000001") == ["goes right."]
    features = dataset.load("000000")
    assert features.shape == (79, 263) and np.abs(features - features_by_smplx(world, 10, 90)).max() < 1e-4
    joints = features_to_joints(features)
    bones = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
    assert np.abs(bones - BONE_LENGTHS[1:]).max() < 1e-4
    # The mirror image: left for right, but for the two sides' lengths, which are not quite the same.
    other = features_to_joints(dataset.load("M000000"))
    assert np.abs(other[:, 20, 1] - joints[:, 21, 1]).max() < 0.04 < np.abs(other[:, 21, 1] - joints[:, 21, 1]).max()
    # Half a second is left out at the beginning of Transitions, so ten frames of its 150.
    assert len(dataset.load("000002")) == 59
    rows = np.concatenate([dataset.load(i) for i in dataset.listed("all")]).astype(np.float64)
    assert np.allclose(dataset.mean, rows.mean(0), atol=1e-5)
    assert np.allclose(dataset.std[BLOCKS[3]], rows.std(0)[BLOCKS[3]].mean(), atol=1e-5)
    assert dataset.meta["licence"].endswith("research only") and dataset.meta["protocol"] == "humanml3d"
    assert problems(dataset) == ["The split test.txt is empty."]
    refused = (world / "made" / "refused.txt").read_text().splitlines()
    assert refused == [
        "CMU/01/01_01_poses.npy: it is not among AMASS's files.",
        "000005: it has no caption in " + f"{world / 'HumanML3D' / 'HumanML3D' / 'texts'}.",
        "000004: frames 400 to 460 are asked for, and KIT/3/walk_left02_poses.npy has 150.",
    ]


def test_a_build_is_resumed_and_the_same_in_two_processes(world, moclip, monkeypatch):
    given = ("--humanml3d", str(world / "HumanML3D"))
    assert amass(moclip, world, *given)[0] == 0
    assert amass(moclip, world, *given, "--processes", "2", out="two")[0] == 0
    files = sorted(p.relative_to(world / "made") for p in (world / "made").rglob("*.*"))
    assert all((world / "made" / f).read_bytes() == (world / "two" / f).read_bytes() for f in files)
    kept = world / "made" / "new_joint_vecs" / "000000.npy"
    before = kept.stat().st_mtime_ns
    (world / "made" / "texts" / "000001.txt").unlink()
    (world / "made" / "new_joint_vecs" / "000001.npy").write_bytes(b"half")
    assert amass(moclip, world, *given)[0] == 0
    assert kept.stat().st_mtime_ns == before
    assert all((world / "made" / f).read_bytes() == (world / "two" / f).read_bytes() for f in files)


def babel(world: Path) -> str:
    folder = world / "babel"
    folder.mkdir()
    label = {"raw_label": "walk to the left", "proc_label": "walk", "act_cat": ["walk"]}
    between = {"raw_label": "transition", "proc_label": "transition", "act_cat": ["transition"]}
    wave = {"raw_label": "wave", "proc_label": "wave", "act_cat": ["wave", "hand movements"]}
    parts = [{**label, "start_t": 0.0, "end_t": 3.2}, {**between, "start_t": 3.2, "end_t": 3.4},
             {**wave, "start_t": 3.4, "end_t": 6.0}]  # fmt: skip
    entry = {"feat_p": "KIT/KIT/3/walk_left02_poses.npz", "dur": 6.0, "seq_ann": {"labels": [label]}}
    (folder / "train.json").write_text(json.dumps({"7": {**entry, "frame_ann": {"labels": parts}}}))
    other = {"feat_p": "Transitions_mocap/Transitions_mocap/mazen_c3d/crawl_run_poses.npz", "dur": 6.0}
    (folder / "val.json").write_text(
        json.dumps({"8": {**other, "seq_ann": {"labels": [wave]}, "frame_ann": None}, "9": {**other, "seq_ann": None}})
    )
    return str(folder)


def test_labels_of_babel_are_joined_to_the_clips(world, moclip):
    (world / "HumanML3D" / "HumanML3D" / "texts" / "000001.txt").unlink()
    assert amass(moclip, world, "--humanml3d", str(world / "HumanML3D"), "--babel", babel(world))[0] == 0
    dataset = DatasetFolder(world / "made")
    # Every second frame of 50 counts as one of 20: the clip is seconds 0.4 to 3.6, and says it is 4 long.
    shown = dataset.clips["000000"]["babel"]
    assert [(one["text"], one["categories"]) for one in shown] == [
        ("walk to the left", ["walk"]), ("wave", ["wave", "hand movements"]),
    ]  # fmt: skip
    assert (shown[0]["start"], shown[0]["end"]) == (0.0, 3.5) and shown[1]["start"] == 3.75
    # HumanML3D's words come first; where it has none, BABEL's are the captions, with their times.
    assert dataset.captions("000000") == ["goes left."]
    assert dataset.ids("val") == ["000001@0.25-3", "M000001@0.25-3"]
    assert dataset.captions("M000001@0.25-3") == ["wave"]


def test_babel_alone_makes_a_clip_of_each_label(world, moclip):
    assert amass(moclip, world, "--babel", babel(world))[0] == 0
    dataset = DatasetFolder(world / "made")
    assert dataset.ids("train") == ["babel00007_0_0", "Mbabel00007_0_0", "babel00007_1_0", "Mbabel00007_1_0"]
    assert dataset.captions("Mbabel00007_0_0") == ["walk to the right"]
    assert len(dataset.load("babel00007_0_0")) == 79 and len(dataset.load("babel00007_1_0")) == 64
    assert dataset.ids("val") == ["babel00008_0_0", "Mbabel00008_0_0"]


def test_a_missing_body_model_is_named_with_where_to_get_it(world, moclip):
    (world / "bodies" / "smplh" / "female" / "model.npz").unlink()
    code, _, told = amass(moclip, world, "--humanml3d", str(world / "HumanML3D"))
    assert code == 1 and "There is no SMPL-H model of a female body in" in told
    assert "smplh/female/model.npz" in told and "https://mano.is.tue.mpg.de" in told


def test_what_is_missing_or_no_file_of_its_kind_is_one_sentence(world, moclip):
    code, _, told = amass(moclip, world)
    assert code == 1 and "Nothing says what AMASS's recordings show" in told
    code, _, told = amass(moclip, world, "--babel", str(world))
    assert code == 1 and "has no train.json of BABEL" in told
    (world / "train.json").write_text('{"7": {"feat_p"}')
    code, _, told = amass(moclip, world, "--babel", str(world))
    assert code == 1 and "is not one of BABEL's" in told
    code, _, told = amass(moclip, world, "--humanml3d", str(world / "bodies"))
    assert code == 1 and "has no index.csv of HumanML3D" in told
    (world / "HumanML3D" / "HumanML3D" / "val.txt").unlink()
    code, _, told = amass(moclip, world, "--humanml3d", str(world / "HumanML3D"))
    assert code == 1 and "has no val.txt" in told and "unzip HumanML3D/texts.zip" in told
    (world / "HumanML3D" / "HumanML3D" / "val.txt").write_text("")
    (world / "HumanML3D" / "index.csv").write_text("source_path,start_frame\nx,1\n")
    code, _, told = amass(moclip, world, "--humanml3d", str(world / "HumanML3D"))
    assert code == 1 and "Line 2 of" in told
    empty = world / "empty"
    empty.mkdir()
    code, _, told = moclip("data", "amass", str(empty), "--body-models", str(world), "--out", str(world / "o"),
                           "--babel", babel(world))  # fmt: skip
    assert code == 1 and "holds no .npz file of AMASS" in told and "https://amass.is.tue.mpg.de" in told


def test_a_damaged_recording_is_refused_and_the_rest_goes_on(world, moclip):
    (world / "amass" / "KIT" / "3" / "walk_left02_poses.npz").write_bytes(b"PK")
    code, told, _ = amass(moclip, world, "--humanml3d", str(world / "HumanML3D"))
    assert code == 0 and "refused, unreadable: 1 files" in told
    assert "does not hold AMASS's poses" in (world / "made" / "refused.txt").read_text()
    assert DatasetFolder(world / "made").listed("train") == ["000002", "M000002"]


def test_recordings_are_found_however_a_release_calls_them():
    for one, other in (
        ("MPI_HDM05/bk/HDM_bk_01-01_01_120_poses.npy", "HDM05/HDM05/bk/HDM_bk_01-01_01_120_stageii.npz"),
        ("ACCAD/Female1General_c3d/A1 - Stand_poses.npy", "ACCAD/Female1General_c3d/A1_-_Stand_stageii.npz"),
        ("BioMotionLab_NTroje/rub001/0001_poses.npy", "BMLrub/rub001/0001_poses.npz"),
    ):
        assert file_key(one) == file_key(other)
    assert file_key("KIT/3/a_poses.npy") != file_key("KIT/4/a_poses.npy")
