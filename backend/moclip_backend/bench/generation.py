# SPDX-License-Identifier: Apache-2.0
"""How long text to motion takes: in a loaded model, from process start to file, and until the server is ready."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from moclip.generate.pipeline import TextToMotion
from moclip.prompts.requests import Request

PROMPT = "a person walks forward"


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


def bench_generation(model: str = "embedded", runtime: str = "auto", rounds: int = 7) -> dict[str, Any]:
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
    return {
        "model": model,
        "runtime": engine.runtime,
        "baseline_seconds": baseline,
        "seconds": seconds,
        "ratio_to_baseline": {name: value / baseline for name, value in seconds.items()},
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
    environment = {**os.environ, "MOCLIP_TOKEN": "bench-only-token-0123456789abcdef"}
    server = subprocess.Popen(
        [sys.executable, "-m", "moclip_backend", "serve", "--model", model, "--runtime", runtime],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        env=environment,
    )
    try:
        line = server.stdout.readline() if server.stdout else b""
        seconds = time.perf_counter() - start
        if not json.loads(line).get("ready"):
            raise RuntimeError(f"the server said {line!r} instead of being ready")
        return seconds
    finally:
        server.terminate()
        server.communicate(timeout=10)
