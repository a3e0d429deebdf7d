# SPDX-License-Identifier: Apache-2.0
"""The one kind of error that users see."""


class MoclipError(Exception):
    """Shown to the user as it is: one sentence that says what is wrong.

    hint: the next step, one sentence. action: what the add-on turns into a button ("restart", "models", ...).
    code: a stable name for programs ("bad_prompt", "cancelled", ...); it travels in the protocol's `error` messages.
    """

    def __init__(self, message: str, *, hint: str = "", action: str = "", code: str = "error"):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.action = action
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Cancelled(MoclipError):
    """Raised between model iterations when the caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("The job was cancelled.", code="cancelled")
