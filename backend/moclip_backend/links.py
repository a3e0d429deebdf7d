# SPDX-License-Identifier: Apache-2.0
"""One client's connection: messages in, messages out, and how much of either is held.

A `PlainLink` speaks ZMTP itself. A `CurveLink` leaves the cryptography to a libzmq socket of its own, and meters what
it lets through to it: the end of a message is encrypted as well, but it is known when one has come out.
"""

import os
import socket
import struct
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import zmq

from moclip_backend import wire, zmtp
from moclip_backend.wire import WireError
from moclip_backend.zmtp import BrokenError, Limits

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


class Outgoing:
    """Bytes on their way to a socket that never blocks."""

    def __init__(self, sock: socket.socket | None, before: "Outgoing | None" = None):
        self._sock = sock
        self._parts: deque[memoryview] = before._parts if before else deque()
        self.size = before.size if before else 0

    def put(self, data: bytes) -> None:
        if data:
            self._parts.append(memoryview(data))
            self.size += len(data)

    def flush(self) -> None:
        """Raises OSError when the other side is gone."""
        with suppress(BlockingIOError):
            while self._parts:
                sent = self._sock.send(self._parts[0])
                self.size -= sent
                if sent == len(self._parts[0]):
                    self._parts.popleft()
                else:
                    self._parts[0] = self._parts[0][sent:]

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

    def wishes(self) -> list[tuple[Any, int]]:
        """What to wait for: sockets or descriptors, and zmq.POLLIN or zmq.POLLOUT."""
        raise NotImplementedError

    def turn(self, ready: dict[Any, int]) -> list[list[bytes] | WireError]:
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

    def _turn(self, ready: dict[Any, int]) -> list[list[bytes] | WireError]:
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


class PlainLink(Link):
    """ZMTP without encryption, for this computer."""

    def __init__(self, sock: socket.socket):
        super().__init__(sock)
        self._greeting = b""
        self._reader = zmtp.Reader(STRANGER)
        self._backlog = False
        self._greeted = False
        self._out.put(zmtp.greeting(b"NULL") + zmtp.ready())

    @property
    def held(self) -> int:
        return self._reader.held

    @property
    def eager(self) -> bool:
        return self._backlog

    def wishes(self) -> list[tuple[Any, int]]:
        events = (0 if self._backlog else zmq.POLLIN) | (zmq.POLLOUT if self._out.size else 0)
        return [(self._sock.fileno(), events)] if events else []

    def _turn(self, ready: dict[Any, int]) -> list[list[bytes] | WireError]:
        self._flush()
        if ready.get(self._sock.fileno(), 0) & ~zmq.POLLOUT:
            data = self._sock.recv(CHUNK)
            if not data:
                raise BrokenError("the other side hung up")
            if len(self._greeting) < zmtp.GREETING_BYTES:
                missing = zmtp.GREETING_BYTES - len(self._greeting)
                self._greeting, data = self._greeting + data[:missing], data[missing:]
                zmtp.check_greeting(self._greeting, b"NULL")
            self._reader.feed(data)
        return self._messages()

    def _messages(self) -> list[list[bytes] | WireError]:
        # A stranger's are handed over one by one: what it may send next depends on what this one was.
        self._reader.limits = self.limits
        found: list[list[bytes] | WireError] = []
        for _ in range(MESSAGES_A_TURN):
            item = self._reader.next()
            if item is None:
                self._backlog = False
                return found
            if isinstance(item, bytes):
                self._obey(item)
            elif not self._greeted:
                raise BrokenError("a message before the handshake")
            else:
                found.append(item)
                if self.stranger:
                    break
        self._backlog = True
        return found

    def _obey(self, content: bytes) -> None:
        name, body = content[1 : 1 + content[0]] if content else b"", content[1 + content[0] :] if content else b""
        if name == b"READY":
            self._greeted = True
        elif name == b"PING" and self._greeted:
            self._out.put(zmtp.command(b"PONG", body[2:18]))
            self._flush()
        elif not self._greeted or name == b"ERROR":
            raise BrokenError("no handshake of NULL")

    def _send(self, frames: Sequence[bytes]) -> None:
        for number, frame in enumerate(frames):
            self._out.put(zmtp.frame_header(len(frame), more=number < len(frames) - 1))
            self._out.put(frame)
        self._flush()


