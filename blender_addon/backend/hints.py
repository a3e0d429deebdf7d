# SPDX-License-Identifier: GPL-3.0-or-later
"""How near the prompt that is being typed is to what the model knows: asked of the backend once the typing pauses."""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..limits import Limits
from ..shared import wire

PAUSE_SECONDS = 0.4
_numbers = itertools.count(1)


class Hint:
    """text: the prompt that was typed last, with single spaces. sentence: what the user is told of it, "" for nothing.

    over: the message in whose place that is told, the one that the panel showed when the answer came.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self.text = self.sentence = self.over = ""
        self._due: float | None = None
        self._asked = ""

    def typed(self, text: str) -> None:
        """Called with every letter: the pause begins anew."""
        text = " ".join(text.split())
        if text != self.text:
            self.text, self.sentence, self._asked = text, "", ""
            self._due = self._clock() + PAUSE_SECONDS if text else None

    def wait(self) -> float | None:
        """Seconds until there is something to ask; None when there is nothing."""
        return None if self._due is None else max(0.0, self._due - self._clock())

    def question(self, welcome: Mapping[str, Any]) -> dict[str, Any] | None:
        """The message to send now, if there is one; welcome: of the backend that would get it."""
        if self._due is None or self._clock() < self._due:
            return None
        self._due = None
        if wire.FAMILIARITY not in welcome.get("features", ()) or len(self.text) > Limits.of(welcome).text_characters:
            return None
        self._asked = f"prompt-{next(_numbers)}"
        return {"type": wire.FAMILIARITY, "id": self._asked, "text": self.text}

    def answered(self, header: Mapping[str, Any], over: str) -> None:
        """An answer has come; one to what was asked before that counts no more."""
        if not self._asked or header.get("id") != self._asked:
            return
        self._asked, self.over = "", over
        if not header.get("far"):
            return
        nearest = [str(name) for name in header.get("nearest") or ()]
        known = f" The nearest it can do: {', '.join(nearest)}." if nearest else ""
        self.sentence = f"The model was not trained for this.{known}"

    def of(self, prompt: str, message: str) -> str:
        """What is to be told of the prompt as it stands now, "" where a newer message goes first."""
        return self.sentence if message == self.over and " ".join(prompt.split()) == self.text else ""
