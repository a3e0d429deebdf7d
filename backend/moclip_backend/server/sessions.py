# SPDX-License-Identifier: Apache-2.0
"""Clients as the backend remembers them: a session outlives its connection when the client gave it a name."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from moclip_backend.server.links import Link

SECONDS_KEPT = 60.0
"""For a client that comes back: its session, and what its jobs came to."""
MAX_KEPT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """How a job ended: the messages that ended it, as frames."""

    fingerprint: bytes
    messages: Sequence[Sequence[bytes]]
    ended: float

    @cached_property
    def size(self) -> int:
        return sum(len(frame) for frames in self.messages for frame in frames)


@dataclass(eq=False)
class Session:
    """name: chosen by the client, a secret like the token; "": the session ends with its connection.

    link: None while the client is away. left: since when (time.monotonic). submitted: fingerprints of jobs that are not
    over. outcomes: of those that are, in the order in which they ended.
    """

    name: str
    link: Link | None
    left: float = 0.0
    submitted: dict[str, bytes] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


class Sessions:
    """All sessions, those of clients that are away included."""

    def __init__(self) -> None:
        self._sessions: list[Session] = []
        self._kept = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions))

    @property
    def present(self) -> int:
        return sum(session.link is not None for session in self._sessions)

    def find(self, name: str) -> Session | None:
        return next((session for session in self._sessions if name and session.name == name), None)

    def add(self, session: Session) -> None:
        self._sessions.append(session)

    def remove(self, session: Session) -> None:
        self._sessions.remove(session)
        for job_id in list(session.outcomes):
            self.forget(session, job_id)

    def oldest_away(self) -> Session | None:
        return min((s for s in self._sessions if s.link is None), key=lambda s: s.left, default=None)

    def expired(self) -> list[Session]:
        """Of clients that have been away for too long; outcomes that are as old are forgotten."""
        oldest = time.monotonic() - SECONDS_KEPT
        for session in self._sessions:
            while session.link is not None and session.outcomes and _first(session)[1].ended <= oldest:
                self.forget(session, _first(session)[0])
        return [session for session in self._sessions if session.link is None and session.left <= oldest]

    def keep(self, session: Session, job_id: str, outcome: Outcome) -> None:
        """Keep how a job ended, for a client that did not hear of it. The latest always is; of others, as many as fit,
        those of clients that are away rather than of those that most likely have got theirs."""
        self.forget(session, job_id)
        session.outcomes[job_id] = outcome
        self._kept += outcome.size
        while self._kept > MAX_KEPT_BYTES:
            others = [s for s in self._sessions if s.outcomes and _first(s)[1] is not outcome]
            if not others:
                return
            owner = min(others, key=lambda s: (s.link is None, _first(s)[1].ended))
            self.forget(owner, _first(owner)[0])

    def forget(self, session: Session, job_id: str) -> None:
        """What a job came to, if it is kept."""
        if outcome := session.outcomes.pop(job_id, None):
            self._kept -= outcome.size


def _first(session: Session) -> tuple[str, Outcome]:
    return next(iter(session.outcomes.items()))


def fingerprint(frames: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(len(frame).to_bytes(8, "little"))
        digest.update(frame)
    return digest.digest()
