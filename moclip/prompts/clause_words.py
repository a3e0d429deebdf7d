# SPDX-License-Identifier: Apache-2.0
"""The verbs and nouns by which `moclip.prompts.clauses` knows an action, and which of them exclude one another."""

import re

from moclip.captions.grammar import inflect

_LEMMAS = {
    "going": """walk jog run march stroll saunter amble wander approach sprint stride rush dash hurry race retreat trot
        sneak creep tiptoe limp""",
    "turn": "turn spin twirl pirouette",
    "bow": "bow curtsy",
    "kick": "kick",
    "punch": "punch jab strike hit",
    "slash": "slash",
    "jump": "jump leap hop",
    "dance": "dance",
    "hand": "wave salute greet",
}
# Verbs that are an action of their kind with the right words behind them only.
_PHRASES = {
    "going": r"back(?:s|ed|ing)?\s+(?:away|off|up|out)|(?:steps?|stepped|stepping)\s+back(?:wards?)?",
    "slash": r"""(?:swings?|swung|swinging)
        (?=(?:\s+\w+){0,3}?\s+(?:sword|blade|axe|katana|sab(?:re|er)|staff|stick|bat)\b)""",
    "hand": r"""(?:rais(?:e|es|ed|ing)|lift(?:s|ed|ing)?|throw(?:s|ing)?|threw|put(?:s|ting)?|hold(?:s|ing)?)
        (?=(?:\s+\w+){0,4}?\s+(?:hands?|arms?)\b)""",
    "punch": r"(?:throw(?:s|ing)?|threw)(?=(?:\s+\w+){1,2}?\s+(?:punch|jab|hook|uppercut)\b)",
}
# Said of what comes next; "sitting and clapping" is at once, so their participles are left out.
_NEXT = {
    "sit": r"sits?|sat",
    "low": r"kneels?|knelt|crouch(?:es|ed)?|squats?|squatted",
    "rise": r"(?:stands?|stood|gets?|got)\s+(?:back\s+)?(?:up\b(?!\s+straight)|(?:on|to)\s+\w+\s+feet)|rises?|rose",
    "lie": r"(?:lies?|lay)\s+(?:back\s+)?down",
    "fall": r"(?:falls?|fell)(?!\s+asleep)|collapses?|collapsed",
    "crawl": r"crawls?|crawled",
    "climb": r"climbs?|climbed",
    "roll": r"rolls?|rolled",
    "pick": r"(?:picks?|picked)(?=(?:\s+\w+){0,4}?\s+up\b)",
    "sleep": r"(?:falls?|fell)\s+asleep|sleeps?|slept",
    "throw": r"throws?|threw|hurls?|hurled|toss(?:es|ed)?",
}
_LIGHT = "do take perform throw give make deliver land execute start begin"


def forms_of(lemmas: str) -> str:
    """A pattern of the four forms of verbs: walk, walks, walking, walked."""
    return "|".join(sorted({inflect(verb, form) for verb in lemmas.split() for form in ("base", "s", "ing", "past")}))


def _kind(name: str) -> str:
    return forms_of(_LEMMAS[name]) + (f"|{_PHRASES[name]}" if name in _PHRASES else "")


_PREFIX = rf"(?:{forms_of(_LIGHT)})\s+(?:to\s+|(?:an?|the|some|one|two|his|her)\s+(?:\w+\s+){{0,2}}?)?"
_PATTERNS = {**{name: _kind(name) for name in _LEMMAS}, **_NEXT}
_KINDS = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items())
VERB = re.compile(rf"\b(?:{_PREFIX})?(?:{_KINDS})(?![\w'-])", re.IGNORECASE | re.VERBOSE)
"""An action's verb, its kind the name of the group: "bows", "takes a deep bow", "starts to run"."""

ANY_VERB = rf"\b(?:{_PREFIX})?(?:{'|'.join(_PATTERNS.values())})(?![\w'-])"
NOUN = rf"(?:{'|'.join(' '.join(_LEMMAS.values()).split())}|punching|kicking|hook|uppercut|step)(?:e?s)?"
"""A pattern of the nouns for actions: walk, bows, jump."""

_ONLY = {"going", "turn", "bow", "kick", "punch", "slash", "rise", "fall", "crawl", "climb", "roll"}


def at_once(first: str, second: str) -> bool:
    """Whether legs do one and arms the other, so that a body can do both; the kinds are VERB's groups."""
    return bool({first, second} & {"going", "turn"}) and bool({first, second} & {"hand", "punch", "slash"})


def exclude(first: str, second: str) -> bool:
    """Whether nobody does both at once, so that a bare "and" tells their order; the kinds are VERB's groups.

    "Walks and turns" is one action, and so are "jumps and kicks" and "raises a hand and waves".
    """
    if first == second or {first, second} == {"jump", "kick"} or (first, second) == ("going", "turn"):
        return False
    return bool(_ONLY & {first, second}) or (first, second) in {("pick", "throw"), ("lie", "sleep")}
