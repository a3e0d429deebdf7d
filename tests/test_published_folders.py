# SPDX-License-Identifier: Apache-2.0
"""HumanML3D's and KIT-ML's folders as they are published, what is wrong with a folder, and clips that stay in files."""

import json
from pathlib import Path

import numpy as np
import pytest

from moclip.data import folder as folder_module
from moclip.data.check import problems
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.data.stored import Joined, Stored, Worked, chosen, lengths_of, write_packed
from moclip.errors import MoclipError

WHOLE = "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n"


def published(path: Path, clips: dict[str, tuple[int, str]], width: int = 263) -> Path:
    """clips: id -> (frames, its text file); all of them in train.txt, the first in the other splits."""
    for part in ("new_joint_vecs", "texts"):
        (path / part).mkdir(parents=True)
    for k, (clip, (frames, text)) in enumerate(clips.items()):
        rows = np.arange(frames * width, dtype=np.float64).reshape(frames, width) + 1000 * k
        np.save(path / "new_joint_vecs" / f"{clip}.npy", rows.astype(np.float32))
        (path / "texts" / f"{clip}.txt").write_text(text)
    (path / "train.txt").write_text("\n".join(clips))
    for split in ("val", "test"):
        (path / f"{split}.txt").write_text(next(iter(clips)))
    np.save(path / "Mean.npy", np.zeros(width, np.float32))
    np.save(path / "Std.npy", np.ones(width, np.float32))
    return path


def test_clips_are_those_that_papers_use_and_parts_of_them_are_clips_of_their_own(tmp_path):
    part = "he stops.#he/PRON stop/VERB#1.0#4.5\n"
    clips = {
        "000001": (120, WHOLE + part + "she waits.#she/PRON wait/VERB#1.0#4.5\n"),
        "short": (39, WHOLE), "forty": (40, WHOLE), "long": (200, WHOLE), "longest": (199, WHOLE),
        "inner": (120, "he kneels.#he/PRON kneel/VERB#2.0#6.0\n"), "brief": (120, WHOLE + "hop#hop/VERB#1.0#2.0\n"),
        "notnumber": (60, "it sits.#it/PRON sit/VERB#nan#nan\n"),
    }  # fmt: skip
    dataset = DatasetFolder(published(tmp_path / "h", clips))
    used = ["000001", "000001@1-4.5", "forty", "longest", "inner@2-6", "brief", "notnumber"]
    assert dataset.ids("train") == used
    assert dataset.captions("000001@1-4.5") == ["he stops.", "she waits."]
    assert dataset.captions("000001") == ["a man walks."]
    assert dataset.tagged_words("inner@2-6") == [[("he", "PRON"), ("kneel", "VERB")]]
    # Seconds are counted at 20 frames each: 1.0 to 4.5 is rows 20 to 90.
    whole = dataset.load("000001")
    assert np.array_equal(dataset.load("000001@1-4.5"), whole[20:90])
    loaded = load_clips(dataset, "train")
    assert loaded.ids == used and [len(f) for f in loaded.features] == [120, 70, 40, 199, 80, 120, 60]
    assert all(np.array_equal(f, dataset.load(i)) for f, i in zip(loaded.features, loaded.ids, strict=True))
    out = dataset.left_out("train")
    assert set(out) == {"short", "long", "brief@1-2"} and out["brief@1-2"].endswith("it has 20 frames, not 40 to 199.")


def test_kit_is_known_by_its_width_and_uses_shorter_clips(tmp_path):
    dataset = DatasetFolder(published(tmp_path / "k", {"00001": (24, WHOLE), "00002": (23, WHOLE)}, width=251))
    assert (dataset.meta["joints"], dataset.meta["fps"], dataset.meta["features"]) == (21, 12.5, 251)
    assert dataset.ids("train") == ["00001"]


def test_what_is_unusable_in_a_published_folder_is_left_out_and_said(tmp_path):
    path = published(tmp_path / "h", {name: (60, WHOLE) for name in ("good", "nan", "gone", "silent", "bytes")})
    np.save(path / "new_joint_vecs" / "nan.npy", np.full((60, 263), np.nan, np.float32))
    (path / "new_joint_vecs" / "gone.npy").unlink()
    (path / "texts" / "silent.txt").unlink()
    (path / "texts" / "bytes.txt").write_bytes(b"\xff\xfe#")
    dataset = DatasetFolder(path)
    assert dataset.ids("train") == ["good"] and len(dataset.left_out("train")) == 4
    assert all("\n" not in why for why in dataset.left_out("train").values())


