# SPDX-License-Identifier: Apache-2.0
"""A real backend process on loopback, with an engine that needs no weights, and real sockets."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zmq
from checkout import PYTHONPATH

from moclip.errors import Cancelled, MoclipError
from moclip.motion.skeleton import JOINT_NAMES
from moclip_backend import wire
from moclip_backend.client.client import Client
from moclip_backend.client.connection import Connection
from moclip_backend.client.running import connect_running
from moclip_backend.state.credentials import make_keys, read_client_keys

SCRIPT = Path(__file__).with_name("serve_slow_engine.py")
PATIENCE = 20.0


class Backend:
    """A backend process; `stop` closes its standard input, as the end of a parent does."""

    def __init__(self, state: Path, seconds_per_job: float = 0.02, *arguments: str, token: str | None = None, **popen):
        environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "MOCLIP_STATE": str(state)}
        environment.pop("MOCLIP_TOKEN", None)
        if token:
            environment["MOCLIP_TOKEN"] = token
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
        command = [sys.executable, str(SCRIPT), str(seconds_per_job), *arguments]
        self.process = subprocess.Popen(command, env=environment, text=True, **streams)
        self.ready = json.loads(self.process.stdout.readline())
        self.address, self.token = self.ready.get("address"), token

    def client(self, **options) -> Client:
        return Client(self.address, self.token, timeout=PATIENCE, **options)

    def stop(self) -> int:
        if self.process.stdin:
            self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    started = Backend(tmp_path_factory.mktemp("state"), token=secrets.token_hex(16))
    yield started
    assert started.stop() == 0, "the backend must end cleanly after everything that the tests sent it"


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    started = Backend(tmp_path_factory.mktemp("state"), 4.0, token=secrets.token_hex(16))
    yield started
    assert started.stop() == 0


def dealer(address: str) -> zmq.Socket:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(address)
    return socket


def hello(token: str, protocol=wire.PROTOCOL) -> list[bytes]:
    return wire.encode({"type": "hello", "protocol": protocol, "token": token, "client": "test"})


def answer(socket: zmq.Socket, seconds: float = PATIENCE) -> dict | None:
    """The next message; the backend's pings, which ask whether we are still there, are none."""
    deadline = time.monotonic() + seconds
    while socket.poll(max(0, int(1000 * (deadline - time.monotonic())))):
        header, _ = wire.decode(socket.recv_multipart())
        if header["type"] != "ping":
            return header
    return None


def request(text="a person walks", **fields) -> dict:
    return {"text": text, **fields}


