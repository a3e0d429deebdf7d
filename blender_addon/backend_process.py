# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as a child process: started without waiting, ended with Blender.

It holds our end of a pipe as its standard input; when Blender ends, however it ends, the pipe closes and it stops.
"""

import json
import os
import secrets
import shlex
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from .errors import MoclipError

TOKEN_VARIABLE = "MOCLIP_TOKEN"
ANY_PORT = "tcp://127.0.0.1:0"
SECONDS_TO_END = 3.0


def builtin_command() -> list[str]:
    """Blender's own Python with the wheels that came with the add-on."""
    return [sys.executable, "-m", "backend.builtin", "--bind", ANY_PORT, "--parent-stdin"]


def external_command(text: str) -> list[str]:
    """A command of the user's, such as `/opt/moclip/bin/python -m backend serve --device cuda`."""
    words = shlex.split(text, posix=os.name == "posix")
    if not words:
        raise MoclipError(
            "There is no command for the external backend.",
            hint="Set it in the add-on's preferences.",
            code="no_command",
        )
    return [*words, "--bind", ANY_PORT, "--parent-stdin"]


def bundled_packages() -> list[str]:
    """Where Blender unpacked the add-on's wheels, and where its numpy lies.

    The first is Blender's own rule. Where zmq is imported from tells nothing: Blender's Python may have its own.
    """
    import numpy
    import zmq

    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    unpacked = Path(__file__).resolve().parents[2] / ".local" / "lib" / python / "site-packages"
    folders = [unpacked, *(Path(module.__file__).resolve().parent.parent for module in (zmq, numpy))]
    return list(dict.fromkeys(str(folder) for folder in folders if folder.is_dir()))


def _environment(token: str, builtin: bool) -> dict[str, str]:
    # Blender may set PYTHONHOME for itself; another Python must not inherit it.
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")}
    kept |= {TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    # onnxruntime's builds report their use to Microsoft unless told not to.
    kept["ORT_DISABLE_TELEMETRY"] = "1"
    if builtin:
        # PYTHONSAFEPATH: what lies in the current folder must not be taken for the add-on's packages.
        kept |= {
            "PYTHONPATH": os.pathsep.join(bundled_packages()),
            "PYTHONNOUSERSITE": "1",
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    return kept


class BackendProcess:
    """A started backend. `ready` is its ready line once it has come; `exit_code` is set when it has ended."""

    def __init__(self, command: list[str], *, builtin: bool):
        self.token = secrets.token_urlsafe(32)
        self.ready: dict | None = None
        self._failure = ""
        self._errors: deque[str] = deque(maxlen=40)
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self.token, builtin),
                creationflags=flags,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise MoclipError(
                f"The backend '{command[0]}' cannot be started: {error.strerror or error}.",
                hint="Check the command in the add-on's preferences.",
                code="cannot_start",
            ) from error
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_output, self._read_errors)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def _read_output(self) -> None:
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("ready"):
                self.ready = message
            elif isinstance(message, dict) and "message" in message:
                self._failure = f"{message['message']} {message.get('hint', '')}".strip()

    def _read_errors(self) -> None:
        for line in self._process.stderr:
            if line.strip():
                self._errors.append(line.rstrip())

    def last_words(self) -> str:
        """Why it could not start, else its last line on stderr; waits a moment for it when the process has ended."""
        if self.exit_code is not None:
            for reader in self._readers:
                reader.join(timeout=0.2)
        return self._failure or (self._errors[-1] if self._errors else "")

    def stop(self) -> None:
        """Close its input, which ends it; kill it if it does not end soon. Does not wait."""
        threading.Thread(target=self._stop, name="moclip-stop").start()

    def stop_and_wait(self) -> None:
        self._stop()

    def _stop(self) -> None:
        try:
            self._process.stdin.close()
        except OSError:
            pass  # it has ended already
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(SECONDS_TO_END)
