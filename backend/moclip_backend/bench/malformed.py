# SPDX-License-Identifier: Apache-2.0
"""`python -m moclip_backend.bench.malformed ADDRESS COUNT`: messages of all kinds that are none, as fast as they go.

In a process of its own, so that who watches the backend meanwhile is not held up by it. MOCLIP_TOKEN makes it a client
that is let in, --keys FILE one with a key (a wrong one without --known); else it is a stranger.
"""

import argparse
import contextlib
import os
import time
from pathlib import Path

import zmq

from moclip_backend import wire
from moclip_backend.state.credentials import TOKEN_VARIABLE, ClientKeys, read_client_keys

KINDS: tuple[list[bytes], ...] = (
    [b""], [b"\x80\x04pickle"], [b"{"], [b'{"type": 5}'], [b"[]"], [b'{"type": "submit", "id": "\\ud800"}'],
    [b'{"type": "ping", "arrays": [{"name": "a", "dtype": "f4", "shape": [1073741824, 4]}]}', b"x"],
    [b'{"type": "submit", "requests": ' + b"[" * 5000], [b'{"type": "ping"}', *[b"x"] * 60], [bytes(6000)],
)  # fmt: skip
OF_A_STRANGER = [b'{"type": "hello", "protocol": 1, "token": "wrong"}']
OF_A_CLIENT = [b'{"type": "dance"}']


def send_malformed(socket: "zmq.Socket[bytes]", count: int, known: bool) -> None:
    """`count` messages in turn; what is answered is read, and thrown away."""
    kinds = (*KINDS, OF_A_CLIENT if known else OF_A_STRANGER)
    for number in range(count):
        with contextlib.suppress(zmq.Again):  # a wrong key has no connection to send by
            socket.send_multipart(kinds[number % len(kinds)], zmq.NOBLOCK)
        if number % 100 == 0:
            while socket.poll(0):
                socket.recv_multipart()
    # Who closes at once takes back what has not left.
    time.sleep(1.0)


def open_dealer(address: str, token: str | None, keys: ClientKeys | None, known: bool) -> "zmq.Socket[bytes]":
    """A DEALER, which has said hello if it is known to the backend."""
    made: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    made.setsockopt(zmq.LINGER, 0)
    made.setsockopt(zmq.SNDHWM, 0)
    if keys:
        made.curve_publickey, made.curve_secretkey, made.curve_serverkey = keys.public, keys.secret, keys.server
    made.connect(address)
    if known:
        hello = {"type": wire.HELLO, "protocol": wire.PROTOCOL, "token": token or "", "client": "malformed"}
        made.send_multipart(wire.encode(hello))
        if not made.poll(20_000) or wire.decode(made.recv_multipart())[0]["type"] != wire.WELCOME:
            raise SystemExit("the backend did not let the client in")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m moclip_backend.bench.malformed")
    parser.add_argument("address")
    parser.add_argument("count", type=int)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--known", action="store_true")
    given = parser.parse_args()
    keys = read_client_keys(given.keys) if given.keys else None
    if keys and not given.known:
        keys = ClientKeys(*zmq.curve_keypair(), keys.server)
    made = open_dealer(given.address, os.environ.get(TOKEN_VARIABLE), keys, given.known)
    send_malformed(made, given.count, given.known)
    made.close()


if __name__ == "__main__":
    main()
