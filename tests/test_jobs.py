# SPDX-License-Identifier: Apache-2.0
"""The queue's turns, with an engine that waits until it is told to go on."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from moclip.errors import MoclipError
from moclip.motion.motion import Motion
from moclip.prompts.requests import Request, Result
from moclip_backend.engine import Stages
from moclip_backend.server.jobs import CAPACITY, CAPACITY_OF_ALL, JobQueue
from moclip_backend.server.models import Models
from moclip_backend.server.welcome import welcome


@dataclass(frozen=True)
class Stage:
    name: str
    share: float
    words: str


class HeldEngine:
    name, runtime, device, licence, fps = "held", "test", "cpu", "none", 20.0

    def __init__(self):
        self.go, self.order = threading.Semaphore(0), []

    def generate(self, requests, *, progress=None, cancelled=None):
        assert self.go.acquire(timeout=10.0)
        self.order.append(requests[0].text)
        rotations = np.zeros((20, 22, 4), np.float32)
        rotations[..., 0] = 1.0
        motion = Motion(20.0, rotations, np.zeros((20, 3), np.float32), text="x")
        return [Result(motion, 1.0, 0, (), np.zeros((5, 6), np.int64), (0, 20))]


@pytest.fixture
def queue():
    made = JobQueue(HeldEngine(), lambda: None)
    yield made
    made._engine.go.release(CAPACITY_OF_ALL * 2)
    assert made.close(10.0)


def finish(queue: JobQueue, jobs: int) -> list[str]:
    """Let `jobs` jobs be done; the texts in their order."""
    engine = queue._engine
    before = len(engine.order)
    for number in range(jobs):
        engine.go.release()
        deadline = time.monotonic() + 10.0
        while not any(event.message is None for event in queue.events()):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert len(engine.order) == before + number + 1
    return engine.order[before:]


def submit(queue: JobQueue, client: str, number: int):
    return queue.submit(client, str(number), [Request(f"{client}{number}")])


def test_a_newcomer_waits_for_the_job_that_runs_and_for_no_other(queue):
    for number in range(31):
        submit(queue, "a", number)
    newcomer = submit(queue, "b", 0)
    assert queue.position(newcomer) == 1
    assert finish(queue, 2) == ["a0", "b0"]


def test_clients_take_turns_and_the_told_position_comes_true(queue):
    jobs = [
        submit(queue, client, number) for client, count in (("a", 4), ("b", 2), ("c", 3)) for number in range(count)
    ]
    told = {job.requests[0].text: queue.position(job) for job in jobs}
    order = finish(queue, len(jobs))
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "c2", "a3"]
    assert told == {text: place for place, text in enumerate(order)}


def test_one_that_asks_again_and_again_does_not_starve_the_other(queue):
    for number in range(3):
        submit(queue, "a", number)
    order = []
    for number in range(3):
        submit(queue, "b", number)
        order += finish(queue, 2)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_one_client_cannot_take_all_places(queue):
    with pytest.raises(MoclipError) as caught:
        for number in range(CAPACITY + 1):
            submit(queue, "a", number)
    assert caught.value.code == "queue_full" and number == CAPACITY
    with pytest.raises(MoclipError):
        for client in "bcdefgh":
            for number in range(CAPACITY):
                submit(queue, client, number)
    submit(queue, "newcomer", 0)
    with pytest.raises(MoclipError):
        submit(queue, "newcomer", 1)


def test_a_job_that_waits_can_be_cancelled_and_keeps_nobody_waiting(queue):
    jobs = [submit(queue, client, number) for number in range(2) for client in "ab"]
    assert queue.cancel("b", "0")
    over = [event.job for event in queue.events() if event.message is None]
    assert over == [jobs[1]] and jobs[1].error is not None
    assert finish(queue, 3) == ["a0", "b1", "a1"]


def test_the_whole_is_reckoned_by_the_stages_that_the_engine_declares():
    engine = HeldEngine()
    engine.stages = (Stage("scan", 1.0, "scanning"), Stage("carve", 3.0, "carving"), Stage("end", 0.0, "ending"))
    stages = Stages.of(engine)
    assert [stages.overall("scan", 0.5), stages.overall("carve", 0.5), stages.overall("end", 0.0)] == [0.125, 0.625, 1]
    assert stages.told()[1] == {"name": "carve", "words": "carving", "share": 0.75}
    assert stages.overall("scan", 0.5, before=0.4) == 0.4


@pytest.mark.parametrize(("edits", "offered"), [(None, True), (True, True), (False, False)])
def test_going_on_from_a_motion_is_offered_where_the_model_can(edits, offered):
    engine = HeldEngine()
    if edits is not None:
        engine.edits = edits
    told = welcome(engine, Stages.of(engine), Models(engine), resumed=False)
    assert ("context" in told["features"]) == offered and "script" in told["features"]


def test_an_engine_without_stages_has_words_and_a_bar_that_rises_all_the_same():
    stages = Stages.of(HeldEngine())
    told = stages.told()
    assert all(stage["words"] for stage in told) and sum(stage["share"] for stage in told) == pytest.approx(1)
    reached = [stages.overall(*told) for told in (("text", 1), ("anything", 0.1), ("anything", 0.9), ("solve", 0.5))]
    assert reached == sorted(set(reached)) and stages.overall("done", 1) == 1
