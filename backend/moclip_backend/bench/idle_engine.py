# SPDX-License-Identifier: Apache-2.0
"""`python -m moclip_backend.bench.idle_engine SECONDS`: a backend whose model waits that long a job and costs nothing.

What is measured of it is the backend's own.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from moclip.errors import Cancelled
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT
from moclip.prompts.requests import Request, Result
from moclip_backend.reporting import run
from moclip_backend.server.serving import ServeOptions, serve

_STEPS = 20


class IdleEngine:
    """Its motions stand still. seconds: of a job, whatever is asked for."""

    name, runtime, device, licence, fps = "idle", "none", "cpu", "none", 20.0

    def __init__(self, seconds: float):
        self._seconds = seconds

    def generate(
        self,
        requests: Sequence[Request],
        *,
        progress: Callable[[str, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Result]:
        for step in range(_STEPS):
            if cancelled and cancelled():
                raise Cancelled
            if progress:
                progress("sample", step / _STEPS)
            if self._seconds:
                time.sleep(self._seconds / _STEPS)
        return [self._stand(request) for request in requests]

    def _stand(self, request: Request) -> Result:
        frames = round((request.seconds or 2.0) * self.fps)
        rotations = np.zeros((frames, JOINT_COUNT, 4), np.float32)
        rotations[..., 0] = 1.0
        motion = Motion(self.fps, rotations, np.zeros((frames, 3), np.float32), text=request.text, seed=request.seed)
        return Result(motion, motion.seconds, request.seed, (), np.zeros((frames // 4, 1), np.int64), (0, frames))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m moclip_backend.bench.idle_engine")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--keys", type=Path)
    given = parser.parse_args()
    return serve(ServeOptions(bind="tcp://127.0.0.1:0", keys=given.keys), lambda _: IdleEngine(given.seconds))


if __name__ == "__main__":
    sys.exit(run(main))
