# SPDX-License-Identifier: Apache-2.0
"""Workers on a Ray cluster. What one that died was working at is given to another."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import moclip
from moclip.errors import MoclipError
from moclip_backend.farm.cluster import Share

TRIES = 3
"""Of a task whose workers die, before it is given up: it may be the task that kills them."""


class Work(Protocol):
    """What a worker does, made where it works."""

    def about(self) -> Any: ...

    def __call__(self, task: Any) -> Any: ...


class _Worker:
    """Runs in a process of the cluster. An error that the user is to be told is given back, not raised."""

    def __init__(self, make: Callable[[], Work]):
        self._make = make

    def load(self) -> Any:
        try:
            self._work = self._make()
            return moclip.__version__, self._work.about()
        except MoclipError as error:
            return error

    def do(self, task: Any) -> Any:
        return self._work(task)


class Pool:
    """share: how many workers, and what each reserves. make: what they do; it is called in each.

    Raises MoclipError for what `make` raises, and when workers die while they start.
    """

    def __init__(self, ray: Any, share: Share, make: Callable[[], Work]):
        self._ray, self._make = ray, make
        self._kind = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_concurrency=1)(_Worker)
        self._idle: list[Any] = []
        # What is awaited -> the worker that is at it, and the place of its task; None while it starts.
        self._busy: dict[Any, tuple[Any, int | None]] = {}
        self._died_starting = 0
        self.about: list[Any] = []
        for _ in range(share.count):
            self._start()
        while len(self._idle) < share.count:
            for _ in self._next([], Counter(), deque()):
                pass

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[int, Any | None]]:
        """The place of each task and what came of it, as they are done. None: its workers died, again and again."""
        left, tries = deque(range(len(tasks))), Counter[int]()
        open_tasks = len(tasks)
        while open_tasks:
            while left and self._idle:
                worker, place = self._idle.pop(), left.popleft()
                self._busy[worker.do.remote(tasks[place])] = (worker, place)
            for place, came in self._next(tasks, tries, left):
                open_tasks -= 1
                yield place, came

    def _start(self) -> None:
        worker = self._kind.remote(self._make)
        self._busy[worker.load.remote()] = (worker, None)

    def _next(self, tasks: Sequence[Any], tries: Counter[int], left: deque[int]) -> Iterator[tuple[int, Any | None]]:
        """Wait for whatever is done next."""
        ready, _ = self._ray.wait(list(self._busy), num_returns=1)
        for reference in ready:
            worker, place = self._busy.pop(reference)
            try:
                came = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError:
                # Nothing died: it is a fault of ours, and would be one again.
                raise
            except self._ray.exceptions.RayError as error:
                self._ray.kill(worker)
                self._start()
                if place is None:
                    self._died(error)
                else:
                    tries[place] += 1
                    if tries[place] == TRIES:
                        yield place, None
                    else:
                        left.appendleft(place)
                continue
            self._idle.append(worker)
            if place is not None:
                yield place, came
            elif isinstance(came, MoclipError):
                raise came
            else:
                version, about = came
                _check_version(version)
                self.about.append(about)

    def _died(self, error: Exception) -> None:
        self._died_starting += 1
        if self._died_starting >= TRIES:
            last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise MoclipError(
                f"The workers of the Ray cluster end while they start: {last[0].strip():.200}",
                hint="Is moclip on all nodes, and is there memory enough? `--workers` sets how many there are.",
                code="worker_died",
            ) from error


def _check_version(there: str) -> None:
    if there != moclip.__version__:
        raise MoclipError(
            f"The Ray cluster has moclip {there}, and this is {moclip.__version__}.",
            hint="Install the same version everywhere.",
            code="other_version",
        )
