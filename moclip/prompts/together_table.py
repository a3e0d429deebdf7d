# SPDX-License-Identifier: Apache-2.0
"""The ways in which English tells that two actions happen at once: one row a pattern, each with its example.

As in `clause_table`, a row is found by its pattern alone. The groups `a` and `b` are the two actions, in any order;
which of them goes and which one the arms do is told by their verbs. Patterns are read with re.VERBOSE and
re.IGNORECASE.
"""

import re
from dataclasses import dataclass

from moclip.prompts.clause_table import SUBJECT
from moclip.prompts.clause_words import VERB, forms_of


@dataclass(frozen=True)
class TogetherRow:
    """example: a sentence that is not read so without this row. going, doing: what becomes of it. says: put before `b`
    where that is no verb."""

    pattern: str
    example: str
    going: str
    doing: str
    says: str = ""


_MORE = {
    "still": rf"{forms_of('sit kneel squat crouch balance')}|seated",
    "gesture": rf"""{forms_of("clap applaud drink sip juggle")}
        |(?:{forms_of("circle swing rotate stretch")})(?=(?:\s+\w+){{0,3}}?\s+arms?\b)
        |(?:{forms_of("hold carry")})(?=(?:\s+\w+){{0,3}}?\s+(?:torch|lantern|lamp|candle)\b)
        |(?:{forms_of("aim point")})(?=(?:\s+\w+){{0,3}}?\s+(?:gun|rifle|pistol|weapon|bow)\b)""",
    "nod": forms_of("nod"),
}
ACTING = re.compile(
    rf"{VERB.pattern}|\b(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _MORE.items())})(?![\w'-])",
    re.IGNORECASE | re.VERBOSE,
)
"""A verb of an action that may be one of two at once, its kind the name of the group: those that part a sentence into
clauses, and others that nobody does one after the other without saying so."""
_ACTING = "(?:" + re.sub(r"\?P<\w+>", "?:", ACTING.pattern) + ")"

_AS = r"(?:all\s+the\s+while|while|whilst|as|when)\s+(?:still\s+|also\s+)?"
_ONE = rf"(?:{SUBJECT}|(?:an?|the|his|her|their)\s+\w+)"
_OF_ONE = r"(?:both|an?|one|two|the|his|her|their|its|your)"
_AT_ONCE = r"(?:at\s+the\s+same\s+time|simultaneously|at\s+once|all\s+the\s+while|meanwhile|as\s+(?:he|she|it)\s+goes)"
_RAISED = r"""(?:up(?:\s+high)?|(?:raised|lifted)(?:\s+high)?(?:\s+(?:in|into|up\s+in)\s+the\s+air)?|in\s+the\s+air
    |held\s+(?:up|high)|stretched\s+up(?:wards)?
    |over(?:head|\s+(?:his|her|their|its|the)\s+head)|above\s+(?:his|her|their|its|the)\s+head)"""
_LIMB = rf"(?:{_OF_ONE}\s+)?(?:(?:left|right|of\s+\w+)\s+)?(?:hands?|arms?)"

TOGETHER = (
    TogetherRow(rf"^{_AS}(?P<a>[^,;]+),\s*(?P<b>[^,;]+)$", "While walking, he waves",
        "he is walking", "he waves"),
    TogetherRow(
        rf"^{_AS}(?P<a>(?:{_ONE}\s+)?\w+(?:(?!\b{SUBJECT}\b)[^,;])*?)\s+(?P<b>{SUBJECT}\s+\w[^,;]*)$",
        "as he jogs along he waves",
        "he jogs along",
        "he waves",
    ),
    TogetherRow(rf"^(?P<a>[^;]+?)[\s,]+{_AS}(?=\w+ing\b|{_ONE}\s+\w|{_ACTING})(?P<b>[^,;]+)$",
        "a man waves while walking", "a man is walking", "a man waves"),
    TogetherRow(rf"^(?P<a>[^;]+?)(?:\s*,)?\s+(?:and|but)\s+{_AT_ONCE}[\s,]+(?P<b>[^;]+)$",
        "he walks and at the same time waves", "he walks", "he waves"),
    TogetherRow(rf"^(?P<a>[^;]+?)(?:\s+and\s+|\s*,\s*(?:and\s+)?)(?P<b>[^;]+?)[\s,]+{_AT_ONCE}$",
        "a man walks and waves at the same time", "a man walks", "a man waves"),
    TogetherRow(rf"^{_AT_ONCE}[\s,]+(?P<a>[^;]+?)\s+and\s+(?P<b>[^;]+)$",
        "simultaneously walk and wave", "walk", "wave"),
    TogetherRow(
        rf"^(?P<a>[^;]+?)[\s,]+(?:with|holding|keeping)\s+(?P<b>{_LIMB})\s+{_RAISED}$",
        "she runs with both arms raised",
        "she runs",
        "she raises both arms",
        says="raising",
    ),
    TogetherRow(
        rf"^(?P<a>[^;]+?)[\s,]+(?:with|,)?\s*(?P<b>{_LIMB})\s+waving(?:\s+\w+)?$",
        "he walks along, his right hand waving",
        "he walks along",
        "he is waving his right hand",
        says="waving",
    ),
    TogetherRow(rf"^(?P<a>(?:{_ONE}\s+(?:is\s+)?)?\w+ing\b[^,;]*?)\s+and\s+(?=\w+ing\b)(?P<b>{_ACTING}[^;]*)$",
        "walking and waving with the left hand", "walking", "waving with the left hand"),
    TogetherRow(rf"^(?P<a>[^;]+?)[\s,]+(?:\w+ly\s+)?(?=\w+ing\b)(?P<b>{_ACTING}[^;]*)$",
        "he walks forward, waving his left hand", "he walks forward", "he is waving his left hand"),
)  # fmt: skip
