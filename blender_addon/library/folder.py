# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the library: where it is, whether it can be used; files in it are there whole or not at all."""

import itertools
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..gpu.environment import default_folder
from ..shared.errors import MoclipError

_LONGEST_NAME = 60


@dataclass(frozen=True)
class Folder:
    """path: absolute. chosen: by the user, so that it is theirs to make."""

    path: Path
    chosen: bool

    @classmethod
    def of(cls, chosen: str) -> "Folder":
        """By the preferences; empty is one in the user's data folder, the same for all versions of Blender."""
        if chosen.strip():
            return cls(Path(os.path.abspath(bpy.path.abspath(chosen.strip()))), chosen=True)
        return cls(default_folder().parent / "library", chosen=False)

    @property
    def trouble(self) -> MoclipError | None:
        """Why nothing can be read from it; a folder of ours that was never needed yet is just empty."""
        if self.chosen and not self.path.is_dir():
            return MoclipError(
                f"The library folder '{self.path}' is not there.",
                hint="Make it, or choose another in the add-on's preferences.",
                code="no_folder",
                action="preferences",
            )
        return None

    def made(self) -> Path:
        """The folder, which one that nobody chose need not have been yet. Raises MoclipError."""
        if self.trouble is not None:
            raise self.trouble
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(self.path, error) from error
        return self.path


def not_writable(path: Path, error: Exception) -> MoclipError:
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error).strip().split("\n")[0]
    return MoclipError(
        f"'{path}' cannot be written ({why}), and is as it was.",
        hint="See that it can be, or choose another library folder in the add-on's preferences.",
        code="not_writable",
        action="preferences",
    )


def replaced(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that then takes the place of `path` at once; whatever fails, `path` is as it was."""
    # Blender lists no file of this suffix as a library.
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def added(folder: Path, name: str, write: Callable[[Path], object]) -> Path:
    """A new file named after `name`, which none had before, filled by `write`; OSError where that fails."""
    clean = bpy.path.clean_name(name)[:_LONGEST_NAME].strip("_ ") or "motion"
    for number in itertools.count(1):
        path = folder / f"{clean}{f'_{number}' if number > 1 else ''}.blend"
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        break
    try:
        replaced(path, write)
    except BaseException:
        path.unlink(missing_ok=True)  # our own mark, still empty
        raise
    return path


def root_of(folder: Path) -> Path:
    """The root of the asset library that a folder is in, or itself where it is in none: catalogues lie in roots."""
    return next((root for root in _libraries() if _is_in(folder, root)), folder)


def is_registered(folder: Path) -> bool:
    """Whether the Asset Browser shows what is in it."""
    return any(_is_in(folder, root) for root in _libraries())


def register(folder: Path) -> None:
    preferences = bpy.context.preferences
    preferences.filepaths.asset_libraries.new(name="MoCLIP", directory=str(folder))
    preferences.is_dirty = True  # saved with the others when Blender ends, if the user has it so


def _libraries() -> list[Path]:
    """Roots of the user's asset libraries, but for those on the internet, which have no folder."""
    found = bpy.context.preferences.filepaths.asset_libraries
    return [Path(os.path.abspath(bpy.path.abspath(one.path))) for one in found if one.path]


def _is_in(folder: Path, root: Path) -> bool:
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root))
