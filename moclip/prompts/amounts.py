# SPDX-License-Identifier: Apache-2.0
"""How often and how far round a text asks for something: "jumps twice", "three squats", "turns by 90 degrees"."""

import re
from typing import NamedTuple

_NUMBERS = {
    word: number
    for number, words in enumerate(
        ("a single|one", "two|a couple of", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
    for word in words.split("|")
}
_NUMBER = rf"(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)})".replace(" ", r"\s+")
_ADVERBS = {"once": 1, "twice": 2, "thrice": 3}
_COUNTABLE = r"""(?:jump|leap|hop|squat|knee[ -]?(?:bend|raise|lift)|push[ -]?up|press[ -]?up|jumping[ -]?jack|
    star[ -]?jump|clap|punch|jab|blow|throw|rep|time)(?:e?s)?"""
_TIMES = re.compile(
    rf"\b(?:(?P<adverb>{'|'.join(_ADVERBS)})|{_NUMBER}\s+(?:(?!times\b)[\w-]+\s+)?{_COUNTABLE})\b(?!\s+as\b)",
    re.IGNORECASE | re.VERBOSE,
)
_UNITS = (
    r"frames?|fps|s|sec\w*|seconds?|min\w*|years?|cm|mm|m|met(?:er|re)s?|feet|ft|km|miles?|kg|lbs?|bpm|steps?|times"
)
"""A bare number before one of these is no angle, as "180" alone is one."""
_DEGREES = re.compile(
    r"\b(\d{2,4})\s*-?\s*(?:degrees?\b|deg\b|°)|\b(90|180|270|360|540|720)s?\b(?!\s*-?\s*(?:" + _UNITS + r")\b)",
    re.IGNORECASE,
)
_TURN = r"(?:turn|circle|rotation|revolution|spin|round|loop)s?\b"
_ROUNDS = (
    (re.compile(rf"\b(?:three[ -]quarters?(?:\s+of)?\s+(?:an?\s+)?{_TURN})", re.IGNORECASE), 270.0),
    (re.compile(rf"\bquarter(?:[ -]|\s+of\s+an?\s+){_TURN}", re.IGNORECASE), 90.0),
    (re.compile(rf"\bhalf(?:[ -]|\s+an?\s+){_TURN}|\babout[ -]face\b|\bone[ -]eighty\b", re.IGNORECASE), 180.0),
    (re.compile(rf"\b(?:one|a|1)\s+(?:full|complete|whole)\s+{_TURN}|\bthree[ -]sixty\b", re.IGNORECASE), 360.0),
)


class Amounts(NamedTuple):
    """times: how often. degrees: how far round. None where a text does not say."""

    times: int | None = None
    degrees: float | None = None


def named_amounts(text: str) -> Amounts:
    """Of a text that tells one action."""
    return Amounts(_times(text), _degrees(text))


def _times(text: str) -> int | None:
    found = {_number(match) for match in _TIMES.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _number(match: re.Match[str]) -> int:
    if match["adverb"]:
        return _ADVERBS[match["adverb"].lower()]
    told = " ".join(match["number"].lower().split())
    return int(told) if told.isdigit() else _NUMBERS[told]


def _degrees(text: str) -> float | None:
    if match := _DEGREES.search(text):
        return float(match[1] or match[2])
    return next((degrees for pattern, degrees in _ROUNDS if pattern.search(text)), None)
