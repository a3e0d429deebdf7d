# SPDX-License-Identifier: Apache-2.0
"""Memory that a process has freed and still holds."""

import ctypes
import sys
import time
from functools import cache

SELDOM_S = 30.0


@cache
def _trim() -> "ctypes._NamedFuncPointer | None":
    """glibc's `malloc_trim`; other C libraries give back by themselves, or never."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def give_back() -> None:
    """To the system, what was used while a model was loaded or a job was done: tens of megabytes, in some milliseconds.

    Other threads go on meanwhile.
    """
    if (trim := _trim()) is not None:
        trim(0)


class Seldom:
    """Gives back now and then: more often, the next job would have to ask for the same memory again."""

    def __init__(self) -> None:
        self._last = -SELDOM_S

    def give_back(self) -> None:
        now = time.monotonic()
        if now - self._last >= SELDOM_S:
            self._last = now
            give_back()
