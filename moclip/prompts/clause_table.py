# SPDX-License-Identifier: Apache-2.0
"""The ways in which English tells that one action comes after another: one row a pattern, each with its example.

A row is found by its pattern alone, so a new way of saying it is a new row. Patterns are read with re.VERBOSE and
re.IGNORECASE.
"""

from dataclasses import dataclass

from moclip.prompts.clause_words import ANY_VERB, NOUN

SUBJECT = r"(?:he|she|it|they|you|we|i)"
_A_WHILE = r"(?:a|one)\s+(?:\w+\s+)?(?:second|moment|bit|beat|while|pause)"
_SOME = r"(?:an?|the|his|her|their|your|some)\s+(?!(?:second|moment|bit|beat|while|pause)\b)(?:[\w-]+\s+){0,2}?"
# "After something" and "before the wedding" tell of no second action.
_THINGS = r"(?:\w*thing|morning|evening|king|building|ceiling|wedding|ring|string|meeting|painting|spring|swing)"
_DOING = rf"(?=(?:(?:he|she|they|we|i)\s+\w|(?:\w+ly\s+)?(?!{_THINGS}\b)\w{{2,}}ing\b|{_SOME}{NOUN}\b))"


@dataclass(frozen=True)
class Row:
    """example: a sentence that is not parted so without this row. clauses: what becomes of it."""

    pattern: str
    example: str
    clauses: tuple[str, ...]


_START = r"(?:^|[\s,;]+)"
LISTS = (
    Row(rf"{_START}\(?\d[.)]\s+", "1. walk 2. wave with the left hand", ("walk", "wave with the left hand")),
    Row(rf"{_START}(?:part|step|phase)\s+\w+:\s+", "step one: walk step two: bow", ("walk", "bow")),
    Row(rf"{_START}[-=]*>\s+", "jump -> bow", ("jump", "bow")),
    Row(rf"{_START}\+\s+", "walk + wave", ("walk", "wave")),
    Row(rf"{_START}/\s+", "walk / wave", ("walk", "wave")),
)
"""Marks of an enumeration, each as good as a full stop."""


def _order(words: str) -> str:
    """Words of order, with what may stand around them."""
    before = r"[\s,;.]*\b(?:and\s*,?\s*|but\s+)?(?<!now\sand\s)(?<!since\s)(?<!until\s)(?<!by\s)"
    return rf"{before}(?:{words})\b[\s,;:]*"


_ONCE = r"(?:once|when|as\s+soon\s+as)\s+"
_STOPPED = rf"""(?:(?:{SUBJECT}|that|this)(?:'s|\s+(?:is|has|are|have))?\s+)?
    (?:stopped|done|finished|there|(?:through|over|past)(?:\s+(?:with\s+)?(?:it|that|this))?)"""
_ARRIVES = rf"""{SUBJECT}\s+(?:arrives?|gets?\s+there|reach(?:es)?\s+[^,]+?)(?=,|\s+{SUBJECT}\s)"""
_PAUSE = rf"(?:stop|pause|halt|wait)s?(?:\s+(?:briefly|there|(?:for\s+)?{_A_WHILE}))?"
_INTO = rf"(?:s|e|es|ed|ing)?\s+(?:over\s+)?into\s+(?={_SOME}{NOUN}\b)"
_LATER = r"(?:next(?:\s+thing)?|finally|lastly|subsequently|thereafter|later(?:\s+on)?|eventually|second(?:ly)?)"

