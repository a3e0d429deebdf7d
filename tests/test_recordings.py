# SPDX-License-Identifier: Apache-2.0
"""Recordings under any name: what an index beside them says, whose they are, and what their makers' words mean."""

import json
from pathlib import Path

import pytest
from gaits import gesture, walk
from typer.testing import CliRunner

from moclip.captions.label_names import named_action
from moclip.captions.labels import ActionLabel
from moclip.data.build import BuildOptions, build_dataset
from moclip.data.credits import Credit, allows_sale, joint_licence, read_credits
from moclip.data.folder import DatasetFolder
from moclip.data.index import read_index
from moclip.data.options import BuildReport
from moclip.data.reading import read_recordings, split_recordings
from moclip.data.sources import BvhFolders
from moclip.errors import MoclipError
from moclip.files.bvh import write_bvh
from moclip_backend.commands.data import app

QUICK = BuildOptions(captions_per_clip=2, sequences=0, made=0)


def indexed(folder: Path, rows: list[str], head: str = "file\taction\ttext\tlicence\tcredit") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.tsv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return folder


def test_an_index_tells_action_words_licence_and_credit_of_files_of_any_name(tmp_path):
    folder = indexed(
        tmp_path / "mine", ["A.bvh\twalk\tstrolls to the door\tCC0 1.0\tme", "b.BVH\twave\t\tCC BY 4.0\tyou"]
    )
    write_bvh(walk(60), folder / "A.bvh")
    write_bvh(gesture(60, 16, 140), folder / "b.BVH")
    report = build_dataset(BvhFolders([folder]), tmp_path / "out", QUICK)
    made = DatasetFolder(tmp_path / "out")
    assert not report.refused and made.clips["A"]["actions"][0]["action"] == "walk"
    assert made.captions("A")[0] == "strolls to the door"
    assert (made.clips["A"]["licence"], made.clips["b"]["licence"]) == ("CC BY 4.0", "CC BY 4.0")
    assert made.meta["licence"] == "CC BY 4.0" and "CC0 1.0. me" in made.meta["sources"].values()
    assert made.clips["b"]["actions"][0]["side"] == "left"  # nobody says so but the motion


def test_a_file_name_says_nothing_of_a_licence(tmp_path):
    write_bvh(walk(60), tmp_path / "train_walking_01.bvh")
    report = BuildReport()
    source = BvhFolders([tmp_path]).recordings()
    assert source[0].credit is None
    assert read_recordings(source, BuildOptions(permissive=True), report, lambda stage, share: None) == []
    assert report.refused["not known to be free for commercial use"][0] == 1


def test_credits_are_stated_by_folder_and_the_index_goes_before_nothing(tmp_path):
    stated = tmp_path / "credits.toml"
    stated.write_text('[hands]\ntitle = "Hands"\nlicence = "CC BY-SA 3.0"\ncredit = "A. Hand"\nkeyframed = true\n')
    folder = indexed(tmp_path / "hands", ["a.bvh\twalk\t"], head="file\taction\ttext")
    write_bvh(walk(60), folder / "a.bvh")
    credit = BvhFolders([folder], credits=read_credits(stated)).recordings()[0].credit
    assert credit == Credit("Hands", "CC BY-SA 3.0", True, "A. Hand", True)
    stated.write_text('[hands]\ntitle = "Hands"\n')
    with pytest.raises(MoclipError, match="give no licence for 'hands'"):
        read_credits(stated)


@pytest.mark.parametrize(
    ("licence", "sale"),
    [("CC0 1.0", True), ("CC BY 4.0", True), ("CC BY-SA 3.0", True), ("MIT", True), ("CC BY-NC 4.0", False),
     ("CC-BY-NC-SA", False), ("ask me", False), ("free for all uses", True), ("research only", False)],
)  # fmt: skip
def test_licences_that_allow_sale(licence, sale):
    assert allows_sale(licence) is sale


def test_the_strictest_licence_is_that_of_all():
    free, alike = Credit("a", "MIT"), Credit("b", "CC BY-SA 3.0")
    assert joint_licence([free]) == "CC BY 4.0" and joint_licence([free, alike]) == "CC BY-SA 4.0"
    assert joint_licence([alike, Credit("c", "CC BY-NC 4.0", False)]) == "CC BY-NC 4.0"
    assert joint_licence([free, None]) == "unknown"


def test_recordings_under_a_licence_can_be_left_out(tmp_path):
    folder = indexed(tmp_path / "x", ["a.bvh\twalk\t\tCC BY-SA 3.0\t", "b.bvh\twalk\t\tMIT\t"])
    for name in "ab":
        write_bvh(walk(60), folder / f"{name}.bvh")
    options = BuildOptions(without_licences=["by-sa"])
    report = BuildReport()
    kept = read_recordings(BvhFolders([folder]).recordings(), options, report, lambda stage, share: None)
    assert [one.name for one in kept] == ["b"] and report.refused["left out, licence by-sa"][0] == 1


