# SPDX-License-Identifier: Apache-2.0
"""A client's connection to the backend: made, watched and read. What is done when it breaks is up to its owner."""

import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import zmq
from numpy.typing import NDArray
from zmq.utils.monitor import recv_monitor_message

from moclip.errors import MoclipError
from moclip_backend import wire
from moclip_backend.address import parse_bind
from moclip_backend.liveness import is_gone
from moclip_backend.state.credentials import ClientKeys

Message = tuple[dict[str, Any], dict[str, NDArray[Any]]]

_REFUSED = (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_HANDSHAKE_FAILED = sum(_REFUSED) | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL


class Connection:
    """address: tcp://HOST:PORT. hello: the header that every opening begins with. One thread at a time."""

    def __init__(self, address: str, keys: ClientKeys | None, hello: Mapping[str, Any]):
        self.address, self._keys, self._hello = address, keys, hello
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self, timeout: float, process: Any = None) -> dict[str, Any]:
        """Connect and say hello; the welcome. process: the backend's, if it is known, to give up at once when it ends.

        Raises MoclipError: code "backend_not_running" when nobody answers within `timeout` seconds, "bad_key" when the
        backend wants another key, and what the backend says itself.
        """
        deadline = time.monotonic() + timeout
        self._check_port(timeout)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.IPV6, int("[" in self.address))
        if self._keys:
            self._socket.curve_publickey, self._socket.curve_secretkey = self._keys.public, self._keys.secret
            self._socket.curve_serverkey = self._keys.server
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | _HANDSHAKE_FAILED)
        self._socket.connect(self.address)
        self.send(wire.encode(self._hello))
        failed = broken = 0
        while (remaining := deadline - time.monotonic()) > 0 and not is_gone(process):
            self.wait(min(remaining, 0.2))
            if message := self.read():
                if message[0]["type"] == wire.ERROR:
                    raise error_of(message[0])
                if message[0]["type"] == wire.WELCOME:
                    return message[0]
            for event in self._happened():
                broken += event == zmq.EVENT_DISCONNECTED
                failed += event != zmq.EVENT_DISCONNECTED
                # A handshake fails without details, too, when the connection breaks. libzmq tries again by itself.
                if event in _REFUSED or failed > 1:
                    raise self._wrong_key(refused=event == zmq.EVENT_HANDSHAKE_FAILED_AUTH)
                if broken > failed:
                    raise self.silent()
        raise self.silent()

    def send(self, frames: Sequence[bytes]) -> None:
        """On an open connection only. What a backend cannot take any more is lost, as on a connection that broke."""
        assert self._socket is not None
        # After a refused handshake nobody is left to send to, and a send that waits would do so for ever.
        with suppress(zmq.Again):
            self._socket.send_multipart(frames, zmq.NOBLOCK)

    def wait(self, seconds: float) -> None:
        """Until something has come or happened."""
        poller = zmq.Poller()
        for watched in (self._socket, self._monitor):
            if watched is not None:
                poller.register(watched, zmq.POLLIN)
        poller.poll(max(0, int(1000 * seconds)))

    def read(self) -> Message | None:
        """A message that has come. Raises MoclipError for what is none."""
        if self._socket is None or not self._socket.poll(0):
            return None
        try:
            return wire.decode(self._socket.recv_multipart())
        except wire.WireError as error:
            message = f"The backend at {self.address} sent something unreadable: {error}."
            raise MoclipError(message, hint="Is it of the same version?", code=error.code) from error

    def broke(self) -> bool:
        """Whether it has broken since the last call."""
        return zmq.EVENT_DISCONNECTED in self._happened()

    def close(self, linger: int = 0) -> None:
        """linger: milliseconds for what is on its way out."""
        if self._socket is not None:
            self._socket.disable_monitor()
        if self._monitor is not None:
            self._monitor.close(0)
        if self._socket is not None:
            self._socket.close(linger)
        self._socket = self._monitor = None

    def end(self, linger: int = 0) -> None:
        """Close for good."""
        self.close(linger)
        self._context.term()

    def silent(self) -> MoclipError:
        return MoclipError(
            f"No backend answers at {self.address}.",
            hint="`moclip serve` starts one.",
            action="start",
            code="backend_not_running",
        )

    def _happened(self) -> list[int]:
        events = []
        while self._monitor is not None and self._monitor.poll(0):
            events.append(int(recv_monitor_message(self._monitor)["event"]))
        return events

    def _check_port(self, timeout: float) -> None:
        # ZeroMQ waits patiently for a port that nobody listens at; a plain connection tells at once.
        host, port, _ = parse_bind(self.address)
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=timeout).close()
        except (OSError, ValueError) as error:
            raise self.silent() from error

    def _wrong_key(self, refused: bool) -> MoclipError:
        if refused:
            message = f"The backend at {self.address} does not let this key in."
        elif self._keys:
            message = f"The backend at {self.address} has another key than the one that the key file names."
        else:
            message = f"The backend at {self.address} lets in keys only."
        hint = "`moclip keys` on its computer makes a key; `--key FILE` uses it. Restart the backend after that."
        return MoclipError(message, hint=hint, code="bad_key")


def error_of(header: Mapping[str, Any]) -> MoclipError:
    """What an `error` message says, to be raised."""
    told = {name: str(header.get(name, "")) for name in ("hint", "action", "code")}
    return MoclipError(str(header.get("message", "")), hint=told["hint"], action=told["action"], code=told["code"])
