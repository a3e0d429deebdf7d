# SPDX-License-Identifier: Apache-2.0
"""Clients as the backend remembers them: a session outlives its connection when the client gave it a name."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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

    @property
    def size(self) -> int:
        return sum(len(frame) for frames in self.messages for frame in frames)


@dataclass(eq=False)
class Session:
    """name: chosen by the client, a secret like the token; "": the session ends with its connection.

    link: None while the client is away. left: since when (time.monotonic). submitted: fingerprints of jobs that are not
    over.
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

    def oldest_away(self) -> Session | None:
        return min((s for s in self._sessions if s.link is None), key=lambda s: s.left, default=None)

    def expired(self) -> list[Session]:
        """Of clients that have been away for too long; outcomes that are as old are forgotten."""
        oldest = time.monotonic() - SECONDS_KEPT
        for session in self._sessions:
            if session.link is not None:
                session.outcomes = {k: v for k, v in session.outcomes.items() if v.ended > oldest}
        return [session for session in self._sessions if session.link is None and session.left <= oldest]

    def keep(self, session: Session, job_id: str, outcome: Outcome) -> None:
        """Keep how a job ended, for a client that did not hear of it. The latest always is; of others, as many as fit,
        those of clients that are away rather than of those that most likely have got theirs."""
        session.outcomes[job_id] = outcome
        kept = [(s.link is None, o.ended, s, k) for s in self._sessions for k, o in s.outcomes.items()]
        total = sum(s.outcomes[k].size for _, _, s, k in kept)
        for _, _, owner, key in sorted(kept, key=lambda entry: entry[:2]):
            if total <= MAX_KEPT_BYTES:
                return
            if owner.outcomes[key] is not outcome:
                total -= owner.outcomes.pop(key).size


def fingerprint(frames: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(len(frame).to_bytes(8, "little"))
        digest.update(frame)
    return digest.digest()
