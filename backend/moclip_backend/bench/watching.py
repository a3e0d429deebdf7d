# SPDX-License-Identifier: Apache-2.0
"""A backend in a process of its own, to be measured, and a good client that watches it."""

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from moclip.errors import MoclipError
from moclip_backend.client.client import Client
from moclip_backend.state.credentials import TOKEN_VARIABLE, ClientKeys, make_keys, read_client_keys

PATIENCE = 20.0
_PINGS = 20


def memory(pid: int) -> int:
    """Resident bytes of a process. Raises MoclipError where the system does not tell as Linux does."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise MoclipError("Memory is measured on Linux only.", hint="Measure there.", code="no_memory") from error
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


class Served:
    """A backend with an engine that waits `seconds` a job. folder: for its state. curve: with keys, else a token."""

    def __init__(self, folder: Path, seconds: float, curve: bool = False):
        self.token = None if curve else secrets.token_hex(16)
        self.key_file = make_keys(folder / "keys", "bench") if curve else None
        keys = ["--keys", str(folder / "keys")] if curve else []
        command = [sys.executable, "-m", "moclip_backend.bench.idle_engine", str(seconds), *keys]
        environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        environment |= {"MOCLIP_STATE": str(folder)} | ({TOKEN_VARIABLE: self.token} if self.token else {})
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        ready = json.loads((self._process.stdout.readline() if self._process.stdout else b"") or b"{}")
        if not ready.get("ready"):
            self.close()
            raise MoclipError(f"The backend did not start: {ready.get('message', 'it said nothing')}", code="bench")
        self.address: str = ready["address"]
        self.pid = self._process.pid

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def client(self) -> Client:
        keys: ClientKeys | None = read_client_keys(self.key_file) if self.key_file else None
        return Client(self.address, self.token or "", keys, timeout=PATIENCE)

    def close(self) -> int:
        """End it as the end of its parent does; the exit code."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class Watch:
    """While open, a good client pings all the time: `slowest` answer in seconds, and most `growth` of memory."""

    def __init__(self, pid: int, connect: Callable[[], Client]):
        self._pid, self._connect = pid, connect
        self._over = threading.Event()
        self.slowest, self.growth, self.pings = 0.0, 0, 0
        self.failure: Exception | None = None

    def __enter__(self) -> "Watch":
        self._client = self._connect()
        for _ in range(_PINGS):
            self._client.ping()
        self._before = memory(self._pid)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self.slowest = max(self.slowest, self._client.ping())
                self.growth = max(self.growth, memory(self._pid) - self._before)
                self.pings += 1
                time.sleep(0.005)
        except MoclipError as error:
            self.failure = error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        until = time.monotonic() + 1.0
        while time.monotonic() < until or (
            self.pings < _PINGS and self._thread.is_alive() and time.monotonic() < until + PATIENCE
        ):
            time.sleep(0.05)
        self._over.set()
        self._thread.join()
        self._client.close()
