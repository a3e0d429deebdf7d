# SPDX-License-Identifier: Apache-2.0
"""Files that only the user can read, in folders that only the user can enter."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError


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
