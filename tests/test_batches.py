# SPDX-License-Identifier: Apache-2.0
"""Jobs of several clients in one batch, batches that memory does not suffice for, and several models at one backend."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from moclip.errors import Cancelled, MoclipError
from moclip.motion.motion import Motion
from moclip.prompts.limits import MAX_BATCH
from moclip.prompts.requests import Request, Result
from moclip_backend import wire
from moclip_backend.engine import Stages
from moclip_backend.server.batches import WARNING, best_batch, generate
from moclip_backend.server.jobs import JobQueue
from moclip_backend.server.models import Models
from moclip_backend.server.submit import read_model
from moclip_backend.server.welcome import welcome


class OutOfMemoryError(RuntimeError):
    """As torch.cuda's is called."""


class RuntimeException(Exception):  # noqa: N818  as onnxruntime's is called
    __module__ = "onnxruntime.capi.onnxruntime_pybind11_state"


SHORTAGES = [
    MemoryError(),
    OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeException("bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 134217728"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: not enough memory"),
]


class Engine:
    """Answers at once, or waits for `go`; refuses more than `room` requests, and prompts that begin with "bad"."""

    runtime, device, licence, fps = "test", "cpu", "none", 20.0

    def __init__(self, name="own", room=MAX_BATCH, shortage=None, held=False, seconds=lambda count: 0.0):
        self.name, self.room, self.shortage, self.seconds, self.asked = name, room, shortage, seconds, []
        self.go, self.clock = threading.Semaphore(0) if held else None, 0.0

    def generate(self, requests, *, progress=None, cancelled=None):
        self.asked.append([request.text for request in requests])
        self.clock += self.seconds(len(requests))
        deadline = time.monotonic() + 10.0
        while self.go is not None and not self.go.acquire(timeout=0.005):
            assert time.monotonic() < deadline
            if cancelled():
                raise Cancelled
        if len(requests) > self.room:
            raise self.shortage
        if any(request.text.startswith("bad") for request in requests):
            raise MoclipError("That is no prompt.", code="bad_prompt")
        return [self._result(request) for request in requests]

    def _result(self, request):
        rotations = np.zeros((2, 22, 4), np.float32)
        rotations[..., 0] = 1.0
        motion = Motion(20.0, rotations, np.zeros((2, 3), np.float32), text=request.text)
        return Result(motion, 0.1, request.seed, (), np.zeros((1, 6), np.int64), (0, 2))


def requests(*texts: str) -> list[Request]:
    return [Request(text) for text in texts]


def plain(engine, asked):
    return generate(engine, asked, lambda stage, fraction: None, lambda: False)


@pytest.mark.parametrize("shortage", SHORTAGES, ids=lambda error: type(error).__name__)
def test_a_batch_that_memory_does_not_suffice_for_is_halved_and_says_so(shortage):
    engine = Engine(room=2, shortage=shortage)
    results = plain(engine, requests("a", "b", "c", "d", "e"))
    assert [result.motion.text for result in results] == ["a", "b", "c", "d", "e"]
    assert [len(asked) for asked in engine.asked] == [5, 3, 2, 1, 2]
    assert all(result.warnings == (WARNING,) for result in results)
    assert plain(engine, requests("a", "b"))[0].warnings == ()


@pytest.mark.parametrize("shortage", SHORTAGES, ids=lambda error: type(error).__name__)
def test_one_that_is_too_much_alone_is_told_in_a_sentence(shortage):
    with pytest.raises(MoclipError, match="not enough memory") as caught:
        plain(Engine(room=0, shortage=shortage), requests("a", "b"))
    assert caught.value.code == "out_of_memory" and caught.value.hint


def test_other_failures_are_not_tried_again():
    engine = Engine(room=0, shortage=RuntimeError("the shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes"):
        plain(engine, requests("a", "b"))
    assert len(engine.asked) == 1


def test_batches_of_clients_are_off_where_each_prompt_takes_as_long_as_alone():
    on_cpu = Engine()
    assert best_batch(on_cpu) == 1 and on_cpu.asked == []
    for seconds, expected in ((lambda count: 0.02 * count, 1), (lambda count: 0.02, MAX_BATCH)):
        engine = Engine(seconds=seconds)
        engine.device = "cuda"
        assert best_batch(engine, lambda engine=engine: engine.clock) == expected
    small = Engine(room=2, shortage=MemoryError())
    small.device = "cuda"
    assert best_batch(small) == 1


@pytest.fixture
def held():
    """A queue that batches, whose engine waits; jobs that were submitted meanwhile go together next."""
    engine = Engine(held=True)
    others = {"other": Engine("other")}
    installed = [SimpleNamespace(name="other", licence="none", path="other", details={"fps": 20.0}, generator=None)]
    models = Models(engine, lambda path: others[path], 2, lambda: installed)
    queue = JobQueue(engine, lambda: None, models, batch=4)
    yield queue, engine
    for _ in range(40):
        engine.go.release()
    assert queue.close(10.0)


def over(queue, count):
    """The next jobs that end, by client and id."""
    ended, deadline = {}, time.monotonic() + 10.0
    while len(ended) < count:
        assert time.monotonic() < deadline
        ended.update({(e.job.client, e.job.id): e.job for e in queue.events() if e.message is None})
        time.sleep(0.001)
    return ended


def texts(job):
    return [wire.decode(frames)[0]["text"] for frames in job.results]


def test_jobs_of_several_clients_go_through_the_engine_together(held):
    queue, engine = held
    queue.submit("a", "0", requests("first"))
    queue.submit("a", "1", requests("a1"))
    queue.submit("a", "2", requests("a2"))
    queue.submit("b", "1", requests("b1", "b2"))
    queue.submit("c", "1", requests("c1"))
    engine.go.release()
    over(queue, 1)
    engine.go.release()
    ended = over(queue, 3)
    # In turns; a2 has no room left beside four.
    assert engine.asked[:2] == [["first"], ["b1", "b2", "c1", "a1"]]
    assert {key: texts(job) for key, job in ended.items()} == {
        ("b", "1"): ["b1", "b2"],
        ("c", "1"): ["c1"],
        ("a", "1"): ["a1"],
    }
    engine.go.release()
    assert texts(over(queue, 1)["a", "2"]) == ["a2"]


def test_who_cancels_one_job_of_a_batch_does_not_wait_for_the_others(held):
    queue, engine = held
    queue.submit("a", "0", requests("first"))
    queue.submit("a", "1", requests("a1"))
    queue.submit("b", "1", requests("b1"))
    engine.go.release()
    over(queue, 1)
    queue.cancel("a", "1")
    assert isinstance(over(queue, 1)["a", "1"].error, Cancelled) and queue.running == 1
    engine.go.release()
    ended = over(queue, 1)["b", "1"]
    assert ended.error is None and texts(ended) == ["b1"] and queue.running == 0


def test_a_bad_job_does_not_spoil_the_others_of_its_batch(held):
    queue, engine = held
    queue.submit("a", "0", requests("first"))
    queue.submit("a", "1", requests("a1"))
    queue.submit("b", "1", requests("bad"))
    for _ in range(4):
        engine.go.release()
    ended = over(queue, 3)
    assert texts(ended["a", "1"]) == ["a1"] and ended["b", "1"].error.code == "bad_prompt"


def test_jobs_for_another_model_are_not_in_the_batch_and_come_from_that_model(held):
    queue, engine = held
    queue.submit("a", "0", requests("first"))
    queue.submit("a", "1", requests("a1"), model="other")
    queue.submit("b", "1", requests("b1"))
    engine.go.release()
    over(queue, 1)
    engine.go.release()
    ended = over(queue, 2)
    assert engine.asked == [["first"], ["b1"]]
    assert wire.decode(ended["a", "1"].results[0])[0]["model"] == "other"
    assert wire.decode(ended["b", "1"].results[0])[0]["model"] == "own"


def several(most):
    loaded = []

    def load(path):
        loaded.append(path)
        return Engine(path)

    names = ("red", "green", "blue")
    installed = [
        SimpleNamespace(name=n, licence="none", path=n, details={"fps": 25.0}, generator=SimpleNamespace(EDITS=False))
        for n in names
    ]
    return Models(Engine(), load, most, lambda: installed), loaded


def test_the_model_that_was_used_longest_ago_is_unloaded():
    models, loaded = several(3)
    red = models.engine("red")
    models.engine("green")
    assert models.engine("red") is red and loaded == ["red", "green"]
    models.engine("blue")
    assert models.engine("red") is red
    models.engine("green")
    assert loaded == ["red", "green", "blue", "green"]
    assert models.engine(None) is models.engine("own") and loaded[-1] == "green"


@pytest.mark.parametrize(("most", "name"), [(3, "yellow"), (3, "../red"), (1, "red")])
def test_what_is_not_served_is_refused_before_anything_is_loaded(most, name):
    models, loaded = several(most)
    for ask in (models.fps, models.engine):
        with pytest.raises(MoclipError) as caught:
            ask(name)
        assert caught.value.code == "unknown_model" and caught.value.hint
    assert loaded == []


def test_welcome_lists_the_models_that_requests_may_name():
    models, _ = several(2)
    told = welcome(Engine(), Stages.of(Engine()), models, resumed=False)
    assert "models" in told["features"]
    assert [offer["name"] for offer in told["models"]] == ["own", "red", "green", "blue"]
    assert told["models"][1] == {"name": "red", "licence": "none", "fps": 25.0, "context": False}
    assert models.fps("red") == 25.0 and models.fps(None) == 20.0
    alone = welcome(Engine(), Stages.of(Engine()), several(1)[0], resumed=False)
    assert "models" not in alone["features"] and [offer["name"] for offer in alone["models"]] == ["own"]


def test_the_name_of_a_model_is_text():
    assert read_model({}) is None and read_model({"model": "red"}) == "red"
    for wrong in (1, "", "x" * 1000, ["red"]):
        with pytest.raises(MoclipError):
            read_model({"model": wrong})