def wait_until(condition, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_the_ready_line_and_the_welcome_say_what_is_served(backend):
    ready = backend.ready
    assert ready["ready"] is True and ready["protocol"] == 1 and ready["address"].startswith("tcp://127.0.0.1:")
    assert (ready["model"], ready["runtime"], ready["device"]) == ("slow", "test", "cpu")
    assert ready["token_file"] is None and backend.token not in json.dumps(ready)
    with backend.client() as client:
        welcome = client.welcome
    assert welcome["joints"] == list(JOINT_NAMES) and welcome["fps"] == 20.0 and welcome["protocol"] == 1
    assert welcome["limits"]["seconds"] == [1.0, 9.8] and welcome["limits"]["batch"] == 16
    assert "cancel" in welcome["features"]
    turn = {"name": "turn", "words": "turning round", "share": 0.75}
    assert welcome["stages"] == [{"name": "warm", "words": "warming up", "share": 0.25}, turn]


def test_a_limit_that_is_told_is_the_one_that_holds(backend):
    with backend.client() as client:
        limits = client.welcome["limits"]
        lines = [request("walk")] * limits["script_lines"]
        for allowed, refused in (
            ({"text": "x" * limits["text_characters"]}, {"text": "x" * (limits["text_characters"] + 1)}),
            (request(script=lines), request(script=[*lines, request("walk")])),
        ):
            assert list(client.generate([allowed]))
            with pytest.raises(MoclipError):
                list(client.generate([refused]))
        with pytest.raises(MoclipError):
            list(client.generate([request()] * (limits["batch"] + 1)))


def test_a_job_is_queued_progresses_and_ends_with_its_arrays(backend):
    with backend.client() as client:
        messages = list(client.generate([request(seconds=2.5, seed=7)]))
    kinds = [header["type"] for header, _ in messages]
    assert kinds[0] == "queued" and kinds[-1] == "result" and set(kinds[1:-1]) == {"progress"}
    header, arrays = messages[-1]
    assert (header["seconds"], header["seed"], header["fps"], header["warnings"]) == (2.5, 7, 20.0, [])
    shapes = {name: array.shape for name, array in arrays.items()}
    frames = 50
    assert shapes == {
        "rotations": (frames, 22, 4), "root_translation": (frames, 3), "joints": (frames, 22, 3), "offsets": (22, 3),
    }  # fmt: skip
    assert np.all(arrays["joints"][:, 0] == 7.0)
    overall = [header["overall"] for header, _ in messages[1:-1]]
    assert overall == sorted(overall)


def test_a_batch_gives_one_result_a_request_in_order(backend):
    with backend.client() as client:
        requests = [request(seed=3, seconds=1.0), request(seed=1, seconds=2.0), request("far away")]
        results = [header for header, _ in client.generate(requests) if header["type"] == "result"]
    assert [(r["index"], r["count"], r["seed"]) for r in results] == [(0, 3, 3), (1, 3, 1), (2, 3, 0)]
    assert results[2]["warnings"] == ["It is far."]


def test_progress_is_throttled(slow):
    with slow.client() as client:
        job = client.submit([request()])
        started = time.monotonic()
        seen = [header for header, _ in client.events(job) if header["type"] == "progress"]
        elapsed = time.monotonic() - started
    assert 1 <= len(seen) <= 1 + elapsed / 0.05


def test_nothing_but_hello_is_answered_before_it(backend):
    socket = dealer(backend.address)
    for kind in ("ping", "status", "shutdown", "submit", "cancel"):
        socket.send_multipart(wire.encode({"type": kind, "id": "1", "requests": [request()]}))
    socket.send_multipart([b"garbage"])
    assert answer(socket, 0.5) is None
    socket.send_multipart(hello(backend.token))
    assert answer(socket)["type"] == "welcome"
    socket.close()


@pytest.mark.parametrize("token", ["", "x" * 32, None, 5, ["a"], "é" * 20])
def test_a_wrong_token_is_refused_and_lets_nothing_else_in(backend, token):
    socket = dealer(backend.address)
    socket.send_multipart(hello(token))
    assert (answer(socket) or {}).get("code") == "bad_token"
    socket.send_multipart(wire.encode({"type": "ping"}))
    assert answer(socket, 0.3) is None
    socket.close()


def test_another_protocol_version_is_named_as_such(backend):
    socket = dealer(backend.address)
    socket.send_multipart(hello(backend.token, protocol=2))
    assert answer(socket)["code"] == "protocol_mismatch"
    socket.close()


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"type": "dance"}, "unknown_type"),
        ({"type": "submit"}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": []}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": "walk"}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": "w"}] * 17}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": ["walk"]}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": 5}]}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": "w", "seconds": "2"}]}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": "w", "seconds": True}]}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": "w", "seconds": 10**400}]}, "bad_request"),
        ({"type": "submit", "id": "a", "requests": [{"text": "w", "seed": 1.5}]}, "bad_request"),
        ({"type": "submit", "id": 5, "requests": [{"text": "w"}]}, "bad_request"),
        ({"type": "submit", "id": "a" * 65, "requests": [{"text": "w"}]}, "bad_request"),
        ({"type": "cancel", "id": "never there"}, "unknown_job"),
        ({"type": "cancel"}, "bad_request"),
        ({"type": "ping", "id": {}}, "bad_request"),
    ],
)
def test_bad_messages_get_an_error_and_the_backend_goes_on(backend, header, code):
    with backend.client() as client:
        client.send(header)
        answered, _ = client.receive(PATIENCE)
        assert (answered["type"], answered["code"]) == ("error", code) and answered["message"]
        assert client.ping() < PATIENCE


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"\x80\x04pickle"], "bad_message"),
        ([b""], "bad_message"),
        ([b'{"type": "submit", "id": "\\ud800"}'], "bad_message"),
        ([b" " * (wire.MAX_HEADER_BYTES + 1)], "too_large"),
        ([b'{"type": "ping"}', bytes(wire.MAX_MESSAGE_BYTES)], "too_large"),
        ([b'{"type": "ping"}'] + [b"x"] * 500, "too_large"),
    ],
)
def test_garbage_and_oversized_messages_get_an_error(backend, frames, code):
    socket = dealer(backend.address)
    socket.send_multipart(hello(backend.token))
    assert answer(socket)["type"] == "welcome"
    socket.send_multipart(frames)
    assert (answer(socket) or {}).get("code") == code
    socket.close()


