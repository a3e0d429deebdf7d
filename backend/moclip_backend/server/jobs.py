# SPDX-License-Identifier: Apache-2.0
"""The queue: jobs of all clients, worked off in fair turns by one thread that owns the engine.

Everything but the engine's work happens in the thread that made the queue; the worker speaks to it through `events()`.
"""

import itertools
import math
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic

from moclip.errors import Cancelled, MoclipError
from moclip.prompts.requests import Request
from moclip_backend import wire
from moclip_backend.engine import Engine, Stages
from moclip_backend.memory import Seldom
from moclip_backend.server.batches import generate
from moclip_backend.server.job import C, Event, Job, result_message, too_late
from moclip_backend.server.models import Models

CAPACITY = 32
"""Jobs of one client that the backend has at once."""
CAPACITY_OF_ALL = 128
MAX_BYTES = 16 * 1024 * 1024
"""Of the messages of all jobs: what they continue from is kept until their turn."""
PROGRESS_INTERVAL_SECONDS = 0.05


class JobQueue(Generic[C]):
    """Clients take turns: one job of each, then the next of each. Within a client, first come, first served.

    notify: called from any thread when `events()` has something. models: what jobs may name; the engine alone by
    default. batch: how many requests of several jobs are worked on at once; jobs that do not fit wait for their turn.
    """

    def __init__(self, engine: Engine, notify: Callable[[], None], models: Models | None = None, batch: int = 1):
        self._engine, self._notify, self._batch = engine, notify, batch
        self._models = models or Models(engine)
        self.stages = Stages.of(engine)
        self._events: queue.SimpleQueue[Event[C]] = queue.SimpleQueue()
        self._jobs: dict[tuple[C, str], Job[C]] = {}
        self._waiting: dict[C, deque[Job[C]]] = {}
        # Who was served longest ago comes next: so a newcomer waits for the job that runs, and for no other.
        self._turns: dict[C, int] = {}
        self._turn = itertools.count(1)
        self._running: list[Job[C]] = []
        self._memory = Seldom()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._work_done: Future[None] | None = None
        self._closed = False

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._jobs) - self.running

    def find(self, client: C, job_id: str) -> Job[C] | None:
        return self._jobs.get((client, job_id))

    def submit(
        self,
        client: C,
        job_id: str,
        requests: Sequence[Request],
        size: int = 0,
        due: float = math.inf,
        model: str | None = None,
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
        job = self._jobs[client, job_id] = Job(client, job_id, requests, size, due, model)
        self._waiting.setdefault(client, deque()).append(job)
        self._start_next()
        return job

    def between(self, work: Callable[[], None]) -> None:
        """Let the worker do something short once it has done what it is at, before the next jobs."""
        if not self._closed:
            self._executor.submit(work)

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
            self._end(job, too_late())

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
                if event.job in self._running:
                    self._running.remove(event.job)
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
        if self._running or not self._waiting or self._closed:
            return
        batch = [self._take_next(self._order()[0])]
        # Whoever's turn it is goes along, as long as the batch has room: nobody is overtaken.
        while self._batch > 1 and self._waiting:
            client = self._order()[0]
            job = self._waiting[client][0]
            count = sum(len(taken.requests) for taken in batch) + len(job.requests)
            if count > self._batch or job.model != batch[0].model:
                break
            batch.append(self._take_next(client))
        self._running = batch
        self._work_done = self._executor.submit(self._run, list(batch))

    def _take_next(self, client: C) -> Job[C]:
        job = self._waiting[client][0]
        self._take_off(job)
        self._turns[client] = next(self._turn)
        job.started = True
        return job

    def _order(self) -> list[C]:
        return sorted(self._waiting, key=lambda client: self._turns.get(client, 0))

    def _take_off(self, job: Job[C]) -> None:
        jobs = self._waiting[job.client]
        jobs.remove(job)
        if not jobs:
            del self._waiting[job.client]

    def _run(self, batch: list[Job[C]]) -> None:
        """Every job of the batch ends, well or not."""
        try:
            self._work(batch)
        except BaseException as error:  # told to the jobs' clients by the loop, which alone logs
            left = [job for job in batch if not job.over]
            if len(left) == 1 or isinstance(error, Cancelled):
                for job in left:
                    self._end(job, error)
                return
            # One job's fault is not the others': each for itself.
            for job in left:
                self._run([job])

    def _end(self, job: Job[C], error: BaseException | None = None) -> None:
        job.error, job.over = error, True
        self._emit(Event(job))

    def _emit(self, event: Event[C]) -> None:
        self._events.put(event)
        self._notify()

    def _work(self, batch: list[Job[C]]) -> None:
        """End the jobs with their results as frames, encoded here: one that cannot be is the job's failure alone."""

        def stopped() -> bool:
            # Who cancels does not wait for the others of a batch.
            for job in batch:
                if not job.over and (reason := job.unwanted):
                    self._end(job, reason)
            return all(job.over for job in batch)

        if stopped():
            return
        engine = self._models.engine(batch[0].model)
        stages = self.stages if engine is self._engine else Stages.of(engine)
        bars = [_Progress(job, stages, self._emit) for job in batch]

        def progress(stage: str, fraction: float) -> None:
            for bar in bars:
                bar(stage, fraction)

        try:
            results = iter(generate(engine, [r for job in batch for r in job.requests], progress, stopped))
        except Cancelled:
            if not stopped():
                raise
            return
        for job in batch:
            own = list(itertools.islice(results, len(job.requests)))
            if not job.over:
                job.results = [result_message(job, engine.name, index, result) for index, result in enumerate(own)]
                self._end(job, job.unwanted)
        self._memory.give_back()


class _Progress(Generic[C]):
    """The engine's progress as messages, no more often than PROGRESS_INTERVAL_SECONDS apart within a stage."""

    def __init__(self, job: Job[C], stages: Stages, emit: Callable[[Event[C]], None]):
        self._job, self._stages, self._emit = job, stages, emit
        self._stage, self._sent, self._overall = "", 0.0, 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if self._job.over:
            return
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
