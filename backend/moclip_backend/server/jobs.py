# SPDX-License-Identifier: Apache-2.0
"""The queue: jobs of all clients, worked off in fair turns by one thread that owns the engine.

Everything but the engine's work happens in the thread that made the queue; the worker speaks to it through `events()`.
"""

import itertools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from moclip.errors import Cancelled, MoclipError
from moclip.prompts.requests import Request, Result
from moclip_backend import wire
from moclip_backend.engine import Engine, Stages

CAPACITY = 32
"""Jobs of one client that the backend has at once."""
CAPACITY_OF_ALL = 128
MAX_BYTES = 16 * 1024 * 1024
"""Of the messages of all jobs: what they continue from is kept until their turn."""
PROGRESS_INTERVAL_SECONDS = 0.05
C = TypeVar("C", bound=Hashable)
"""Whose jobs they are."""

LONGEST_NAME = 2000
"""Characters of a motion's name in a result: a script without a name of its own is called by all of its lines."""


@dataclass(eq=False)
class Job(Generic[C]):
    """A submit. client: whose. size: bytes of its message. due: when it is to be over (time.monotonic()).
    dropped: nobody waits for what comes of it.

    results: its messages as frames, once it is over well; error: what ended it otherwise.
    """

    client: C
    id: str
    requests: Sequence[Request]
    size: int = 0
    due: float = math.inf
    cancel: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False
    started: bool = False
    over: bool = False
    results: list[list[bytes]] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def late(self) -> bool:
        return time.monotonic() > self.due


@dataclass(frozen=True)
class Event(Generic[C]):
    """message: a progress header. None: the job is over."""

    job: Job[C]
    message: dict[str, Any] | None = None