def test_a_frame_that_no_message_may_have_costs_only_its_own_connection(backend):
    socket = dealer(backend.address)
    socket.send_multipart(hello(backend.token))
    assert answer(socket)["type"] == "welcome"
    socket.send(bytes(5 * wire.MAX_MESSAGE_BYTES))
    with backend.client() as client:
        assert client.ping() < PATIENCE
    socket.close()


@pytest.mark.parametrize(("text", "code"), [("refuse this", "bad_prompt"), ("crash please", "internal")])
def test_a_job_that_fails_says_why_and_the_next_one_runs(backend, text, code):
    with backend.client() as client:
        with pytest.raises(MoclipError) as caught:
            list(client.generate([request(), request(text)]))
        assert caught.value.code == code and "Traceback" not in str(caught.value)
        assert list(client.generate([request()]))[-1][0]["type"] == "result"


LONG = "\x7fé" * 45_000


@pytest.mark.parametrize(
    "submit",
    [
        {"requests": [request(LONG)]},
        {"requests": [request(LONG, script=[request("walk")])]},
        {"requests": [request("x", script=[request(LONG)])]},
        {"requests": [request("", script=[request("é" * 2000)] * 16)] * 3},
        {"requests": [request("é" * 2000)] * 16},
        {"requests": [request(seed=10**4000)] * 16},
        {"requests": [request("endless")]},
        {"requests": [request("nan")]},
        {"requests": [request(), request("huge")]},
        {"requests": [request()], "id": "é" * 64},
        {"requests": LONG},
        {"type": "é" * 64},
    ],
    ids=lambda submit: ascii(submit)[:40],
)
def test_what_a_client_sends_never_ends_the_backend(backend, submit):
    """Each of these makes an answer that is long, or that cannot be written at all."""
    with backend.client() as other, backend.client() as client:
        # In UTF-8, which is a sixth of what the escapes of `wire.encode` take.
        text = json.dumps({"type": "submit", "id": "a", **submit}, ensure_ascii=False)
        client._send([text.encode("utf-8")])
        job = submit.get("id", "a")
        seen = []
        while not seen or not (seen[-1]["type"] == "error" or seen[-1]["type"] == "result" and _last(seen[-1])):
            message = client.receive(PATIENCE)
            assert message is not None, "nobody said what became of the request"
            seen.append(message[0])
        assert seen[-1].get("id") in (job, None)
        assert other.ping() < 1.0 and list(other.generate([request()]))[-1][0]["type"] == "result"


def _last(header: dict) -> bool:
    return header["index"] == header["count"] - 1


def test_cancelling_stops_a_running_job_and_one_that_waits(slow):
    with slow.client() as client:
        running, waiting = client.submit([request()]), client.submit([request()])
        events = client.events(running)
        assert [next(events)[0]["type"], next(events)[0]["type"]] == ["queued", "progress"]
        started = time.monotonic()
        client.cancel(waiting)
        client.cancel(running)
        seen = {}
        while len(seen) < 2:
            header, _ = client.receive(PATIENCE)
            if header["type"] == "cancelled":
                seen[header["id"]] = header
            else:
                assert header["type"] in ("queued", "progress")
        assert set(seen) == {running, waiting}
        assert time.monotonic() - started < 2.0, "a job of 4 s that was cancelled took as long as one that was not"


def test_an_id_in_use_is_refused_and_the_job_that_has_it_goes_on(slow):
    with slow.client() as client:
        client.submit([request()], "same")
        client.submit([request("another")], "same")
        codes = [header.get("code") for header in (client.receive(PATIENCE)[0] for _ in range(3)) if "code" in header]
        assert codes == ["duplicate_id"]
        client.cancel("same")
        wait_until(lambda: client.status()["jobs_running"] == 0)


