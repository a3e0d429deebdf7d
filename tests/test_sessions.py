# SPDX-License-Identifier: Apache-2.0
"""Connections that break between a client and a backend that goes on: nothing is lost, nothing done twice."""

import contextlib
import secrets
import select
import signal
import socket
import threading
import time

import pytest
import zmq
from test_server import PATIENCE, Backend, answer, dealer, request, wait_until

from moclip.errors import Cancelled, MoclipError
from moclip_backend import wire
from moclip_backend.client.client import Client
from moclip_backend.state.credentials import make_keys, read_client_keys


class Way:
    """A way to a backend that can be cut: what `address` is connected to is passed on to it while `open`."""

    def __init__(self, backend: Backend):
        host, port = backend.address.removeprefix("tcp://").rsplit(":", 1)
        self._to = (host, int(port))
        self._door = socket.create_server(("127.0.0.1", 0))
        self._at = self._door.getsockname()
        self.address = f"tcp://127.0.0.1:{self._at[1]}"
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._over = False
        self.mute = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """Break all connections, and let none in: they are refused."""
        door, self._door = self._door, None
        door.close()
        time.sleep(0.1)
        for sock in list(self._pairs):
            sock.close()
        self._pairs = {}

    def mend(self) -> None:
        self._door = socket.create_server(self._at)

    def close(self) -> None:
        self._over = True
        self._thread.join()
        for sock in [*self._pairs, *([self._door] if self._door else [])]:
            sock.close()

    def _join(self, one: socket.socket) -> None:
        try:
            other = socket.create_connection(self._to)
        except OSError:
            one.close()
            return
        self._pairs |= {one: other, other: one}

    def _run(self) -> None:
        while not self._over:
            door, pairs = self._door, dict(self._pairs)
            if self.mute:
                time.sleep(0.02)
                continue
            with contextlib.suppress(OSError, ValueError, KeyError):
                for ready in select.select([*pairs, *([door] if door else [])], [], [], 0.02)[0]:
                    if ready is door:
                        self._join(door.accept()[0])
                        continue
                    data = ready.recv(65536)
                    if data:
                        pairs[ready].sendall(data)
                    else:
                        for sock in (ready, self._pairs.pop(ready)):
                            self._pairs.pop(sock, None)
                            sock.close()


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    started = Backend(tmp_path_factory.mktemp("state"), 1.0, token=secrets.token_hex(16))
    yield started
    assert started.stop() == 0


@pytest.fixture
def way(backend):
    made = Way(backend)
    yield made
    made.close()


@pytest.fixture
def counts(backend):
    with backend.client() as client:
        yield client.status


DOWN = [0.0, 1.0, 2.0, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (10.0, 50.0))]
"""Seconds without a way. The long ones run with `pytest -m slow tests/test_sessions.py tests/test_connection.py`."""


@pytest.mark.parametrize("seconds", DOWN)
def test_a_connection_that_drops_keeps_its_job(backend, way, counts, seconds):
    before = counts()["jobs_done"]
    with Client(way.address, backend.token) as client:
        events = client.generate([request(seed=3), request(seed=4)])
        while next(events)[0]["type"] != "progress":
            pass
        way.cut()
        mender = threading.Timer(seconds, way.mend)
        mender.start()
        results = [header for header, _ in events if header["type"] == "result"]
        mender.join()
    assert [(result["index"], result["seed"]) for result in results] == [(0, 3), (1, 4)]
    assert counts()["jobs_done"] == before + 1, "the job was done twice"


def test_what_was_asked_while_the_way_was_down_is_answered(backend, way):
    with Client(way.address, backend.token) as client:
        way.cut()
        threading.Timer(1.0, way.mend).start()
        assert client.status()["model"] == "slow"
        way.cut()
        threading.Timer(1.0, way.mend).start()
        job = client.submit([request()])
        client.cancel(job)
        assert [header["type"] for header, _ in client.events(job)][-1] == "cancelled"


def test_a_silent_way_is_noticed_and_left(backend, way, monkeypatch):
    monkeypatch.setattr("moclip_backend.client.client.ASK_EVERY_SECONDS", 0.5)
    with Client(way.address, backend.token, timeout=1.0) as client:
        events = client.generate([request()])
        next(events)
        way.mute = True
        threading.Timer(4.0, lambda: setattr(way, "mute", False)).start()
        assert list(events)[-1][0]["type"] == "result"


@pytest.mark.parametrize("seconds", DOWN[1:])
def test_a_way_that_lets_nothing_through_for_a_while_loses_nothing(backend, way, counts, seconds):
    """No connection breaks: the link is down, and nothing says so."""
    before = counts()["jobs_done"]
    with Client(way.address, backend.token) as client:
        events = client.generate([request(seed=3), request(seed=4)])
        while next(events)[0]["type"] != "progress":
            pass
        way.mute = True
        mender = threading.Timer(seconds, lambda: setattr(way, "mute", False))
        mender.start()
        seeds = [header["seed"] for header, _ in events if header["type"] == "result"]
        mender.join()
    assert seeds == [3, 4] and counts()["jobs_done"] == before + 1


def hello(token: str, session: str) -> list[bytes]:
    header = {"type": "hello", "protocol": wire.PROTOCOL, "token": token, "client": "test", "session": session}
    return wire.encode(header)


