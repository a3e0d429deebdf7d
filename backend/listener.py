# SPDX-License-Identifier: Apache-2.0
"""The backend's socket: where it may be bound, and who gets through CURVE."""

import ipaddress
import re
import socket
from contextlib import suppress
from dataclasses import dataclass

import zmq
from zmq.utils import z85

from backend import wire
from backend.credentials import ServerKeys
from moclip.errors import MoclipError

# A frame over this closes its connection; smaller ones that the protocol refuses get an `error`.
LARGEST_FRAME_BYTES = 4 * wire.MAX_MESSAGE_BYTES
# For one connection: what its client has not read yet, and what the backend has not.
WAITING_OUT, WAITING_IN = 1000, 64


class Wake:
    """Ends a poll from any thread or signal handler."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def set(self) -> None:
        # A full buffer wakes as well as one more byte; a closed one has nobody to wake.
        with suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


@dataclass
class Listener:
    """A bound ROUTER. monitor tells of disconnections. zap: asked by ZeroMQ whether a CURVE key may come in."""

    context: zmq.Context
    socket: zmq.Socket
    monitor: zmq.Socket
    zap: zmq.Socket | None
    keys: ServerKeys | None

    @property
    def address(self) -> str:
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def answer_zap(self) -> None:
        """Answer one question of ZeroMQ's authentication protocol (RFC 27)."""
        version, request_id, domain, address, identity, mechanism, *credentials = self.zap.recv_multipart()
        known = mechanism == b"CURVE" and credentials and z85.encode(credentials[0]) in self.keys.authorized
        verdict = [b"200", b"OK"] if known else [b"400", b"unknown key"]
        self.zap.send_multipart([version, request_id, *verdict, b"", b""])

    def close(self) -> None:
        """Let what was sent leave for half a second, then close everything."""
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(500)
        if self.zap:
            self.zap.close(0)
        self.context.term()


def parse_bind(bind: str) -> tuple[str, str, bool]:
    """host, port and whether only this machine can reach it. Raises MoclipError for what is not tcp://HOST:PORT."""
    match = re.fullmatch(r"tcp://(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._*-]+):(\d{1,5}|\*)", bind)
    if not match or (match[2] != "*" and int(match[2]) > 65535):
        raise MoclipError(f"'{bind}' is no address.", hint="Use tcp://127.0.0.1:PORT.", code="bad_address")
    host = "127.0.0.1" if match[1] == "localhost" else match[1]
    with suppress(ValueError):
        return host, match[2], ipaddress.ip_address(host.strip("[]")).is_loopback
    return host, match[2], False


def listen(bind: str, keys: ServerKeys | None = None) -> Listener:
    """Bind. Raises MoclipError for a bad or foreign address, a port in use, or a remote bind without keys."""
    host, port, loopback = parse_bind(bind)
    if not loopback and keys is None:
        raise MoclipError(
            f"'{bind}' can be reached from other machines, so it needs CURVE keys.",
            hint="`moclip keys` makes them, `--keys FOLDER` uses them; or bind to 127.0.0.1.",
            code="no_keys",
        )
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    # Sending to a client that is gone fails instead of vanishing: so its jobs can be dropped.
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    router.setsockopt(zmq.MAXMSGSIZE, LARGEST_FRAME_BYTES)
    router.setsockopt(zmq.SNDHWM, WAITING_OUT)
    router.setsockopt(zmq.RCVHWM, WAITING_IN)
    router.setsockopt(zmq.IPV6, int(host.startswith("[")))
    # Finds dead connections to other machines, of which TCP says nothing.
    router.setsockopt(zmq.HEARTBEAT_IVL, 5000)
    router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 20000)
    zap = _use_curve(context, router, keys) if keys else None
    monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    try:
        router.bind(f"tcp://{host}:{port}")
    except zmq.ZMQError as error:
        Listener(context, router, monitor, zap, keys).close()
        raise _cannot_bind(bind, port, error) from error
    return Listener(context, router, monitor, zap, keys)


def _use_curve(context: zmq.Context, router: zmq.Socket, keys: ServerKeys) -> zmq.Socket:
    if not zmq.has("curve"):
        raise MoclipError("This pyzmq has no CURVE.", hint="`pip install --force-reinstall pyzmq`.", code="no_curve")
    zap = context.socket(zmq.REP)
    zap.bind("inproc://zeromq.zap.01")
    router.curve_server = True
    router.curve_publickey, router.curve_secretkey = keys.public, keys.secret
    router.zap_domain = b"moclip"
    return zap


def _cannot_bind(bind: str, port: str, error: zmq.ZMQError) -> MoclipError:
    if error.errno == zmq.EADDRINUSE:
        return MoclipError(
            f"Port {port} is in use, perhaps by another backend.",
            hint="Stop that, or choose a free port with `--bind tcp://127.0.0.1:0`.",
            action="restart",
            code="port_in_use",
        )
    return MoclipError(
        f"Cannot listen at '{bind}': {error.strerror}.", hint="Use tcp://127.0.0.1:0.", code="bad_address"
    )