def test_the_queue_is_bounded(slow):
    with slow.client() as client:
        limit = client.welcome["limits"]["queue"]
        for number in range(limit + 1):
            client.submit([request()], str(number))
        errors = []
        while not errors:
            header, _ = client.receive(PATIENCE)
            errors += [header] if header["type"] == "error" else []
        assert (errors[0]["id"], errors[0]["code"]) == (str(limit), "queue_full")
    with slow.client() as client:
        wait_until(lambda: (s := client.status())["jobs_running"] + s["jobs_waiting"] == 0)


def test_a_second_client_waits_for_one_job_of_a_first_at_the_most(tmp_path):
    backend = Backend(tmp_path, 0.3, token=secrets.token_hex(16))
    with backend.client() as first, backend.client() as second:
        for number in range(31):
            first.submit([request()], str(number))
        next(first.events("0"))
        started = time.monotonic()
        assert list(second.generate([request(seed=2)]))[-1][0]["seed"] == 2
        assert time.monotonic() - started < 0.3 + 0.3 + 0.3, "it waited for more than the job that ran"
    assert backend.stop() == 0


def test_a_job_that_is_not_over_in_time_ends_and_lets_others_go_on(slow):
    with slow.client() as client:
        started = time.monotonic()
        runs, waits = client.submit([request()], within=1.0), client.submit([request()], within=0.5)
        ended = {}
        while len(ended) < 2:
            header, _ = client.receive(PATIENCE)
            if header["type"] == "error":
                ended[header["id"]] = (header["code"], time.monotonic() - started)
        assert ended[runs][0] == ended[waits][0] == "too_late"
        assert 0.5 <= ended[waits][1] < 1.4 and 1.0 <= ended[runs][1] < 2.0
        client.send({"type": "submit", "id": "x", "requests": [request()], "within": -1})
        assert client.receive(PATIENCE)[0]["code"] == "bad_request"


def test_the_backend_adds_little_to_a_model_that_costs_nothing(tmp_path):
    backend = Backend(tmp_path, 0.0, token=secrets.token_hex(16))
    times = []
    with backend.client() as client:
        for _ in range(300):
            started = time.monotonic()
            assert list(client.generate([request(seconds=4.0)]))[-1][0]["type"] == "result"
            times.append(time.monotonic() - started)
        answers = [client.ping() for _ in range(100)]
    print(f"median {1000 * np.median(times):.2f} ms, p99 {1000 * np.percentile(times, 99):.2f} ms")
    # A tenth of a second is what a job took that was told of in the next turn of a loop that sleeps.
    assert np.median(times) < 0.01 + 10 * np.median(answers)
    assert backend.stop() == 0


def test_the_jobs_of_a_client_that_vanishes_are_dropped(slow):
    vanishing = dealer(slow.address)
    vanishing.send_multipart(hello(slow.token))
    assert answer(vanishing)["type"] == "welcome"
    for number in range(3):
        submit = {"type": "submit", "id": str(number), "requests": [request()]}
        vanishing.send_multipart(wire.encode(submit))
    assert answer(vanishing)["type"] == "queued"
    with slow.client() as other:
        # Clients of earlier tests may still be on their way out.
        wait_until(lambda: (s := other.status())["clients"] == 2 and s["jobs_running"] + s["jobs_waiting"] == 3)
        vanishing.close()
        wait_until(lambda: (s := other.status())["clients"] == 1 and s["jobs_running"] + s["jobs_waiting"] == 0, 3.0)


def test_two_clients_get_their_own_results_even_with_the_same_id(backend):
    with backend.client() as one, backend.client() as two:
        one.submit([request(seed=1)], "job")
        two.submit([request(seed=2)], "job")
        seeds = [list(client.events("job"))[-1][0]["seed"] for client in (one, two)]
    assert seeds == [1, 2]


