# SPDX-License-Identifier: Apache-2.0
"""Shards of a batch of prompts on a Ray cluster: motions come back, and are written here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.batch.run import Answer, Maker, Shard, attempt
from moclip_backend.engine import Engine
from moclip_backend.farm.cluster import cluster, nodes_of, share_out
from moclip_backend.farm.pool import TRIES, Pool
from moclip_backend.terminal import Progress


class MotionWork:
    """In a worker: an engine that does a shard after the other. load: gives the engine."""

    def __init__(self, load: Callable[[], Engine]):
        self._engine = load()
        self._maker = Maker.of(self._engine)

    def about(self) -> Maker:
        return self._maker

    def __call__(self, shard: Shard) -> Answer:
        return Answer(shard.number, self._maker, attempt(self._engine, shard.requests, lambda *_: None))


class Farm:
    """`moclip_backend.batch.run.Workers` on a cluster."""

    def __init__(self, pool: Pool):
        self._pool = pool
        self.makers: Sequence[Maker] = sorted(set(pool.about), key=str)

    def work(self, shards: Sequence[Shard], progress: Progress) -> Iterator[Answer]:
        for done, (place, answer) in enumerate(self._pool.run(shards), start=1):
            progress(f"{done} of {len(shards)} parts", done / len(shards))
            yield answer or _lost(shards[place])


def _lost(shard: Shard) -> Answer:
    error = MoclipError(
        f"{TRIES} workers ended while they made this motion and those made with it.",
        hint="Is there memory enough? `--workers` sets how many there are.",
        code="worker_died",
    )
    return Answer(shard.number, None, [error] * len(shard.requests))


@contextmanager
def open_farm(load: Callable[[], Engine], device: str, workers: int | None) -> Iterator[Farm]:
    """Workers that have loaded the engine. load: picklable. device: "cpu" leaves the cluster's GPUs alone.

    Raises MoclipError: no Ray, no cluster, or what `load` raises there.
    """
    with cluster(workers) as ray:
        share = share_out(nodes_of(ray), workers, gpu=device != "cpu")
        make: Any = partial(MotionWork, load)
        yield Farm(Pool(ray, share, make))
