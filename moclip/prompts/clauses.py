# SPDX-License-Identifier: Apache-2.0
"""The actions that a sentence tells one after the other: "a man walks, then waves" -> "a man walks", "waves".

A text encoder pools a sentence into one vector that hardly says what comes first. Words of order do, and there are few.
What they do not clearly separate ("waves while walking", "raises a hand and waves") stays one action. A bare "and" or
comma parts two actions that nobody does at once ("runs up and kicks", "bows, walks off"), since asked for both together
the model shows but one of them.
"""

import re

from moclip.prompts.clause_words import ANY_VERB, NOUN, VERB, exclude

_SUBJECT = r"(?:he|she|it|they|you|we|i)"
_THEN = r"(?:then|afterwards?|after\s+(?:that|this|which))"
_LATER = r"(?:next(?:\s+thing)?|finally|lastly|subsequently|thereafter|later(?:\s+on)?|eventually|second(?:ly)?)"
_DONE = rf"""(?:once|when|as\s+soon\s+as)\s+
    (?:(?:(?:{_SUBJECT}|that|this)(?:'s|\s+(?:is|has|are|have))?\s+)?(?:stopped|done|finished|there
        |(?:through|over|past)(?:\s+(?:with\s+)?(?:it|that|this))?)
    | {_SUBJECT}\s+(?:arrives?|gets?\s+there|reach(?:es)?\s+[^,]+?)(?=,|\s+{_SUBJECT}\s)
    | {_SUBJECT}\s+(?:is|has|are|have)\s+[^,;]+(?=,))"""
_A_WHILE = r"(?:a|one)\s+(?:\w+\s+)?(?:second|moment|bit|beat|while|pause)"
_PAUSE = rf"(?:stop|pause|halt|wait)s?(?:\s+(?:briefly|there|(?:for\s+)?{_A_WHILE}))?"
_SOME = r"(?:an?|the|his|her|their|your|some)\s+(?!(?:second|moment|bit|beat|while|pause)\b)(?:\w+\s+){0,2}?"
# Only before an action: "ends in a bow" tells of one, "runs round in a circle" and "finishes in style" do not.
_END = rf"""(?:end|finish|conclud|clos|round)(?:s|es|e|ed|ing)?(?:\s+(?:off|up|it|things))*\s+(?:with|by|in)\s+
    (?=(?:{_SOME})?(?:{ANY_VERB}|{NOUN}\b))"""
# "After something" and "before the wedding" tell of no second action.
_THINGS = r"(?:\w*thing|morning|evening|king|building|ceiling|wedding|ring|string|meeting|painting|spring|swing)"
_DOING = rf"(?=(?:(?:he|she|they|we|i)\s+\w|(?:\w+ly\s+)?(?!{_THINGS}\b)\w{{2,}}ing\b|{_SOME}{NOUN}\b))"

