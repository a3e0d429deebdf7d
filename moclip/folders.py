# SPDX-License-Identifier: Apache-2.0
"""Where the user's own things lie: the system's places for them, or where an earlier version put them."""

import os
import sys
from pathlib import Path

import platformdirs

_NAME = "moclip"


def state_folder() -> Path:
    """What a program that runs leaves behind: its log, how it is reached."""
    if sys.platform == "darwin":
        before = Path.home() / "Library" / "Application Support" / _NAME
    else:
        before = _local("XDG_STATE_HOME", "state")
    return _kept(before, platformdirs.user_state_path(_NAME, appauthor=False))


def data_folder(name: str) -> Path:
    """What the user installed, by the name of its folder, such as "models"."""
    return _kept(_local("XDG_DATA_HOME", "share") / name, platformdirs.user_data_path(_NAME, appauthor=False) / name)


def _local(variable: str, name: str) -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get(variable) or Path.home() / ".local" / name
    return Path(base) / _NAME


def _kept(before: Path, now: Path) -> Path:
    """Earlier versions found these places by themselves, not always where they are now: nobody has to move anything."""
    return before if before.is_dir() else now
