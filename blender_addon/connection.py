# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket to the backend, in a thread of its own; Blender's thread only puts into and takes from queues."""

import itertools
import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import wire
from .errors import MoclipError

SECONDS_TO_WELCOME = 10.0
SECONDS_BETWEEN_PINGS = 4.0
SECONDS_OF_SILENCE = 20.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Event:
    """What came: a message's header and arrays, or `lost`, a sentence that says why nothing will come any more."""

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    lost: str = ""


@dataclass(frozen=True)
class Credentials:
    """token: of a backend on this computer. public, secret, server: CURVE keys (Z85) for one on another."""

    token: str = ""
    public: str = ""
    secret: str = ""
    server: str = ""


def read_credentials(path: str) -> Credentials:
    """A client's key file as `moclip keys` writes it, or a file that holds a token; "" is no credentials."""
    if not path:
        return Credentials()
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MoclipError(
            f"The key file '{path}' cannot be read.", hint="Check it in the add-on's preferences.", code="bad_keys"
        ) from error
    if not text.startswith("{"):
        return Credentials(token=text)
    try:
        content = json.loads(text)
        keys = {name: content[name] for name in ("public", "secret", "server")}
    except (ValueError, KeyError) as error:
        raise MoclipError(f"'{path}' is not a key file.", hint="`moclip keys` makes one.", code="bad_keys") from error
    if not all(isinstance(key, str) and len(key) == 40 and key.isascii() for key in keys.values()):
        raise MoclipError(f"'{path}' is not a key file.", hint="`moclip keys` makes one.", code="bad_keys")
    return Credentials(**keys)


class Connection:
    """Says hello at once; every message of the backend becomes an `Event` for `take`."""

    def __init__(self, address: str, credentials: Credentials):
        import zmq

        self.address = address
        self._outgoing: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._context = zmq.Context()
        wake_name = f"inproc://moclip-wake-{next(_numbers)}"
        reader = self._context.socket(zmq.PAIR)
        reader.bind(wake_name)
        self._wake = self._context.socket(zmq.PAIR)
        self._wake.connect(wake_name)
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        try:
            if credentials.server:
                dealer.curve_publickey, dealer.curve_secretkey = (
                    credentials.public.encode(),
                    credentials.secret.encode(),
                )
                dealer.curve_serverkey = credentials.server.encode()
            dealer.connect(address)
        except zmq.ZMQError as error:
            for socket in (dealer, reader, self._wake):
                socket.close(0)
            self._context.term()
            raise MoclipError(
                f"'{address}' is not an address of a backend.",
                hint="It looks like tcp://127.0.0.1:5555.",
                code="bad_address",
            ) from error
        self._thread = threading.Thread(target=self._run, args=(dealer, reader), name="moclip-connection", daemon=True)
        self._thread.start()
        self.send({"type": wire.HELLO, "protocol": wire.PROTOCOL, "token": credentials.token, "client": "blender"})

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Hand a message to the thread. Raises MoclipError for one that the protocol cannot carry."""
        try:
            self._put(wire.encode(header, arrays))
        except wire.WireError as error:
            raise MoclipError(f"The request cannot be sent: {error}.", code="bad_request") from error

    def _put(self, frames: list[bytes] | None) -> None:
        self._outgoing.put(frames)
        self._wake.send(b"")

    def take(self) -> list[Event]:
        """What has come since the last call; never waits."""
        events = []
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def close(self) -> None:
        """Close the socket and end the thread; waits for it for at most a second."""
        self._put(None)
        self._thread.join(timeout=1.0)
        self._wake.close(0)
        if not self._thread.is_alive():
            self._context.term()

    def _run(self, dealer, reader) -> None:
        import zmq

        try:
            self._serve(dealer, reader, zmq)
        finally:
            dealer.close(0)
            reader.close(0)

    def _serve(self, dealer, reader, zmq) -> None:
        poller = zmq.Poller()
        poller.register(dealer, zmq.POLLIN)
        poller.register(reader, zmq.POLLIN)
        heard, welcomed, pinged = time.monotonic(), False, 0.0
        while True:
            ready = dict(poller.poll(1000))
            if reader in ready:
                reader.recv()
                frames = self._outgoing.get()
                if frames is None:
                    return
                dealer.send_multipart(frames, zmq.NOBLOCK)
            if dealer in ready:
                heard = time.monotonic()
                welcomed |= self._receive(dealer.recv_multipart())
            silent = time.monotonic() - heard
            if silent > (SECONDS_OF_SILENCE if welcomed else SECONDS_TO_WELCOME):
                self._events.put(Event({}, {}, lost=f"The backend at {self.address} does not answer."))
                heard = time.monotonic()
            if welcomed and silent > SECONDS_BETWEEN_PINGS and time.monotonic() - pinged > SECONDS_BETWEEN_PINGS:
                pinged = time.monotonic()
                dealer.send_multipart(wire.encode({"type": wire.PING}), zmq.NOBLOCK)

    def _receive(self, frames: list[bytes]) -> bool:
        """Put a message into the queue; true for a welcome."""
        try:
            header, arrays = wire.decode(frames)
        except wire.WireError as error:
            self._events.put(Event({}, {}, lost=f"The backend at {self.address} speaks another language: {error}."))
            return False
        self._events.put(Event(header, arrays))
        return header["type"] == wire.WELCOME
