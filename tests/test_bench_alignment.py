# SPDX-License-Identifier: Apache-2.0
import json

import pytest

pytest.importorskip("torch", reason="the measurement needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from toy_dataset import make_toy_dataset  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip_backend.commands.bench import app  # noqa: E402


def test_a_step_is_timed_in_its_parts(tmp_path):
    folder = make_toy_dataset(tmp_path / "data")
    command = ["moclip", "--dataset", str(folder.path), "--batch", "8", "--rounds", "2"]
    found = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    assert set(found["seconds"]) == {"padded", "by_length", "read_table", "read_captions"}
    assert all(value > 0 for value in found["seconds"].values())
    assert found["gain"] == pytest.approx(found["seconds"]["padded"] / found["seconds"]["by_length"])
    # Reading a table is nothing beside a transformer, on any machine.
    assert found["text share"] < 0.05 and found["text share"] < found["text share, computed"] < 1
