# SPDX-License-Identifier: Apache-2.0
"""A backend with an engine that needs no weights: what tests of server and clients run as a process.

`python tests/serve_slow_engine.py [--log-json] SECONDS_PER_JOB [BIND [KEYS_FOLDER]]`. Prompts that begin with "crash",
"refuse" or "far" make the engine fail unexpectedly, refuse, or warn; "endless", "huge" and "nan" make it answer what no
message can carry; "stand" makes somebody stand on the floor, "go" slide along +Z by 1 m a second, both meeting pins and
poses. The frames of a motion are its seconds times 20, its height else its seed.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import Cancelled, MoclipError
from moclip.generate.familiarity import Familiar
from moclip.generate.held import held
from moclip.generate.pipeline import Result
from moclip.motion.motion import Motion
from moclip_backend.reporting import run
from moclip_backend.server.serving import ServeOptions, serve

ITERATIONS = 20


@dataclass(frozen=True)
class Stage:
    name: str
    share: float
    words: str


class SlowEngine:
    name, runtime, device, licence, fps = "slow", "test", "cpu", "none", 20.0
    stages = (Stage("warm", 1.0, "warming up"), Stage("turn", 3.0, "turning round"))

    def __init__(self, seconds_per_job: float):
        self._pause = seconds_per_job / ITERATIONS

    def generate(self, requests, *, progress=None, cancelled=None):
        for step in range(ITERATIONS):
            if cancelled():
                raise Cancelled
            progress("turn", step / ITERATIONS)
            time.sleep(self._pause)
        return [self._result(request) for request in requests]

    def familiar(self, prompts):
        if prompts[0].startswith("crash"):
            raise ZeroDivisionError(f"as the test asked: {prompts[0]}")
        return [
            Familiar(text.startswith("far"), ("walk", "wave") if text.startswith("far") else ()) for text in prompts
        ]

    def _result(self, request):
        if request.text.startswith("crash"):
            raise ZeroDivisionError(f"as the test asked: {request.text}")
        if request.text.startswith("refuse"):
            raise MoclipError("No.", hint="Ask for something else.", action="models", code="bad_prompt")
        frames = round((request.seconds or 2.0) * self.fps)
        rotations = np.zeros((frames, 22, 4), np.float32)
        rotations[..., 0] = 1.0
        path = np.full((frames, 3), request.seed, np.float32)
        motion = Motion(self.fps, rotations, path, text=request.text, seed=request.seed)
        if request.text.startswith("nan"):
            motion = Motion(float("nan"), rotations, path, text=request.text, seed=request.seed)
        if request.text.startswith("huge"):
            longer = (np.tile(part, (5_000,) + (1,) * (part.ndim - 1)) for part in (rotations, path))
            motion = Motion(self.fps, *longer, text=request.text, seed=request.seed)
        if request.text.startswith(("stand", "go")):
            path[:] = (0.0, 0.95, 0.0)
            path[:, 2] += request.text.startswith("go") * np.arange(frames) / self.fps
            result = Result(motion, motion.seconds, request.seed, (), np.zeros((frames // 4, 6), np.int64), (0, frames))
            return held(result, request)
        warnings = ("It is far.",) if request.text.startswith("far") else ()
        warnings = ("It is endless. " * 50_000,) if request.text.startswith("endless") else warnings
        return Result(motion, motion.seconds, request.seed, warnings, np.zeros((frames // 4, 6), np.int64), (0, frames))


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--log-json"]
    bind = arguments[1] if len(arguments) > 1 else "tcp://127.0.0.1:0"
    keys = Path(arguments[2]) if len(arguments) > 2 else None
    options = ServeOptions(bind=bind, keys=keys, log_json="--log-json" in sys.argv)
    return serve(options, lambda _: SlowEngine(float(arguments[0])))


if __name__ == "__main__":
    sys.exit(run(main))