def test_the_same_submit_again_is_the_same_job_and_its_results_are_kept(backend, counts):
    before = counts()["jobs_done"]
    session, submit = secrets.token_hex(16), wire.encode({"type": "submit", "id": "a", "requests": [request(seed=9)]})
    for number in range(3):
        socket = dealer(backend.address)
        socket.send_multipart(hello(backend.token, session))
        welcome = answer(socket)
        assert (welcome["type"], welcome["resumed"]) == ("welcome", number > 0)
        socket.send_multipart(submit)
        socket.send_multipart(submit)
        told = [answer(socket)["type"]]
        if number > 0:
            # It may be at work still, and tell so at any time.
            while (header := answer(socket))["type"] != "result":
                told.append(header["type"])
            assert header["seed"] == 9
        assert "queued" in told and set(told) <= ({"queued", "progress"} if number else {"queued"})
        socket.close()
    assert counts()["jobs_done"] == before + 1
    # Nobody else gets at them: a session is known by its name.
    other = dealer(backend.address)
    other.send_multipart(hello(backend.token, secrets.token_hex(16)))
    assert answer(other)["resumed"] is False
    other.close()


def test_a_client_that_leaves_for_good_leaves_no_jobs(backend, counts):
    away = counts()["clients_away"]
    for _ in range(5):  # while progress is on its way to it
        with backend.client() as client:
            job = client.submit([request()])
            client.submit([request()])
            next(client.events(job))
    # Fewer may be away by then: those of other tests are forgotten after a while.
    wait_until(lambda: (now := counts())["jobs_running"] + now["jobs_waiting"] == 0 and now["clients_away"] <= away)


@pytest.mark.parametrize("session", ["short", "x" * 65, 5, ["a" * 20]])
def test_a_bad_session_is_refused(backend, session):
    socket = dealer(backend.address)
    socket.send_multipart(hello(backend.token, session))
    assert answer(socket)["code"] == "bad_request"
    socket.close()


def test_a_backend_that_was_started_again_does_the_job_again(tmp_path):
    token = secrets.token_hex(16)
    first = Backend(tmp_path, 30.0, token=token)
    way = Way(first)
    client = Client(way.address, token)
    client.welcome["process"] = None  # as of one on another computer, of which nobody knows whether it lives
    events = client.generate([request(seed=5)])
    next(events)
    first.process.kill()
    second = Backend(tmp_path, 0.02, token=token)
    host, port = second.address.removeprefix("tcp://").rsplit(":", 1)
    way._to = (host, int(port))
    assert list(events)[-1][0]["seed"] == 5
    client.close()
    way.close()
    first.stop()
    assert second.stop() == 0


def test_a_stopped_backend_is_told_of_and_one_that_goes_on_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("moclip_backend.client.client.ASK_EVERY_SECONDS", 0.5)
    backend = Backend(tmp_path, 1.0, token=secrets.token_hex(16))
    client = Client(backend.address, backend.token, timeout=0.5, patience=1.5)
    events = client.generate([request()])
    next(events)
    backend.process.send_signal(signal.SIGSTOP)
    with pytest.raises(MoclipError) as caught:
        list(events)
    assert caught.value.code == "backend_not_running"
    backend.process.send_signal(signal.SIGCONT)
    client.close()
    with Client(backend.address, backend.token, timeout=PATIENCE) as client:
        events = client.generate([request()])
        next(events)
        backend.process.send_signal(signal.SIGSTOP)
        threading.Timer(1.5, lambda: backend.process.send_signal(signal.SIGCONT)).start()
        with contextlib.suppress(Cancelled):
            assert list(events)[-1][0]["type"] == "result"
    assert backend.stop() == 0


def test_a_job_survives_over_curve_as_well_and_a_large_result_arrives_whole(tmp_path):
    file = make_keys(tmp_path / "keys", "laptop")
    backend = Backend(tmp_path, 1.0, "tcp://127.0.0.1:0", str(tmp_path / "keys"))
    way = Way(backend)
    with Client(way.address, "", read_client_keys(file), timeout=PATIENCE) as client:
        events = client.generate([request(seed=number, seconds=9.8) for number in range(16)])
        next(events)
        way.cut()
        mender = threading.Timer(1.0, way.mend)
        mender.start()
        results = [(header["seed"], arrays["joints"].shape) for header, arrays in events if header["type"] == "result"]
        mender.join()
    assert results == [(number, (196, 22, 3)) for number in range(16)]
    way.close()
    assert backend.stop() == 0


@pytest.mark.parametrize("curve", [False, True])
def test_heartbeats_of_a_client_that_says_nothing_else_are_answered(tmp_path, curve):
    """libzmq's, which are frames of their own; more of them than a message may have frames."""
    keys = read_client_keys(make_keys(tmp_path / "keys", "laptop")) if curve else None
    places = ("tcp://127.0.0.1:0", str(tmp_path / "keys")) if curve else ()
    backend = Backend(tmp_path, 0.02, *places, token=None if curve else "x" * 32)
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.heartbeat_ivl, socket.heartbeat_timeout = 100, 1000
    if keys:
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = keys.public, keys.secret, keys.server
    monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    socket.connect(backend.address)
    socket.send_multipart(hello(backend.token or "", secrets.token_hex(16)))
    assert answer(socket)["type"] == "welcome"
    assert not monitor.poll(4000), "the connection broke"
    socket.send_multipart(wire.encode({"type": "ping"}))
    assert answer(socket)["type"] == "pong"
    socket.disable_monitor()
    monitor.close(0)
    socket.close()
    assert backend.stop() == 0
