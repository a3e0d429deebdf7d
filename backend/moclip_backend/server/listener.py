# SPDX-License-Identifier: Apache-2.0
"""The backend's port: where it may be bound, who gets through CURVE, and how much strangers may ask of it."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import zmq
from zmq.utils import z85

from moclip.errors import MoclipError
from moclip_backend.address import parse_bind
from moclip_backend.server.curve_link import CurveLink
from moclip_backend.server.links import Link
from moclip_backend.server.plain_link import PlainLink
from moclip_backend.state.credentials import ServerKeys
from moclip_backend.state.log import LOG
from moclip_backend.wire import WireError

MAX_STRANGERS = 64
"""Connections that have not said hello: more of them, and the oldest has to go."""
MAX_HELD_BYTES = 8 * 1024 * 1024
ACCEPTED_A_TURN = 16
OPENED_A_TURN = 2
BACKLOG = 128
# A client's computer that is gone, or the way there, says nothing: asked after, and given up, after 20 seconds.
KEEP_ALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}


class Wake:
    """Ends a poll from any thread or signal handler."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._called = False

    def fileno(self) -> int:
        return self._reader.fileno()

    def set(self) -> None:
        # Called again before it has woken: `clear` comes before a look at what there is to do, which finds both.
        if self._called:
            return
        self._called = True
        # A full buffer wakes as well as one more byte; a closed one has nobody to wake.
        with suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while len(self._reader.recv(4096)) == 4096:
                pass
        self._called = False

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


class Listener:
    """A bound port and its connections. keys: whom CURVE lets in; None: connections from this computer, in plain."""

    def __init__(self, bound: socket.socket, keys: ServerKeys | None):
        self.keys = keys
        self.links: list[Link] = []
        self._socket, self._context = bound, zmq.Context()
        self._ready: dict[Any, int] = {}
        self._gate = _Gate(keys, self._context) if keys else None
        self._rest_until = 0.0
        self._opened = 0

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    def wait(self, seconds: float, wake: Wake) -> None:
        """Return after `seconds`, or as soon as something has come, can leave, or `wake` was set."""
        poller = zmq.Poller()
        poller.register(wake.fileno(), zmq.POLLIN)
        if time.monotonic() >= self._rest_until:
            poller.register(self._socket.fileno(), zmq.POLLIN)
        if self._gate:
            poller.register(self._gate.zap, zmq.POLLIN)
        for link in self.links:
            for source, events in link.wishes():
                poller.register(source, events)
        eager = any(link.eager for link in self.links)
        self._ready = dict(poller.poll(0 if eager else int(1000 * seconds) + 1))
        wake.clear()
        self._opened = 0
        if self._gate and self._gate.zap in self._ready:
            self._gate.answer()

    def messages(self) -> Iterator[tuple[Link, list[bytes] | WireError]]:
        """What came, a few of each connection: so none keeps the others waiting. A WireError: why one was refused."""
        for link in self.links:
            for message in link.turn(self._ready):
                yield link, message
        if self._socket.fileno() in self._ready:
            self._accept()
        self._bound_memory()

    def take_closed(self) -> list[Link]:
        """The connections that have ended since the last call."""
        closed = [link for link in self.links if link.closed]
        if closed:
            self.links = [link for link in self.links if not link.closed]
        return closed

    def close(self) -> None:
        """Let what was sent leave for half a second, then close everything."""
        self._socket.close()
        deadline = time.monotonic() + 0.5
        while any([link.linger() for link in self.links]) and time.monotonic() < deadline:
            time.sleep(0.005)
        for link in self.links:
            link.close()
        if self._gate:
            self._gate.zap.close(0)
        self._context.term()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_A_TURN):
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # Out of descriptors, or somebody who had gone already.
                LOG.warning("a connection was not accepted: %s", error.strerror)
                self._rest_until = time.monotonic() + 0.2
                return
            strangers = [link for link in self.links if link.stranger and not link.closed]
            if len(strangers) >= MAX_STRANGERS:
                strangers[0].close()
            try:
                _keep_alive(sock)
                link = self._link(sock)
            except (OSError, zmq.ZMQError) as error:
                LOG.warning("a connection was not accepted: %s", error.strerror)
                sock.close()
                continue
            self.links.append(link)

    def _bound_memory(self) -> None:
        """Each connection may hold a message; all of them together not that of each."""
        holding = sorted((link for link in self.links if not link.closed), key=lambda link: link.held)
        total = sum(link.held for link in holding)
        while total > MAX_HELD_BYTES:
            total -= holding[-1].held
            holding.pop().close()

    def _link(self, sock: socket.socket) -> Link:
        if self._gate is None:
            return PlainLink(sock)
        return CurveLink(sock, self._context, self._gate.configure, self._may_open)

    def _may_open(self) -> bool:
        self._opened += 1
        return self._opened <= OPENED_A_TURN


class _Gate:
    """Whom CURVE lets in, by ZeroMQ's authentication protocol (RFC 27)."""

    def __init__(self, keys: ServerKeys, context: zmq.Context[zmq.Socket[bytes]]):
        if not zmq.has("curve"):
            raise MoclipError(
                "This pyzmq has no CURVE.", hint="`pip install --force-reinstall pyzmq`.", code="no_curve"
            )
        self._keys = keys
        self.zap = context.socket(zmq.REP)
        self.zap.bind("inproc://zeromq.zap.01")

    def configure(self, dealer: zmq.Socket[bytes]) -> None:
        dealer.curve_server = True
        dealer.curve_publickey, dealer.curve_secretkey = self._keys.public, self._keys.secret
        dealer.zap_domain = b"moclip"

    def answer(self) -> None:
        """Answer one question."""
        version, request_id, domain, address, identity, mechanism, *credentials = self.zap.recv_multipart()
        known = mechanism == b"CURVE" and credentials and z85.encode(credentials[0]) in self._keys.authorized
        verdict = [b"200", b"OK"] if known else [b"400", b"unknown key"]
        self.zap.send_multipart([version, request_id, *verdict, b"", b""])


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def listen(bind: str, keys: ServerKeys | None = None) -> Listener:
    """Bind. Raises MoclipError for a bad or foreign address, a port in use, or a remote bind without keys."""
    host, port, loopback = parse_bind(bind)
    if not loopback and keys is None:
        raise MoclipError(
            f"'{bind}' can be reached from other machines, so it needs CURVE keys.",
            hint="`moclip keys` makes them, `--keys FOLDER` uses them; or bind to 127.0.0.1.",
            code="no_keys",
        )
    try:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        # On Windows the option of this name lets two programs have one port.
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if exclusive is None else exclusive, 1)
        try:
            bound.bind(("0.0.0.0" if host == "*" else host.strip("[]"), 0 if port == "*" else int(port)))
            bound.listen(BACKLOG)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise _cannot_bind(bind, port, error) from error
    bound.setblocking(False)
    return Listener(bound, keys)


def _cannot_bind(bind: str, port: str, error: OSError) -> MoclipError:
    if error.errno == errno.EADDRINUSE:
        return MoclipError(
            f"Port {port} is in use, perhaps by another backend.",
            hint="Stop that, or choose a free port with `--bind tcp://127.0.0.1:0`.",
            action="restart",
            code="port_in_use",
        )
    return MoclipError(
        f"Cannot listen at '{bind}': {error.strerror or error}.", hint="Use tcp://127.0.0.1:0.", code="bad_address"
    )
