# SPDX-License-Identifier: Apache-2.0
"""The actions that a sentence tells one after the other: "a man walks, then waves" -> "a man walks", "waves".

A text encoder pools a sentence into one vector that hardly says what comes first. Words of order do, and there are few.
What they do not clearly separate ("waves while walking", "raises a hand and waves") stays one action. A bare "and"
parts going somewhere from what is done on the spot ("runs up and kicks"), since asked for both at once the model shows
but one of them.
"""

import re

_SUBJECT = r"(?:he|she|it|they|you|we|i)"
_THEN = r"(?:then|afterwards?|after\s+(?:that|this|which))"
_LATER = r"(?:next|finally|lastly|subsequently|thereafter|later(?:\s+on)?|eventually)"
_DONE = rf"(?:once|when|as\s+soon\s+as)\s+(?:{_SUBJECT}(?:'s|\s+(?:is|has|are|have))?\s+)?(?:stopped|done|finished)"
# "After something" and "before the wedding" tell of no second action.
_THINGS = r"(?:\w*thing|morning|evening|king|building|ceiling|wedding|ring|string|meeting|painting|spring|swing)"
_DOING = rf"(?=(?:(?:he|she|they|we|i)\s+\w|(?:\w+ly\s+)?(?!{_THINGS}\b)\w{{2,}}ing\b))"

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
# "And" is a word of order between verbs of these two kinds only.
_GOING = r"""(?:walk|jog|march|stroll|saunter|wander|approach)(?:s|es|ed|ing)?|run(?:s|ning)?|ran|sprint(?:s|ed|ing)?|
    strid(?:e|es|ing)|strode|rush(?:es|ed|ing)?|dash(?:es|ed|ing)?|hurr(?:y|ies|ied|ying)|rac(?:e|es|ed|ing)|
    retreat(?:s|ed|ing)?|back(?:s|ed|ing)?\s+(?:away|off|up|out)|steps?\s+back(?:wards?)?"""
_ON_THE_SPOT = r"""wav(?:e|es|ed|ing)|bow(?:s|ed|ing)?|salut(?:e|es|ed|ing)|curts(?:y|ies|ied|ying)|kick(?:s|ed|ing)?|
    punch(?:es|ed|ing)?|slash(?:es|ed|ing)?|danc(?:e|es|ed|ing)|jump(?:s|ed|ing)?|leap(?:s|ed|ing)?|hop(?:s|ped|ping)?|
    rais(?:e|es|ed|ing)|lift(?:s|ed|ing)?|throw(?:s|ing)?|swing(?:s|ing)?|strik(?:e|es|ing)|hit(?:s|ting)?|
    greet(?:s|ed|ing)?|put(?:s|ting)?\s+(?:up|(?:his|her|their|its|your|both|the|a)\b)"""
_VERB = re.compile(rf"\b(?:(?P<going>{_GOING})|(?P<spot>{_ON_THE_SPOT}))(?![\w'-])", re.IGNORECASE | re.VERBOSE)
_AND = re.compile(rf"(?:\s*,)?\s+and\s+(?=(?:{_SUBJECT}\s+)?(?:\w+ly\s+)?(?P<next>\w.*)$)", re.IGNORECASE)
_AT_ONCE = re.compile(
    r"\b(?:while|whilst|as\s+(?:he|she|it|they)|at\s+the\s+same\s+time|simultaneously)\b", re.IGNORECASE
)
_OTHER_SIDE = re.compile(r"^(?:his|her|its|their|the|my|your)\s+(?:left|right)\b(?:\s+\w+){0,2}$", re.IGNORECASE)
_A_SIDE = re.compile(r"\b(?:his|her|its|their|the|my|your)\s+(?:left|right)\b", re.IGNORECASE)
_FIRST = re.compile(
    r"^(?:first(?:ly)?|initially|to\s+(?:begin|start)(?:\s+with)?)\b[\s,:]*|[\s,]+first$", re.IGNORECASE
)
_AFTER = rf"(?:(?:after|once|as\s+soon\s+as)\s+{_DOING}|(?:having|after\s+having)\s+(?:finished|stopped)\s+)"
_TWO_PARTS = (
    re.compile(rf"^{_AFTER}(?P<first>[^,;]+),\s*(?P<second>.+)$", re.IGNORECASE),
    re.compile(
        rf"^after\s+(?P<first>\w+ing\b(?:(?!\b{_SUBJECT}\b)[^,;])*?)\s+(?P<second>{_SUBJECT}\s+\w.+)$", re.IGNORECASE
    ),
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
    clauses: list[str] = []
    for part in parts:
        clause = _FIRST.sub("", part.strip(" ,;.")).strip(" ,")
        if clauses and _OTHER_SIDE.match(clause) and (side := _A_SIDE.search(clauses[-1])):
            clause = clauses[-1][: side.start()] + clause  # "raises his left hand, then his right one"
        clauses += _parted_by_and(clause)
    return clauses if len(clauses) > 1 and all(map(_tells_an_action, clauses)) else [text]


def _parted_by_and(clause: str) -> list[str]:
    if _AT_ONCE.search(clause):
        return [clause]
    for joint in _AND.finditer(clause):
        before, after = _VERB.search(clause[: joint.start()]), _VERB.match(joint["next"])
        if before and after and before.lastgroup != after.lastgroup:
            return [clause[: joint.start()].strip(" ,"), *_parted_by_and(clause[joint.end() :])]
    return [clause]


def _tells_an_action(clause: str) -> bool:
    if re.match(rf"(?:{_SUBJECT}\s+)?back(?:s|ed|ing)?\s+(?:away|off|up|out)\b", clause, re.IGNORECASE):
        return True
    words = set(re.findall(r"[a-z']+", clause.lower()))
    # "He is tired" sets the scene; "he is walking" does not.
    sets_the_scene = bool(words & _BEING) and not any(word.endswith("ing") for word in words)
    return bool(words - _NO_ACTION) and not sets_the_scene
