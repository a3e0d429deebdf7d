# SPDX-License-Identifier: Apache-2.0
"""The framing of ZeroMQ's protocol (ZMTP 3.1, RFC 37) as the backend reads it: nothing is held that was not bounded.

libzmq can bound one frame (ZMQ_MAXMSGSIZE) but neither the number of frames of a message nor its bytes: its ROUTER
keeps every frame of a message that never ends, and hands one of two million frames over in one piece. Seen with
libzmq 4.3.5, without the token: 32 MiB frames that all say MORE, 1.5 GiB held; 2,000,000 empty frames, 12 s without an
answer for anybody; ZAP does not help, since on NULL it lets in everybody who may still send a `hello`. Here a stranger
can make the backend hold a few kilobytes, and what is too long is refused at its first frame too many.
"""

import struct
from dataclasses import dataclass

from moclip_backend.wire import TOO_LARGE, WireError

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING_BYTES = 64
MORE, LONG, COMMAND = 1, 2, 4
MAX_COMMAND_BYTES = 2048


class BrokenError(Exception):
    """What came is not ZMTP, or breaks a limit that ends the connection."""


@dataclass(frozen=True)
class Limits:
    """Of one message. frames, size: over these it is refused. frames_at_most, size_at_most: over these, hung up on."""

    frames: int
    size: int
    frames_at_most: int
    size_at_most: int


def greeting(mechanism: bytes, server: bool = False) -> bytes:
    return SIGNATURE + b"\x03\x01" + mechanism.ljust(20, b"\0") + bytes([server]) + bytes(31)


def check_greeting(data: bytes, mechanism: bytes) -> None:
    """Raises BrokenError for a greeting, or the beginning of one, of something that is no ZMTP 3 or uses another
    mechanism."""
    if data[:1] not in (b"", b"\xff") or (len(data) > 9 and not data[9] & 1):
        raise BrokenError("no greeting of ZMTP")
    if len(data) > 10 and data[10] < 3:
        raise BrokenError("an old version of ZMTP")
    if len(data) >= 32 and data[12:32].rstrip(b"\0") != mechanism:
        raise BrokenError("another security mechanism")


def command(name: bytes, body: bytes = b"") -> bytes:
    """A command as a frame; its body is short."""
    content = bytes([len(name)]) + name + body
    return bytes([COMMAND, len(content)]) + content


def ready() -> bytes:
    kind = b"Socket-Type"
    return command(b"READY", bytes([len(kind)]) + kind + struct.pack(">I", 6) + b"ROUTER")


def frame_header(size: int, more: bool) -> bytes:
    if size < 256:
        return bytes([MORE if more else 0, size])
    return bytes([LONG | (MORE if more else 0)]) + struct.pack(">Q", size)


def parse_header(data: bytes | bytearray) -> tuple[int, int, int] | None:
    """Flags, size of the body and of the header of the frame that `data` begins with; None when it is too short."""
    if len(data) < 2:
        return None
    flags = data[0]
    if flags > 7 or flags & (COMMAND | MORE) == COMMAND | MORE:
        raise BrokenError("no frame of ZMTP")
    if not flags & LONG:
        return flags, data[1], 2
    if len(data) < 9:
        return None
    return flags, int.from_bytes(data[1:9], "big"), 9


class Reader:
    """Cuts a stream into messages. `limits` may change between messages."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self._buffer = bytearray()
        self._skip = 0
        self._begin()

    def _begin(self) -> None:
        self._frames: list[bytes] | None = []
        self._count = self._size = 0

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their message, or to be read."""
        return len(self._buffer) + (self._size if self._frames else 0)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> list[bytes] | WireError | bytes | None:
        """A message; or why one was refused, once its end has come; or the content of a command; or None: not yet.

        Raises BrokenError.
        """
        while True:
            if self._skip:
                skipped = min(self._skip, len(self._buffer))
                del self._buffer[:skipped]
                self._skip -= skipped
            header = None if self._skip else parse_header(self._buffer)
            if header is None:
                return None
            flags, size, head = header
            if flags & COMMAND:
                if size > MAX_COMMAND_BYTES:
                    raise BrokenError("a long command")
                if len(self._buffer) < head + size:
                    return None
                return self._cut(head, size)
            frames = self._frames if self._fits(size) else None
            if frames is None:
                # Counted, and thrown away as it comes.
                self._count, self._size, self._frames = self._count + 1, self._size + size, None
                del self._buffer[:head]
                self._skip = size
            elif len(self._buffer) < head + size:
                return None
            else:
                self._count, self._size = self._count + 1, self._size + size
                frames.append(self._cut(head, size))
            if not flags & MORE:
                message = self._frames if self._frames is not None else self._refusal()
                self._begin()
                return message

    def _fits(self, size: int) -> bool:
        """Whether a frame of `size` may still be held. Raises BrokenError when even reading on is too much."""
        limits, count, total = self.limits, self._count + 1, self._size + size
        if count > limits.frames_at_most or total > limits.size_at_most:
            raise BrokenError("a message that never ends")
        return self._frames is not None and count <= limits.frames and total <= limits.size

    def _cut(self, head: int, size: int) -> bytes:
        body = bytes(self._buffer[head : head + size])
        del self._buffer[: head + size]
        return body

    def _refusal(self) -> WireError:
        limits = self.limits
        message = f"the message has {self._count} frames and {self._size} bytes, the most are {limits.frames} and"
        return WireError(f"{message} {limits.size}", TOO_LARGE)


class Meter:
    """Counts the frames of a stream that is passed on unread, as an encrypted one is."""

    def __init__(self) -> None:
        self._greeting = b""
        self._header = bytearray()
        self._body = 0
        self.frames = 0

    def count(self, data: bytes, largest: int) -> None:
        """Raises BrokenError for a frame of over `largest` bytes and for what is not ZMTP."""
        position = 0
        if len(self._greeting) < GREETING_BYTES:
            position = GREETING_BYTES - len(self._greeting)
            self._greeting += data[:position]
            check_greeting(self._greeting, b"CURVE")
        while position < len(data):
            if self._body:
                passed = min(self._body, len(data) - position)
                self._body -= passed
                position += passed
                continue
            self._header.append(data[position])
            position += 1
            if header := parse_header(self._header):
                self._body = header[1]
                if self._body > largest:
                    raise BrokenError("a frame that is too large")
                self.frames += 1
                self._header.clear()