def test_the_backend_ends_with_its_parent_even_while_a_job_runs(tmp_path):
    backend = Backend(tmp_path, 30.0, token=secrets.token_hex(16))
    with backend.client() as client:
        job = client.submit([request()])
        assert next(client.events(job))[0]["type"] == "queued"
        started = time.monotonic()
        assert backend.stop() == 0
    assert time.monotonic() - started < 5.0


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly_and_it_cleans_up(tmp_path, number):
    # A run in the background ignores SIGINT, and so would its children, on purpose.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        backend = Backend(tmp_path)
    finally:
        signal.signal(number, before)
    token_file = Path(backend.ready["token_file"])
    assert token_file.stat().st_mode & 0o777 == 0o600 and (tmp_path / "serve.json").stat().st_mode & 0o777 == 0o600
    backend.process.send_signal(number)
    assert backend.process.wait(PATIENCE) == 0
    assert not token_file.exists() and not (tmp_path / "serve.json").exists()
    assert backend.process.stderr.read() == ""
    backend.stop()


@pytest.mark.parametrize("stdin", ["devnull", "closed pipe"])
def test_without_a_parent_at_its_standard_input_it_keeps_running(tmp_path, stdin):
    reader, writer = os.pipe()
    os.close(writer)
    backend = Backend(tmp_path, token=secrets.token_hex(16), stdin=subprocess.DEVNULL if stdin == "devnull" else reader)
    os.close(reader)
    time.sleep(0.5)
    with backend.client() as client:
        assert client.ping() < PATIENCE
        client.shutdown()
    assert backend.stop() == 0


@pytest.mark.skipif(os.name != "posix", reason="descriptors")
def test_a_closed_standard_input_is_no_parent(tmp_path):
    backend = Backend(tmp_path, token=secrets.token_hex(16), stdin=None, preexec_fn=lambda: os.close(0))
    time.sleep(0.5)
    with backend.client() as client:
        client.shutdown()
    assert backend.stop() == 0


def test_a_local_client_finds_the_backend_by_what_it_announced(tmp_path, monkeypatch):
    monkeypatch.setenv("MOCLIP_STATE", str(tmp_path))
    monkeypatch.delenv("MOCLIP_TOKEN", raising=False)
    with pytest.raises(MoclipError) as caught:
        connect_running()
    assert caught.value.code == "backend_not_running"
    backend = Backend(tmp_path)
    with connect_running() as client:
        assert client.status()["model"] == "slow"
        client.shutdown()
    assert backend.stop() == 0
    with pytest.raises(MoclipError):
        connect_running()


