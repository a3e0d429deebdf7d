# SPDX-License-Identifier: Apache-2.0
"""What of a batch is finished, in a file beside the motions: so that a batch that was killed goes on where it was."""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import moclip
from moclip.errors import MoclipError
from moclip_backend.state.locks import try_lock

NAME = ".moclip-batch.jsonl"


class Ledger:
    """The finished motions of a folder. One process has it at a time; it goes with the end of the batch.

    Raises MoclipError when another process writes a batch into the folder, or the file cannot be made.
    """

    def __init__(self, folder: Path):
        self._path = folder / NAME
        try:
            self._file: IO[str] = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise _unwritable(self._path, error) from error
        if not try_lock(self._file):
            self._file.close()
            raise MoclipError(
                f"Another batch is being written to '{folder}'.",
                hint="Wait for it, or choose another folder.",
                code="folder_in_use",
            )
        self._finished = self._read()

    def find(self, item: Any, engine: Any) -> dict[str, Any] | None:
        """What was told of a motion that is finished, for the same line and model, and whose file is still that one."""
        entry = self._finished.get(_key(item, engine))
        if entry is None or entry.get("sha256") != _sum(item.path):
            return None
        outcome: dict[str, Any] = entry["outcome"]
        return outcome

    def add(self, item: Any, engine: Any, outcome: dict[str, Any]) -> None:
        """Raises MoclipError when the disk is full."""
        entry = {"key": _key(item, engine), "sha256": _sum(item.path), "outcome": outcome}
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def sweep(self, items: Sequence[Any]) -> None:
        """Remove what a process that was killed had half written."""
        # As `moclip.files.formats` names them. Nobody else writes here now.
        stems = {item.path.stem for item in items}
        for path in self._path.parent.glob(".*"):
            match = re.fullmatch(r"\.(.+)-[a-z0-9_]{8}", path.stem)
            if match and match[1] in stems and path.suffix == items[0].path.suffix:
                with suppress(OSError):
                    path.unlink()

    def close(self, keep: bool) -> None:
        """keep: for the next run, since this one did not do all that it could have done."""
        with suppress(OSError):
            if not keep:
                self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()

    def _read(self) -> dict[str, dict[str, Any]]:
        self._file.seek(0)
        finished = {}
        for line in self._file.read().splitlines():
            # The last one may be half a line.
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                finished[entry["key"]] = entry
        # What comes next begins on a line of its own.
        self._file.write("\n")
        return finished


def _key(item: Any, engine: Any) -> str:
    asked = (item.name, item.path.suffix, item.text, item.seconds, item.seed, item.script)
    made_by = (engine.name, engine.runtime, engine.device, moclip.__version__)
    return hashlib.sha256(json.dumps([asked, made_by]).encode()).hexdigest()


def _sum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _unwritable(path: Path, error: OSError) -> MoclipError:
    return MoclipError(
        f"'{path}' cannot be written: {error.strerror or error}.",
        hint="Free some space, or choose another folder.",
        code="unwritable_file",
    )