BETWEEN = (
    Row(_order("then"), "a man walks, then waves", ("a man walks", "waves")),
    Row(_order("afterwards?"), "someone runs and afterwards bows", ("someone runs", "bows")),
    Row(_order(r"after\s+(?:that|this|which)"), "he bows, after that he runs", ("he bows", "he runs")),
    Row(_order(_ONCE + _STOPPED), "jogs ahead and, once stopped, waves", ("jogs ahead", "waves")),
    Row(_order(_ONCE + _ARRIVES), "walks up and when he arrives he bows", ("walks up", "he bows")),
    Row(
        _order(rf"{_ONCE}{SUBJECT}\s+(?:is|has|are|have)\s+[^,;]+(?=,)"),
        "walks back and, once he is at a distance, bows",
        ("walks back", "bows"),
    ),
    Row(_order(r"(?:is\s+)?followed\s+by"), "a walk followed by a bow", ("a walk", "a bow")),
    Row(_order(rf"after\s+{_A_WHILE}"), "raise the right hand and after a moment walk on",
        ("raise the right hand", "walk on")),
    Row(_order(rf"{_A_WHILE}\s+later"), "he swings the sword and a second later jumps",
        ("he swings the sword", "jumps")),
    Row(_order(r"follow(?:s|ed|ing)?\s+(?:it|this|that)\s+(?:up\s+)?(?:with|by)"),
        "bows and follows it up with a kick", ("bows", "a kick")),
    Row(r"\s+first\s*,\s*(?:and\s+)?(?=[^,;.]+\bsecond\b)", "a punch first, a kick second", ("a punch", "a kick")),
    # "Next to a car", "the next corner" and "he finally sits" tell no order: such words do after a comma or "and" only.
    Row(
        rf"(?:\s*[,;.]\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+){_LATER}\b(?!\s+to\b)[\s,;:]*",
        "walk, turn left, finally kick",
        ("walk, turn left", "kick"),
    ),
    # Only before an action: "ends in a bow" tells of one, "runs round in a circle" and "finishes in style" do not.
    Row(
        rf"""(?:[\s,;]+(?:and\s+)?|\s+(?:that|which|who)\s+)
        (?:end|finish|conclud|clos|round)(?:s|es|e|ed|ing)?(?:\s+(?:off|up|it|things))*\s+(?:with|by|in)\s+
        (?=(?:{_SOME})?(?:{ANY_VERB}|{NOUN}\b))""",
        "dances, ending with a deep bow",
        ("dances", "a deep bow"),
    ),
    Row(
        r"(?:\s*[,;]\s*(?:and\s+)?|\s+and\s+)(?:at|in)\s+the\s+(?:very\s+)?end\b(?!\s+of\b)[\s,;:]*",
        "she dances and at the very end bows",
        ("she dances", "bows"),
    ),
    Row(
        rf"[\s,;]+(?:and\s+)?{_PAUSE}\s*(?:,\s*(?:and\s+)?|\band\s+)(?={ANY_VERB})",
        "walk over, stop, wave your left hand",
        ("walk over", "wave your left hand"),
    ),
    Row(
        rf"[\s,;]+(?:and\s+|that\s+|which\s+)?(?:lead|transition|chang|switch|turn|morph|segue|flow){_INTO}",
        "a walk that turns into a sprint",
        ("a walk", "a sprint"),
    ),
    Row(
        rf"""[\s,;]+(?:and\s+)?(?:transition|chang|switch)(?:s|e|es|ed|ing)?\s+(?:over\s+)?to\s+
        (?=(?:\w+\s+){{0,2}}?{NOUN}\b|\w+ing\b)""",
        "he walks and switches to a run",
        ("he walks", "a run"),
    ),
    Row(rf"\s+and\s+(?:break|burst){_INTO}", "he walks and breaks into a run", ("he walks", "a run")),
    Row(
        rf"""[\s,;]+(?:and\s+)?(?:proceed|go|goes|going|mov(?:e|es|ing)|continu(?:e|es|ing))s?\s+(?:on\s+)?(?:to|with)\s+
        (?=(?:do\s+)?(?:{_SOME})?(?:bow|kick|punch|slash|jump|dance|wave)\b)""",
        "walks up and proceeds to bow",
        ("walks up", "bow"),
    ),
    Row(
        r"[\s,;]+(?:only\s+to|whereupon|at\s+which\s+point|and\s+that(?:'s|\s+is)\s+when)\s+",
        "he bows, only to leave",
        ("he bows", "leave"),
    ),
    Row(
        rf"[\s,;]*\b(?:before|until|prior\s+to)\s+(?:{_DOING}|(?=you\s+\w))",
        "a man jumps before waving",
        ("a man jumps", "waving"),
    ),
    Row(
        r"(?<!\bmr)(?<!\bms)(?<!\bdr)(?<!\bst)(?<!\bmrs)\s*[;.!]\s+",
        "he waves; he runs; he jumps",
        ("he waves", "he runs", "he jumps"),
    ),
)  # fmt: skip
"""What stands between an action and the next."""

_AFTER = rf"""(?:(?:after|following|once|as\s+soon\s+as)\s+{_DOING}
    | (?:having|after\s+having)\s+(?!an?\b|the\b|fun\b|his\b|her\b)(?:(?:finished|stopped)\s+)?)"""