def _private_connection(dealer: zmq.Socket) -> socket.socket:
    """A connection to `dealer`, which nobody else can reach where the system lets us arrange that."""
    if not hasattr(socket, "AF_UNIX"):
        dealer.bind("tcp://127.0.0.1:*")
        port = int(dealer.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").rsplit(b":", 1)[1])
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
        context: zmq.Context,
        configure: Callable[[zmq.Socket], None],
        may_open: Callable[[], bool],
    ):
        super().__init__(sock)
        self._context, self._configure, self._may_open = context, configure, may_open
        self._meter = zmtp.Meter()
        self._bytes = self._bytes_out = 0
        self._dealer: zmq.Socket | None = None
        self._inner: socket.socket | None = None
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
        self._dealer = self._context.socket(zmq.DEALER)
        self._dealer.linger = 0
        self._dealer.maxmsgsize = CLIENT.size
        self._configure(self._dealer)
        self._inner = _private_connection(self._dealer)
        self._inner.setblocking(False)
        self._in = Outgoing(self._inner, self._in)

    @property
    def _allowance(self) -> int:
        limits = self.limits
        if self._meter.frames >= limits.frames + self._COMMAND_FRAMES:
            return 0
        return max(0, limits.size + self._OVERHEAD * limits.frames - self._bytes)

    def wishes(self) -> list[tuple[Any, int]]:
        if self._dealer is None:
            outer = (0 if self._backlog else zmq.POLLIN) | (zmq.POLLOUT if self._out.size else 0)
            return [(self._sock.fileno(), outer)] if outer else []
        outer = (zmq.POLLIN if self._allowance and not self._in.size else 0) | (zmq.POLLOUT if self._out.size else 0)
        inner = (zmq.POLLIN if self._out.size < CHUNK else 0) | (zmq.POLLOUT if self._in.size else 0)
        wanted = [(self._sock.fileno(), outer), (self._inner.fileno(), inner), (self._dealer, zmq.POLLIN)]
        return [(source, events) for source, events in wanted if events]

    def _turn(self, ready: dict[Any, int]) -> list[list[bytes] | WireError]:
        if ready.get(self._sock.fileno(), 0) & ~zmq.POLLOUT:
            data = self._sock.recv(min(CHUNK, self._allowance) or 1)
            if not data:
                raise BrokenError("the other side hung up")
            self._bytes += len(data)
            self._meter.count(data, self.limits.size + self._OVERHEAD)
            self._in.put(data)
            if self._dealer is None:
                self._early += data
        self._flush()
        if self._dealer is None:
            self._open()
        if self._dealer is None:
            return []
        self._in.flush()
        if ready.get(self._inner.fileno(), 0) & ~zmq.POLLOUT:
            data = self._inner.recv(CHUNK)
            if not data:
                self._flush()
                raise BrokenError("refused by libzmq")
            self._pass_on(data)
        self._flush()
        found: list[list[bytes] | WireError] = []
        self._backlog = False
        for _ in range(1 if self.stranger else MESSAGES_A_TURN):
            try:
                found.append(self._dealer.recv_multipart(zmq.NOBLOCK))
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
        self._dealer.send_multipart(frames, zmq.NOBLOCK)
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
            if not self.closed and self._dealer is not None:
                while data := self._inner.recv(CHUNK):
                    self._pass_on(data)
        return super().linger()

    def close(self) -> None:
        super().close()
        if self._dealer is not None:
            self._dealer.close(0)
        if self._inner is not None:
            self._inner.close()
