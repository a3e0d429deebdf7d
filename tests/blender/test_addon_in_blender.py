# SPDX-License-Identifier: Apache-2.0
"""Runs the files of `inside/` in a process of their own with this environment's bpy: torch and bpy never share one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).parent / "inside"


@pytest.mark.parametrize("name", sorted(path.stem for path in INSIDE.glob("check_*.py")))
def test_in_blender(name: str, addon_zip: Path, tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST") and k != "PYTHONPATH"}
    env |= {
        "MOCLIP_ADDON_ZIP": str(addon_zip),
        "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "MOCLIP_STATE": str(tmp_path / "state"),
    }
    # -P: the checkout's packages must not stand in for those that the zip brings.
    command = [sys.executable, "-P", "-m", "pytest", str(INSIDE / f"{name}.py"), "-p", "no:cacheprovider"]
    options = ["-o", "python_files=check_*.py", "-o", "addopts=", "-rA", "--tb=short", f"--rootdir={INSIDE}"]
    done = subprocess.run([*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
    print(done.stdout[-20000:], done.stderr[-4000:])
    assert done.returncode == 0, done.stdout[-6000:]
