# SPDX-License-Identifier: Apache-2.0
"""The one place where errors meet the user: a sentence on stderr, an exit code, and for surprises a log file."""

import os
import sys
from collections.abc import Callable
from types import TracebackType

from moclip.errors import MoclipError

INTERRUPTED = 130


def say(message: str) -> None:
    """A line on stderr; results go to stdout."""
    print(message, file=sys.stderr, flush=True)


def report(error: MoclipError) -> None:
    say(f"error: {error}")


def run(action: Callable[[], int | None]) -> int:
    """Exit code of `action`: its own, 1 after a MoclipError, 130 after Ctrl+C. The unexpected goes to the log."""
    sys.excepthook = _unexpected
    try:
        return action() or 0
    except MoclipError as error:
        report(error)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output stopped (`moclip models list | head -1`); Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from moclip_backend.state.folders import log_file
    from moclip_backend.state.log import LOG, open_log

    open_log()
    LOG.error("unexpected", exc_info=(kind, error, trace))
    say(f"error: Something unexpected went wrong ({kind.__name__}: {error}). The details are in {log_file()}.")
