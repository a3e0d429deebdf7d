# SPDX-License-Identifier: Apache-2.0
"""A small synchronous client of the backend: for the command line, scripts and tests.

with connect_running() as client:
    for header, arrays in client.generate([{"text": "a person waves", "seconds": 4.0, "seed": 0}]):
        ...
"""

import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from backend import wire
from backend.credentials import TOKEN_VARIABLE, ClientKeys, read_token
from backend.listener import parse_bind
from backend.paths import read_json, serve_file
from moclip.errors import Cancelled, MoclipError

Message = tuple[dict[str, Any], dict[str, np.ndarray]]

ASK_EVERY_SECONDS = 5.0
"""While a job is silent (a slow model), a ping finds out whether the backend still lives."""


class Client:
    """A connection that has said hello; `welcome` is what the backend answered.

    address: tcp://HOST:PORT. token: "" with CURVE keys, if the backend asks for none. timeout: seconds that any single
    answer may take. Raises MoclipError, code "backend_not_running", when nobody answers. One thread at a time.
    """

    def __init__(self, address: str, token: str, keys: ClientKeys | None = None, timeout: float = 5.0):
        self.address, self._timeout = address, timeout
        self._check_port()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.IPV6, int("[" in address))
        if keys:
            self._socket.curve_publickey, self._socket.curve_secretkey = keys.public, keys.secret
            self._socket.curve_serverkey = keys.server
        try:
            self._socket.connect(address)
            self.send({"type": wire.HELLO, "protocol": wire.PROTOCOL, "token": token, "client": "moclip"})
            self.welcome = self._await((wire.WELCOME, wire.ERROR))[0]
        except MoclipError:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
        self._socket.send_multipart(wire.encode(header, arrays))

    def receive(self, timeout: float) -> Message | None:
        """The next message, but for pings; None when none came within `timeout` seconds.

        Raises MoclipError for what is no message.
        """
        deadline = time.monotonic() + timeout
        try:
            while self._socket.poll(max(0, int(1000 * (deadline - time.monotonic())))):
                header, arrays = wire.decode(self._socket.recv_multipart())
                if header["type"] != wire.PING:
                    return header, arrays
            return None
        except wire.WireError as error:
            message = f"The backend at {self.address} sent something unreadable: {error}."
            raise MoclipError(message, hint="Is it of the same version?", code=error.code) from error

    def submit(self, requests: Sequence[Mapping[str, Any]], job_id: str | None = None) -> str:
        """Send a job; returns its id. Its fate comes from `events`."""
        job_id = job_id or uuid.uuid4().hex
        self.send({"type": wire.SUBMIT, "id": job_id, "requests": list(requests)})
        return job_id

    def cancel(self, job_id: str) -> None:
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
                over = header["type"] in (wire.ERROR, wire.CANCELLED) or (
                    header["type"] == wire.RESULT and header["index"] == header["count"] - 1
                )
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
        self.send({"type": wire.STATUS})
        return self._await((wire.STATUS,))[0]

    def ping(self) -> float:
        """Seconds until the backend answers."""
        started = time.monotonic()
        self.send({"type": wire.PING})
        self._await((wire.PONG,))
        return time.monotonic() - started

    def shutdown(self) -> None:
        self.send({"type": wire.SHUTDOWN})
        self._await((wire.SHUTDOWN,))

    def _await(self, types: Sequence[str]) -> Message:
        deadline = time.monotonic() + self._timeout
        while (remaining := deadline - time.monotonic()) > 0:
            message = self.receive(remaining)
            if message and message[0]["type"] in types:
                if message[0]["type"] == wire.ERROR:
                    raise _error(message[0])
                return message
        raise self._silent()

    def _next_or_ping(self) -> Message:
        message = self.receive(ASK_EVERY_SECONDS)
        if message is None:
            self.send({"type": wire.PING})
            message = self.receive(self._timeout)
        if message is None:
            raise self._silent()
        return message

    def _check_port(self) -> None:
        # ZeroMQ waits patiently for a port that nobody listens at; a plain connection tells at once.
        host, port, _ = parse_bind(self.address)
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=self._timeout).close()
        except (OSError, ValueError) as error:
            raise self._silent() from error

    def _silent(self) -> MoclipError:
        return MoclipError(
            f"No backend answers at {self.address}.",
            hint="`moclip serve` starts one.",
            action="start",
            code="backend_not_running",
        )


def connect_running(
    address: str | None = None, token_file: Path | None = None, keys: ClientKeys | None = None, timeout: float = 5.0
) -> Client:
    """Connect to the backend at `address`, or to the one that `moclip serve` announced on this machine.

    The token comes from MOCLIP_TOKEN, else from `token_file`, else from the announced file. Raises MoclipError.
    """
    announced = read_json(serve_file()) if serve_file().is_file() else {}
    address = address or announced.get("address")
    if not isinstance(address, str):
        raise _none_running()
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and token_file is None and announced.get("address") == address and announced.get("token_file"):
        token_file = Path(announced["token_file"])
        if not token_file.is_file():
            # Left behind by a backend that was killed.
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
