# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of rows, one motion each: which waits, which is being made, what became of the others."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .jobs import Job


@dataclass
class Batch:
    """states: row's id -> (waiting, running, done or failed; a sentence). Rows stay in it until the next batch.

    A job is made when its turn comes, for the rows before it may move its character.
    """

    waiting: deque[tuple[str, Callable[[], Job]]] = field(default_factory=deque)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    current: str | None = None
    file_number: int = 0

    @property
    def running(self) -> bool:
        return self.current is not None or bool(self.waiting)

    def start(self, rows: Iterable[tuple[str, Callable[[], Job]]], file_number: int) -> None:
        self.waiting, self.file_number = deque(rows), file_number
        self.states = {row: ("waiting", "") for row, _ in self.waiting}

    def next(self) -> tuple[str, Callable[[], Job]]:
        row, make = self.waiting.popleft()
        self.current, self.states[row] = row, ("running", "")
        return row, make

    def end(self, state: str, why: str) -> None:
        """The current row is over; nothing when none is."""
        if self.current is not None:
            self.states[self.current], self.current = (state, why), None

    def drop(self, why: str) -> None:
        """Give up the rows that wait."""
        self.states |= {row: ("failed", why) for row, _ in self.waiting}
        self.waiting.clear()

    def leave_out(self, row: str, why: str) -> None:
        """Give up one row, if it waits."""
        kept = [(name, make) for name, make in self.waiting if name != row]
        if len(kept) < len(self.waiting):
            self.waiting, self.states[row] = deque(kept), ("failed", why)

    def counts(self) -> dict[str, int]:
        found = [state for state, _ in self.states.values()]
        return {state: found.count(state) for state in ("done", "failed", "waiting", "running")}
