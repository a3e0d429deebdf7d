# SPDX-License-Identifier: Apache-2.0
"""What else ran on the machine while something was timed: by the clock, it takes that much longer."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Moment:
    """clock, all, own: seconds since some moment, by the clock, and of the processors' time what all processes took and
    what this one and those that it started did."""

    clock: float
    all: float
    own: float

    @classmethod
    def now(cls) -> "Moment":
        return cls(time.monotonic(), _of_all(), _of_own())

    def told(self) -> str:
        """What ran from then on."""
        now = Moment.now()
        busy = max(0.0, (now.all - self.all) - (now.own - self.own)) / max(now.clock - self.clock, 1e-9)
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        return f"other programs kept {busy:.2f} of {os.cpu_count()} processors busy; load average {load}"


def _of_all() -> float:
    user, nice, system, _idle, _waiting, interrupts, soft, *_ = _numbers(Path("/proc/stat").read_text().splitlines()[0])
    return (user + nice + system + interrupts + soft) / _TICKS


def _of_own() -> float:
    taken, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text().rpartition(")")[2].split()  # names may have spaces
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        process = int(folder.name)
        # Its own, and that of those which it started and which have ended.
        parents[process], taken[process] = int(told[1]), sum(map(int, told[11:15])) / _TICKS
    own = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(taken.get(process, 0.0) for process in own)


def _numbers(line: str) -> list[int]:
    return [int(word) for word in line.split()[1:]]
