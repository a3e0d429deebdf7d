# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as a child process: started without waiting, ended with Blender.

It holds our end of a pipe as its standard input; when Blender ends, however it ends, the pipe closes and it stops.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from ..bundled import UNPACKED
from ..gpu import environment
from ..gpu.machine import clean_environment
from ..shared.errors import MoclipError
from .command_line import words_of

TOKEN_VARIABLE = "MOCLIP_TOKEN"
ANY_PORT = "tcp://127.0.0.1:0"
SECONDS_TO_END = 3.0
SECONDS_OF_SILENCE = 180.0
"""Until a backend that has not said that it is ready counts as hanging: a large model on a slow disk takes minutes."""


def builtin_command(model: str = "") -> list[str]:
    """Blender's own Python with the wheels that came with the add-on. model: by name, else the default one."""
    command = [sys.executable, "-m", f"{environment.BACKEND}.builtin", "--bind", ANY_PORT, "--parent-stdin"]
    return command + _asking_for(model)


def _asking_for(model: str) -> list[str]:
    return ["--model", model] if model else []


def external_command(text: str) -> list[str]:
    """A command of the user's, such as `/opt/moclip/bin/moclip serve --device cuda`."""
    words = words_of(text, windows=os.name == "nt")
    if not words:
        raise MoclipError(
            "There is no command for the external backend.",
            hint="Set it in the add-on's preferences.",
            action="preferences",
            code="no_command",
        )
    return [*words, "--bind", ANY_PORT, "--parent-stdin"]


def command_for(kind: str, text: str, model: str = "") -> list[str]:
    """kind: BUILTIN, COMMAND (text is the user's command, which names its own model) or ENVIRONMENT (text is the folder
    that was set up).
    """
    if kind == "BUILTIN":
        return builtin_command(model)
    if kind == "ENVIRONMENT":
        serve = environment.serve_command(Path(text))
        return [*serve, "--bind", ANY_PORT, "--parent-stdin", *_asking_for(model)]
    return external_command(text)


def bundled_packages() -> list[str]:
    """Where Blender unpacked the add-on's wheels, and where its numpy lies.

    Where zmq is imported from tells nothing: Blender's Python may have its own.
    """
    import numpy
    import zmq

    folders = [UNPACKED, *(Path(module.__file__).resolve().parent.parent for module in (zmq, numpy))]
    return list(dict.fromkeys(str(folder) for folder in folders if folder.is_dir()))


def _environment(token: str, kind: str) -> dict[str, str]:
    kept = clean_environment() | {TOKEN_VARIABLE: token}
    # onnxruntime's builds report their use to Microsoft unless told not to.
    kept["ORT_DISABLE_TELEMETRY"] = "1"
    if kind != "COMMAND":
        # PYTHONSAFEPATH: what lies in the current folder must not be taken for the add-on's packages.
        kept |= {"PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}
    if kind == "BUILTIN":
        kept |= {"PYTHONPATH": os.pathsep.join(bundled_packages()), "PYTHONDONTWRITEBYTECODE": "1"}
    return kept


class BackendProcess:
    """A started backend. `ready` is its ready line once it has come; `exit_code` is set when it has ended.

    kind: as in `command_for`. errors: the last lines of its error output. action: of the error that ended it, "" for
    none.
    """

    def __init__(self, command: list[str], kind: str):
        self.token = secrets.token_urlsafe(32)
        self.ready: dict | None = None
        self._failure, self.action = "", ""
        self.errors: deque[str] = deque(maxlen=200)
        self._heard = time.monotonic()
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self.token, kind),
                creationflags=flags,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise MoclipError(
                f"The backend '{command[0]}' cannot be started: {error.strerror or error}.",
                hint="Check the command in the add-on's preferences.",
                action="preferences",
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

    @property
    def hangs(self) -> bool:
        """Has it printed nothing for too long while it starts? Once it is ready, `Connection` asks it."""
        return self.ready is None and time.monotonic() - self._heard > SECONDS_OF_SILENCE

    def _read_output(self) -> None:
        for line in self._process.stdout:
            self._heard = time.monotonic()
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("ready"):
                self.ready = message
            elif isinstance(message, dict) and "message" in message:
                self._failure = f"{message['message']} {message.get('hint', '')}".strip()
                self.action = str(message.get("action", ""))

    def _read_errors(self) -> None:
        for line in self._process.stderr:
            self._heard = time.monotonic()
            if line.strip():
                self.errors.append(line.rstrip())

    def last_words(self) -> str:
        """Why it could not start, else its last line on stderr; waits a moment for it when the process has ended."""
        if self.exit_code is not None:
            for reader in self._readers:
                reader.join(timeout=0.2)
        return self._failure or (self.errors[-1] if self.errors else "") or self._how_it_ended()

    def _how_it_ended(self) -> str:
        if self.exit_code == -getattr(signal, "SIGKILL", 0):
            return "it was killed, perhaps because the memory ran out."
        return f"exit code {self.exit_code}."

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
