# SPDX-License-Identifier: Apache-2.0
"""The user's folders: named by the environment, the system's, or those of an earlier version."""

import sys
from pathlib import Path

import pytest

from moclip import folders
from moclip_backend.state.folders import state_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    for name in ("MOCLIP_STATE", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_environment_comes_first_then_the_systems_place(home, monkeypatch):
    assert state_folder() == home / ".local/state/moclip"
    assert folders.data_folder("models") == home / ".local/share/moclip/models"
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "elsewhere"))
    assert state_folder() == home / "elsewhere/moclip"
    monkeypatch.setenv("MOCLIP_STATE", str(home / "named"))
    assert state_folder() == home / "named"


def test_a_folder_of_an_earlier_version_stays_in_use(home, monkeypatch):
    monkeypatch.setattr(folders.platformdirs, "user_data_path", lambda *_, **__: home / "new")
    assert folders.data_folder("models") == home / "new/models"
    (home / ".local/share/moclip/models").mkdir(parents=True)
    assert folders.data_folder("models") == home / ".local/share/moclip/models"
