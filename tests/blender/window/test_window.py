# SPDX-License-Identifier: Apache-2.0
"""The scripted users in a real window: MOCLIP_BLENDER=blender pytest -m gui tests/blender/window"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = ("Xvfb", "xdotool", "import", "convert")


SHARED = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "rigs"


@pytest.mark.gui
@pytest.mark.parametrize("script", ["run", "characters"])
def test_a_user_in_a_window(script: str, addon_zip: Path, tmp_path: Path) -> None:
    blender = os.environ.get("MOCLIP_BLENDER")
    if not blender:
        pytest.skip("MOCLIP_BLENDER names no Blender")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    command = [sys.executable, str(Path(__file__).with_name(f"{script}.py")), "--blender", blender]
    soldier = SHARED / "q_soldier.glb"
    if script == "characters" and soldier.is_file():
        command += ["--character", str(soldier)]
    done = subprocess.run(
        [*command, "--zip", str(addon_zip), "--out", str(tmp_path)], capture_output=True, text=True, timeout=1800
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
