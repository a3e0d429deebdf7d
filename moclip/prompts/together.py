# SPDX-License-Identifier: Apache-2.0
"""Two actions at once: "a man waves while walking" -> "a man is walking", and on top of it "a man waves".

A model that has hardly seen both together shows one of them. What goes on foot and what arms do can be made apart and
put together bone by bone (`moclip.motion.layering`), so a sentence is parted only where one of its actions goes
and the other one is of the arms. Anything else stays a sentence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from moclip.prompts.clause_table import SUBJECT
from moclip.prompts.clauses import split_clauses
from moclip.prompts.together_table import ACTING, TOGETHER, TogetherRow

_GOES = {"going", "turn", "still", "sit", "low"}
_ARMS = {"hand": "arms", "gesture": "arms", "nod": "head", "punch": "upper_body", "slash": "upper_body"}
"""What bones an action of the arms, or of the head, is done with (`moclip.motion.layering.LIMBS`)."""
_STILL = re.compile(r"\b(?:no\s+longer|not|never|without|stops?|stopped|stopping|stands?|standing)\b", re.IGNORECASE)
_LEADING = re.compile(r"^(?:\s*(?:\w+ly|still|also|then|is|are|keeps?|keep\s+on|goes\s+on)\s+)+", re.IGNORECASE)
_TRAILING = re.compile(r"(?:[\s,]+(?:\w+ly|still|also|then|is|are|was|keeps?(?:\s+on)?|goes\s+on))+$", re.IGNORECASE)
_PRONOUN = re.compile(rf"^{SUBJECT}$", re.IGNORECASE)
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_BOTH = re.compile(
    r"\bboth\b|\b(?:clap|applau|juggl)\w*|\b(?:his|her|their|its|the|two|your)\s+(?:hands|arms)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Layer:
    """What arms do over a clause. clause: its number in the sentence. text: a sentence of its own. limbs: a name of
    `moclip.motion.layering.LIMBS`; "arms" where the sentence does not say which."""

    clause: int
    text: str
    limbs: str


@dataclass(frozen=True)
class Together:
    """A sentence without what is done at the same time, and that; the base has as many clauses as the sentence."""

    base: str
    layers: tuple[Layer, ...]


def read_together(text: str) -> Together:
    """The layers of a sentence, none where it tells no two actions at once."""
    return _READER.read(text)


class TogetherReader:
    """Reads by the rows of `together_table`, or by some of them."""

    def __init__(self, rows: Sequence[TogetherRow] = TOGETHER):
        self._rows = [(re.compile(row.pattern, re.IGNORECASE | re.VERBOSE), row.says) for row in rows]

    def read(self, text: str) -> Together:
        clauses = split_clauses(text)
        found = [self._parted(clause) for clause in clauses]
        if not any(found):
            return Together(text, ())
        base = "; ".join(pair[0] if pair else clause for pair, clause in zip(found, clauses, strict=True))
        if len(split_clauses(base)) != len(clauses):
            return Together(text, ())
        return Together(base, tuple(Layer(k, pair[1], _limbs(pair[1])) for k, pair in enumerate(found) if pair))

    def _parted(self, clause: str) -> tuple[str, str] | None:
        """What goes, and what arms do at the same time."""
        plain = clause.strip(" ,.!")
        for pattern, says in self._rows:
            if not (match := pattern.match(plain)):
                continue
            a, b = match["a"].strip(" ,"), f"{says} {match['b']}".strip(" ,")
            if _STILL.search(a) or _STILL.search(b):
                continue
            first, second = _kinds(a), _kinds(b)
            subject, other = _subject(a), _subject(b)
            if other and other.lower() != subject.lower() and not _PRONOUN.match(other) and subject:
                continue  # "He waves as the bus approaches" tells of two
            subject = subject or other
            if first and second and first <= _GOES and second <= set(_ARMS):
                return _sentence(subject, a), _said(subject, b, says)
            if first and second and second <= _GOES and first <= set(_ARMS):
                return _sentence(subject, b), _sentence(subject, a)
        return None


def _kinds(phrase: str) -> set[str]:
    return {match.lastgroup or "" for match in ACTING.finditer(phrase)}


def _said(subject: str, phrase: str, says: str) -> str:
    # "With both arms raised" tells how they are all along; a person who "is raising" them does so again and again.
    if says == "raising":
        phrase = re.sub(r"^raising\b", "raises" if subject else "raise", phrase)
    return _sentence(subject, phrase)


def _subject(phrase: str) -> str:
    """Who does it: the words before the verb, without adverbs and forms of "be"."""
    verb = ACTING.search(phrase)
    before = phrase[: verb.start()] if verb else ""
    return _TRAILING.sub("", before.rstrip(" ,")) if not _LEADING.fullmatch(f"{before} ") else ""


def _sentence(subject: str, phrase: str) -> str:
    """A phrase with its subject: the sentence's where it has none, or but a pronoun."""
    own = _subject(phrase)
    if own and not (_PRONOUN.match(own) and subject and not _PRONOUN.match(subject)):
        return phrase
    rest = phrase[len(own) :].strip(" ,")
    if not subject:
        return rest
    verb = ACTING.search(rest)
    doing = verb is not None and re.match(r"\w+ing\b", verb.group()) is not None
    linked = doing and not re.match(r"(?:is|are|keeps?)\b", rest, re.IGNORECASE)
    return f"{subject} {'is ' if linked else ''}{rest}"


def _limbs(text: str) -> str:
    verb = ACTING.search(text)
    where = _ARMS.get((verb.lastgroup or "") if verb else "", "arms")
    if where != "arms" or _BOTH.search(text):
        return "both_arms" if where == "arms" else where
    sides = {side.lower() for side in _SIDE.findall(text)}
    return f"{sides.pop()}_arm" if len(sides) == 1 else "both_arms" if sides else "arms"


_READER = TogetherReader()
