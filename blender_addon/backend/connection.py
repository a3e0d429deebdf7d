# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket to the backend, in a thread of its own; Blender's thread only puts into and takes from queues."""

import itertools
import json
import queue
import secrets
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..shared import wire
from ..shared.errors import MoclipError
from ..shared.liveness import is_gone

SECONDS_TO_WELCOME = 10.0
SECONDS_BETWEEN_PINGS = 4.0
SECONDS_OF_SILENCE = 20.0
SECONDS_TO_COME_BACK, SECONDS_TO_RETURN = 0.2, 60.0
"""After a connection broke: until it is tried again, and until it is given up; so long the backend keeps results."""
SECONDS_TO_EXPLAIN = 0.4
_GOODBYE = wire.encode({"type": wire.GOODBYE})
_NO_WELCOME = (wire.BAD_TOKEN, wire.PROTOCOL_MISMATCH, wire.TOO_MANY_CLIENTS)
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


@dataclass
class _Sent:
    """A job that is not over: the messages about it, and which of its results have come."""

    messages: list[list[bytes]]
    results: set[int] = field(default_factory=set)


class Connection:
    """Says hello at once; every message of the backend becomes an `Event` for `take`.

    A connection that breaks is made again with the same session, and its jobs, which went on meanwhile, are asked
    after: who uses this hears of nothing but their results.
    """

    def __init__(self, address: str, credentials: Credentials):
        import zmq

        self.address, self._credentials = address, credentials
        self._hello = wire.encode({
            "type": wire.HELLO, "protocol": wire.PROTOCOL, "token": credentials.token, "client": "blender",
            "session": secrets.token_hex(16),
        })  # fmt: skip
        self._sent: dict[str, _Sent] = {}
        # What the last welcome said; None before the first one.
        self._process: Any = None
        self._heard = time.monotonic()
        self._outgoing: queue.SimpleQueue[tuple[Mapping[str, Any], list[bytes]] | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._context = zmq.Context()
        wake_name = f"inproc://moclip-wake-{next(_numbers)}"
        reader = self._context.socket(zmq.PAIR)
        reader.bind(wake_name)
        self._wake = self._context.socket(zmq.PAIR)
        self._wake.connect(wake_name)
        try:
            dealer, monitor = self._connect(zmq)
        except zmq.ZMQError as error:
            for socket in (reader, self._wake):
                socket.close(0)
            self._context.term()
            raise MoclipError(
                f"'{address}' is not an address of a backend.",
                hint="It looks like tcp://127.0.0.1:5578.",
                code="bad_address",
            ) from error
        self._thread = threading.Thread(
            target=self._run, args=(dealer, monitor, reader), name="moclip-connection", daemon=True
        )
        self._thread.start()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Hand a message to the thread. Raises MoclipError for one that the protocol cannot carry."""
        try:
            self._put((header, wire.encode(header, arrays)))
        except wire.WireError as error:
            raise MoclipError(f"The request cannot be sent: {error}.", code="bad_request") from error

    def _put(self, message: tuple[Mapping[str, Any], list[bytes]] | None) -> None:
        import zmq

        self._outgoing.put(message)
        # Blender's thread never waits: where this finds no room the thread has ended, or will look anyway.
        with suppress(zmq.Again):
            self._wake.send(b"", zmq.NOBLOCK)

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

    def _connect(self, zmq) -> tuple[Any, Any]:
        """A socket on which hello has been said, and what has not been answered asked again; and its monitor."""
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        # Only for such as tcp://[::1]:5578: with it on, `localhost` may no longer mean 127.0.0.1.
        dealer.setsockopt(zmq.IPV6, int("[" in self.address))
        dealer.setsockopt(zmq.SNDHWM, 0)
        dealer.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        credentials, monitor = self._credentials, None
        try:
            if credentials.server:
                dealer.curve_publickey, dealer.curve_secretkey = (
                    credentials.public.encode(),
                    credentials.secret.encode(),
                )
                dealer.curve_serverkey = credentials.server.encode()
            monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            dealer.connect(self.address)
        except zmq.ZMQError:
            _close(dealer, monitor)
            raise
        for frames in [self._hello, *(frames for sent in self._sent.values() for frames in sent.messages)]:
            _send(dealer, frames, zmq)
        return dealer, monitor

    def _run(self, dealer, monitor, reader) -> None:
        import zmq

        try:
            while True:
                broken = self._serve(dealer, monitor, reader, zmq)
                # What nobody heard is no farewell; otherwise the backend need not wait for us to come back.
                _close(dealer, monitor, linger=0 if broken else 200)
                if not broken:
                    return
                time.sleep(SECONDS_TO_COME_BACK)
                dealer, monitor = self._connect(zmq)
        except Exception as error:  # whatever ends the thread: nobody else would ever hear of it
            traceback.print_exc()
            self._lose(f"cannot be reached any more ({type(error).__name__}: {error})")
        finally:
            _close(dealer, monitor)
            reader.close(0)

    def _serve(self, dealer, monitor, reader, zmq) -> bool:
        """Pass messages on until the connection is to be closed, or, true, has broken and must be made again."""
        from zmq.utils.monitor import recv_monitor_message

        poller = zmq.Poller()
        for socket in (dealer, monitor, reader):
            poller.register(socket, zmq.POLLIN)
        welcomed, pinged = False, 0.0
        while True:
            if not welcomed and is_gone(self._process):
                # Whoever started the process can say better why it ended.
                time.sleep(SECONDS_TO_EXPLAIN)
                self._process = None
                self._lose("has ended")
            ready = dict(poller.poll(1000 if welcomed or self._process is None else 200))
            if reader in ready:
                reader.recv()
                message = self._outgoing.get()
                _send(dealer, self._note(*message) if message else _GOODBYE, zmq)
                if message is None:
                    return False
            if dealer in ready:
                self._heard = time.monotonic()
                welcomed |= self._receive(dealer.recv_multipart())
            elif monitor in ready:
                if recv_monitor_message(monitor)["event"] == zmq.EVENT_DISCONNECTED:
                    return True
                self._lose("does not let this key in")
            silent = time.monotonic() - self._heard
            patience = SECONDS_TO_WELCOME if self._process is None else SECONDS_TO_RETURN
            if silent > (SECONDS_OF_SILENCE if welcomed else patience):
                self._lose("does not answer")
            if welcomed and silent > SECONDS_BETWEEN_PINGS and time.monotonic() - pinged > SECONDS_BETWEEN_PINGS:
                pinged = time.monotonic()
                _send(dealer, wire.encode({"type": wire.PING}), zmq)

    def _lose(self, why: str) -> None:
        self._heard = time.monotonic()
        self._events.put(Event({}, {}, lost=f"The backend at {self.address} {why}."))

    def _note(self, header: Mapping[str, Any], frames: list[bytes]) -> list[bytes]:
        """Remember what is said about a job until it is over."""
        if header["type"] == wire.SUBMIT:
            self._sent[header["id"]] = _Sent([frames])
        elif header["type"] == wire.CANCEL and header["id"] in self._sent:
            self._sent[header["id"]].messages.append(frames)
        return frames

    def _receive(self, frames: list[bytes]) -> bool:
        """Put a message into the queue, unless it came before; true for a welcome."""
        try:
            header, arrays = wire.decode(frames)
        except wire.WireError as error:
            self._lose(f"speaks another language: {error}")
            return False
        kind, again = header["type"], self._process is not None
        if kind == wire.WELCOME:
            self._process = header.get("process") or {}
        elif again and kind == wire.ERROR and header.get("code") in _NO_WELCOME:
            self._lose(f"was left, and does not let Blender in again: {header.get('message')}".rstrip("."))
            return False
        if not self._came_before(header) and not (again and kind == wire.WELCOME):
            self._events.put(Event(header, arrays))
        return kind == wire.WELCOME

    def _came_before(self, header: Mapping[str, Any]) -> bool:
        job_id = header.get("id")
        sent = self._sent.get(job_id) if isinstance(job_id, str) else None
        if sent is None:
            return False
        known = header["type"] == wire.RESULT and header["index"] in sent.results
        if header["type"] == wire.RESULT:
            sent.results.add(header["index"])
        last = header["type"] == wire.RESULT and header["index"] == header["count"] - 1
        if last or header["type"] in (wire.ERROR, wire.CANCELLED):
            del self._sent[job_id]
        return known


def _send(dealer, frames: list[bytes], zmq) -> None:
    # Whom the backend does not let in has nobody to send to.
    with suppress(zmq.Again):
        dealer.send_multipart(frames, zmq.NOBLOCK)


def _close(dealer, monitor, linger: int = 0) -> None:
    if not dealer.closed:
        if monitor is not None:
            dealer.disable_monitor()
            monitor.close(0)
        dealer.close(linger)