def test_clips_of_a_build_of_ours_are_all_used(tmp_path):
    path = published(tmp_path / "o", {"a": (20, WHOLE), "b": (230, WHOLE)})
    (path / "meta.json").write_text(json.dumps({"fps": 20, "joints": 22, "rotation_channels": "local"}))
    assert load_clips(DatasetFolder(path), "train").ids == ["a", "b"]
    np.save(path / "new_joint_vecs" / "b.npy", np.full((230, 263), np.inf, np.float32))
    with pytest.raises(MoclipError, match="b: features hold numbers that are not finite"):
        load_clips(DatasetFolder(path), "train")


def test_files_are_looked_at_once(tmp_path, monkeypatch):
    path = published(tmp_path / "h", {name: (60, WHOLE) for name in ("a", "b", "c")})
    first = load_clips(DatasetFolder(path), "train")
    seen = []
    read = folder_module._read_array
    monkeypatch.setattr(folder_module, "_read_array", lambda p, name: seen.append(name) or read(p, name))
    rows = np.ones((50, 263), np.float32)
    np.save(path / "new_joint_vecs" / "b.npy", rows)
    again = load_clips(DatasetFolder(path), "train")
    assert [name for name in seen if not name.endswith(".npy")] == ["b"]
    assert np.array_equal(again.features[1], rows) and np.array_equal(again.features[0], first.features[0])
    # What changes while it is used is said.
    np.save(path / "new_joint_vecs" / "b.npy", rows[:10])
    with pytest.raises(MoclipError, match="has changed since"):
        again.features[1]
    (path / ".survey.json").write_text("{")
    assert DatasetFolder(path).ids("train") == ["a", "c"]  # b has ten frames


def test_other_kinds_of_numbers_are_read_the_same(tmp_path):
    path = published(tmp_path / "h", {name: (60, WHOLE) for name in ("double", "columns")})
    rows = np.random.default_rng(0).normal(size=(60, 263))
    np.save(path / "new_joint_vecs" / "double.npy", rows)
    np.save(path / "new_joint_vecs" / "columns.npy", np.asfortranarray(rows.astype(np.float32)))
    for features in load_clips(DatasetFolder(path), "train").features:
        assert features.dtype == np.float32 and np.array_equal(features, rows.astype(np.float32))


def test_the_check_finds_what_is_wrong_with_lists_numbers_and_clips(tmp_path, moclip):
    path = published(tmp_path / "h", {name: (60, WHOLE) for name in ("a", "b", "c")})
    for split in ("val", "test"):
        (path / f"{split}.txt").write_text("c" if split == "val" else "")
    (path / "train.txt").write_text("a\nb\na\nc\none")
    (path / "texts" / "one.txt").write_text(WHOLE)
    np.save(path / "new_joint_vecs" / "one.npy", np.ones((1, 263), np.float32))
    np.save(path / "new_joint_vecs" / "b.npy", np.load(path / "new_joint_vecs" / "a.npy"))
    std = np.ones(263, np.float32)
    std[[7, 9]] = 0
    np.save(path / "Std.npy", std)
    assert problems(DatasetFolder(path)) == [
        "Std.npy is 0 or less in 2 of its 263 numbers, the first in column 7: features cannot be divided by it.",
        "The split test.txt is empty.",
        "a is listed 2 times: in train.txt and train.txt.",
        "c is listed 2 times: in train.txt and val.txt.",
        "one: it has 1 frame, and a token is 4.",
        "a and b hold the same motion.",
    ]
    code, told, _ = moclip("data", "check", str(path))
    assert code == 1 and "Left out of train as in papers: 1, the first of them one: it has 1 frames" in told


def test_arrays_that_are_not_in_memory_are_lists_to_whoever_reads_them(tmp_path):
    rows = [np.full((n, 6), n, np.float32) for n in (3, 1, 4)]
    packed = write_packed(tmp_path / "p" / "all", np.array([3, 1, 4]), 6, ((k, rows[k]) for k in (2, 0, 1)))
    assert isinstance(packed, Stored) and all(np.array_equal(a, b) for a, b in zip(packed, rows, strict=True))
    asked = []
    worked = Worked(packed, lambda a: asked.append(len(a)) or a * 2, room=4 * 6 * 4)
    both = chosen(Joined(worked, packed), [5, 0, 2])
    assert lengths_of(both).tolist() == [4, 3, 4] and not asked
    assert np.array_equal(both[1], rows[0] * 2) and np.array_equal(both[-1], rows[2] * 2)
    assert both[1].shape == (3, 6) and both[2].shape == (4, 6) and asked == [3, 4, 4]  # the first fits, the second not
    with pytest.raises(IndexError):
        both[3]
