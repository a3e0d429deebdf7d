# SPDX-License-Identifier: Apache-2.0
"""A client's connection from this computer: ZMTP without encryption, spoken here."""

import socket
from collections.abc import Sequence

import zmq

from moclip_backend.server import zmtp
from moclip_backend.server.links import CHUNK, MESSAGES_A_TURN, STRANGER, Link, Ready, Wish
from moclip_backend.server.zmtp import BrokenError
from moclip_backend.wire import WireError


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

    def wishes(self) -> list[Wish]:
        events = (0 if self._backlog else zmq.POLLIN) | (zmq.POLLOUT if self._out.size else 0)
        return [(self._sock.fileno(), events)] if events else []

    def _turn(self, ready: Ready) -> list[list[bytes] | WireError]:
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
