# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import numpy as np
import pytest
from gaits import gesture, walk
from typer.testing import CliRunner

from moclip.captions.labels import ActionLabel
from moclip.data.build import BuildOptions, build_dataset
from moclip.data.check import problems
from moclip.data.credits import Credit
from moclip.data.folder import DatasetFolder
from moclip.data.sources import BvhFolders
from moclip.errors import MoclipError
from moclip.files.bvh import write_bvh
from moclip.files.foreign import load_bvh_motion
from moclip.motion.features import BLOCKS, features_to_joints
from moclip_backend.commands.data import app

BANDAI = Credit("Bandai-Namco-Research-Motiondataset", "CC BY-NC 4.0", False, "Bandai Namco Research Inc.")
CMU = Credit("CMU Graphics Lab Motion Capture Database", "free for all uses")
OPTIONS = BuildOptions(captions_per_clip=4, sequences=24, made=0)
KINDS = ("clip", "sequence")


def source(folder: Path) -> BvhFolders:
    """A folder's recordings, credited as the user says."""
    return BvhFolders([folder], credits={folder.name: BANDAI})


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bvh")
    for number in range(8):
        write_bvh(walk(45 + 5 * number, seed=number), folder / f"dataset-2_walk_normal_{number:03d}.bvh")
        write_bvh(gesture(50 + number, 16, 140), folder / f"dataset-2_wave-left-hand_active_{number:03d}.bvh")
    write_bvh(walk(15), folder / "dataset-2_walk_normal_100.bvh")
    write_bvh(walk(50), folder / "holiday.bvh")
    (folder / "dataset-2_walk_normal_101.bvh").write_text("HIERARCHY\nROOT Hips\n")
    return folder


