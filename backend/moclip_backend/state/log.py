# SPDX-License-Identifier: Apache-2.0
"""The log: one file, which nobody who may not come in can fill."""

import logging
import logging.handlers
import time

from moclip.errors import MoclipError
from moclip_backend.state.folders import log_file, state_folder
from moclip_backend.state.private import private_folder

LOG = logging.getLogger("moclip")


def open_log() -> None:
    """Log to `log_file()`, quietly to nowhere if it cannot be written."""
    if LOG.handlers:
        return
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    handler: logging.Handler
    try:
        private_folder(state_folder())
        handler = logging.handlers.RotatingFileHandler(log_file(), maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except (OSError, MoclipError):
        handler = logging.NullHandler()
    handler.addFilter(_Sparing())
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    LOG.addHandler(handler)


class _Sparing(logging.Filter):
    """Lets `LINES` lines alike through in `SECONDS`: what strangers cause must not rotate the rest of the log away."""

    LINES, SECONDS = 20, 600.0

    def __init__(self) -> None:
        super().__init__()
        # By what the line says without its arguments: how many came, and since when.
        self._seen: dict[str, tuple[int, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = str(record.msg), time.monotonic()
        count, since = self._seen.get(kind, (0, now))
        if now - since > self.SECONDS:
            if count > self.LINES:
                record.msg = f"{kind} (and {count - self.LINES} times more since the last such line)"
            count, since = 0, now
        self._seen[kind] = (count + 1, since)
        return count < self.LINES
