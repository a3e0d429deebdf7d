# SPDX-License-Identifier: Apache-2.0
"""A small synchronous client of the backend.

with connect_running() as client:
    for header, arrays in client.generate([{"text": "a person waves", "seconds": 4.0, "seed": 0}]):
        ...
"""

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from moclip.errors import Cancelled, MoclipError
from moclip_backend import wire
from moclip_backend.client.connection import Connection, Message, error_of
from moclip_backend.liveness import is_gone
from moclip_backend.state.credentials import ClientKeys

ASK_EVERY_SECONDS = 5.0
"""While a job is silent (a slow model), a ping finds out whether the backend still lives."""


@dataclass
class _OpenJob:
    frames: list[bytes]
    results: set[int] = field(default_factory=set)
    cancelled: bool = False


class Client:
    """A connection that has said hello; `welcome` is what the backend answered.

    A connection that breaks is made again, and the jobs that were sent over it go on: the caller notices nothing but
    the time. address: tcp://HOST:PORT. token: "" with CURVE keys, if the backend asks for none. timeout: seconds that
    any single answer may take. patience: seconds without a connection after which it is given up; the backend keeps
    what jobs came to for a minute. Raises MoclipError: code "backend_not_running" when nobody answers, "bad_key" when
    the backend wants another key. One thread at a time.
    """

    def __init__(
        self, address: str, token: str, keys: ClientKeys | None = None, timeout: float = 5.0, patience: float = 60.0
    ):
        self.address, self._timeout, self._patience = address, timeout, patience
        # Of jobs that are not over: the message, the results that have come, whether to cancel it.
        self._open: dict[str, _OpenJob] = {}
        self._question: list[bytes] | None = None
        hello = {
            "type": wire.HELLO, "protocol": wire.PROTOCOL, "token": token, "client": "moclip",
            "session": secrets.token_hex(16),
        }  # fmt: skip
        self._connection = Connection(address, keys, hello)
        self.welcome: dict[str, Any] = {}
        try:
            self.welcome = self._connection.open(timeout)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave for good; jobs that are not over are cancelled."""
        if self._connection.is_open and "sessions" in self.welcome.get("features", ()):
            self.send({"type": wire.GOODBYE})
        self._connection.end(linger=200)

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        self._send(wire.encode(header, arrays))

    def receive(self, timeout: float) -> Message | None:
        """The next message, but for pings; None when none came within `timeout` seconds.

        Raises MoclipError for what is no message, and when the connection broke and cannot be made again.
        """
        deadline = time.monotonic() + timeout
        while True:
            message = self._poll(deadline)
            if message is None or not self._repeated(message[0]):
                return message

    def submit(
        self, requests: Sequence[Mapping[str, Any]], job_id: str | None = None, within: float | None = None
    ) -> str:
        """Send a job; returns its id. Its fate comes from `events`. within: seconds after which it is not wanted."""
        job_id = job_id or uuid.uuid4().hex
        asked = {"type": wire.SUBMIT, "id": job_id, "requests": list(requests)}
        frames = wire.encode(asked if within is None else {**asked, "within": within})
        if job_id not in self._open:
            self._open[job_id] = _OpenJob(frames)
        self._send(frames)
        return job_id

    def cancel(self, job_id: str) -> None:
        if job_id in self._open:
            self._open[job_id].cancelled = True
        self.send({"type": wire.CANCEL, "id": job_id})

    def events(self, job_id: str) -> Iterator[Message]:
        """A job's messages up to the one that ends it: the last `result`, `error` or `cancelled`.

        Raises MoclipError when the backend ends or stops answering meanwhile.
        """
        over = False
        while not over:
            header, arrays = self._next_or_ping()
            if header["type"] == wire.SHUTDOWN:
                raise MoclipError("The backend ended.", hint="Start it with `moclip serve`.", code="backend_ended")
            if header.get("id") == job_id and header["type"] != wire.PONG:
                over = _ends_job(header)
                yield header, arrays

    def generate(self, requests: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
        """Submit a job and yield its messages. Raises MoclipError for an `error`, Cancelled for `cancelled`."""
        for header, arrays in self.events(self.submit(requests)):
            if header["type"] == wire.ERROR:
                raise error_of(header)
            if header["type"] == wire.CANCELLED:
                raise Cancelled
            yield header, arrays

    def status(self) -> dict[str, Any]:
        return self._ask({"type": wire.STATUS})[0]

    def ping(self) -> float:
        """Seconds until the backend answers."""
        started = time.monotonic()
        self._ask({"type": wire.PING}, wire.PONG)
        return time.monotonic() - started

    def shutdown(self) -> None:
        self._ask({"type": wire.SHUTDOWN})

    def _ask(self, header: Mapping[str, Any], answer: str | None = None) -> Message:
        self._question = wire.encode(header)
        try:
            self._send(self._question)
            return self._await((answer or header["type"],))
        finally:
            self._question = None

    def _await(self, types: Sequence[str]) -> Message:
        deadline = time.monotonic() + self._timeout
        while (remaining := deadline - time.monotonic()) > 0:
            message = self.receive(remaining)
            if message and message[0]["type"] in types:
                return message
        raise self._connection.silent()

    def _next_or_ping(self) -> Message:
        message = self.receive(ASK_EVERY_SECONDS)
        if message is None:
            self.send({"type": wire.PING})
            message = self.receive(self._timeout)
        if message is None:
            # Nothing gets through, and nothing says so.
            self._reconnect()
            message = self.receive(self._timeout)
        if message is None:
            raise self._connection.silent()
        return message

    # -- the connection ----------------------------------------------------------------------------------------------

    def _reconnect(self) -> None:
        """Make the connection again, and go on with what was under way. Raises MoclipError when that cannot be."""
        deadline = time.monotonic() + self._patience
        while True:
            if is_gone(self.welcome.get("process")):
                raise MoclipError("The backend has ended.", hint="Start it with `moclip serve`.", code="backend_ended")
            self._connection.close()
            try:
                seconds = min(self._timeout, max(0.5, deadline - time.monotonic()))
                self.welcome = self._connection.open(seconds, self.welcome.get("process"))
                break
            except MoclipError as error:
                if error.code != "backend_not_running" or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)
        for job_id, job in self._open.items():
            self._send(job.frames)
            if job.cancelled:
                self.send({"type": wire.CANCEL, "id": job_id})
        if self._question:
            self._send(self._question)

    def _send(self, frames: Sequence[bytes]) -> None:
        if not self._connection.is_open:
            self._reconnect()
        self._connection.send(frames)

    def _poll(self, deadline: float) -> Message | None:
        """The next message; a connection that breaks is made again meanwhile."""
        while True:
            if not self._connection.is_open:
                self._reconnect()
            self._connection.wait(deadline - time.monotonic())
            if message := self._connection.read():
                if message[0]["type"] != wire.PING:
                    return message
            elif self._connection.broke():
                self._reconnect()
            elif time.monotonic() >= deadline:
                return None

    def _repeated(self, header: Mapping[str, Any]) -> bool:
        """Note what has come of a job; whether it is a result that had come over an earlier connection."""
        job = self._open.get(header["id"]) if isinstance(header.get("id"), str) else None
        if job is None:
            return False
        if _ends_job(header) and header.get("code") != wire.DUPLICATE_ID:
            del self._open[header["id"]]
        if header["type"] != wire.RESULT:
            return False
        known = header["index"] in job.results
        job.results.add(header["index"])
        return known


def _ends_job(header: Mapping[str, Any]) -> bool:
    last = header["type"] == wire.RESULT and header["index"] == header["count"] - 1
    return last or header["type"] in (wire.ERROR, wire.CANCELLED)