class JobQueue(Generic[C]):
    """Clients take turns: one job of each, then the next of each. Within a client, first come, first served.

    notify: called from any thread when `events()` has something.
    """

    def __init__(self, engine: Engine, notify: Callable[[], None]):
        self._engine, self._notify = engine, notify
        self.stages = Stages.of(engine)
        self._events: queue.SimpleQueue[Event[C]] = queue.SimpleQueue()
        self._jobs: dict[tuple[C, str], Job[C]] = {}
        self._waiting: dict[C, deque[Job[C]]] = {}
        # Who was served longest ago comes next: so a newcomer waits for the job that runs, and for no other.
        self._turns: dict[C, int] = {}
        self._turn = itertools.count(1)
        self._running: Job[C] | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._work_done: Future[None] | None = None
        self._closed = False

    @property
    def running(self) -> int:
        return int(self._running is not None)

    @property
    def waiting(self) -> int:
        return len(self._jobs) - self.running

    def find(self, client: C, job_id: str) -> Job[C] | None:
        return self._jobs.get((client, job_id))

    def submit(
        self, client: C, job_id: str, requests: Sequence[Request], size: int = 0, due: float = math.inf
    ) -> Job[C]:
        """Queue a job. Raises MoclipError for a full queue or an id in use."""
        if (client, job_id) in self._jobs:
            raise MoclipError(f"The job id '{job_id}' is in use.", hint="Choose another.", code=wire.DUPLICATE_ID)
        own = [job for job in self._jobs.values() if job.client == client]
        if len(own) >= CAPACITY:
            raise MoclipError(
                f"The backend has {CAPACITY} jobs of yours already.", hint="Wait until one ends.", code=wire.QUEUE_FULL
            )
        # However much others have queued, a client without a job gets one in.
        full = len(self._jobs) >= CAPACITY_OF_ALL or size + sum(job.size for job in self._jobs.values()) > MAX_BYTES
        if own and full:
            raise MoclipError(
                f"The backend has {len(self._jobs)} jobs already.", hint="Wait until one ends.", code=wire.QUEUE_FULL
            )
        job = self._jobs[client, job_id] = Job(client, job_id, requests, size, due)
        self._waiting.setdefault(client, deque()).append(job)
        self._start_next()
        return job

    def position(self, job: Job[C]) -> int:
        """How many jobs are before this one, if no more come."""
        if job.started or job.over:
            return 0
        rounds = self._waiting[job.client].index(job)
        order = self._order()
        turn = order.index(job.client)
        others = sum(
            min(len(self._waiting[client]), rounds + (place < turn))
            for place, client in enumerate(order)
            if client != job.client
        )
        return self.running + rounds + others

    def cancel(self, client: C, job_id: str) -> bool:
        """Ask a job to stop; its end comes as an event. False: there is no such job (any more)."""
        job = self._jobs.get((client, job_id))
        if job is None:
            return False
        job.cancel.set()
        if not job.started and not job.over:
            self._take_off(job)
            self._end(job, Cancelled())
        return True

    def end_late(self) -> None:
        """End the jobs that wait and are due; the one that runs sees for itself."""
        for job in [job for job in self._jobs.values() if job.late and not job.started and not job.over]:
            self._take_off(job)
            self._end(job, _too_late())

    def drop(self, client: C) -> None:
        """Forget the jobs of a client that is gone."""
        for job in [job for job in self._jobs.values() if job.client == client]:
            job.dropped = True
            self.cancel(client, job.id)
        self._turns.pop(client, None)

    def events(self) -> Iterator[Event[C]]:
        """What happened since the last call; jobs that are over leave the queue here."""
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return
            if event.message is None:
                self._jobs.pop((event.job.client, event.job.id), None)
                if event.job is self._running:
                    self._running = None
                    self._start_next()
            if event.message is None or not event.job.over:
                yield event

    def close(self, timeout: float) -> bool:
        """Cancel everything. True when the worker came to rest in time."""
        self._closed = True
        for client, job_id in list(self._jobs):
            self.cancel(client, job_id)
        self._executor.shutdown(wait=False)
        return self._work_done is None or not wait([self._work_done], timeout).not_done

    def _start_next(self) -> None:
        if self._running is not None or not self._waiting or self._closed:
            return
        client = self._order()[0]
        self._running = self._waiting[client][0]
        self._take_off(self._running)
        self._turns[client] = next(self._turn)
        self._running.started = True
        self._work_done = self._executor.submit(self._run, self._running)

    def _order(self) -> list[C]:
        return sorted(self._waiting, key=lambda client: self._turns.get(client, 0))

    def _take_off(self, job: Job[C]) -> None:
        jobs = self._waiting[job.client]
        jobs.remove(job)
        if not jobs:
            del self._waiting[job.client]

    def _run(self, job: Job[C]) -> None:
        try:
            job.results = self._work(job)
        except BaseException as error:  # told to the job's client by the loop, which alone logs
            self._end(job, error)
        else:
            self._end(job)

    def _end(self, job: Job[C], error: BaseException | None = None) -> None:
        job.error, job.over = error, True
        self._emit(Event(job))

    def _emit(self, event: Event[C]) -> None:
        self._events.put(event)
        self._notify()

    def _work(self, job: Job[C]) -> list[list[bytes]]:
        """The results as frames: encoded here, so that one that cannot be is the job's failure, not the loop's."""

        def stopped() -> bool:
            return job.cancel.is_set() or job.late

        results: list[Result] = []
        told = _Progress(job, self.stages, self._emit)
        try:
            if not stopped():
                results = self._engine.generate(job.requests, progress=told, cancelled=stopped)
        except Cancelled:
            if not stopped():
                raise
        if job.cancel.is_set():
            raise Cancelled
        if job.late:
            raise _too_late()
        return [self._message(job, index, result) for index, result in enumerate(results)]

    def _message(self, job: Job[C], index: int, result: Result) -> list[bytes]:
        motion = result.motion
        header = {
            "type": wire.RESULT, "id": job.id, "index": index, "count": len(job.requests), "model": self._engine.name,
            "text": _shortened(motion.text), "seed": int(result.seed), "seconds": float(result.seconds),
            "fps": float(motion.fps), "warnings": list(result.warnings), "new": list(map(int, result.new)),
        }  # fmt: skip
        arrays = {
            "rotations": motion.rotations, "root_translation": motion.root_translation,
            "joints": motion.joints().astype(np.float32), "offsets": motion.offsets,
        }  # fmt: skip
        return wire.encode(header, arrays)


def _too_late() -> MoclipError:
    return MoclipError(
        "The motion was not done in the time that was given for it.", hint="Give it more time.", code=wire.TOO_LATE
    )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


class _Progress(Generic[C]):
    """The engine's progress as messages, no more often than PROGRESS_INTERVAL_SECONDS apart within a stage."""

    def __init__(self, job: Job[C], stages: Stages, emit: Callable[[Event[C]], None]):
        self._job, self._stages, self._emit = job, stages, emit
        self._stage, self._sent, self._overall = "", 0.0, 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._sent < PROGRESS_INTERVAL_SECONDS:
            return
        self._stage, self._sent = stage, now
        fraction = min(1.0, max(0.0, float(fraction)))
        self._overall = self._stages.overall(stage, fraction, self._overall)
        message = {
            "type": wire.PROGRESS, "id": self._job.id, "stage": stage, "fraction": fraction, "overall": self._overall,
        }  # fmt: skip
        self._emit(Event(self._job, message))
