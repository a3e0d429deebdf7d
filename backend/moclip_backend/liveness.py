# SPDX-License-Identifier: Apache-2.0
"""Whether a backend on the same computer still exists, whatever its socket does. Only the standard library.

A connection that broke says nothing: the way may be down for a moment. A process that is gone does not come back.
"""

import hashlib
import os
import socket
import sys
import uuid
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """pid: int; host: str, equal for two processes exactly where one can ask after the other by its pid."""
    marks = [socket.gethostname(), str(uuid.getnode())]
    if sys.platform == "linux":
        # A container has the computer's boot id, and pids of its own.
        marks = [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    return {"pid": os.getpid(), "host": hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32]}


def is_gone(process: Any) -> bool:
    """Whether the process that another one's `this_process` described has ended. False where that cannot be known."""
    if not isinstance(process, dict) or process.get("host") != this_process()["host"]:
        return False
    pid = process.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    return _gone_on_windows(pid) if sys.platform == "win32" else _gone(pid)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # One that ended, but whose parent has not asked yet, still has its number.
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (ProcessLookupError, FileNotFoundError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _gone_on_windows(pid: int) -> bool:
    if sys.platform != "win32":
        return False
    # os.kill(pid, 0) would send Ctrl+C there.
    import ctypes

    kernel = ctypes.windll.kernel32
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return bool(kernel.GetLastError() == 87)  # ERROR_INVALID_PARAMETER: no such process
    try:
        code = ctypes.c_ulong()
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value != 259  # STILL_ACTIVE
    finally:
        kernel.CloseHandle(handle)
