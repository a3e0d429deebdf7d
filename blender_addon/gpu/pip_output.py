# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip prints, made into progress and, when it fails, into one sentence. Standard library only."""

import re
from collections import deque

from ..shared.errors import MoclipError
from .environment import Step

_UNITS = {"bytes": 1.0, "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9}
_SIZE = re.compile(r"^\s*(?:Downloading|Using cached|Processing)\s+(\S+).*?\(([\d.]+) (\w+)\)")
_RAW = re.compile(r"^Progress (\d+) of (\d+)")
_DOWNLOADED = 0.75
"""The share of a step's time that passes until pip begins to install."""
_KEPT_LINES = 200


class PipOutput:
    """Reads lines; `kept` are the last ones without progress. expected_bytes: of the whole step, 0 if not known."""

    def __init__(self, told: str, expected_bytes: float = 0.0):
        self.kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._told, self._expected = told, expected_bytes
        self._name, self._packages, self._bytes, self._now = "", 0, 0.0, (0, 0)
        self._installing = 0

    def read(self, line: str) -> tuple[str, float]:
        """What to tell the user, and how much of the step is done, 0 to 1."""
        if raw := _RAW.match(line):
            self._now = int(raw[1]), int(raw[2])
            return self._state()
        self.kept.append(line)
        if size := _SIZE.match(line):
            self._bytes += self._now[1]
            self._name, self._now = _package(size[1]), (0, 0)
            if not line.lstrip().startswith("Downloading"):
                self._bytes += float(size[2]) * _UNITS.get(size[3], 0.0)
        elif line.startswith("Collecting "):
            self._packages += 1
            self._name = _package(line.split()[1])
        elif line.startswith("Installing collected packages:"):
            self._installing = line.count(",") + 1
        return self._state()

    def _state(self) -> tuple[str, float]:
        if self._installing:
            amount = f": unpacking {self._installing} packages" if self._installing > 1 else ""
            return self._told + amount, _DOWNLOADED
        if not self._name:
            return self._told, 0.0
        got, whole = self._now
        amount = f", {got / 1e6:.0f} of {whole / 1e6:.0f} MB" if whole >= 1e6 else ""
        share = min(1.0, (self._bytes + got) / self._expected) if self._expected else 0.0
        return f"{self._told}: package {self._packages}, {self._name}{amount}", _DOWNLOADED * share


def title(told: str) -> str:
    """As the beginning of a line; str.capitalize would take the other capitals away."""
    return told[:1].upper() + told[1:]


def _package(word: str) -> str:
    """Its name, from a requirement, a wheel's file name or an address."""
    return re.split(r"[-=<>!~;\[(+]", word.rsplit("/", 1)[-1])[0]


_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|Failed to establish a new connection|Temporary failure in name resolution|"
    "ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries exceeded|Connection (?:refused|reset|aborted)|"
    "Network is unreachable|IncompleteRead"
)


def failure(step: Step, lines: deque[str], code: int) -> MoclipError:
    """One sentence for a step that ended with an exit code other than 0."""
    text = "\n".join(lines)
    again = {"action": "set_up_backend", "code": "setup_failed"}
    if "No space left on device" in text or "Errno 28" in text:
        return MoclipError(
            "The disk is full.", hint="Make room, then set up again: what was downloaded is kept.", **again
        )
    if _NETWORK.search(text):
        return MoclipError(
            "The package index cannot be reached.",
            hint="Check the network, then set up again: what was downloaded is kept.",
            **again,
        )
    if missing := re.search(r"No matching distribution found for (\S+)", text):
        return MoclipError(
            f"The package index has no {missing[1]} for this Python and this machine.",
            hint="Choose another Python or package index in the preferences.",
            action="preferences",
            code="setup_failed",
        )
    errors = [line for line in lines if line.lower().startswith("error:")] or list(lines)
    why = errors[-1].removeprefix("ERROR:").removeprefix("error:").strip() if errors else f"exit code {code}"
    return MoclipError(f"'{title(step.told)}' failed: {why}", hint="The log has the rest.", **again)
