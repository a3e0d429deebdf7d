# SPDX-License-Identifier: Apache-2.0
"""What strangers and clients gone mad send: the backend holds little of it, and others do not notice."""

import contextlib
import itertools
import secrets
import socket
import struct
import sys
import time
from pathlib import Path

import pytest
import zmq
from test_server import PATIENCE, Backend, answer, hello, request

from moclip_backend.bench.malformed import send_malformed
from moclip_backend.bench.watching import Watch
from moclip_backend.client.client import Client
from moclip_backend.state.credentials import ClientKeys, make_keys, read_client_keys

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")

MEGABYTE = 1_000_000
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x1a\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
READY = READY[:1] + bytes([len(READY) - 2]) + READY[2:]


class Place:
    """A backend and how to reach it."""

    def __init__(self, folder: Path, curve: bool):
        self.curve = curve
        if curve:
            self.file, self.stranger_file = make_keys(folder / "keys", "laptop"), None
            self.backend = Backend(folder, 0.02, "tcp://127.0.0.1:0", str(folder / "keys"))
            self.keys = read_client_keys(self.file)
            public, secret = zmq.curve_keypair()
            self.wrong = ClientKeys(public, secret, self.keys.server)
        else:
            self.backend = Backend(folder, token=secrets.token_hex(16))
            self.keys = self.wrong = None
        self.address, self.pid = self.backend.address, self.backend.process.pid

    def client(self) -> Client:
        return Client(self.address, self.backend.token or "", self.keys, timeout=PATIENCE)

    def dealer(self, known: bool) -> zmq.Socket:
        """A DEALER that has said hello, or one of a stranger."""
        made = zmq.Context.instance().socket(zmq.DEALER)
        made.linger = 0
        made.sndhwm = 0
        if self.curve:
            keys = self.keys if known else self.wrong
            made.curve_publickey, made.curve_secretkey, made.curve_serverkey = keys.public, keys.secret, keys.server
        made.connect(self.address)
        if known:
            made.send_multipart(hello(self.backend.token or ""))
            assert answer(made)["type"] == "welcome"
        return made

    def raw(self, known: bool) -> socket.socket:
        """A plain connection after the handshake of NULL; where keys are needed, only one that has said nothing."""
        host, port = self.address.removeprefix("tcp://").rsplit(":", 1)
        made = socket.create_connection((host, int(port)), timeout=2.0)
        if not self.curve:
            made.sendall(GREETING + READY)
            if known:
                frames = hello(self.backend.token)
                made.sendall(b"".join(struct.pack(">BB", 0, len(frame)) + frame for frame in frames))
                time.sleep(0.1)
        return made


@pytest.fixture(scope="module", params=["null", "curve"])
def place(request, tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("state"), request.param == "curve")
    yield made
    assert made.backend.stop() == 0


def pour(sock: socket.socket, parts, seconds: float = 5.0) -> None:
    """Send until all is sent, the other side hangs up or takes no more, or the time is over."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(OSError), sock:
        sock.settimeout(0.5)
        for part in parts:
            if time.monotonic() > deadline:
                break
            sock.sendall(part)


LARGE = b"\x03" + struct.pack(">Q", 32 << 20) + bytes(32 << 20)
BETWEEN = b"\x03" + struct.pack(">Q", 500_000) + bytes(500_000)


def empty_frames(place, known):
    if place.curve and known:
        attacker = place.dealer(True)
        attacker.send_multipart([b""] * 2_000_000)
        time.sleep(2.0)
        attacker.close()
    else:
        pour(place.raw(known), [b"\x01\x00" * 2_000_000 + b"\x00\x00"])
        time.sleep(1.0)


def frames_without_end(place, known):
    if place.curve and known:
        attacker = place.dealer(True)
        attacker.send_multipart([bytes(250_000)] * 400)
        time.sleep(2.0)
        attacker.close()
    else:
        for part in (LARGE, BETWEEN):
            attackers = [place.raw(known) for _ in range(4)]
            for sock in attackers:
                pour(sock, itertools.repeat(part, 20 if part is LARGE else 100), 2.0)


def many_unfinished_messages(place, known):
    """From many connections, which stay open: each holds a little less than it may."""
    opened = []
    for _ in range(30):
        sock = place.raw(known)
        with contextlib.suppress(OSError):
            sock.settimeout(0.2)
            sock.sendall(b"\x03" + struct.pack(">Q", 1_000_000) + bytes(900_000))
        opened.append(sock)
    time.sleep(0.5)
    for sock in opened:
        sock.close()


def malformed_messages(place, known):
    """10,000, of all kinds."""
    attacker = place.dealer(known)
    send_malformed(attacker, 10_000, known)
    attacker.close()


def connections(place, known):
    """Hundreds that say nothing, and thousands that come and go."""
    silent = []
    for _ in range(300):
        with contextlib.suppress(OSError):
            silent.append(place.raw(False))
    for number in range(1000):
        with contextlib.suppress(OSError):
            sock = place.raw(False)
            sock.send([b"GET / HTTP/1.1\r\n\r\n", GREETING[:11], GREETING + b"\xff" * 40][number % 3])
            sock.close()
    for sock in silent:
        sock.close()


def unread_answers(place, known):
    attacker = place.raw(known)
    if place.curve:
        attacker.close()
        return
    ping = b'{"type":"status"}' if known else b'{"type":"hello","token":""}'
    pour(attacker, itertools.repeat((bytes([0, len(ping)]) + ping) * 100, 300), 3.0)


ATTACKS = [
    empty_frames, frames_without_end, many_unfinished_messages, malformed_messages, connections, unread_answers,
]  # fmt: skip


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "client"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_costs_little_and_nobody_else_notices(place, attack, known):
    # The attacker shares this process and its computer with the good client: up to three times, so that what slows
    # all of them down is not taken for the backend's fault.
    for _ in range(3):
        with Watch(place.pid, place.client) as watch:
            attack(place, known)
        print(f"{attack.__name__}: {1000 * watch.slowest:.0f} ms, {watch.growth / MEGABYTE:.1f} MB, {watch.pings}")
        assert watch.failure is None and watch.pings >= 20
        if watch.slowest < 0.1:
            break
    with place.client() as client:
        started = time.monotonic()
        assert list(client.generate([request(seconds=1.0)]))[-1][0]["type"] == "result"
        assert time.monotonic() - started < 0.5
    assert watch.growth < 20 * MEGABYTE
    if watch.slowest >= 0.1:
        with Watch(place.pid, place.client) as quiet:
            time.sleep(3.0)
        assert watch.slowest < 3 * quiet.slowest, "the computer was not as busy as that"
