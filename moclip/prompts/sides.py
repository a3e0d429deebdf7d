# SPDX-License-Identifier: Apache-2.0
"""Which side a text names."""

import re

_LEFT = r"left|(?:counter|anti)-?\s?clockwise"
_RIGHT = r"right|clockwise"
_NO_SIDE = re.compile(
    # What is left is gone, and who is right is not wrong.
    r"\b(?:has|have|had|was|were|is|are|gets?|got|being) left\b(?! \w*hand)|\bleft (?:alone|behind|over)\b"
    r"|\b(?:all|just) right\b"
    r"|\bright (?:away|now|after|before|then|there|here|angles?|behind|beside|in front|on top)\b"
)
_SIDE = re.compile(rf"\b(?:({_LEFT})|({_RIGHT}))\b")


def named_side(text: str) -> str:
    """ "left" or "right" where a text names that side alone, else ""."""
    found = {"left" if left else "right" for left, _ in _SIDE.findall(_NO_SIDE.sub(" ", text.lower()))}
    return found.pop() if len(found) == 1 else ""
