# SPDX-License-Identifier: Apache-2.0
"""`moclip convert`, and `moclip edit` of files of other skeletons."""

import json

import numpy as np
import pytest
from foreign import MIXAMO, clip_of, with_joint, write
from gaits import walk
from test_keep_skeleton import KINDS, foreign

from moclip.files.bvh import read_bvh
from moclip.files.formats import at_rate, load_motion, read_motion, save_motion
from moclip.motion.features import features_to_joints, joints_to_features, motion_to_features


@pytest.mark.parametrize("kind", KINDS)
def test_a_skeleton_that_is_kept_is_given_back_frame_by_frame(moclip, tmp_path, kind):
    path = foreign(tmp_path, kind)
    assert moclip("convert", path.name, "kept.bvh", "--skeleton", "keep")[0] == 0
    one, other = read_bvh(path), read_bvh(tmp_path / "kept.bvh")
    assert other.names == one.names and other.written.channels == one.written.channels
    assert np.abs(other.written.values - one.written.values).max() <= 1e-6
    code, out, _ = moclip("convert", path.name, "slow.bvh", "--skeleton", "keep", "--fps", "30", "--json")
    assert code == 0 and json.loads(out)["frames"] == 31
    slow = read_bvh(tmp_path / "slow.bvh")
    assert slow.fps == pytest.approx(30.0) and np.abs(slow.positions - one.positions[::2]).max() < 1e-3


def test_one_format_becomes_another_and_guesses_are_said(moclip, tmp_path):
    path = foreign(tmp_path, "biped with Z up")
    code, out, err = moclip("convert", path.name, "walk.npz")
    assert code == 0 and "61 frames, 60 a second" in out and "Z is up" in err
    assert load_motion("walk.npz").frames == 61
    assert moclip("convert", "walk.npz", "walk.bvh", "--fps", "24")[0] == 0
    assert load_motion("walk.bvh").fps == pytest.approx(24.0) and load_motion("walk.bvh").frames == 25
    assert np.abs(load_motion("walk.bvh").joints()[-1] - load_motion("walk.npz").joints()[-1]).max() < 0.05
    code, out, _ = moclip("convert", "walk.bvh", "walk.npy", "--json")
    assert code == 0 and np.load("walk.npy").shape == (json.loads(out)["frames"], 263)
    assert moclip("convert", "walk.npy", "again.bvh")[0] == 0 and load_motion("again.bvh").fps == 20.0


def test_a_joint_map_names_the_joints(moclip, tmp_path):
    path = foreign(tmp_path, "mixamo")
    text = path.read_text()
    for k, name in enumerate(MIXAMO.values()):
        text = text.replace(f"{name}\n", f"x{k}q\n")
    (tmp_path / "odd.bvh").write_text(text)
    (tmp_path / "map.json").write_text(json.dumps({"joints": {j: f"x{k}q" for k, j in enumerate(MIXAMO)}}))
    code, _, err = moclip("convert", "odd.bvh", "given.npz", "--joint-map", "map.json")
    assert code == 0 and "shape" not in err
    code, _, err = moclip("convert", "odd.bvh", "guessed.npz")
    assert code == 0 and "by the shape of the body" in err
    assert np.abs(load_motion("given.npz").joints() - load_motion("guessed.npz").joints()).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.bvh", "out.npz"], 1, "There is no file 'none.bvh'"),
        (["m.bvh", "out.xyz"], 1, "cannot be written as '.xyz'"),
        (["m.bvh", "out.npz", "--skeleton", "keep"], 1, "has no skeleton of its own"),
        (["m.npz", "out.bvh", "--skeleton", "keep"], 1, "'m.npz' has no skeleton to keep"),
        (["m.bvh", "out.bvh", "--skeleton", "mine"], 2, "ours or keep"),
        (["m.bvh", "out.bvh", "--up", "w"], 1, "'w' is no axis"),
        (["m.bvh", "out.bvh", "--scale", "0"], 2, "--scale is a number above 0"),
        (["m.bvh", "out.bvh", "--fps", "-1"], 2, "--fps is a number above 0"),
        (["m.bvh", "nowhere/out.bvh"], 1, "Nothing can be written to the folder"),
        (["m.bvh", "out.npz", "--joint-map", "none.json"], 1, "joint map none.json cannot be read"),
        (["bad.bvh", "out.npz"], 1, "line 5"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence(moclip, tmp_path, arguments, code, words):
    save_motion(walk(10), tmp_path / "m.bvh")
    save_motion(walk(10), tmp_path / "m.npz")
    text = (tmp_path / "m.bvh").read_text()
    (tmp_path / "bad.bvh").write_text(text.replace("OFFSET 0", "OFFSET zero", 1).replace("{", "\n{", 1))
    result, _, err = moclip("convert", *arguments)
    assert result == code and words in err
    assert not list(tmp_path.glob("out.*"))


def test_a_file_may_be_converted_to_itself(moclip, tmp_path):
    path = foreign(tmp_path, "mixamo")
    before = read_bvh(path)
    assert moclip("convert", path.name, path.name, "--skeleton", "keep")[0] == 0
    assert np.abs(read_bvh(path).written.values - before.written.values).max() <= 1e-6


@pytest.fixture
def mixamo(tmp_path):
    clip = with_joint(
        clip_of(at_rate(walk(101, 1.0), 60.0), MIXAMO), "mixamorig:LeftHandThumb1", MIXAMO["left_wrist"], (3, -1, 2)
    )
    return write(clip, tmp_path / "walk.bvh")


def test_edit_of_a_mixamo_file_gives_a_mixamo_file(moclip, mixamo, tmp_path):
    given = ("edit", "walk.bvh", "a person jumps")
    assert moclip(*given, "--start", "1", "--end", "3", "--out", "jump.bvh")[0] == 0
    one, other = read_bvh(mixamo), read_bvh(tmp_path / "jump.bvh")
    assert (other.names, other.frames) == (one.names, 301) and other.fps == pytest.approx(60.0)
    untouched = np.r_[0:60, 180:301]
    assert np.abs(other.written.values - one.written.values)[untouched].max() <= 1e-6
    assert np.abs(other.written.values - one.written.values)[70:170].max() > 5
    # No leap where the old meets the new.
    places = other.world()[1]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=1)
    assert steps.max() < 12.0  # centimetres in a sixtieth of a second


