# SPDX-License-Identifier: Apache-2.0
"""A client's connection from anywhere, in CURVE.

A `CurveLink` leaves the cryptography to a libzmq socket of its own, and meters what it lets through to it: the end of a
message is encrypted as well, but it is known when one has come out.
"""

import os
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import zmq

from moclip_backend import wire
from moclip_backend.server import zmtp
from moclip_backend.server.links import CHUNK, CLIENT, MESSAGES_A_TURN, Link, Outgoing, Ready, Wish
from moclip_backend.server.zmtp import BrokenError
from moclip_backend.wire import WireError


def _private_connection(dealer: zmq.Socket[bytes]) -> socket.socket:
    """A connection to `dealer`, which nobody else can reach where the system lets us arrange that."""
    if not hasattr(socket, "AF_UNIX"):
        dealer.bind("tcp://127.0.0.1:*")
        port = int(dealer.get_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])
        inner = socket.create_connection(("127.0.0.1", port))
        # Closed without a goodbye that the system would remember for a minute: there may be many.
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh", 1, 0))
        inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return inner
    inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The place exists for as long as it takes to connect: no name is left that others could use, and no file.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "d")
        door.bind(path)
        door.listen(1)
        inner.connect(path)
        dealer.setsockopt(zmq.USE_FD, os.dup(door.fileno()))
        dealer.bind(f"ipc://{path}")
    return inner


class _Inside(NamedTuple):
    """What decrypts: a libzmq socket, and this end of the connection to it."""

    dealer: zmq.Socket[bytes]
    inner: socket.socket


