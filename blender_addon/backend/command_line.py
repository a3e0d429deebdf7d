# SPDX-License-Identifier: GPL-3.0-or-later
"""A command as users write it, as words. Standard library only."""

import shlex

from ..shared.errors import MoclipError


def words_of(text: str, *, windows: bool) -> list[str]:
    """The words of a command line; quotes hold words with spaces together. On Windows a backslash is no more than that.

    Raises MoclipError for a quote that does not end.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if windows:
        lexer.escape = ""
        lexer.quotes = '"'
    try:
        return list(lexer)
    except ValueError as error:
        raise MoclipError(
            "A quote in the command for the external backend does not end.",
            hint="Check it in the add-on's preferences.",
            action="preferences",
            code="no_command",
        ) from error
