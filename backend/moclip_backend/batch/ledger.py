# SPDX-License-Identifier: Apache-2.0
"""What of a batch is finished, in a file beside the motions: so that a batch that was killed goes on where it was."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from moclip.errors import MoclipError
from moclip_backend.state.locks import try_lock

NAME = ".moclip-batch.jsonl"


class Ledger:
    """The finished files of a folder. One process has it at a time; it goes with the end of the batch.

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

    def find(self, key: str, path: Path) -> dict[str, Any] | None:
        """What was told of a file that is finished, for the same `key`, and is still that one."""
        entry = self._finished.get(key)
        if entry is None or entry.get("sha256") != file_sum(path):
            return None
        outcome: dict[str, Any] = entry["outcome"]
        return outcome

    def add(self, key: str, path: Path, outcome: dict[str, Any]) -> None:
        """Raises MoclipError when the disk is full."""
        entry = {"key": key, "sha256": file_sum(path), "outcome": outcome}
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def sweep(self, paths: Sequence[Path]) -> None:
        """Remove what a process that was killed had half written of these files."""
        # As Blender names them, and as `moclip.files.formats` does. Nobody else writes here now.
        for path in paths:
            with suppress(OSError):
                path.with_name(f"{path.name}@").unlink(missing_ok=True)
        names = {(path.stem, path.suffix) for path in paths}
        for path in self._path.parent.glob(".*"):
            match = re.fullmatch(r"\.(.+)-[a-z0-9_]{8}", path.stem)
            if match and (match[1], path.suffix) in names:
                with suppress(OSError):
                    path.unlink()

    def close(self, keep: bool) -> None:
        """keep: for the next run, since this one did not do all that it could have done."""
        with suppress(OSError):
            self._file.seek(0)
            if not keep or not self._file.read().strip():
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


def key_of(*parts: Any) -> str:
    """Of all that a file is made from, which JSON can hold."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def file_sum(path: Path) -> str:
    """Of what is in a file; "" for none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


@dataclass
class Kept:
    """What a batch has of its ledger. keep: for the next run, since files could not be written."""

    ledger: Ledger
    keep: bool = False


@contextmanager
def open_ledger(folder: Path, paths: Sequence[Path]) -> Iterator[Kept]:
    """The ledger of a batch that writes `paths` into `folder`. It stays when the batch ends before its end."""
    kept = Kept(Ledger(folder))
    try:
        kept.ledger.sweep(paths)
        yield kept
    except BaseException:
        kept.keep = True
        raise
    finally:
        kept.ledger.close(kept.keep)


def _unwritable(path: Path, error: OSError) -> MoclipError:
    return MoclipError(
        f"'{path}' cannot be written: {error.strerror or error}.",
        hint="Free some space, or choose another folder.",
        code="unwritable_file",
    )
