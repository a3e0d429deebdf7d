# SPDX-License-Identifier: Apache-2.0
"""How the end of a job is told to its client, foreseen or not."""

from typing import Any

from moclip.errors import Cancelled, MoclipError
from moclip_backend import wire
from moclip_backend.server.job import Job
from moclip_backend.state.folders import log_file


def ended(job: Job[Any]) -> list[list[bytes]]:
    """The messages, as frames, of a job that is over: its results, that it was cancelled, or what failed."""
    if job.error is None:
        return job.results
    if isinstance(job.error, Cancelled):
        return [wire.encode({"type": wire.CANCELLED, "id": job.id})]
    if isinstance(job.error, MoclipError):
        error = job.error
        return [wire.encode(wire.error_header(error.code, error.message, error.hint, error.action, job=job.id))]
    return [wire.encode(wire.error_header(*unforeseen(job.error), job=job.id))]


def outcome(job: Job[Any]) -> str:
    """What a job that is over is counted as."""
    return "done" if job.error is None else "cancelled" if isinstance(job.error, Cancelled) else "failed"


def unforeseen(error: BaseException) -> tuple[str, str, str]:
    """Code, message and hint of an error that nobody foresaw."""
    message = f"The backend failed unexpectedly ({type(error).__name__})."
    return wire.INTERNAL, message, f"The details are in {log_file()}."