def test_the_status_is_told_as_prometheus_reads_it(tmp_path, monkeypatch, moclip):
    monkeypatch.setenv("MOCLIP_STATE", str(tmp_path))
    monkeypatch.delenv("MOCLIP_TOKEN", raising=False)
    code, out, err = moclip("status", "--prometheus")
    assert code == 1 and out.splitlines()[-1] == "moclip_up 0" and "No backend" in err
    backend = Backend(tmp_path)
    with connect_running() as client:
        list(client.generate([request("a secret prompt")]))
        code, out, _ = moclip("status", "--prometheus")
        client.shutdown()
    lines = out.splitlines()
    assert code == 0 and backend.stop() == 0
    assert {"moclip_up 1", "moclip_jobs_done_total 1", "moclip_clients 2"} <= set(lines)
    assert any(
        re.fullmatch(r'moclip_info\{version="[^"]+",model="slow",runtime="test",device="cpu"\} 1', line)
        for line in lines
    )
    assert all(re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [-+.\de]+", line) for line in lines)
    assert "secret" not in out + (tmp_path / "moclip.log").read_text()


def test_a_port_in_use_is_one_sentence_on_stderr_and_json_on_stdout(backend, tmp_path):
    second = Backend(tmp_path, 0.02, backend.address, token=secrets.token_hex(16))
    assert second.ready["ready"] is False and second.ready["code"] == "port_in_use"
    errors = second.process.stderr.read().splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: Port ") and "in use" in errors[0]
    assert second.stop() == 1


def test_a_second_backend_in_one_folder_leaves_the_announcement_to_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("MOCLIP_STATE", str(tmp_path))
    monkeypatch.delenv("MOCLIP_TOKEN", raising=False)
    first, second = Backend(tmp_path), Backend(tmp_path)
    with connect_running() as client:
        assert client.address == first.address
    with connect_running(second.address, Path(second.ready["token_file"])) as client:
        assert client.address == second.address
    second.process.stdin.close()
    errors = second.process.stderr.read().splitlines()
    assert len(errors) == 1 and second.address in errors[0] and second.ready["token_file"] in errors[0]
    assert second.stop() == 0
    with connect_running() as client:
        assert client.address == first.address
    assert first.stop() == 0
    third = Backend(tmp_path)
    with connect_running() as client:
        assert client.address == third.address
    assert third.stop() == 0


def test_what_a_killed_backend_left_behind_is_no_backend_and_is_swept(tmp_path, monkeypatch):
    monkeypatch.setenv("MOCLIP_STATE", str(tmp_path))
    monkeypatch.delenv("MOCLIP_TOKEN", raising=False)
    killed, alive = Backend(tmp_path), Backend(tmp_path)
    killed.process.kill()
    killed.stop()
    started = time.monotonic()
    with pytest.raises(MoclipError) as caught:
        connect_running()
    assert caught.value.code == "backend_not_running" and time.monotonic() - started < 1.0
    assert Path(killed.ready["token_file"]).exists()
    next_one = Backend(tmp_path)
    assert not Path(killed.ready["token_file"]).exists() and Path(alive.ready["token_file"]).exists()
    with connect_running() as client:
        assert client.address == next_one.address
    assert alive.stop() == next_one.stop() == 0
    assert not list(tmp_path.glob("*token*")) and not (tmp_path / "serve.json").exists()


def test_wrong_tokens_do_not_push_the_rest_out_of_the_log(tmp_path):
    backend = Backend(tmp_path, token=secrets.token_hex(16))
    socket = dealer(backend.address)
    for _ in range(100):
        for _ in range(100):
            socket.send_multipart(hello("wrong" * 4))
        for _ in range(100):
            assert answer(socket)["code"] == "bad_token"
    socket.close()
    assert backend.stop() == 0
    log = (tmp_path / "moclip.log").read_text()
    assert len(log) < 10_000 and "serving slow" in log and "wrong token" in log


def test_logs_as_json_tell_of_jobs_and_never_what_was_asked_for(tmp_path):
    backend = Backend(tmp_path, 0.02, "tcp://127.0.0.1:0", "--log-json", token=secrets.token_hex(16))
    with backend.client() as client:
        list(client.generate([request("a secret wish"), request("a secret wish")]))
        with pytest.raises(MoclipError, match="unexpectedly"):
            list(client.generate([request("crash of a secret wish")]))
        for _ in range(100):
            client.send({"type": "cancel", "id": "none"})
    backend.process.stdin.close()
    said = backend.process.stderr.read()
    assert backend.process.wait(PATIENCE) == 0
    backend.process.stdout.close()
    backend.process.stderr.close()
    assert "secret" not in said and "as the test asked" not in said and not (tmp_path / "moclip.log").exists()
    lines = [json.loads(line) for line in said.splitlines()]
    assert all({"time", "level", "pid", "event"} <= set(line) and line["pid"] == lines[0]["pid"] for line in lines)
    jobs = [(line["job"], line["requests"]) for line in lines if line["event"] == "a job is over"]
    assert jobs == [("done", 2), ("failed", 1)]
    errors = [line for line in lines if line["level"] == "error"]
    assert len(errors) == 1 and errors[0]["error"] == "ZeroDivisionError"
    assert errors[0]["at"][-1].endswith(" _result") and "serve_slow_engine.py:" in errors[0]["at"][-1]


def test_a_short_token_is_refused(tmp_path):
    backend = Backend(tmp_path, token="short")
    assert backend.ready["code"] == "bad_token" and backend.stop() == 1


def test_a_client_of_nobody_is_told_at_once():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    started = time.monotonic()
    with pytest.raises(MoclipError) as caught:
        Client(f"tcp://127.0.0.1:{port}", "x" * 32)
    assert caught.value.code == "backend_not_running" and caught.value.hint
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_a_client_notices_within_a_second_that_its_backend_was_killed(tmp_path, reaped):
    backend = Backend(tmp_path, 30.0, token=secrets.token_hex(16))
    client = Client(backend.address, backend.token)
    job = client.submit([request()])
    events = client.events(job)
    assert next(events)[0]["type"] == "queued"
    backend.process.kill()
    if reaped:
        backend.process.wait(PATIENCE)
    started = time.monotonic()
    with pytest.raises(MoclipError) as caught:
        list(events)
    assert time.monotonic() - started < 1.0 and caught.value.code == "backend_ended"
    client.close()
    backend.stop()


def test_shutdown_cancels_what_runs(tmp_path):
    backend = Backend(tmp_path, 30.0, token=secrets.token_hex(16))
    with backend.client() as one, backend.client() as two:
        jobs = one.generate([request()])
        assert next(jobs)[0]["type"] == "queued"
        two.shutdown()
        with pytest.raises(Cancelled):
            list(jobs)
    assert backend.stop() == 0


def send_at_the_worst_moment(connection, frames, send=Connection.send):
    """After a handshake has failed, before libzmq connects again: then a socket cannot take anything."""
    until = time.monotonic() + 2.0
    while connection._socket.poll(0, zmq.POLLOUT) and time.monotonic() < until:
        pass
    send(connection, frames)


@pytest.mark.parametrize("when", ["at once", "when nobody takes it"])
def test_other_machines_need_keys_and_the_right_ones(tmp_path, monkeypatch, when):
    keys = tmp_path / "keys"
    refused = Backend(tmp_path, 0.02, "tcp://0.0.0.0:0")
    assert refused.ready["code"] == "no_keys" and refused.stop() == 1
    file = make_keys(keys, "laptop")
    assert {p.stat().st_mode & 0o777 for p in keys.rglob("*.json")} == {0o600}
    backend = Backend(tmp_path, 0.02, "tcp://0.0.0.0:0", str(keys))
    address = backend.ready["address"].replace("0.0.0.0", "127.0.0.1")
    assert backend.ready["token_file"] is None
    with Client(address, "", read_client_keys(file), timeout=PATIENCE) as client:
        assert list(client.generate([request()]))[-1][0]["type"] == "result"
    stranger = make_keys(keys, "stranger")
    other_server = make_keys(tmp_path / "other keys", "laptop")
    if when != "at once":
        monkeypatch.setattr(Connection, "send", send_at_the_worst_moment)
    for wrong in (None, read_client_keys(stranger), read_client_keys(other_server)):
        # The stranger's key was made after the backend read whom to let in.
        with pytest.raises(MoclipError) as caught:
            Client(address, "", wrong, timeout=PATIENCE)
        assert caught.value.code == "bad_key" and caught.value.hint
    assert backend.stop() == 0


def ask(socket: zmq.Socket, question: str, text: object) -> None:
    socket.send_multipart(wire.encode({"type": "familiarity", "id": question, "text": text}))


def test_a_prompt_is_told_to_be_far_before_anything_is_made(backend):
    socket = dealer(backend.address)
    socket.send_multipart(hello(backend.token))
    assert "familiarity" in answer(socket)["features"]
    ask(socket, "q1", "far away")
    assert answer(socket) == {"type": "familiarity", "id": "q1", "far": True, "nearest": ["walk", "wave"]}
    ask(socket, "q2", "a person walks")
    assert answer(socket) == {"type": "familiarity", "id": "q2", "far": False, "nearest": []}
    for question, text, code in (
        ("q3", 7, "bad_request"),
        ("q4", "x" * 3000, "bad_prompt"),
        ("q5", "crash", "internal"),
    ):
        ask(socket, question, text)
        told = answer(socket)
        assert (told["type"], told["id"], told["code"]) == ("error", question, code)
    socket.send_multipart(wire.encode({"type": "familiarity", "text": "no id"}))
    assert answer(socket)["code"] == "bad_request"
    with backend.client() as client:
        assert client.status()["jobs_failed"] == 0 or True
    socket.close()


def test_a_question_waits_for_the_job_that_runs_and_the_newest_of_them_counts(slow):
    socket = dealer(slow.address)
    socket.send_multipart(hello(slow.token))
    answer(socket)
    socket.send_multipart(wire.encode({"type": "submit", "id": "a", "requests": [request()]}))
    assert answer(socket)["type"] == "queued" and answer(socket)["type"] == "progress"
    for number in range(50):
        ask(socket, f"q{number}", "far away" if number == 49 else "a person walks")
    heard = []
    while not heard or heard[-1]["type"] != "familiarity":
        heard.append(answer(socket))
    others = {header["type"] for header in heard[:-1]}
    assert others <= {"progress", "result"} and heard[-1]["id"] == "q49" and heard[-1]["far"]
    socket.close()
