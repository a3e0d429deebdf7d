# SPDX-License-Identifier: Apache-2.0
"""What the backend itself costs, and how it stands what it should: with a model that costs nothing."""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from moclip_backend.bench.generation import baseline_ms
from moclip_backend.bench.watching import PATIENCE, Served, Watch, memory
from moclip_backend.client.client import Client
from moclip_backend.state.credentials import TOKEN_VARIABLE

_REQUEST = {"text": "a person walks forward", "seconds": 4.0}
_MEGABYTE = 1_000_000
_JOB_SECONDS = 0.3
_JOBS_BEFORE = 31
_MALFORMED = 10_000
_SAMPLES, _FEWEST_SAMPLES = 120, 4
"""Of memory in a soak, which lasts until it has a few."""


def bench_serve(jobs: int = 500, soak_minutes: float = 0.0) -> dict[str, Any]:
    """Figures, the bounds that they must keep, and whether they do. Raises MoclipError where it cannot be measured."""
    figures: dict[str, Any] = {"baseline_seconds": baseline_ms() / 1000, **_busy()}
    figures["overhead"] = _in_folder(lambda folder: _overhead(folder, jobs, figures["baseline_seconds"]))
    figures["fairness"] = _in_folder(_fairness)
    figures["malformed"] = {
        f"{'curve' if curve else 'null'}_{'client' if known else 'stranger'}": _in_folder(
            partial(_malformed, curve=curve, known=known)
        )
        for curve, known in itertools.product((False, True), (False, True))
    }
    if soak_minutes:
        figures["soak"] = _in_folder(lambda folder: _soak(folder, soak_minutes))
    return {**figures, "holds": _holds(figures)}


def _busy() -> dict[str, float]:
    """Processes that want a processor, for each that there is: above 1, times are not the backend's alone."""
    if not hasattr(os, "getloadavg"):
        return {}
    return {"load_of_a_processor": os.getloadavg()[0] / (os.cpu_count() or 1)}


def _in_folder(measure: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="moclip-bench-") as folder:
        return measure(Path(folder))


def _overhead(folder: Path, jobs: int, baseline: float) -> dict[str, Any]:
    """A job from submit to its last byte, decoded."""
    with Served(folder, 0.0) as served, served.client() as client:
        _job(client)
        times = [_job(client) for _ in range(jobs)]
        pings = [client.ping() for _ in range(jobs)]
    return {
        "jobs": jobs,
        **{f"{name}_ms": 1000 * value for name, value in _quantiles(times).items()},
        **{f"ping_{name}_ms": 1000 * value for name, value in _quantiles(pings).items()},
        "median_ratio_to_baseline": float(np.median(times)) / baseline,
    }


def _fairness(folder: Path) -> dict[str, Any]:
    """A second client's job while a first has 31."""
    with Served(folder, _JOB_SECONDS) as served, served.client() as first, served.client() as second:
        _job(second)
        alone = float(np.median([_job(second) for _ in range(3)]))
        ids = [first.submit([_REQUEST], str(number)) for number in range(_JOBS_BEFORE)]
        next(first.events(ids[0]))
        behind = _job(second)
    return {
        "jobs_before": _JOBS_BEFORE, "seconds_of_a_job": _JOB_SECONDS, "alone_seconds": alone,
        "behind_seconds": behind, "ratio_to_alone": behind / alone, "more_in_jobs": (behind - alone) / alone,
    }  # fmt: skip


def _malformed(folder: Path, curve: bool, known: bool) -> dict[str, Any]:
    with Served(folder, 0.0, curve) as served:
        with Watch(served.pid, served.client) as quiet:
            time.sleep(1.0)
        with Watch(served.pid, served.client) as watch:
            _attack(served, known)
        with served.client() as client:
            seconds = _job(client)
        alive = served.alive
    return {
        "messages": _MALFORMED, "alive": alive and watch.failure is None, "growth_mb": watch.growth / _MEGABYTE,
        "longest_stall_ms": 1000 * watch.slowest, "longest_stall_when_quiet_ms": 1000 * quiet.slowest,
        "next_good_request_seconds": seconds,
    }  # fmt: skip


def _attack(served: Served, known: bool, count: int = _MALFORMED) -> None:
    command = [sys.executable, "-m", "moclip_backend.bench.malformed", served.address, str(count)]
    command += ["--known"] if known else []
    command += ["--keys", str(served.key_file)] if served.key_file else []
    token = {TOKEN_VARIABLE: served.token} if known and served.token else {}
    subprocess.run(command, check=True, env={**os.environ, **token}, timeout=600, stdin=subprocess.DEVNULL)


def _soak(folder: Path, minutes: float) -> dict[str, Any]:
    """Clients that come, ask, cancel and go, and malformed messages, all the time; how memory grows meanwhile."""
    samples: list[int] = []
    jobs = 0
    started = time.monotonic()
    with Served(folder, 0.0) as served:
        while (elapsed := time.monotonic() - started) < 60 * minutes or len(samples) < _FEWEST_SAMPLES:
            with served.client() as client:
                for _ in range(20):
                    _job(client)
                client.cancel(client.submit([_REQUEST]))
            jobs += 21
            if len(samples) <= elapsed / (60 * minutes) * _SAMPLES:
                samples.append(memory(served.pid))
                if len(samples) % 10 == 0:
                    _attack(served, known=len(samples) % 20 == 0, count=1000)
    quarter = max(1, len(samples) // 4)
    # The first quarter warms up.
    before, after = np.median(samples[quarter : 2 * quarter]), np.median(samples[-quarter:])
    return {
        "minutes": minutes, "jobs": jobs, "samples": len(samples), "memory_mb": float(after) / _MEGABYTE,
        "growth_mb": float(after - before) / _MEGABYTE,
    }  # fmt: skip


def _holds(figures: dict[str, Any]) -> dict[str, bool]:
    """The bounds, in words that name them."""
    overhead, malformed = figures["overhead"], list(figures["malformed"].values())
    held = {
        "overhead median under 3 ms": overhead["median_ms"] < 3.0,
        "overhead p99 under 10 ms": overhead["p99_ms"] < 10.0,
        "behind 31 jobs at most one job more than alone": figures["fairness"]["more_in_jobs"] <= 1.0,
        "malformed: alive": all(one["alive"] for one in malformed),
        "malformed: growth under 20 MB": all(one["growth_mb"] < 20.0 for one in malformed),
        "malformed: no stall over 100 ms": all(one["longest_stall_ms"] < 100.0 for one in malformed),
        "malformed: next good request under 0.5 s": all(one["next_good_request_seconds"] < 0.5 for one in malformed),
    }
    if "soak" in figures:
        held["soak: growth under 2 MB"] = figures["soak"]["growth_mb"] < 2.0
    return held


def _job(client: Client) -> float:
    started = time.monotonic()
    for _ in client.generate([_REQUEST]):
        if time.monotonic() - started > PATIENCE:
            break
    return time.monotonic() - started


def _quantiles(seconds: list[float]) -> dict[str, float]:
    return {"median": float(np.median(seconds)), "p99": float(np.percentile(seconds, 99))}
