# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the library: the motions in the .blend files of a folder, each file read again only when it has changed.

Reading goes in small steps, so that a large folder blocks nobody. What was read is kept in a cache of the user's own,
as libraries may be shared or read-only; without it, or where it is wrong, files are read again.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..settings import PACKAGE
from ..shared.errors import MoclipError
from . import asset, record
from .files import opened
from .folder import Folder

_CACHE, _CACHE_VERSION = "library.json", 1


@dataclass(frozen=True)
class Kept:
    """A motion of the library: the action `name` in the file `path`."""

    path: str
    name: str
    prompt: str
    tags: tuple[str, ...]
    seconds: float
    favourite: bool


@dataclass(frozen=True)
class _Read:
    """What was found in a file that was so old and so large; trouble: why it cannot be read."""

    stamp: tuple[int, int]
    motions: tuple[Kept, ...] = ()
    trouble: str = ""


@dataclass
class Shelf:
    """files: path -> what is in it. waiting: files that have to be read. version: grows with every change."""

    folder: Path | None = None
    trouble: str = ""
    files: dict[str, _Read] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    version: int = 0

    @property
    def motions(self) -> list[Kept]:
        """The newest files first."""
        newest = sorted(self.files.values(), key=lambda read: read.stamp, reverse=True)
        return [motion for read in newest for motion in read.motions]

    @property
    def troubles(self) -> list[str]:
        return [self.trouble] * bool(self.trouble) + [read.trouble for read in self.files.values() if read.trouble]

    def look(self, folder: Folder) -> None:
        """See which files there are, and which of them have to be read; reads none."""
        if folder.path != self.folder:
            self.folder, self.files = folder.path, _cached(folder.path)
        self.trouble = str(folder.trouble or "")
        stamps = dict(_stamps(folder.path))
        self.files = {path: read for path, read in self.files.items() if stamps.get(path) == read.stamp}
        self.waiting = sorted(stamps.keys() - self.files.keys())
        self.version += 1

    def step(self, seconds: float = 0.02) -> None:
        """Read files that wait, one at the least, for about so long."""
        end = time.perf_counter() + seconds
        while self.waiting:
            path = self.waiting.pop()
            stamp = _stamp(path)
            if stamp is not None:
                self.files[path] = _read(path, stamp)
            self.version += 1
            if time.perf_counter() > end:
                break
        if not self.waiting and self.folder is not None:
            _write_cache(self.folder, self.files)

    def read_again(self, path: Path) -> None:
        """One file that was just written, or deleted."""
        stamp = _stamp(str(path))
        if self.folder is not None:
            if stamp is None:
                self.files.pop(str(path), None)
            else:
                self.files[str(path)] = _read(str(path), stamp)
            self.waiting = [other for other in self.waiting if other != str(path)]
            _write_cache(self.folder, self.files)
        self.version += 1


SHELF = Shelf()


def _stamps(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(parent, name)
            if name.lower().endswith(".blend") and not name.startswith(".") and (stamp := _stamp(path)):
                yield path, stamp


def _stamp(path: str) -> tuple[int, int] | None:
    """Its age and size; None for a file that is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _read(path: str, stamp: tuple[int, int]) -> _Read:
    try:
        with opened(Path(path)) as (_, actions):
            return _Read(stamp, tuple(_kept(path, action) for action in actions if record.is_kept(action)))
    except MoclipError as error:
        return _Read(stamp, trouble=str(error))


def _kept(path: str, action: bpy.types.Action) -> Kept:
    told = record.provenance_of(action)
    try:
        seconds = float(told.get("seconds", 0.0))
    except (TypeError, ValueError):
        seconds = 0.0
    tags = tuple(tag.name for tag in action.asset_data.tags)
    return Kept(path, action.name, str(told.get("prompt") or action.name), tags, seconds, asset.is_favourite(action))


def _cache() -> Path:
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True)) / _CACHE


def _cached(folder: Path) -> dict[str, _Read]:
    try:
        told = json.loads(_cache().read_text(encoding="utf-8"))
        if told["version"] != _CACHE_VERSION or told["folder"] != str(folder):
            return {}
        return {path: _of_cache(read) for path, read in told["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _of_cache(told: dict[str, Any]) -> _Read:
    motions = tuple(Kept(**kept | {"tags": tuple(kept["tags"])}) for kept in told["motions"])
    return _Read((int(told["stamp"][0]), int(told["stamp"][1])), motions)


def _write_cache(folder: Path, files: dict[str, _Read]) -> None:
    # What cannot be read now may be read by another Blender, of which the file knows nothing.
    kept = {path: asdict(read) for path, read in files.items() if not read.trouble}
    told = {"version": _CACHE_VERSION, "folder": str(folder), "files": kept}
    try:
        path = _cache()
        unfinished = path.with_name(f"{_CACHE}.{os.getpid()}")
        unfinished.write_text(json.dumps(told), encoding="utf-8")
        os.replace(unfinished, path)
    except OSError:
        pass  # files are read again next time
