# SPDX-License-Identifier: Apache-2.0
"""Scores of the rules, and the command that prints them, on a dataset of made-up walks."""

import json
import shutil

import numpy as np
import pytest
from gaits import gesture, walk
from typer.testing import CliRunner

from moclip.data.build import BuildOptions, build_dataset
from moclip.data.folder import DatasetFolder
from moclip.data.sources import BvhFolders
from moclip.errors import MoclipError
from moclip.evaluation.calibration import real_clips, score_order, score_rules
from moclip.evaluation.reconstruction import round_trip
from moclip.files.bvh import write_bvh
from moclip.showing.kinematics import foot_skating
from moclip.showing.rules import RULES
from moclip_backend.commands.evaluate import app


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    recordings, out = tmp_path_factory.mktemp("bvh"), tmp_path_factory.mktemp("dataset")
    for number in range(3):
        write_bvh(walk(60 + number, seed=number), recordings / f"dataset-2_walk_normal_{number:03d}.bvh")
        write_bvh(gesture(50 + number, 16, 140), recordings / f"dataset-2_raise-up-left-hand_normal_{number:03d}.bvh")
    build_dataset(BvhFolders([recordings]), out, BuildOptions(captions_per_clip=1, sequences=8, made=0))
    return out


def test_rules_are_scored_on_their_own_clips_and_on_those_of_others(dataset):
    folder = DatasetFolder(dataset)
    clips = list(real_clips(folder))
    scores, failing, walks = score_rules(clips)
    by_rule = {score.action: score for score in scores}
    # Mirror images raise the other hand; rules without a recording tell how few of the others pass.
    assert {name for name, score in by_rule.items() if score.own is not None} == {"walk", "raise_left", "raise_right"}
    assert set(by_rule) == set(RULES) and by_rule["crawl"].verdict == "few" and by_rule["crawl"].others == 0.0
    assert (by_rule["walk"].clips, by_rule["walk"].own, by_rule["walk"].others) == (6, 1.0, 0.0)
    assert by_rule["raise_left"].own == 1.0 and by_rule["raise_left"].calibrated and not failing
    own = [foot_skating(joints) for _, action, joints in clips if action == "walk"]
    assert walks.foot_skating == pytest.approx(sum(own) / len(own)) and walks.jerk > 0
    count, right, _ = score_order(folder)
    assert count > 0 and 0.0 <= right <= 1.0


def test_what_codes_keep_is_scored_the_same_way(dataset):
    def standing_still(features):
        return features * (np.arange(features.shape[1]) > 2)

    scores, failing, _ = score_rules(real_clips(DatasetFolder(dataset), rebuild=standing_still))
    assert [score.own for score in scores if score.action == "walk"] == [0.0] and len(failing["walk"]) == 6


def test_the_command_prints_tables_and_json(dataset, tmp_path):
    pytest.importorskip("torch", reason="the model is made here")
    from tiny_model import make_tiny_model

    result = CliRunner().invoke(app, ["rules", "--dataset", str(dataset), "--failing"])
    assert result.exit_code == 0 and "feet skate in" in result.stdout and "raise_left" in result.stdout
    model = make_tiny_model(tmp_path / "tiny")
    command = ["rules", "--dataset", str(dataset), "--rebuilt-by", str(model), "--json"]
    rebuilt = json.loads(CliRunner().invoke(app, command).stdout)
    # An untrained RVQ keeps nothing of a walk.
    walks = next(row for row in rebuilt["rules"] if row["action"] == "walk")
    assert walks["own"] == 0.0 and rebuilt["walks"]["jerk"] > 0


def test_a_model_with_other_rotations_than_the_dataset_is_refused(dataset, tmp_path):
    pytest.importorskip("torch", reason="the model is made here")
    from tiny_model import make_tiny_model

    other = shutil.copytree(dataset, tmp_path / "dataset")
    meta = json.loads((other / "meta.json").read_text())
    (other / "meta.json").write_text(json.dumps({**meta, "rotation_channels": "humanml3d"}))
    with pytest.raises(MoclipError, match="263 features with local rotations"):
        round_trip(str(make_tiny_model(tmp_path / "tiny")), DatasetFolder(other))
