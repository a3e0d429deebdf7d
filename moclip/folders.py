# SPDX-License-Identifier: Apache-2.0
"""Where the user's own things lie: the system's places for them, or where an earlier version put them; and folders that
are written whole or not at all."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from moclip.errors import MoclipError

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


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which gets the name `out` when all is done; of what fails nothing is left.

    Raises MoclipError for a folder that holds something already, or that cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MoclipError(f"{out} exists already.", hint="Choose another --out, or remove it.", code="bad_file")
    made = [folder for folder in out.parents if not folder.exists()]
    unfinished: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        yield unfinished
        mask = os.umask(0)
        os.umask(mask)
        unfinished.chmod(0o777 & ~mask)  # mkdtemp's are their owner's alone
        if out.is_dir():
            out.rmdir()
        unfinished.rename(out)
    except BaseException as error:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        if isinstance(error, OSError):
            raise MoclipError(
                f"The folder {out} cannot be written: {error.strerror or error}.",
                hint="Choose another --out.",
                code="bad_file",
            ) from error
        raise
