# SPDX-License-Identifier: Apache-2.0
"""How familiar prompts are that are being typed: asked of the engine between two jobs, of each client the last."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic

from moclip.errors import MoclipError
from moclip_backend import wire
from moclip_backend.engine import TellsFamiliarity
from moclip_backend.server.job import C


@dataclass(frozen=True)
class Answer(Generic[C]):
    """header: of the message that answers. error: what nobody foresaw, instead."""

    client: C
    id: str
    header: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None


class Questions(Generic[C]):
    """between: runs something in the worker, which alone may use the engine. notify: called from there when `answers`
    has something. The rest is called by the loop."""

    def __init__(
        self,
        engine: TellsFamiliarity,
        between: Callable[[Callable[[], None]], None],
        notify: Callable[[], None],
    ):
        self._engine, self._between, self._notify = engine, between, notify
        # Shared with the worker; whoever is in it has one answer coming, however often they ask.
        self._lock = threading.Lock()
        self._waiting: dict[C, tuple[str, str]] = {}
        self._answers: queue.SimpleQueue[Answer[C]] = queue.SimpleQueue()

    def ask(self, client: C, question: str, text: str) -> None:
        """A question of a client, by its id, in place of one that still waits."""
        with self._lock:
            waits = client in self._waiting
            self._waiting[client] = question, text
        if not waits:
            self._between(lambda: self._answer(client))

    def drop(self, client: C) -> None:
        with self._lock:
            self._waiting.pop(client, None)

    def answers(self) -> Iterator[Answer[C]]:
        while True:
            try:
                yield self._answers.get_nowait()
            except queue.Empty:
                return

    def _answer(self, client: C) -> None:
        with self._lock:
            asked = self._waiting.pop(client, None)
        if asked is None:
            return
        question, text = asked
        try:
            (found,) = self._engine.familiar([text])
            told = {"far": bool(found.far), "nearest": [str(name) for name in found.nearest]}
            answer = Answer(client, question, {"type": wire.FAMILIARITY, "id": question, **told})
        except MoclipError as error:
            header = wire.error_header(error.code, error.message, error.hint, error.action, job=question)
            answer = Answer(client, question, header)
        except Exception as error:  # told to its client by the loop, which alone logs
            answer = Answer(client, question, error=error)
        self._answers.put(answer)
        self._notify()
