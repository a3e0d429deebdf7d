# SPDX-License-Identifier: Apache-2.0
"""A job, what happens to it, and its results as messages."""

import math
import threading
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from moclip.errors import Cancelled, MoclipError
from moclip.prompts.requests import Request, Result
from moclip_backend import wire

C = TypeVar("C", bound=Hashable)
"""Whose jobs they are."""

LONGEST_NAME = 2000
"""Characters of a motion's name in a result: a script without a name of its own is called by all of its lines."""


@dataclass(eq=False)
class Job(Generic[C]):
    """A submit. client: whose. size: bytes of its message. due: when it is to be over (time.monotonic()).
    model: which of several it names. dropped: nobody waits for what comes of it.

    results: its messages as frames, once it is over well; error: what ended it otherwise.
    """

    client: C
    id: str
    requests: Sequence[Request]
    size: int = 0
    due: float = math.inf
    model: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False
    started: bool = False
    over: bool = False
    results: list[list[bytes]] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def late(self) -> bool:
        return time.monotonic() > self.due

    @property
    def unwanted(self) -> MoclipError | Cancelled | None:
        """Why nobody wants its results any more."""
        return Cancelled() if self.cancel.is_set() else too_late() if self.late else None


@dataclass(frozen=True)
class Event(Generic[C]):
    """message: a progress header. None: the job is over."""

    job: Job[C]
    message: dict[str, Any] | None = None


def too_late() -> MoclipError:
    return MoclipError(
        "The motion was not done in the time that was given for it.", hint="Give it more time.", code=wire.TOO_LATE
    )


def result_message(job: Job[Any], model: str, index: int, result: Result) -> list[bytes]:
    """The frames of a result, which is one of `job.requests`."""
    motion = result.motion
    header = {
        "type": wire.RESULT, "id": job.id, "index": index, "count": len(job.requests), "model": model,
        "text": _shortened(motion.text), "seed": int(result.seed), "seconds": float(result.seconds),
        "fps": float(motion.fps), "warnings": list(result.warnings), "new": list(map(int, result.new)),
    }  # fmt: skip
    arrays = {
        "rotations": motion.rotations, "root_translation": motion.root_translation,
        "joints": motion.joints().astype(np.float32), "offsets": motion.offsets,
    }  # fmt: skip
    return wire.encode(header, arrays)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
