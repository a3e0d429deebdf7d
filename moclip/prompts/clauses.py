# SPDX-License-Identifier: Apache-2.0
"""The actions that a sentence tells one after the other: "a man walks, then waves" -> "a man walks", "waves".

A text encoder pools a sentence into one vector that hardly says what comes first. Words of order do, and there are few.
What they do not clearly separate ("waves while walking", "raises a hand and waves") stays one action. A bare "and" or
comma parts two actions that nobody does at once ("runs up and kicks", "bows, walks off"), since asked for both together
the model shows but one of them.
"""

import re
from collections.abc import Sequence

from moclip.prompts import clause_table
from moclip.prompts.clause_table import SUBJECT, Row
from moclip.prompts.clause_words import VERB, at_once, exclude

_AT_ONCE = re.compile(
    r"\b(?:while|whilst|when|as\s+(?:he|she|it|they)|at\s+the\s+same\s+time|simultaneously)\b", re.IGNORECASE
)
_OTHER_SIDE = re.compile(r"^(?:his|her|its|their|the|my|your)\s+(?:left|right)\b(?:\s+\w+){0,2}$", re.IGNORECASE)
_A_SIDE = re.compile(r"\b(?:his|her|its|their|the|my|your)\s+(?:left|right)\b", re.IGNORECASE)
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
_CALLS = {
    "hi", "hey", "hello", "yo", "oh", "ok", "okay", "yes", "yeah", "no", "wow", "yay", "hooray", "hurray", "ouch",
    "goal", "please", "thanks", "bravo", "attention", "ready", "now", "so", "well", "alright",
}  # fmt: skip
"""Words called out, which are no action where one follows: "Goal! She throws her arms up"."""
_BEING = {"is", "are", "was", "were", "am"}


def split_clauses(text: str) -> list[str]:
    """The clauses of a sentence in the order in which they happen; [text] where it tells one action."""
    return _SPLITTER.split(text)


class Splitter:
    """Splits by the rows of `clause_table`, or by some of them."""

    def __init__(
        self,
        lists: Sequence[Row] = clause_table.LISTS,
        between: Sequence[Row] = clause_table.BETWEEN,
        two_parts: Sequence[Row] = clause_table.TWO_PARTS,
        joints: Sequence[Row] = clause_table.JOINTS,
        firsts: Sequence[Row] = clause_table.FIRSTS,
    ):
        self._list, self._between, self._first = _any(lists), _any(between), _any(firsts)
        self._two_parts = [_compiled(row.pattern) for row in two_parts]
        joint = "|".join(row.pattern for row in joints)
        self._joint = _compiled(rf"(?:{joint})(?=(?:{SUBJECT}\s+)?(?:\w+ly\s+)?(?P<next>\w.*)$)")

    def split(self, text: str) -> list[str]:
        text = text.strip().rstrip(".!")
        plain = self._list.sub("; ", text).strip(" ;,")
        for pattern in self._two_parts:
            if match := pattern.match(plain):
                return self._if_actions(text, [match["first"], match["second"]])
        return self._if_actions(text, [part for part in self._between.split(plain) if part.strip(" ,;.")])

    def _if_actions(self, text: str, parts: list[str]) -> list[str]:
        clauses: list[str] = []
        waiting = ""  # "he" of "he then waves" belongs to what follows
        for part in parts:
            clause = f"{waiting} {self._first.sub('', part.strip(' ,;.')).strip(' ,')}".strip()
            waiting = ""
            if _words(clause) <= _CALLS:
                continue
            if clauses and _OTHER_SIDE.match(clause) and (side := _A_SIDE.search(clauses[-1])):
                clause = clauses[-1][: side.start()] + clause  # "raises his left hand, then his right one"
            if _tells_an_action(clause):
                clauses += self._parted(clause)
            elif set(clause.lower().split()) <= _SUBJECTS:
                waiting = clause
            else:
                return [text]
        return clauses if len(clauses) > 1 and not waiting else [text]

    def _parted(self, clause: str) -> list[str]:
        """The clause parted where a bare "and", comma or "to" stands between actions that exclude one another."""
        if _AT_ONCE.search(clause):
            return [clause]
        for joint in self._joint.finditer(clause):
            before, after = VERB.search(clause[: joint.start()]), VERB.match(joint["next"])
            if not before or not after or not exclude(before.lastgroup or "", after.lastgroup or ""):
                continue
            # "Walks, waving": a participle after a comma tells of the same time.
            comma = joint.groupdict().get("comma")
            # "Walking and waving" is at once, too; who walks and waves does so in turn.
            doing = before.group().endswith("ing") and after.group().endswith("ing")
            if doing and not comma and at_once(before.lastgroup or "", after.lastgroup or ""):
                continue
            if comma and after.group().endswith("ing") and not before.group().endswith("ing"):
                continue
            return [clause[: joint.start()].strip(" ,"), *self._parted(clause[joint.end() :])]
        return [clause]


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


def _any(rows: Sequence[Row]) -> re.Pattern[str]:
    """The first row that fits."""
    return _compiled("|".join(row.pattern for row in rows))


def _words(clause: str) -> set[str]:
    return set(re.findall(r"[a-z']+", clause.lower()))


def _tells_an_action(clause: str) -> bool:
    if re.match(rf"(?:{SUBJECT}\s+)?back(?:s|ed|ing)?\s+(?:away|off|up|out)\b", clause, re.IGNORECASE):
        return True
    words = _words(clause)
    # "He is tired" sets the scene; "he is walking" does not.
    sets_the_scene = bool(words & _BEING) and not any(word.endswith("ing") for word in words)
    return bool(words - _NO_ACTION) and not sets_the_scene


_SPLITTER = Splitter()
