# SPDX-License-Identifier: Apache-2.0
"""The add-on's connection, without Blender, to a real backend over a way that breaks."""

import secrets
import socket
import threading
import time
from pathlib import Path

import pytest
from addon_part import addon_module
from test_server import PATIENCE, Backend, request, wait_until
from test_sessions import DOWN, Way

from moclip.errors import MoclipError
from moclip_backend.address import DEFAULT_BIND
from moclip_backend.state.credentials import make_keys


@pytest.fixture(scope="module")
def connection():
    return addon_module("backend.connection")


class Events:
    """What a connection gives, as it comes."""

    def __init__(self, made):
        self._made, self.all = made, []

    def until(self, condition, seconds: float = PATIENCE):
        deadline = time.monotonic() + seconds
        while True:
            for event in self._made.take():
                self.all.append(event)
                if condition(event):
                    return event
            assert time.monotonic() < deadline, [event.lost or event.header for event in self.all]
            time.sleep(0.01)

    def until_type(self, kind: str):
        return self.until(lambda event: event.header.get("type") == kind)


@pytest.fixture
def running(tmp_path):
    started = Backend(tmp_path, 1.0, token=secrets.token_hex(16))
    yield started
    started.stop()


def submit(made, job_id: str, count: int = 1) -> None:
    made.send({"type": "submit", "id": job_id, "requests": [request(seed=number) for number in range(count)]})


def test_until_a_backend_has_answered_its_limits_are_taken_for_what_it_then_says(connection, running):
    made = connection.Connection(running.address, connection.Credentials(token=running.token))
    welcome = Events(made).until_type("welcome").header
    made.close()
    limits = addon_module("limits")
    assert limits.Limits.of(welcome) == limits.EMBEDDED == limits.Limits.of({})
    named_alike = set(limits.Limits.__dataclass_fields__) - {"fps", "shortest_seconds", "longest_seconds"}
    assert named_alike <= set(welcome["limits"])
    other = {"fps": 30.0, "limits": {"seconds": [2.0, 4.0], "batch": 3, "queue": 1}}
    assert limits.Limits.of(other) == limits.Limits(30.0, 2.0, 4.0, batch=3)


@pytest.mark.parametrize("seconds", DOWN)
def test_a_job_survives_a_way_that_breaks_and_its_results_come_once(connection, running, seconds):
    way = Way(running)
    made = connection.Connection(way.address, connection.Credentials(token=running.token))
    events = Events(made)
    events.until_type("welcome")
    submit(made, "a", 2)
    events.until_type("progress")
    way.cut()
    mender = threading.Timer(seconds, way.mend)
    mender.start()
    events.until(lambda event: event.header.get("index") == 1, PATIENCE + seconds)
    time.sleep(0.5)
    events.all += made.take()
    kinds = [event.header.get("type") for event in events.all]
    assert kinds.count("welcome") == 1 and kinds.count("result") == 2 and not any(e.lost for e in events.all)
    mender.join()
    made.close()
    way.close()
    with running.client() as client:
        assert client.status()["jobs_done"] == 1


def test_a_cancel_while_the_way_is_down_is_not_lost(connection, running):
    way = Way(running)
    made = connection.Connection(way.address, connection.Credentials(token=running.token))
    events = Events(made)
    events.until_type("welcome")
    for job_id in ("a", "b"):
        submit(made, job_id)
    events.until_type("progress")
    way.cut()
    time.sleep(0.5)
    made.send({"type": "cancel", "id": "b"})
    way.mend()
    assert events.until_type("cancelled").header["id"] == "b"
    made.close()
    way.close()


def test_a_dead_backend_is_told_within_a_second(connection, running):
    made = connection.Connection(running.address, connection.Credentials(token=running.token))
    events = Events(made)
    events.until_type("welcome")
    running.process.kill()
    started = time.monotonic()
    assert events.until(lambda event: event.lost).lost.endswith("has ended.")
    assert time.monotonic() - started < 1.0
    made.close()


def test_closing_cancels_what_runs(connection, running):
    made = connection.Connection(running.address, connection.Credentials(token=running.token))
    events = Events(made)
    events.until_type("welcome")
    submit(made, "a")
    submit(made, "b")
    events.until_type("progress")
    made.close()
    with running.client() as client:
        wait_until(lambda: client.status()["jobs_cancelled"] == 2, 3.0)
        assert client.status()["clients_away"] == 0


def test_a_key_that_is_not_let_in_is_told(connection, tmp_path):
    keys = tmp_path / "keys"
    make_keys(keys, "laptop")
    started = Backend(tmp_path, 0.02, "tcp://127.0.0.1:0", str(keys))
    stranger = make_keys(keys, "stranger")
    made = connection.Connection(started.address, connection.read_credentials(str(stranger)))
    assert "does not let this key in" in Events(made).until(lambda event: event.lost).lost
    made.close()
    assert started.stop() == 0


def test_no_address_is_an_error_at_once(connection):
    with pytest.raises(MoclipError, match="is not an address"):
        connection.Connection("nowhere", connection.Credentials())


def test_a_thread_that_dies_says_so_and_nobody_waits_for_it(connection, running, monkeypatch):
    def falls_over(*_arguments):
        raise RuntimeError("something nobody thought of")

    monkeypatch.setattr(connection.Connection, "_serve", falls_over)
    made = connection.Connection(running.address, connection.Credentials(token=running.token))
    lost = Events(made).until(lambda event: event.lost).lost
    assert "something nobody thought of" in lost and "cannot be reached any more" in lost
    sender = threading.Thread(target=lambda: [submit(made, str(k)) for k in range(3000)] and made.close(), daemon=True)
    sender.start()
    sender.join(20.0)
    assert not sender.is_alive()


def test_an_address_of_the_sixth_version_is_reached(connection, tmp_path):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this computer has no ::1")
    started = Backend(tmp_path, 0.02, "tcp://[::1]:0", token=secrets.token_hex(16))
    try:
        assert "[::1]" in started.address
        made = connection.Connection(started.address, connection.Credentials(token=started.token))
        Events(made).until_type("welcome")
        made.close()
    finally:
        started.stop()


def test_the_addon_and_the_backend_name_the_same_port(connection):
    text = (Path(connection.__file__).parents[1] / "settings.py").read_text(encoding="utf-8")
    assert f'default="{DEFAULT_BIND}"' in text