class CurveLink(Link):
    """A connection that a libzmq socket of its own decrypts, at the other end of a connection within this process.

    Until a message has come out, no more goes in than the longest message takes: so libzmq never holds more, and a
    message that has no end stops there.
    """

    # In CURVE every frame is longer by 33 bytes, and headers by up to 8: what a message may cost in all.
    _OVERHEAD = 64
    _COMMAND_FRAMES = 4

    _HELLO = b"\x04\xc8\x05HELLO"

    def __init__(
        self,
        sock: socket.socket,
        context: zmq.Context[zmq.Socket[bytes]],
        configure: Callable[[zmq.Socket[bytes]], None],
        may_open: Callable[[], bool],
    ):
        super().__init__(sock)
        self._context, self._configure, self._may_open = context, configure, may_open
        self._meter = zmtp.Meter()
        self._bytes = self._bytes_out = 0
        self._inside: _Inside | None = None
        self._in, self._early = Outgoing(None), b""
        # Said here, so that the other side goes on; what libzmq says itself is left out.
        self._out.put(zmtp.greeting(b"CURVE", server=True))
        self._left_out = zmtp.GREETING_BYTES
        self._backlog = False
        self._stuck_since: float | None = None
        self._told = False
        self._forgiven = time.monotonic()

    @property
    def held(self) -> int:
        return self._bytes

    @property
    def eager(self) -> bool:
        return self._backlog

    def _open(self) -> None:
        """Not before somebody began as CURVE does, and not many at once: it is dear."""
        begun = self._early[zmtp.GREETING_BYTES :]
        if not self._HELLO.startswith(begun[: len(self._HELLO)]):
            raise BrokenError("no handshake of CURVE")
        self._backlog = len(begun) >= len(self._HELLO)
        if not self._backlog or not self._may_open():
            return
        self._early = b""
        dealer = self._context.socket(zmq.DEALER)
        try:
            dealer.linger = 0
            dealer.maxmsgsize = CLIENT.size
            self._configure(dealer)
            inner = _private_connection(dealer)
        except BaseException:
            dealer.close(0)
            raise
        inner.setblocking(False)
        self._inside = _Inside(dealer, inner)
        self._in = Outgoing(inner, self._in)

    @property
    def _allowance(self) -> int:
        limits = self.limits
        if self._meter.frames >= limits.frames + self._COMMAND_FRAMES:
            return 0
        return max(0, limits.size + self._OVERHEAD * limits.frames - self._bytes)

    def wishes(self) -> list[Wish]:
        if self._inside is None:
            outer = (0 if self._backlog else zmq.POLLIN) | (zmq.POLLOUT if self._out.size else 0)
            return [(self._sock.fileno(), outer)] if outer else []
        outer = (zmq.POLLIN if self._allowance and not self._in.size else 0) | (zmq.POLLOUT if self._out.size else 0)
        inner = (zmq.POLLIN if self._out.size < CHUNK else 0) | (zmq.POLLOUT if self._in.size else 0)
        wanted: list[Wish] = [
            (self._sock.fileno(), outer), (self._inside.inner.fileno(), inner), (self._inside.dealer, zmq.POLLIN),
        ]  # fmt: skip
        return [(source, events) for source, events in wanted if events]

    def _turn(self, ready: Ready) -> list[list[bytes] | WireError]:
        if ready.get(self._sock.fileno(), 0) & ~zmq.POLLOUT:
            data = self._sock.recv(min(CHUNK, self._allowance) or 1)
            if not data:
                raise BrokenError("the other side hung up")
            self._bytes += len(data)
            self._meter.count(data, self.limits.size + self._OVERHEAD)
            self._in.put(data)
            if self._inside is None:
                self._early += data
        self._flush()
        if self._inside is None:
            self._open()
        if self._inside is None:
            return []
        self._in.flush()
        if ready.get(self._inside.inner.fileno(), 0) & ~zmq.POLLOUT:
            data = self._inside.inner.recv(CHUNK)
            if not data:
                self._flush()
                raise BrokenError("refused by libzmq")
            self._pass_on(data)
        self._flush()
        found: list[list[bytes] | WireError] = []
        self._backlog = False
        for _ in range(1 if self.stranger else MESSAGES_A_TURN):
            try:
                found.append(self._inside.dealer.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
        else:
            self._backlog = True
        if found:
            self._bytes = self._meter.frames = 0
            self._stuck_since, self._told = None, False
        elif self._allowance:
            self._forgive()
        elif not self._in.size:
            found += self._stuck()
        return found

    def _forgive(self) -> None:
        """Heartbeats of the client's libzmq are frames as well, and no message comes of them: one a second is free."""
        seconds = int(time.monotonic() - self._forgiven)
        self._forgiven += seconds
        self._meter.frames = max(0, self._meter.frames - seconds)
        self._bytes = max(0, self._bytes - seconds * self._OVERHEAD)

    def _stuck(self) -> list[WireError]:
        """No more may come, and no message has: libzmq gets a second, then it was too long."""
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since < 1.0:
            return []
        if self.stranger or self._told:
            raise BrokenError("a message that never ends")
        # Said, and a second later hung up.
        self._stuck_since, self._told = now, True
        message = f"the message has over {self.limits.frames} frames or {self.limits.size} bytes"
        return [WireError(message, wire.TOO_LARGE)]

    def _send(self, frames: Sequence[bytes]) -> None:
        assert self._inside is not None
        self._inside.dealer.send_multipart(frames, zmq.NOBLOCK)
        # What of it has not come out yet: encrypted, and with the header of its frame.
        sizes = [len(frame) + 33 for frame in frames]
        self._bytes_out += sum(size + (2 if size < 256 else 9) for size in sizes)

    def _pass_on(self, data: bytes) -> None:
        self._bytes_out = max(0, self._bytes_out - len(data))
        left_out = min(self._left_out, len(data))
        self._left_out -= left_out
        self._out.put(data[left_out:])

    @property
    def _waiting_out(self) -> int:
        return self._out.size + self._bytes_out

    def linger(self) -> bool:
        with suppress(OSError):
            if not self.closed and self._inside is not None:
                while data := self._inside.inner.recv(CHUNK):
                    self._pass_on(data)
        return super().linger()

    def close(self) -> None:
        super().close()
        if self._inside is not None:
            self._inside.dealer.close(0)
            self._inside.inner.close()
