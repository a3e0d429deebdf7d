# SPDX-License-Identifier: Apache-2.0
"""A small synchronous client of the backend: for the command line, scripts and tests.

with connect_running() as client:
    for header, arrays in client.generate([{"text": "a person waves", "seconds": 4.0, "seed": 0}]):
        ...
"""

import os
import secrets
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from zmq.utils.monitor import recv_monitor_message

from moclip.errors import Cancelled, MoclipError
from moclip_backend import wire
from moclip_backend.credentials import TOKEN_VARIABLE, ClientKeys, read_token
from moclip_backend.listener import parse_bind
from moclip_backend.liveness import is_gone
from moclip_backend.paths import read_json, serve_file

Message = tuple[dict[str, Any], dict[str, np.ndarray]]

ASK_EVERY_SECONDS = 5.0
"""While a job is silent (a slow model), a ping finds out whether the backend still lives."""


_REFUSED = (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_HANDSHAKE_FAILED = sum(_REFUSED) | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL


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
        self.address, self._token, self._keys = address, token, keys
        self._timeout, self._patience = timeout, patience
        self._session = secrets.token_hex(16)
        # Of jobs that are not over: the message, the results that have come, whether to cancel it.
        self._open: dict[str, _OpenJob] = {}
        self._question: list[bytes] | None = None
        self._context = zmq.Context()
        self._socket: zmq.Socket | None = None
        self.welcome: dict[str, Any] = {}
        try:
            self.welcome = self._connect(timeout)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave for good; jobs that are not over are cancelled."""
        if self._socket is not None and "sessions" in self.welcome.get("features", ()):
            self.send({"type": wire.GOODBYE})
        self._disconnect(linger=200)
        self._context.term()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
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
                raise _error(header)
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
        raise self._silent()

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
            raise self._silent()
        return message

    # -- the connection ----------------------------------------------------------------------------------------------

    def _connect(self, timeout: float) -> dict[str, Any]:
        """Connect and say hello; the welcome."""
        deadline = time.monotonic() + timeout
        self._check_port(timeout)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.IPV6, int("[" in self.address))
        if self._keys:
            self._socket.curve_publickey, self._socket.curve_secretkey = self._keys.public, self._keys.secret
            self._socket.curve_serverkey = self._keys.server
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | _HANDSHAKE_FAILED)
        self._socket.connect(self.address)
        self.send({
            "type": wire.HELLO, "protocol": wire.PROTOCOL, "token": self._token, "client": "moclip",
            "session": self._session,
        })  # fmt: skip
        failed = broken = 0
        while (remaining := deadline - time.monotonic()) > 0 and not is_gone(self.welcome.get("process")):
            self._wait(min(remaining, 0.2))
            if self._socket.poll(0):
                header, _ = self._read()
                if header["type"] == wire.ERROR:
                    raise _error(header)
                if header["type"] == wire.WELCOME:
                    return header
            for event in self._happened():
                broken += event == zmq.EVENT_DISCONNECTED
                failed += event != zmq.EVENT_DISCONNECTED
                # A handshake fails without details, too, when the connection breaks. libzmq tries again by itself.
                if event in _REFUSED or failed > 1:
                    raise self._wrong_key(refused=event == zmq.EVENT_HANDSHAKE_FAILED_AUTH)
                if broken > failed:
                    raise self._silent()
        raise self._silent()

    def _reconnect(self) -> None:
        """Make the connection again, and go on with what was under way. Raises MoclipError when that cannot be."""
        deadline = time.monotonic() + self._patience
        while True:
            if is_gone(self.welcome.get("process")):
                raise MoclipError("The backend has ended.", hint="Start it with `moclip serve`.", code="backend_ended")
            self._disconnect()
            try:
                self.welcome = self._connect(min(self._timeout, max(0.5, deadline - time.monotonic())))
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

    def _disconnect(self, linger: int = 0) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(linger)
            self._socket = None

    def _send(self, frames: Sequence[bytes]) -> None:
        if self._socket is None:
            self._reconnect()
        self._socket.send_multipart(frames)

    def _poll(self, deadline: float) -> Message | None:
        """The next message; a connection that breaks is made again meanwhile."""
        while True:
            if self._socket is None:
                self._reconnect()
            self._wait(deadline - time.monotonic())
            if self._socket.poll(0):
                header, arrays = self._read()
                if header["type"] != wire.PING:
                    return header, arrays
            elif zmq.EVENT_DISCONNECTED in self._happened():
                self._reconnect()
            elif time.monotonic() >= deadline:
                return None

    def _wait(self, seconds: float) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        poller.poll(max(0, int(1000 * seconds)))

    def _happened(self) -> list[int]:
        events = []
        while self._monitor.poll(0):
            events.append(recv_monitor_message(self._monitor)["event"])
        return events

    def _read(self) -> Message:
        try:
            return wire.decode(self._socket.recv_multipart())
        except wire.WireError as error:
            message = f"The backend at {self.address} sent something unreadable: {error}."
            raise MoclipError(message, hint="Is it of the same version?", code=error.code) from error

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

    def _check_port(self, timeout: float) -> None:
        # ZeroMQ waits patiently for a port that nobody listens at; a plain connection tells at once.
        host, port, _ = parse_bind(self.address)
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=timeout).close()
        except (OSError, ValueError) as error:
            raise self._silent() from error

    def _silent(self) -> MoclipError:
        return MoclipError(
            f"No backend answers at {self.address}.",
            hint="`moclip serve` starts one.",
            action="start",
            code="backend_not_running",
        )

    def _wrong_key(self, refused: bool) -> MoclipError:
        if refused:
            message = f"The backend at {self.address} does not let this key in."
        elif self._keys:
            message = f"The backend at {self.address} has another key than the one that the key file names."
        else:
            message = f"The backend at {self.address} lets in keys only."
        hint = "`moclip keys` on its computer makes a key; `--key FILE` uses it. Restart the backend after that."
        return MoclipError(message, hint=hint, code="bad_key")


def _ends_job(header: Mapping[str, Any]) -> bool:
    last = header["type"] == wire.RESULT and header["index"] == header["count"] - 1
    return last or header["type"] in (wire.ERROR, wire.CANCELLED)


def connect_running(
    address: str | None = None, token_file: Path | None = None, keys: ClientKeys | None = None, timeout: float = 5.0
) -> Client:
    """Connect to the backend at `address`, or to the one that `moclip serve` announced on this machine.

    The token comes from MOCLIP_TOKEN, else from `token_file`, else from the announced file. Raises MoclipError.
    """
    announced = read_json(serve_file()) if serve_file().is_file() else {}
    if is_gone(announced.get("process")):
        # Left behind by a backend that was killed.
        announced = {}
    address = address or announced.get("address")
    if not isinstance(address, str):
        raise _none_running()
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and token_file is None and announced.get("address") == address and announced.get("token_file"):
        token_file = Path(announced["token_file"])
        if not token_file.is_file():
            raise _none_running()
    if token is None:
        token = read_token(token_file) if token_file else ""
    return Client(address, token, keys, timeout)


def _none_running() -> MoclipError:
    hint = "`moclip serve` starts one (the one that Blender starts answers Blender only)."
    return MoclipError("No backend is running.", hint=hint, action="start", code="backend_not_running")


def _error(header: Mapping[str, Any]) -> MoclipError:
    fields = {name: str(header.get(name, "")) for name in ("message", "hint", "action", "code")}
    return MoclipError(fields.pop("message"), **fields)
