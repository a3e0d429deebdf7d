# SPDX-License-Identifier: Apache-2.0
"""`moclip edit` and `moclip generate --script` with the embedded model."""

import json

import numpy as np
import pytest

from moclip.files.formats import load_motion


@pytest.fixture
def walk(moclip):
    assert moclip("generate", "a person walks forward", "--seconds", "5", "--out", "walk.npz")[0] == 0
    return load_motion("walk.npz")


def test_a_part_is_replaced_and_the_rest_stays(moclip, walk):
    code, out, _ = moclip(
        "edit", "walk.npz", "a person runs", "--start", "2", "--end", "3.5", "--out", "run.npz", "--json"
    )
    assert code == 0 and json.loads(out)[0]["new_seconds"] == [2.0, 3.5]
    edited = load_motion("run.npz")
    kept = np.r_[0:40, 70:100]
    assert edited.frames == 100 and edited.text == "a person runs"
    assert np.array_equal(edited.rotations[kept], walk.rotations[kept])
    assert np.array_equal(edited.root_translation[kept], walk.root_translation[kept])
    assert np.abs(edited.joints()[45:65] - walk.joints()[45:65]).max() > 0.1


def test_a_motion_is_continued_and_led_to(moclip, walk):
    assert moclip("edit", "walk.npz", "a person bows", "--start", "5", "--seconds", "2", "--out", "on.npz")[0] == 0
    assert np.array_equal(load_motion("on.npz").rotations[:100], walk.rotations) and load_motion("on.npz").frames == 140
    assert moclip("edit", "walk.npz", "a person bows", "--seconds", "2", "--out", "to.npz")[0] == 0
    assert np.array_equal(load_motion("to.npz").rotations[40:], walk.rotations) and load_motion("to.npz").frames == 140


def test_the_beginning_can_be_replaced(moclip, walk):
    code, out, _ = moclip(
        "edit", "walk.npz", "a person bows", "--start", "0", "--end", "2", "--out", "bow.npz", "--json"
    )
    assert code == 0 and json.loads(out)[0]["new_seconds"] == [0.0, 2.0]
    edited = load_motion("bow.npz")
    assert edited.frames == 100 and np.array_equal(edited.rotations[40:], walk.rotations[40:])


def test_a_script_is_one_motion(moclip, tmp_path):
    lines = [{"text": "a person walks forward", "seconds": 2.0}, {"text": "a person bows", "seconds": 3.0}]
    (tmp_path / "scene.json").write_text(json.dumps(lines))
    assert moclip("generate", "--script", "scene.json", "--out", "scene.npz")[0] == 0
    motion = load_motion("scene.npz")
    assert motion.frames == 100 and motion.text == "a person walks forward; a person bows"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["edit", "walk.npz", "a person bows", "--start", "7"], 1, "The motion lasts 5.00 seconds"),
        (["edit", "walk.npz", "a person bows", "--start", "nan"], 1, "choose a --start from 0 on"),
        (["edit", "walk.npz", "a person bows", "--start", "0"], 1, "Nothing of the motion would stay"),
        (["bench", "direction", "--seeds", "0"], 2, "'--seeds'"),
        (["edit", "walk.npz", "a person bows", "--start", "3", "--end", "2"], 1, "from second 3 to 2"),
        (["edit", "walk.npz", "a person bows", "--start", "1", "--end", "9"], 1, "leave out --end"),
        (["edit", "walk.npz", "a person bows", "--end", "2"], 2, "--end needs --start"),
        (
            ["edit", "walk.npz", "a person bows", "--start", "1", "--end", "2", "--seconds", "3"],
            2,
            "leave out --seconds",
        ),
        (["edit", "walk.npz", "", "--start", "1"], 1, "The prompt is empty"),
        (["edit", "none.npz", "a person bows", "--start", "1"], 1, "There is no file 'none.npz'"),
        (["edit", "walk.npz", "a person bows", "--start", "1", "--out", "nowhere/x.bvh"], 1, "Nothing can be written"),
        (["generate", "--script", "none.json"], 1, "cannot be read"),
        (["generate", "--script", "walk.npz"], 1, "is not a script"),
        (["generate", "a person walks", "--script", "walk.npz"], 2, "either a TEXT"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(moclip, walk, tmp_path, arguments, code, words):
    found, _, err = moclip(*arguments)
    assert found == code and words in " ".join(err.split()).replace("│ ", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["walk.npz"]
