# SPDX-License-Identifier: Apache-2.0
"""The scripted user of `run.py` in a real window: MOCLIP_BLENDER=blender pytest -m gui tests/blender/window"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = ("Xvfb", "xdotool", "import")


@pytest.mark.gui
def test_a_user_in_a_window(addon_zip: Path, tmp_path: Path) -> None:
    blender = os.environ.get("MOCLIP_BLENDER")
    if not blender:
        pytest.skip("MOCLIP_BLENDER names no Blender")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    run = [sys.executable, str(Path(__file__).with_name("run.py"))]
    done = subprocess.run(
        [*run, "--blender", blender, "--zip", str(addon_zip), "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stderr
