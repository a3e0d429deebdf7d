# SPDX-License-Identifier: Apache-2.0
"""How long text to motion takes: in a loaded model, from process start to file, and until the server is ready.

And what a server that has worked holds in memory.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from moclip.generate.pipeline import TextToMotion
from moclip.prompts.requests import Request
from moclip.shipped import DEFAULT_MODEL
from moclip_backend.bench.watching import memory
from moclip_backend.client.client import Client
from moclip_backend.state.credentials import TOKEN_VARIABLE

PROMPT = "a person walks forward"
PATIENCE = 60.0
_TOKEN = "bench-only-token-0123456789abcdef"


def baseline_ms(rounds: int = 7) -> float:
    """Milliseconds of twenty 768 x 768 matrix products here and now: times are also given as ratios to it."""
    a = np.random.default_rng(0).standard_normal((768, 768), dtype=np.float32)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(20):
            a @ a
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def bench_generation(model: str = DEFAULT_MODEL, runtime: str = "auto", rounds: int = 7) -> dict[str, Any]:
    """Median seconds of each, and their ratios to the baseline of the same run."""
    baseline = baseline_ms() / 1000
    start = time.perf_counter()
    engine = TextToMotion.load(model, runtime=runtime)
    seconds = {"load": time.perf_counter() - start}
    engine.generate([Request(PROMPT, seconds=4.0)])
    seconds["generate_4s_clip"] = _median(lambda: engine.generate([Request(PROMPT, seconds=4.0)]), rounds)
    seconds["generate_auto"] = _median(lambda: engine.generate([Request(PROMPT)]), rounds)
    seconds["generate_batch_of_8"] = _median(
        lambda: engine.generate([Request(PROMPT, 4.0, k) for k in range(8)]), max(3, rounds // 2)
    )
    with tempfile.TemporaryDirectory() as folder:
        options = ["--model", model, "--runtime", runtime, "--out"]
        command = [sys.executable, "-m", "moclip_backend", "generate", PROMPT, *options]
        seconds["process_start_to_file"] = _median(lambda: _run([*command, str(Path(folder) / "walk.bvh")]), 3)
    seconds["serve_ready"] = _median(lambda: _serve_once(model, runtime), 3)
    eighth = seconds["generate_batch_of_8"] / 8
    return {
        "model": model,
        "runtime": engine.runtime,
        "baseline_seconds": baseline,
        "seconds": seconds,
        "ratio_to_baseline": {name: value / baseline for name, value in seconds.items()},
        "one_of_8_to_one_alone": eighth / seconds["generate_4s_clip"],
        "serve_memory_mb": _serve_memory(model, runtime) / 1e6 if Path("/proc").is_dir() else None,
    }


def _median(action: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        stop = action()
        times.append(stop if isinstance(stop, float) else time.perf_counter() - start)
    return float(np.median(times))


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)


def _serve_once(model: str, runtime: str) -> float:
    """Seconds from process start to the server's ready line; the server is ended again."""
    start = time.perf_counter()
    with _serving(model, runtime):
        return time.perf_counter() - start


def _serve_memory(model: str, runtime: str) -> int:
    """Resident bytes of a server after some prompts, of which one is a dance and one a batch of eight."""
    with _serving(model, runtime) as ready, Client(ready["address"], _TOKEN, timeout=PATIENCE) as client:
        for text, count in ((PROMPT, 1), ("a man runs, then sits down", 1), ("someone dances", 1), (PROMPT, 8)):
            for _ in client.generate([{"text": text, "seed": seed} for seed in range(count)]):
                pass
        return memory(ready["pid"])


@contextmanager
def _serving(model: str, runtime: str) -> Iterator[dict[str, Any]]:
    """The ready line of a server that ends with the block."""
    server = subprocess.Popen(
        [sys.executable, "-m", "moclip_backend", "serve", "--bind", "tcp://127.0.0.1:0", "--model", model]
        + ["--runtime", runtime],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        env={**os.environ, TOKEN_VARIABLE: _TOKEN},
    )
    try:
        line = server.stdout.readline() if server.stdout else b""
        ready: dict[str, Any] = json.loads(line)
        if not ready.get("ready"):
            raise RuntimeError(f"the server said {line!r} instead of being ready")
        yield ready
    finally:
        server.terminate()
        server.communicate(timeout=10)
