# SPDX-License-Identifier: Apache-2.0
"""The queue: jobs of all clients, worked off one after the other by one thread that owns the engine.

Everything but the engine's work happens in the thread that made the queue; the worker speaks to it through `events()`.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from backend import wire
from moclip.errors import Cancelled, MoclipError

CAPACITY = 32
PROGRESS_INTERVAL_SECONDS = 0.05

# Share of the whole that is done when a stage begins, and its own share; measured on the embedded model.
_STAGES = {
    "text": (0.0, 0.05), "masked": (0.05, 0.6), "residual": (0.65, 0.2), "decode": (0.85, 0.05), "solve": (0.9, 0.1),
    "done": (1.0, 0.0),
}  # fmt: skip


def overall_fraction(stage: str, fraction: float, before: float = 0.0) -> float:
    """How much of a whole job is done, 0..1; `before` for stages that are not known here."""
    begin, share = _STAGES.get(stage, (before, 0.0))
    return max(before, begin + share * fraction)


LONGEST_NAME = 2000
"""Characters of a motion's name in a result: a script without a name of its own is called by all of its lines."""


class Engine(Protocol):
    """What the queue works with; `moclip.pipeline.TextToMotion` is one."""

    name: str
    runtime: str
    device: str
    licence: str
    fps: float

    def generate(
        self,
        requests: Sequence[Any],
        *,
        progress: Callable[[str, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Any]: ...


@dataclass(eq=False)
class Job:
    """A submit. dropped: its client is gone, nobody waits for what comes of it."""

    client: bytes
    id: str
    requests: Sequence[Any]
    cancel: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False
    started: bool = False
    future: "Future[list[list[bytes]]] | None" = None


@dataclass(frozen=True)
class Event:
    """message: a progress header. None: the job is over, and its future holds how."""

    job: Job
    message: dict[str, Any] | None = None


class JobQueue:
    """notify: called from any thread when `events()` has something."""

    def __init__(self, engine: Engine, notify: Callable[[], None], capacity: int = CAPACITY):
        self._engine, self._notify, self._capacity = engine, notify, capacity
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._jobs: dict[tuple[bytes, str], Job] = {}
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    @property
    def running(self) -> int:
        return sum(job.started for job in self._jobs.values())

    @property
    def waiting(self) -> int:
        return len(self._jobs) - self.running

    def submit(self, client: bytes, job_id: str, requests: Sequence[Any]) -> int:
        """Queue a job; returns how many are before it. Raises MoclipError for a full queue or an id in use."""
        if (client, job_id) in self._jobs:
            raise MoclipError(f"The job id '{job_id}' is in use.", hint="Choose another.", code=wire.DUPLICATE_ID)
        if len(self._jobs) >= self._capacity:
            raise MoclipError(
                f"The backend has {self._capacity} jobs already.", hint="Wait until one ends.", code=wire.QUEUE_FULL
            )
        job = Job(client, job_id, requests)
        before = len(self._jobs)
        self._jobs[client, job_id] = job
        job.future = self._executor.submit(self._work, job)
        job.future.add_done_callback(lambda _: self._emit(Event(job)))
        return before

    def cancel(self, client: bytes, job_id: str) -> bool:
        """Ask a job to stop; its end comes as an event. False: there is no such job (any more)."""
        job = self._jobs.get((client, job_id))
        if job is None:
            return False
        job.cancel.set()
        job.future.cancel()
        return True

    def drop(self, client: bytes) -> None:
        """Forget the jobs of a client that is gone."""
        for job in [job for job in self._jobs.values() if job.client == client]:
            job.dropped = True
            self.cancel(client, job.id)

    def events(self) -> Iterator[Event]:
        """What happened since the last call; jobs that are over leave the queue here."""
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return
            if event.message is None:
                self._jobs.pop((event.job.client, event.job.id), None)
            if event.message is None or not event.job.future.done():
                yield event

    def close(self, timeout: float) -> bool:
        """Cancel everything. True when the worker came to rest in time."""
        futures = [job.future for job in self._jobs.values()]
        for client, job_id in list(self._jobs):
            self.cancel(client, job_id)
        self._executor.shutdown(wait=False, cancel_futures=True)
        return not wait(futures, timeout).not_done

    def _emit(self, event: Event) -> None:
        self._events.put(event)
        self._notify()

    def _work(self, job: Job) -> list[list[bytes]]:
        """The results as frames: encoded here, so that one that cannot be is the job's failure, not the loop's."""
        job.started = True
        results = self._engine.generate(job.requests, progress=_Progress(job, self._emit), cancelled=job.cancel.is_set)
        if job.cancel.is_set():
            raise Cancelled
        return [self._message(job, index, result) for index, result in enumerate(results)]

    def _message(self, job: Job, index: int, result: Any) -> list[bytes]:
        motion = result.motion
        header = {
            "type": wire.RESULT, "id": job.id, "index": index, "count": len(job.requests), "model": self._engine.name,
            "text": _shortened(motion.text), "seed": int(result.seed), "seconds": float(result.seconds), "fps": float(motion.fps),
            "warnings": list(result.warnings), "new": list(map(int, result.new)),
        }  # fmt: skip
        arrays = {
            "rotations": motion.rotations, "root_translation": motion.root_translation,
            "joints": motion.joints().astype(np.float32), "offsets": motion.offsets,
        }  # fmt: skip
        return wire.encode(header, arrays)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


class _Progress:
    """The engine's progress as messages, no more often than PROGRESS_INTERVAL_SECONDS apart within a stage."""

    def __init__(self, job: Job, emit: Callable[[Event], None]):
        self._job, self._emit = job, emit
        self._stage, self._sent, self._overall = "", 0.0, 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._sent < PROGRESS_INTERVAL_SECONDS:
            return
        self._stage, self._sent = stage, now
        fraction = min(1.0, max(0.0, float(fraction)))
        self._overall = overall_fraction(stage, fraction, self._overall)
        message = {
            "type": wire.PROGRESS, "id": self._job.id, "stage": stage, "fraction": fraction, "overall": self._overall,
        }  # fmt: skip
        self._emit(Event(self._job, message))
