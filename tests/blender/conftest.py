# SPDX-License-Identifier: Apache-2.0
"""Builds the add-on's zip once, unless MOCLIP_ADDON_ZIP names one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Only for a process of its own: its conftest imports bpy.
collect_ignore = ["inside"]


@pytest.fixture(scope="session")
def addon_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed in this environment")
    if os.environ.get("MOCLIP_ADDON_ZIP"):
        return Path(os.environ["MOCLIP_ADDON_ZIP"]).resolve()
    out = tmp_path_factory.mktemp("zip")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, str(ROOT / "build_addon.py"), "--out", str(out), "--python", python]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(out.glob("*.zip"))