def test_edit_goes_on_from_and_leads_to_a_mixamo_file(moclip, mixamo, tmp_path):
    given = ("edit", "walk.bvh", "a person bows", "--seconds", "2")
    one = read_bvh(mixamo)
    assert moclip(*given, "--start", "5", "--out", "on.bvh")[0] == 0
    on = read_bvh(tmp_path / "on.bvh")
    assert abs(on.frames - 420) <= 3 and np.abs(on.written.values[:297] - one.written.values[:297]).max() <= 1e-6
    assert moclip(*given, "--out", "to.bvh", "--skeleton", "keep")[0] == 0
    to = read_bvh(tmp_path / "to.bvh")
    assert to.frames == 421 and np.abs(to.written.values[120:] - one.written.values).max() <= 1e-6
    assert moclip(*given, "--out", "ours.bvh", "--skeleton", "ours")[0] == 0
    assert read_motion(tmp_path / "ours.bvh").is_ours
    assert moclip(*given, "--out", "ours.npz", "--skeleton", "keep")[0] == 1


def test_npy_is_humanml3ds_own_unless_told_otherwise(moclip, tmp_path):
    motion = walk(40)
    save_motion(motion, tmp_path / "m.npz")
    assert moclip("convert", "m.npz", "own.npy")[0] == 0
    assert np.abs(np.load("own.npy") - joints_to_features(motion.joints())).max() < 1e-5
    assert moclip("convert", "m.npz", "local.npy", "--rotations", "local")[0] == 0
    assert np.abs(np.load("local.npy") - motion_to_features(motion, "local")).max() < 1e-5
    assert moclip("convert", "own.npy", "same.npy")[0] == 0
    assert (np.load("same.npy") == np.load("own.npy")).all()
    assert moclip("convert", "m.npz", "own.npy", "--rotations", "mine")[0] == 2


@pytest.mark.parametrize("channels", ["humanml3d", "local"])
def test_edit_of_features_keeps_the_rows_of_other_frames(moclip, tmp_path, channels):
    rows = motion_to_features(walk(121), channels)
    np.save(tmp_path / "m.npy", rows)
    assert moclip("edit", "m.npy", "a person jumps", "--start", "2", "--end", "4", "--out", "e.npy")[0] == 0
    made = np.load("e.npy")
    assert made.shape == (120, 263) and (made[:39] == rows[:39]).all() and (made[80:] == rows[80:]).all()
    assert np.abs(made[45:75] - rows[45:75]).max() > 0.1
    # The path goes on where it was, and nothing leaps.
    joints = features_to_joints(made)
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.45
    assert np.abs(joints[-1] - features_to_joints(rows)[-1]).max() < 0.05
    assert moclip("edit", "m.npy", "a person bows", "--start", "6", "--seconds", "2", "--out", "on.npy")[0] == 0
    assert (np.load("on.npy")[:119] == rows[:119]).all() and len(np.load("on.npy")) == 159
    assert moclip("edit", "m.npy", "a person bows", "--seconds", "2", "--out", "to.npy")[0] == 0
    assert (np.load("to.npy")[40:] == rows).all() and len(np.load("to.npy")) == 160