TWO_PARTS = (
    Row(rf"^{_AFTER}(?P<first>[^,;]+),\s*(?P<second>.+)$", "After walking forward, he bows",
        ("walking forward", "he bows")),
    Row(
        rf"^after\s+(?P<first>\w+ing\b(?:(?!\b{SUBJECT}\b)[^,;])*?)\s+(?P<second>{SUBJECT}\s+\w.+)$",
        "after walking to the door he bows",
        ("walking to the door", "he bows"),
    ),
    Row(
        rf"^after\s+(?P<first>{_SOME}{NOUN}\b(?:(?!\b{SUBJECT}\b)[^,;])*?)\s+(?P<second>{SUBJECT}\s+\w.+)$",
        "after the punch he kicks",
        ("the punch", "he kicks"),
    ),
    Row(
        rf"^(?:once|after|as\s+soon\s+as)\s+(?P<first>{SUBJECT}\s+\w[^,;]*?)\s+(?P<second>{SUBJECT}\s+\w.+)$",
        "once he has bowed he dances",
        ("he has bowed", "he dances"),
    ),
    Row(rf"^(?:before|prior\s+to)\s+{_DOING}(?P<second>[^,;]+),\s*(?P<first>.+)$",
        "before waving, a person does a dance", ("a person does a dance", "waving")),
    Row(rf"^(?P<second>.+?)[\s,]+after\s+{_DOING}(?P<first>.+)$",
        "a person waves after walking forward", ("walking forward", "a person waves")),
    Row(
        r"^(?P<second>.+?)[\s,;]+(?:but|though)\s+(?:first(?:\s+of\s+all)?|before\s+that)\b[\s,]*(?P<first>.+)$",
        "He walks away, but first he waves",
        ("he waves", "He walks away"),
    ),
    Row(
        rf"^(?P<second>.+?)[\s,]+at\s+the\s+(?:very\s+)?end\s+of\s+(?P<first>{_SOME}{NOUN}\b.*)$",
        "waves at the end of a short run",
        ("a short run", "waves"),
    ),
    Row(
        rf"^(?:\w+\s+)*?follow(?:s|ed|ing)?\s+(?P<first>{_SOME}{NOUN}\b)\s+(?:up\s+)?with\s+(?P<second>.+)$",
        "follows a bow with a jump",
        ("a bow", "a jump"),
    ),
    Row(
        rf"^(?P<first>.+?)\s+with\s+(?P<second>{_SOME}{NOUN}\b)\s+(?:after\s+(?:it|that)|afterwards|at\s+the\s+end)$",
        "a bow with a jump after it",
        ("a bow", "a jump"),
    ),
    Row(
        rf"""^(?:.*\s)?(?:go|goes|going|switch\w*|chang\w+|transition\w*|mov\w+)\s+from\s+
        (?P<first>(?:{_SOME})?{ANY_VERB}[^,;]*?)\s+(?:in)?to\s+(?P<second>(?:{_SOME})?{NOUN}\b.*|\w+ing\b.*)$""",
        "switches from walking to running",
        ("walking", "running"),
    ),
)  # fmt: skip
"""Whole sentences of two actions: the groups `first` and `second` in the order in which they happen."""

JOINTS = (
    Row(r"(?P<comma>\s*,\s*)", "he bows, walks off", ("he bows", "walks off")),
    Row(r"(?:\s*,)?\s+and\s+(?:than\s+)?", "kicks and punches", ("kicks", "punches")),
    Row(r"\s+to\s+", "runs in to kick the ball", ("runs in", "kick the ball")),
)
"""What parts two actions that nobody does at once, and no others."""

FIRSTS = (
    Row(r"^first(?:ly)?\b[\s,:]*", "First he bows. Then he waves!", ("he bows", "he waves")),
    Row(r"^initially\b[\s,:]*", "Initially he walks, then he runs", ("he walks", "he runs")),
    Row(r"^(?:to|at)\s+(?:begin|start|finish|first)(?:\s+with)?\b[\s,:]*", "To begin with he bows, then he runs",
        ("he bows", "he runs")),
    Row(r"^(?:begin|start)(?:s|ning|ing)?\s+(?:out\s+)?(?:with|by)\s+", "starts with a bow, then a jump",
        ("a bow", "a jump")),
    Row(r"[\s,]+(?:at\s+)?first$", "walks slowly at first but then sprints", ("walks slowly", "sprints")),
    Row(r"[\s,]+(?:afterwards?|second)$", "bow first, then jump second", ("bow", "jump")),
)  # fmt: skip
"""Words that only number an action, and are no part of it."""
