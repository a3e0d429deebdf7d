# SPDX-License-Identifier: Apache-2.0
"""One client's connection: messages in, messages out, and how much of either is held.

`plain_link` and `curve_link` have the two kinds.
"""

import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import zmq

from moclip_backend import wire
from moclip_backend.server.zmtp import BrokenError, Limits
from moclip_backend.wire import WireError

CHUNK = 65536
MESSAGES_A_TURN = 20
FRAMES = wire.MAX_ARRAYS + 1

STRANGER = Limits(frames=16, size=8 * 1024, frames_at_most=16, size_at_most=8 * 1024)
CLIENT = Limits(
    frames=FRAMES, size=wire.MAX_REQUEST_BYTES, frames_at_most=4096, size_at_most=4 * wire.MAX_MESSAGE_BYTES
)
# For a client that does not read: the results of one job fit.
LARGEST_OUT = {STRANGER: CHUNK, CLIENT: 2 * wire.MAX_MESSAGE_BYTES}
SECONDS_TO_HELLO = 15.0
SECONDS_FOR_A_MESSAGE = 60.0


Source = int | zmq.Socket[bytes]
Wish = tuple[Source, int]
"""A socket or descriptor to wait for, and zmq.POLLIN, zmq.POLLOUT or both."""
Ready = Mapping[Any, int]
"""What has come true of wishes."""


class Outgoing:
    """Bytes on their way to a socket that never blocks."""

    def __init__(self, sock: socket.socket | None, before: "Outgoing | None" = None):
        self._sock = sock
        self._parts: deque[memoryview] = before._parts if before else deque()
        self.size: int = before.size if before else 0

    def put(self, data: bytes) -> None:
        if data:
            self._parts.append(memoryview(data))
            self.size += len(data)

    def flush(self) -> None:
        """Raises OSError when the other side is gone."""
        with suppress(BlockingIOError):
            while self._parts and self._sock is not None:
                self._gather()
                sent = self._sock.send(self._parts[0])
                self.size -= sent
                if sent == len(self._parts[0]):
                    self._parts.popleft()
                else:
                    self._parts[0] = self._parts[0][sent:]

    def _gather(self) -> None:
        """Make one part of the first ones, as long as it is small: each that is sent is a call of the system, and wakes
        the other side."""
        count = size = 0
        while count < len(self._parts) and size + len(self._parts[count]) <= CHUNK:
            size += len(self._parts[count])
            count += 1
        if count > 1:
            self._parts.appendleft(memoryview(b"".join([self._parts.popleft() for _ in range(count)])))

    def drop(self) -> None:
        self._parts.clear()
        self.size = 0


class Link:
    """A connection. session: who it turned out to be, for its owner's use; None: a stranger.

    Whatever breaks it ends in `closed`; nothing raises.
    """

    def __init__(self, sock: socket.socket):
        sock.setblocking(False)
        self.session: Any = None
        self.closed = False
        self.opened = time.monotonic()
        self._sock, self._out = sock, Outgoing(sock)
        self._unfinished_since: float | None = None

    @property
    def stranger(self) -> bool:
        return self.session is None

    @property
    def limits(self) -> Limits:
        return STRANGER if self.stranger else CLIENT

    @property
    def held(self) -> int:
        """Bytes of messages that are not complete yet, or not read."""
        raise NotImplementedError

    @property
    def eager(self) -> bool:
        """Whether it may have more messages without anything new to be read from the network."""
        raise NotImplementedError

    def wishes(self) -> list[Wish]:
        """What to wait for: sockets or descriptors, and zmq.POLLIN or zmq.POLLOUT."""
        raise NotImplementedError

    def turn(self, ready: Ready) -> list[list[bytes] | WireError]:
        """Read and write what can be without waiting. Some messages that are complete: bounded, to be fair to all."""
        if self.closed:
            return []
        try:
            found = self._turn(ready)
        except (OSError, zmq.ZMQError, BrokenError):
            self.close()
            return []
        now = time.monotonic()
        if found or not self.held:
            self._unfinished_since = None if not self.held else now
        elif self._unfinished_since is None:
            self._unfinished_since = now
        late = self._unfinished_since is not None and now - self._unfinished_since > SECONDS_FOR_A_MESSAGE
        if late or (self.stranger and now - self.opened > SECONDS_TO_HELLO):
            self.close()
        return found

    def send(self, frames: Sequence[bytes]) -> None:
        """Send a message, or as much of it as goes now; the rest leaves in later turns."""
        if self.closed:
            return
        try:
            self._send(frames)
        except (OSError, zmq.ZMQError):
            self.close()
        if self._waiting_out > LARGEST_OUT[self.limits]:
            self.close()

    def _flush(self) -> None:
        """What can be written no more is dropped, and no reason to hang up: what the other side said before it left,
        such as goodbye, is still to be read. Reading tells when there is nothing more."""
        try:
            self._out.flush()
        except OSError:
            self._out.drop()

    @property
    def _waiting_out(self) -> int:
        return self._out.size

    def _turn(self, ready: Ready) -> list[list[bytes] | WireError]:
        raise NotImplementedError

    def _send(self, frames: Sequence[bytes]) -> None:
        raise NotImplementedError

    def linger(self) -> bool:
        """Push out what was sent; whether something is left."""
        with suppress(OSError):
            self._out.flush()
            return not self.closed and self._waiting_out > 0
        return False

    def close(self) -> None:
        self.closed = True
        self._sock.close()