@pytest.fixture(scope="module")
def dataset(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("dataset")
    return build_dataset(source(recordings), out, OPTIONS), DatasetFolder(out)


def test_the_folder_is_whole_and_says_where_it_comes_from(dataset):
    report, folder = dataset
    assert problems(folder) == []
    assert folder.meta["rotation_channels"] == "local" and folder.meta["fps"] == 20
    assert folder.meta["licence"] == "CC BY-NC 4.0" and "Bandai Namco" in str(folder.meta["sources"])
    assert sum(report.clips.values()) == len(folder.clips) == sum(len(folder.ids(s)) for s in ("train", "val", "test"))
    assert set(folder.ids("all")) == set(folder.clips)


def test_what_was_refused_is_counted_by_reason(dataset):
    report, _ = dataset
    assert {reason: files for reason, (files, _) in report.refused.items()} == {
        "shorter than 20 frames": 1,
        "no action in the file name": 1,
        "unreadable or unknown skeleton": 1,
    }
    assert report.refused["no action in the file name"][1] == pytest.approx(50 / 20 / 60)


def test_all_that_is_made_of_a_recording_stays_in_its_split(dataset):
    _, folder = dataset
    split_of: dict[str, str] = {}
    for line in folder.clips.values():
        for source in line["source"].split("+"):
            assert split_of.setdefault(source, line["split"]) == line["split"]
    assert set(split_of.values()) == {"train", "val", "test"}


def test_mirrored_clips_are_mirror_images_with_left_and_right_swapped(dataset):
    _, folder = dataset
    name = "dataset-2_wave-left-hand_active_000"
    there, back = folder.clips[name], folder.clips[f"M{name}"]
    assert [line["actions"][0]["side"] for line in (there, back)] == ["left", "right"] and back["mirrored"]
    left, right = features_to_joints(folder.load(name)), features_to_joints(folder.load(f"M{name}"))
    assert left[25, 20, 1] > 1.6 > 1.2 > left[25, 21, 1]  # the left wrist is up, the right one hangs
    assert right[25, 21, 1] > 1.6 > 1.2 > right[25, 20, 1]
    for clip, hand, other in ((name, "left", "right"), (f"M{name}", "right", "left")):
        captions = " ".join(folder.captions(clip)).lower()
        assert other not in captions, (clip, hand)


def test_clips_of_actions_with_few_recordings_have_more_captions(dataset):
    _, folder = dataset
    count = {kind: {len(folder.captions(i)) for i, c in folder.clips.items() if c["kind"] == kind} for kind in KINDS}
    assert count == {"clip": {3 * OPTIONS.captions_per_clip}, "sequence": {OPTIONS.captions_per_clip}}


def test_sequences_have_two_actions_and_fit_the_model(dataset):
    _, folder = dataset
    made = [line for line in folder.clips.values() if line["kind"] == "sequence"]
    assert len(made) >= 30
    for line in made:
        first, second = ((a["action"], a["side"]) for a in line["actions"])
        assert first != second and {first[0], second[0]} <= {"walk", "wave", "stand"}
        assert 49 <= line["frames"] == len(folder.load(line["id"])) <= 196


def test_mean_and_std_are_those_of_the_training_rows(dataset):
    _, folder = dataset
    rows = np.concatenate([folder.load(i) for i in folder.ids("train")]).astype(np.float64)
    assert np.abs(folder.mean - rows.mean(axis=0)).max() < 1e-5
    for block in BLOCKS:
        assert np.ptp(folder.std[block]) == 0
        assert folder.std[block][0] == pytest.approx(rows[:, block].std(axis=0).mean(), rel=1e-4)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_files_give_the_same_bytes_and_a_broken_off_build_goes_on(dataset, recordings, tmp_path):
    _, folder = dataset
    calls = 0

    def stop_in_the_middle(stage: str, fraction: float) -> None:
        nonlocal calls
        calls += stage == "clips"
        if calls > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_dataset(source(recordings), tmp_path, OPTIONS, progress=stop_in_the_middle)
    done = {p: p.stat().st_mtime_ns for p in (tmp_path / "texts").iterdir()}
    assert done and not (tmp_path / "train.txt").exists()
    build_dataset(source(recordings), tmp_path, OPTIONS)
    assert {p: p.stat().st_mtime_ns for p in done} == done  # kept, not made again
    assert bytes_of(tmp_path) == bytes_of(folder.path)


def test_no_mirror_and_no_sequences(recordings, tmp_path):
    report = build_dataset(
        BvhFolders([recordings]), tmp_path, BuildOptions(captions_per_clip=1, sequences=0, mirror=False, made=0)
    )
    assert report.clips["sequence"] == 0
    assert not any(line["mirrored"] for line in DatasetFolder(tmp_path).clips.values())


def test_rotations_of_humanml3d_on_demand(recordings, dataset, tmp_path):
    options = BuildOptions(captions_per_clip=1, sequences=0, mirror=False, rotation_channels="humanml3d", made=0)
    build_dataset(BvhFolders([recordings]), tmp_path, options)
    folder, own = DatasetFolder(tmp_path), dataset[1]
    assert folder.meta["rotation_channels"] == "humanml3d"
    theirs, ours = (f.load("dataset-2_walk_normal_000") for f in (folder, own))
    six_d = BLOCKS[4]
    assert np.abs(theirs[:, : six_d.start] - ours[:, : six_d.start]).max() < 1e-5
    assert np.abs(theirs[:, six_d] - ours[:, six_d]).max() > 0.1
    result = CliRunner().invoke(app, ["bvh", str(recordings), "--out", str(tmp_path), "--rotation-channels", "euler"])
    assert isinstance(result.exception, MoclipError) and "euler" in str(result.exception)


def test_folders_without_anything_to_use(tmp_path):
    with pytest.raises(MoclipError, match="There is no folder"):
        build_dataset(BvhFolders([tmp_path / "none"]), tmp_path / "out")
    with pytest.raises(MoclipError, match="no BVH file"):
        build_dataset(BvhFolders([tmp_path]), tmp_path / "out")
    (tmp_path / "holiday.bvh").write_text("sun")
    with pytest.raises(MoclipError, match="None of the recordings") as error:
        build_dataset(BvhFolders([tmp_path]), tmp_path / "out")
    assert "not a BVH file" in error.value.hint
    (tmp_path / "file").write_text("")
    with pytest.raises(MoclipError, match="cannot be written"):
        build_dataset(BvhFolders([tmp_path]), tmp_path / "file" / "out")


def official(path: Path) -> Path:
    """A folder as HumanML3D publishes it: no meta file, no labels."""
    for part in ("new_joint_vecs", "texts"):
        (path / part).mkdir()
    np.save(path / "new_joint_vecs" / "000001.npy", np.ones((50, 263), dtype=np.float32))
    (path / "texts" / "000001.txt").write_text(
        "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n"
        "he stops.#he/PRON stop/VERB#1.0#2.0\n"
        "he strolls.#he/PRON#nan#nan\n"
    )
    for name in ("train.txt", "val.txt", "test.txt"):
        (path / name).write_text("000001\n" if name == "train.txt" else "")
    np.save(path / "Mean.npy", np.zeros(263))
    np.save(path / "Std.npy", np.ones(263))
    return path


def test_an_official_folder_is_read_as_it_is(tmp_path):
    folder = DatasetFolder(official(tmp_path))
    assert folder.meta["rotation_channels"] == "humanml3d" and folder.clips == {}
    assert folder.captions("000001") == ["a man walks.", "he strolls."]  # "he stops." is about one second of it
    assert folder.load("000001").shape == (50, 263) and folder.mean.dtype == np.float32


@pytest.mark.parametrize("missing", ["texts", "new_joint_vecs", "train.txt", "Mean.npy"])
def test_a_folder_that_lacks_a_part_is_named_with_it(tmp_path, missing):
    path = official(tmp_path)
    (path / missing).rename(path / "elsewhere")
    with pytest.raises(MoclipError, match=f"has no {missing}"):
        DatasetFolder(path)


@pytest.mark.parametrize("name", ["Mean.npy", "Std.npy", "new_joint_vecs/000001.npy", "clips.jsonl", "meta.json"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"{"])
def test_a_damaged_file_is_one_sentence(tmp_path, name, content):
    path = official(tmp_path)
    (path / name).write_bytes(content)
    if name == "clips.jsonl" and not content:
        return  # an empty list is one
    with pytest.raises(MoclipError) as caught:
        folder = DatasetFolder(path)
        folder.load("000001")
        folder.clips  # noqa: B018
    assert caught.value.code == "bad_dataset" and "\n" not in str(caught.value)


def test_damaged_clips_are_found_one_sentence_each(tmp_path):
    path = official(tmp_path)
    ids = ["000001", "narrow", "infinite", "cut", "silent", "textless"]
    (path / "train.txt").write_text("\n".join(ids))
    good = np.ones((50, 263), dtype=np.float32)
    for clip in ids[1:]:
        np.save(path / "new_joint_vecs" / f"{clip}.npy", good[:, :251] if clip == "narrow" else good)
        (path / "texts" / f"{clip}.txt").write_text("a man walks.#a/DET#0.0#0.0\n")
    np.save(path / "new_joint_vecs" / "infinite.npy", good * np.inf)
    (path / "new_joint_vecs" / "cut.npy").write_bytes((path / "new_joint_vecs" / "cut.npy").read_bytes()[:300])
    (path / "texts" / "silent.txt").write_text("\n")
    (path / "texts" / "textless.txt").unlink()
    found = problems(DatasetFolder(path))
    assert len(found) == 8
    for words in (
        "The split val.txt is empty",
        "The split test.txt is empty",
        "000001, silent and textless hold the same motion",
        "narrow: features have shape (50, 251)",
        "infinite: ",
        "cut: ",
        "silent.txt holds no",
        "textless has no",
    ):
        assert sum(words in problem for problem in found) == 1, words


def test_the_commands_report_and_check(recordings, tmp_path):
    runner = CliRunner()
    out = tmp_path / "made"
    result = runner.invoke(
        app, ["bvh", str(recordings), "--out", str(out), "--captions", "2", "--sequences", "4", "--made", "0"]
    )
    assert result.exit_code == 0, result.output
    assert "refused, no action in the file name: 1 files" in result.output
    result = runner.invoke(app, ["check", str(out)])
    assert result.exit_code == 0 and "nothing wrong" in result.output
    first = json.loads((out / "clips.jsonl").read_text().splitlines()[0])["id"]
    (out / "texts" / f"{first}.txt").unlink()
    result = runner.invoke(app, ["check", str(out)])
    assert result.exit_code == 1 and first in result.output


def test_a_permissive_dataset_has_no_recording_under_a_non_commercial_or_unknown_licence(tmp_path):
    for folder, prefix in (
        ("bandai", "dataset-2_walk_normal_{:03d}"),
        ("cmu", "train_walking_{:02d}"),
        ("mine", "train_running_{:02d}"),
    ):
        (tmp_path / folder).mkdir()
        for number in range(4):
            write_bvh(walk(50 + number, seed=number), tmp_path / folder / f"{prefix.format(number)}.bvh")
    options = BuildOptions(captions_per_clip=2, sequences=2, permissive=True, made=0)
    places = BvhFolders([tmp_path], credits={"bandai": BANDAI, "cmu": CMU})
    report = build_dataset(places, tmp_path / "out", options)
    built = DatasetFolder(tmp_path / "out")
    sources = {part for line in built.clips.values() for part in line["source"].split("+")}
    assert sources and all(name.startswith("train_walking") for name in sources)
    assert built.meta["licence"] == "CC BY 4.0" and list(built.meta["sources"]) == [CMU.title]
    assert report.refused["not known to be free for commercial use"][0] == 8


def test_nothing_permissive_is_one_sentence(tmp_path):
    write_bvh(walk(50), tmp_path / "dataset-2_walk_normal_000.bvh")
    refused = CliRunner().invoke(app, ["bvh", str(tmp_path), "--out", str(tmp_path / "out"), "--permissive"])
    assert isinstance(refused.exception, MoclipError) and "commercial use" in refused.exception.hint


def test_an_action_can_be_left_out(tmp_path):
    folder = tmp_path / "bvh"
    folder.mkdir()
    for number in range(4):
        write_bvh(walk(50 + number, seed=number), folder / f"train_walking_{number:02d}.bvh")
        write_bvh(walk(60 + number, seed=number), folder / f"train_basketball_{number:02d}.bvh")
    options = BuildOptions(captions_per_clip=2, sequences=2, without=["basketball_dribble"], made=0)
    report = build_dataset(BvhFolders([folder]), tmp_path / "out", options)
    actions = {a["action"] for line in DatasetFolder(tmp_path / "out").clips.values() for a in line["actions"]}
    assert "walk" in actions and "basketball_dribble" not in actions
    assert report.refused["left out, basketball_dribble"][0] == 4
    refused = CliRunner().invoke(app, ["bvh", str(folder), "--out", str(tmp_path / "no"), "--without", "socer"])
    assert isinstance(refused.exception, MoclipError) and "'socer'" in str(refused.exception)


class OneMotion:
    """A source that is no folder of files: one recording with a caption and a credit of its own."""

    name, bytes, captions, trial, left_out = "made by hand", 1, ["somebody waves the Left hand"], "made by hand", ""
    credit = Credit("A hand", "CC0 1.0")

    def __init__(self, motion):
        self._motion = motion

    def recordings(self):
        return [self]

    def load(self):
        return self._motion

    def label(self, motion):
        return ActionLabel("wave", None, "left")


def test_any_source_is_built_and_its_captions_and_credit_go_along(recordings, tmp_path):
    motion = load_bvh_motion(sorted(recordings.glob("*.bvh"))[0])
    build_dataset(OneMotion(motion), tmp_path, BuildOptions(captions_per_clip=2, sequences=0, made=0))
    made = DatasetFolder(tmp_path)
    own = [i for i, line in made.clips.items() if line["kind"] == "clip"]
    assert {made.captions(i)[0] for i in own} == {"somebody waves the Left hand", "somebody waves the Right hand"}
    assert all((made.captions(i)[0].split()[-2] == "Right") == made.clips[i]["mirrored"] for i in own)
    assert made.meta["sources"] == {"A hand": "CC0 1.0"} and made.meta["licence"] == "CC BY 4.0"
