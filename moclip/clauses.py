# SPDX-License-Identifier: Apache-2.0
"""The actions that a sentence tells one after the other: "a man walks, then waves" -> "a man walks", "waves".

A text encoder pools a sentence into one vector that hardly says what comes first. Words of order do, and there are few.
What they do not clearly separate ("walks and waves", "waves while walking") stays one action.
"""

import re

_SUBJECT = r"(?:he|she|it|they|you|we|i)"
_THEN = r"(?:then|afterwards?|after\s+(?:that|this|which))"
_LATER = r"(?:next|finally|lastly|subsequently|thereafter|later(?:\s+on)?|eventually)"
_DONE = rf"(?:once|when|as\s+soon\s+as)\s+(?:{_SUBJECT}(?:'s|\s+(?:is|has|are|have))?\s+)?(?:stopped|done|finished)"
_DOING = rf"(?=(?:{_SUBJECT}\s+\w|(?:\w+ly\s+)?\w{{2,}}ing\b))"

# "Next to a car", "the next corner" and "he finally sits" tell no order: such words do after a comma or "and" only.
_FORWARDS = re.compile(
    rf"""
    [\s,;.]*\b(?:and\s*,?\s*|but\s+)?(?<!now\sand\s)(?<!since\s)(?<!until\s)(?<!by\s)
      (?:{_THEN}|{_DONE}|(?:is\s+)?followed\s+by|and\s+ends\s+by|and\s+finishes\s+by)\b[\s,;:]*
    | (?:\s*[,;.]\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+){_LATER}\b(?!\s+to\b)[\s,;:]*
    | [\s,;]*\b(?:before|until)\s+{_DOING}
    | \s*[;.!]\s+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FIRST = re.compile(
    r"^(?:first(?:ly)?|initially|to\s+(?:begin|start)(?:\s+with)?)\b[\s,:]*|[\s,]+first$", re.IGNORECASE
)
_AFTER = rf"(?:(?:after|once|as\s+soon\s+as)\s+{_DOING}|(?:having|after\s+having)\s+(?:finished|stopped)\s+)"
_TWO_PARTS = (
    re.compile(rf"^{_AFTER}(?P<first>[^,;]+),\s*(?P<second>.+)$", re.IGNORECASE),
    re.compile(rf"^before\s+{_DOING}(?P<second>[^,;]+),\s*(?P<first>.+)$", re.IGNORECASE),
    re.compile(rf"^(?P<second>.+?)[\s,]+after\s+{_DOING}(?P<first>.+)$", re.IGNORECASE),
)
# Words that alone make no action: the second half of "raises an arm up and then down", the first of "a man then bows".
_NO_ACTION = {
    "up", "down", "left", "right", "back", "forward", "forwards", "backward", "backwards", "away", "in", "out",
    "again", "slowly", "quickly", "fast", "faster", "slower", "to", "the", "his", "her", "their", "its", "over", "on",
    "upwards", "downwards", "sideways", "and", "side", "other", "one", "more", "quietly",
    "a", "an", "he", "she", "it", "they", "you", "we", "i", "person", "man", "woman", "someone", "somebody",
    "character", "figure",
}  # fmt: skip
_BEING = {"is", "are", "was", "were", "am"}


def split_clauses(text: str) -> list[str]:
    """The clauses of a sentence in the order in which they happen; [text] where it tells one action."""
    text = text.strip().rstrip(".!")
    for pattern in _TWO_PARTS:
        if match := pattern.match(text):
            return _if_actions(text, [match["first"], match["second"]])
    return _if_actions(text, [part for part in _FORWARDS.split(text) if part.strip(" ,;.")])


def _if_actions(text: str, parts: list[str]) -> list[str]:
    clauses = [_FIRST.sub("", part.strip(" ,;.")).strip(" ,") for part in parts]
    return clauses if len(clauses) > 1 and all(map(_tells_an_action, clauses)) else [text]


def _tells_an_action(clause: str) -> bool:
    words = set(re.findall(r"[a-z']+", clause.lower()))
    # "He is tired" sets the scene; "he is walking" does not.
    sets_the_scene = bool(words & _BEING) and not any(word.endswith("ing") for word in words)
    return bool(words - _NO_ACTION) and not sets_the_scene
