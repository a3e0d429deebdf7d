# SPDX-License-Identifier: Apache-2.0
"""Locks on files that end with their process, however it ends."""

import sys
from typing import IO, Any

_FAR = 1 << 30
"""The byte that is locked on Windows, where others cannot read what is."""


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file for this process until it is closed; False when another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            place = file.tell()
            file.seek(_FAR)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(place)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