_LIST = re.compile(
    r"(?:^|[\s,;]+)(?:\(?\d[.)]|(?:part|step|phase)\s+\w+:|[-=]*>|\+|/)\s+", re.IGNORECASE
)  # "1. walk 2. wave", "walk -> wave"
# "Next to a car", "the next corner" and "he finally sits" tell no order: such words do after a comma or "and" only.
_FORWARDS = re.compile(
    rf"""
    [\s,;.]*\b(?:and\s*,?\s*|but\s+)?(?<!now\sand\s)(?<!since\s)(?<!until\s)(?<!by\s)
      (?:{_THEN}|{_DONE}|(?:is\s+)?followed\s+by|after\s+{_A_WHILE}|{_A_WHILE}\s+later
      |follow(?:s|ed|ing)?\s+(?:it|this|that)\s+(?:up\s+)?(?:with|by))\b[\s,;:]*
    | (?:\s*[,;.]\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+){_LATER}\b(?!\s+to\b)[\s,;:]*
    | (?:[\s,;]+(?:and\s+)?|\s+(?:that|which)\s+){_END}
    | (?:\s*[,;]\s*(?:and\s+)?|\s+and\s+)(?:at|in)\s+the\s+(?:very\s+)?end\b(?!\s+of\b)[\s,;:]*
    | [\s,;]+(?:and\s+)?{_PAUSE}\s*(?:,\s*(?:and\s+)?|\band\s+)(?={ANY_VERB})
    | (?:[\s,;]+(?:and\s+|that\s+|which\s+)?(?:lead|transition|chang|switch|turn|morph|segue|flow)
      |\s+and\s+(?:break|burst))
      (?:s|e|es|ed|ing)?\s+(?:over\s+)?into\s+(?={_SOME}{NOUN}\b)
    | [\s,;]+(?:and\s+)?(?:proceed|go|goes|going|mov(?:e|es|ing)|continu(?:e|es|ing))s?\s+(?:on\s+)?(?:to|with)\s+
      (?=(?:do\s+)?(?:{_SOME})?(?:bow|kick|punch|slash|jump|dance|wave)\b)
    | [\s,;]+(?:only\s+to|whereupon|at\s+which\s+point|and\s+that(?:'s|\s+is)\s+when)\s+
    | [\s,;]*\b(?:before|until|prior\s+to)\s+(?:{_DOING}|(?=you\s+\w))
    | \s*[;.!]\s+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_JOINT = re.compile(
    rf"(?:(?P<comma>\s*,\s*)|(?:\s*,)?\s+and\s+|\s+to\s+)(?=(?:{_SUBJECT}\s+)?(?:\w+ly\s+)?(?P<next>\w.*)$)",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(
    r"\b(?:while|whilst|when|as\s+(?:he|she|it|they)|at\s+the\s+same\s+time|simultaneously)\b", re.IGNORECASE
)
_OTHER_SIDE = re.compile(r"^(?:his|her|its|their|the|my|your)\s+(?:left|right)\b(?:\s+\w+){0,2}$", re.IGNORECASE)
_A_SIDE = re.compile(r"\b(?:his|her|its|their|the|my|your)\s+(?:left|right)\b", re.IGNORECASE)
_FIRST = re.compile(
    r"""^(?:first(?:ly)?|initially|(?:to|at)\s+(?:begin|start|finish|first)(?:\s+with)?)\b[\s,:]*
    | ^(?:begin|start)(?:s|ning|ing)?\s+(?:out\s+)?(?:with|by)\s+
    | [\s,]+(?:at\s+)?first$ | [\s,]+(?:afterwards?|second)$""",
    re.IGNORECASE | re.VERBOSE,
)
_AFTER = rf"""(?:(?:after|following|once|as\s+soon\s+as)\s+{_DOING}
    | (?:having|after\s+having)\s+(?!an?\b|the\b|fun\b|his\b|her\b)(?:(?:finished|stopped)\s+)?)"""
_TWO_PARTS = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        rf"^{_AFTER}(?P<first>[^,;]+),\s*(?P<second>.+)$",
        rf"^after\s+(?P<first>\w+ing\b(?:(?!\b{_SUBJECT}\b)[^,;])*?)\s+(?P<second>{_SUBJECT}\s+\w.+)$",
        rf"^after\s+(?P<first>{_SOME}{NOUN}\b(?:(?!\b{_SUBJECT}\b)[^,;])*?)\s+(?P<second>{_SUBJECT}\s+\w.+)$",
        rf"^(?:once|after|as\s+soon\s+as)\s+(?P<first>{_SUBJECT}\s+\w[^,;]*?)\s+(?P<second>{_SUBJECT}\s+\w.+)$",
        rf"^(?:before|prior\s+to)\s+{_DOING}(?P<second>[^,;]+),\s*(?P<first>.+)$",
        rf"^(?P<second>.+?)[\s,]+after\s+{_DOING}(?P<first>.+)$",
        r"^(?P<second>.+?)[\s,;]+(?:but|though)\s+(?:first(?:\s+of\s+all)?|before\s+that)\b[\s,]*(?P<first>.+)$",
        rf"^(?P<second>.+?)[\s,]+at\s+the\s+(?:very\s+)?end\s+of\s+(?P<first>{_SOME}{NOUN}\b.*)$",
        rf"^(?:\w+\s+)*?follow(?:s|ed|ing)?\s+(?P<first>{_SOME}{NOUN}\b)\s+(?:up\s+)?with\s+(?P<second>.+)$",
        rf"^(?P<first>.+?)\s+with\s+(?P<second>{_SOME}{NOUN}\b)\s+(?:after\s+(?:it|that)|afterwards|at\s+the\s+end)$",
        r"^(?:.*\s)?(?:go|goes|going|switch\w*|chang\w+|transition\w*|mov\w+)\s+from\s+"
        rf"(?P<first>(?:{_SOME})?{ANY_VERB}[^,;]*?)\s+(?:in)?to\s+(?P<second>(?:{_SOME})?{NOUN}\b.*"
        r"|\w+ing\b.*)$",
    )
)
# Words that alone make no action: the second half of "raises an arm up and then down", the first of "a man then bows".
_NO_ACTION = {
    "up", "down", "left", "right", "back", "forward", "forwards", "backward", "backwards", "away", "in", "out",
    "again", "slowly", "quickly", "fast", "faster", "slower", "to", "the", "his", "her", "their", "its", "over", "on",
    "upwards", "downwards", "sideways", "and", "side", "other", "one", "more", "quietly",
    "a", "an", "he", "she", "it", "they", "you", "we", "i", "person", "man", "woman", "someone", "somebody",
    "character", "figure",
}  # fmt: skip
_SUBJECTS = {
    "a", "an", "the", "he", "she", "it", "they", "you", "we", "i", "person", "man", "woman", "someone", "somebody",
    "character", "figure",
}  # fmt: skip
_BEING = {"is", "are", "was", "were", "am"}


def split_clauses(text: str) -> list[str]:
    """The clauses of a sentence in the order in which they happen; [text] where it tells one action."""
    text = text.strip().rstrip(".!")
    plain = _LIST.sub("; ", text).strip(" ;,")
    for pattern in _TWO_PARTS:
        if match := pattern.match(plain):
            return _if_actions(text, [match["first"], match["second"]])
    return _if_actions(text, [part for part in _FORWARDS.split(plain) if part.strip(" ,;.")])


def _if_actions(text: str, parts: list[str]) -> list[str]:
    clauses: list[str] = []
    waiting = ""  # "he" of "he then waves" belongs to what follows
    for part in parts:
        clause = f"{waiting} {_FIRST.sub('', part.strip(' ,;.')).strip(' ,')}".strip()
        waiting = ""
        if clauses and _OTHER_SIDE.match(clause) and (side := _A_SIDE.search(clauses[-1])):
            clause = clauses[-1][: side.start()] + clause  # "raises his left hand, then his right one"
        if _tells_an_action(clause):
            clauses += _parted(clause)
        elif set(clause.lower().split()) <= _SUBJECTS:
            waiting = clause
        else:
            return [text]
    return clauses if len(clauses) > 1 and not waiting else [text]


def _parted(clause: str) -> list[str]:
    """The clause parted where a bare "and", comma or "to" stands between two actions that exclude one another."""
    if _AT_ONCE.search(clause):
        return [clause]
    for joint in _JOINT.finditer(clause):
        before, after = VERB.search(clause[: joint.start()]), VERB.match(joint["next"])
        if not before or not after or not exclude(before.lastgroup, after.lastgroup):
            continue
        # "Walks, waving": a participle after a comma tells of the same time.
        if joint["comma"] and after.group().endswith("ing") and not before.group().endswith("ing"):
            continue
        return [clause[: joint.start()].strip(" ,"), *_parted(clause[joint.end() :])]
    return [clause]


def _tells_an_action(clause: str) -> bool:
    if re.match(rf"(?:{_SUBJECT}\s+)?back(?:s|ed|ing)?\s+(?:away|off|up|out)\b", clause, re.IGNORECASE):
        return True
    words = set(re.findall(r"[a-z']+", clause.lower()))
    # "He is tired" sets the scene; "he is walking" does not.
    sets_the_scene = bool(words & _BEING) and not any(word.endswith("ing") for word in words)
    return bool(words - _NO_ACTION) and not sets_the_scene
