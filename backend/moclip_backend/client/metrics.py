# SPDX-License-Identifier: Apache-2.0
"""A backend's `status` as Prometheus reads it (text exposition format 0.0.4), for its node exporter's text files."""

from collections.abc import Mapping
from typing import Any

_LABELS = ("version", "model", "runtime", "device")
_TABLE = (
    ("uptime_seconds", "gauge", "Seconds since the backend began to serve."),
    ("clients", "gauge", "Clients that are connected."),
    ("clients_away", "gauge", "Clients that lost their connection and may come back."),
    ("jobs_waiting", "gauge", "Jobs that wait for their turn."),
    ("jobs_running", "gauge", "Jobs that the engine works at."),
    ("jobs_done", "counter", "Jobs that gave motions."),
    ("jobs_failed", "counter", "Jobs that ended with an error."),
    ("jobs_cancelled", "counter", "Jobs that were cancelled."),
    ("answer_ms", "gauge", "Milliseconds that the backend took to answer this time."),
)


def prometheus(status: Mapping[str, Any] | None) -> str:
    """A metric a line, none of which tells what was asked for. None: no backend answers, and that is all it says."""
    up = _metric("up", "gauge", "Whether a backend answers.", int(status is not None))
    if status is None:
        return up
    labels = ",".join(f'{name}="{_escaped(str(status.get(name, "")))}"' for name in _LABELS)
    info = _metric("info", "gauge", "What is served.", 1, f"{{{labels}}}")
    told = [_metric(_unit(name, kind), kind, what, status[name]) for name, kind, what in _TABLE if name in status]
    return "".join([up, info, *told])


def _unit(name: str, kind: str) -> str:
    """Prometheus asks for counters that end so."""
    return f"{name}_total" if kind == "counter" else name


def _metric(name: str, kind: str, what: str, value: float, labels: str = "") -> str:
    return f"# HELP moclip_{name} {what}\n# TYPE moclip_{name} {kind}\nmoclip_{name}{labels} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