def test_an_index_may_be_csv_or_jsonl_and_have_several_sentences(tmp_path):
    (tmp_path / "captions.csv").write_text('file,text\na.bvh,"walks, slowly"\na.bvh,strolls\n')
    (tmp_path / "index.jsonl").write_text(json.dumps({"file": "b.bvh", "action": "walk", "trial": 3}) + "\n")
    found = read_index(tmp_path)
    assert found["a.bvh"].texts == ("walks, slowly", "strolls") and found["b.bvh"].fields["trial"] == "3"


@pytest.mark.parametrize("text", ["name\taction\na.bvh\twalk\n", "file\taction\n\twalk\n", "file\taction\na.bvh\t\n"])
def test_an_index_without_a_file_or_a_word_is_one_sentence(tmp_path, text):
    (tmp_path / "index.tsv").write_text(text)
    with pytest.raises(MoclipError) as caught:
        read_index(tmp_path)
    assert "index.tsv" in caught.value.message and "`file`" in caught.value.hint


def test_recordings_that_only_sentences_tell_of_have_these_and_no_others(tmp_path):
    folder = indexed(tmp_path / "x", ["a.bvh\t\tmilks a cow\tMIT\t"])
    write_bvh(walk(60), folder / "a.bvh")
    build_dataset(BvhFolders([folder]), tmp_path / "out", BuildOptions(mirror=False, sequences=0, made=0))
    made = DatasetFolder(tmp_path / "out")
    assert made.captions("a") == ["milks a cow"]


def test_equal_names_are_told_apart_by_their_folders_or_refused(tmp_path):
    for place in ("one/x", "two/x", "three/y"):
        write_bvh(walk(60), indexed(tmp_path / place, ["a.bvh\twalk\t"], head="file\taction\ttext") / "a.bvh")
    names = [r.name for r in BvhFolders([tmp_path / "one", tmp_path / "three"]).recordings()]
    assert names == ["x-a.bvh", "y-a.bvh"]
    with pytest.raises(MoclipError, match="Two recordings are called x-a"):
        BvhFolders([tmp_path]).recordings()


def test_segments_of_a_trial_go_into_one_split(tmp_path):
    actions = ("walk", "wave", "squat", "jump", "hop", "clap", "bow", "kneel", "nod")
    rows = [f"{k}_seg_{a}_1.bvh\t{a}\t" for k in range(8) for a in actions]
    folder = indexed(tmp_path / "x", rows, head="file\taction\ttext")
    for row in rows:
        write_bvh(gesture(40, 16, 100), folder / row.split("\t")[0])
    usable = read_recordings(BvhFolders([folder]).recordings(), QUICK, BuildReport(), lambda stage, share: None)
    splits = split_recordings(usable)
    assert len(splits) >= 64 and set(splits.values()) == {"train", "val", "test"}
    for k in range(8):
        assert len({split for name, split in splits.items() if name.startswith(f"{k}_")}) == 1


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("Salsa dance", "", ActionLabel("salsa", None, None)),
        ("front kick", "kicks to the front with the left foot", ActionLabel("front_kick", None, "left")),
        ("elbow to knee", "the left elbow to the right knee", ActionLabel("elbow_to_knee", None, None)),
        ("strafe right", "", ActionLabel("strafe", None, "right")),
        ("hop", "hops once on both legs", ActionLabel("jump_forward", None, None)),
        ("slow walk", "slow walk, stop", ActionLabel("stop", None, None)),
        ("walk on rough ground", "", ActionLabel("rough_ground", None, None)),
    ],
)
def test_words_of_other_collections(name, text, label):
    assert named_action(name, text).label == label


def test_vague_words_are_left_out_with_a_reason():
    assert named_action("exercise mix").label is None and "several" in named_action("exercise mix").left_out


def test_drawn_motion_is_a_seed_and_marked(tmp_path):
    head = "file\taction\ttext\tlicence\tcredit\tkeyframed"
    rows = [f"w{k}.bvh\tstand\t\tMIT\t\t" for k in range(8)] + [
        "d.bvh\tstand\t\tMIT\t\tyes",
        "n.bvh\tnod\t\tMIT\t\tyes",
    ]
    folder = indexed(tmp_path / "x", rows, head)
    for row in rows:
        write_bvh(gesture(40, 16, 10), folder / row.split("\t")[0])
    report = build_dataset(BvhFolders([folder]), tmp_path / "out", QUICK)
    made = DatasetFolder(tmp_path / "out")
    assert report.refused["drawn, and recorded often enough"][0] == 1 and "d" not in made.clips
    assert made.clips["n"]["keyframed"] and "keyframed" not in made.clips["w0"]


def test_the_command_reads_an_index_and_the_shipped_credits(tmp_path):
    folder = indexed(tmp_path / "kaykit", ["a.bvh\twalk\t"], head="file\taction\ttext")
    write_bvh(walk(60), folder / "a.bvh")
    out = tmp_path / "out"
    options = ["--captions", "2", "--sequences", "0", "--made", "0", "--credits", "shipped", "--permissive"]
    result = CliRunner().invoke(app, ["bvh", str(folder), "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    assert list(DatasetFolder(out).meta["sources"]) == ["KayKit Character Animations"]
