# SPDX-License-Identifier: Apache-2.0
"""What a request may say: prompts in English, seconds within what the model was trained on."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from moclip.errors import MoclipError
from moclip.prompts.languages import foreign_language
from moclip.prompts.limits import LONGEST_PROMPT, LONGEST_SECONDS, SHORTEST_SECONDS
from moclip.text.tokenizer import CONTEXT_LENGTH, Tokenizer

EXAMPLE = 'Describe a movement in English, for example "a person walks forward, then waves".'


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    return Tokenizer()


def check_prompt(text: str) -> tuple[str, list[str]]:
    """The prompt on one line with single spaces, and warnings for the user.

    Raises MoclipError (code "bad_prompt") when it is empty, has no words, is over LONGEST_PROMPT characters long, or is
    written mostly in another script than the Latin one: CLIP's tokenizer would make silent nonsense of it.
    """
    if not isinstance(text, str):
        raise _bad(f"A prompt is text, not {type(text).__name__}.")
    if len(text) > LONGEST_PROMPT:
        raise _bad(
            f"The prompt has {len(text)} characters; at most {LONGEST_PROMPT} are allowed.",
            hint="Shorten it to a sentence or two.",
        )
    cleaned = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    cleaned = " ".join(cleaned.split())
    if not cleaned:
        raise _bad("The prompt is empty.")
    letters = [char for char in cleaned if char.isalpha()]
    if not letters:
        raise _bad("The prompt has no words in it.")
    foreign = [char for char in letters if not _is_latin(char)]
    if 2 * len(foreign) > len(letters):
        raise _bad("The prompt is not in English; the model understands English only.")
    warnings = []
    if foreign:
        warnings.append(
            f'The model understands English only; "{"".join(foreign[:10])}" in the prompt means nothing to it.'
        )
    elif language := foreign_language(cleaned):
        warnings.append(f"The prompt seems to be in {language}; the model understands English only.")
    count = _tokenizer().count(cleaned)
    if count > CONTEXT_LENGTH:
        fit = _words_that_fit(cleaned)
        warnings.append(
            f"The prompt takes {count} tokens; only the first {CONTEXT_LENGTH} (about {fit} words) are used."
        )
    return cleaned, warnings


def check_seconds(seconds: float | None, shortest: float = SHORTEST_SECONDS) -> float | None:
    """The length of the motion in seconds, None for "let the model choose".

    Raises MoclipError (code "bad_seconds") for anything but a number from `shortest` to LONGEST_SECONDS.
    """
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not number or not shortest <= seconds <= LONGEST_SECONDS:
        raise MoclipError(
            f"A motion lasts {shortest} to {LONGEST_SECONDS} seconds; {seconds!r} is not possible.",
            hint="Choose a length in that range, or leave it out and the model chooses one.",
            code="bad_seconds",
        )
    return float(seconds)


def _bad(message: str, hint: str = EXAMPLE) -> MoclipError:
    return MoclipError(message, hint=hint, code="bad_prompt")


def _is_latin(char: str) -> bool:
    return char.isascii() or unicodedata.name(char, "").startswith(("LATIN", "FULLWIDTH LATIN", "MODIFIER LETTER"))


def _words_that_fit(text: str) -> int:
    words, used = text.split(), 2
    for index, word in enumerate(words):
        used += len(_tokenizer().tokens(word))
        if used > CONTEXT_LENGTH:
            return index
    return len(words)
