# SPDX-License-Identifier: Apache-2.0
"""The log: one file, which nobody who may not come in can fill."""

import json
import logging
import logging.handlers
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.state.folders import log_file, state_folder
from moclip_backend.state.private import private_folder

LOG = logging.getLogger("moclip")


def open_log(as_json: bool = False) -> None:
    """Log to `log_file()`, quietly to nowhere if it cannot be written. as_json: to standard error, an object a line."""
    if LOG.handlers:
        return
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    handler: logging.Handler
    if as_json:
        # Who asks for it collects it: a service manager, or a container's.
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(_Sparing())
        handler.setFormatter(_Json())
        LOG.addHandler(handler)
        return
    try:
        private_folder(state_folder())
        handler = logging.handlers.RotatingFileHandler(log_file(), maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except (OSError, MoclipError):
        handler = logging.NullHandler()
    handler.addFilter(lambda record: not fields_of(record))
    handler.addFilter(_Sparing())
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    LOG.addHandler(handler)


def log_job(**fields: str | int | float) -> None:
    """A line for a job that is over, where logs are JSON: a file of bounded size would soon hold nothing else."""
    LOG.info("a job is over", extra={"fields": fields})


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says beside its sentence."""
    return getattr(record, "fields", {})


class _Json(logging.Formatter):
    """time (UTC), level, pid, event (a sentence), fields of that event, and of an error where it came about.

    Never what an exception says: it may quote what a client asked for.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "pid": record.process, "event": record.getMessage(),
            **fields_of(record),
        }  # fmt: skip
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


class _Sparing(logging.Filter):
    """Lets `LINES` lines alike through in `SECONDS`: what strangers cause must not rotate the rest of the log away."""

    LINES, SECONDS = 20, 600.0

    def __init__(self) -> None:
        super().__init__()
        # By what the line says without its arguments: how many came, and since when.
        self._seen: dict[str, tuple[int, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if fields_of(record):
            return True
        kind, now = str(record.msg), time.monotonic()
        count, since = self._seen.get(kind, (0, now))
        if now - since > self.SECONDS:
            if count > self.LINES:
                record.msg = f"{kind} (and {count - self.LINES} times more since the last such line)"
            count, since = 0, now
        self._seen[kind] = (count + 1, since)
        return count < self.LINES
