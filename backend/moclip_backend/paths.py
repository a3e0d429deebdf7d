# SPDX-License-Identifier: Apache-2.0
"""Folders of the user that the backend writes to, private files in them, and the log."""

import json
import logging
import logging.handlers
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError

LOG = logging.getLogger("moclip")


def state_folder() -> Path:
    """Log, token and address of a running backend: $MOCLIP_STATE, else the platform's folder for such things."""
    if os.environ.get("MOCLIP_STATE"):
        return Path(os.environ["MOCLIP_STATE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "moclip"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "moclip"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "moclip"


def keys_folder() -> Path:
    """Where `moclip keys` puts CURVE keys unless told otherwise: $MOCLIP_KEYS, else beside the state."""
    return Path(os.environ.get("MOCLIP_KEYS") or state_folder() / "keys")


def serve_file() -> Path:
    """Where a running `moclip serve` says how to reach it."""
    return state_folder() / "serve.json"


def log_file() -> Path:
    return state_folder() / "moclip.log"


def open_log() -> None:
    """Log to `log_file()`, quietly to nowhere if it cannot be written."""
    if LOG.handlers:
        return
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    try:
        private_folder(state_folder())
        handler = logging.handlers.RotatingFileHandler(log_file(), maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except (OSError, MoclipError):
        handler = logging.NullHandler()
    handler.addFilter(_Sparing())
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    LOG.addHandler(handler)


class _Sparing(logging.Filter):
    """Lets `LINES` lines alike through in `SECONDS`: what strangers cause must not rotate the rest of the log away."""

    LINES, SECONDS = 20, 600.0

    def __init__(self) -> None:
        super().__init__()
        # By what the line says without its arguments: how many came, and since when.
        self._seen: dict[str, tuple[int, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = str(record.msg), time.monotonic()
        count, since = self._seen.get(kind, (0, now))
        if now - since > self.SECONDS:
            if count > self.LINES:
                record.msg = f"{kind} (and {count - self.LINES} times more since the last such line)"
            count, since = 0, now
        self._seen[kind] = (count + 1, since)
        return count < self.LINES


def private_folder(folder: Path) -> Path:
    """Make a folder that only the user can enter; one that is there already stays as it is."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder '{folder}' cannot be made: {error.strerror or error}.",
            hint="Set MOCLIP_STATE to a folder that you may write to.",
            code="unwritable_file",
        ) from error
    return folder


def write_private(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a file with rights 0600 from its first byte on.

    Raises MoclipError when the folder does not let us, and FileExistsError when the file is there, unless `replace`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}") if replace else path
    try:
        if replace:
            temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        if replace:
            os.replace(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise MoclipError(
            f"'{path}' cannot be written: {error.strerror or error}.",
            hint="Choose a folder that exists and that you may write to.",
            code="unwritable_file",
        ) from error


def read_private(path: Path) -> str:
    """Read a file with a secret. Raises MoclipError when it is missing, or when others could read it."""
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            text = file.read(65536)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise MoclipError(f"'{path}' cannot be read: {why}.", hint="Check the name.", code="unreadable_file") from error
    if os.name == "posix" and (status.st_mode & 0o077 or status.st_uid != os.getuid()):
        raise MoclipError(
            f"'{path}' holds a secret, and other users can read it.",
            hint=f"Make a new one, and `chmod 600 '{path}'`.",
            code="unsafe_file",
        )
    return text


def read_json(path: Path) -> dict[str, Any]:
    """A private JSON file's object. Raises MoclipError."""
    try:
        content = json.loads(read_private(path))
    except (ValueError, RecursionError) as error:
        raise MoclipError(f"'{path}' is damaged.", hint="Delete it and make it again.", code="damaged_file") from error
    if not isinstance(content, dict):
        raise MoclipError(f"'{path}' is damaged.", hint="Delete it and make it again.", code="damaged_file")
    return content


def remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
