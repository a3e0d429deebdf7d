# SPDX-License-Identifier: Apache-2.0
"""What several people wrote of every action, in their own words: the sentences are data, in `written_sentences/`.

`plain` phrases are in base form with slots (see `moclip.captions.grammar`), the others whole captions as people type
them: `any` names no side, `left`, `right` and `both` do. What one action's captions must not say, since another action
shows it, is in `clashes.toml`, by action.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_WRITERS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "paths")
_MORE_VERBS = {"release", "jerk", "crash", "breathe", "sag", "meet", "tighten", "settle", "come", "straighten"}
_SELDOM_VERBS = {"back", "round", "circle", "ring", "curve", "left"}
"""Words behind "and" that are verbs, or are not, whatever phrases begin with."""
_COUNTED = re.compile(r"\b(once|twice|thrice|two|three|four|five|six|eight|ten|twenty|dozen|\d+)\b", re.I)


@dataclass(frozen=True)
class Written:
    """Captions of one action; see the module's docstring."""

    plain: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    both: tuple[str, ...] = ()

    def of_side(self, side: str | None) -> tuple[str, ...]:
        """Captions that name this side; none where nothing does."""
        return {"left": self.left, "right": self.right, "both": self.both}.get(side or "", ())


@cache
def written() -> Mapping[str, Written]:
    """Action -> what all writers have of it."""
    lists: dict[str, dict[str, list[str]]] = {}
    for writer in _WRITERS:
        text = (_HERE / "written_sentences" / f"{writer}.toml").read_text(encoding="utf-8")
        for action, tables in tomllib.loads(text).items():
            for name, sentences in tables.items():
                lists.setdefault(action, {}).setdefault(name, []).extend(sentences)
    phrases = [phrase for tables in lists.values() for phrase in tables.get("plain", ()) if phrase[0] != "*"]
    verbs = (_MORE_VERBS | {phrase.split()[0] for phrase in phrases}) - _SELDOM_VERBS
    for tables in lists.values():
        tables["plain"] = [_marked(phrase, verbs) for phrase in tables.get("plain", ())]
    return {action: Written(**{k: without_clashes(action, v) for k, v in tables.items()})
            for action, tables in lists.items()}  # fmt: skip


def written_elsewhere(known: Collection[str] = ()) -> list[str]:
    """What somebody wrote of all that people do, but for what one of the known actions shows.

    The file has a sentence a line, and behind a tab the action that it asks for, if there is one.
    """
    lines = (_HERE / "written_sentences" / "elsewhere.tsv").read_text(encoding="utf-8").splitlines()
    told = (line.partition("\t") for line in lines)
    return [sentence for sentence, _, action in told if action not in known]


def _marked(phrase: str, verbs: Set[str]) -> str:
    """With the mark of the grammar on each verb, where more than the first word is one: "*jump and *turn in the air".

    verbs: words that can be one after "and", "then" or a comma.
    """
    if "*" in phrase:
        return phrase
    tokens = phrase.split(" ")
    later = [
        k
        for k in range(1, len(tokens))
        if tokens[k].rstrip(",") in verbs and (tokens[k - 1] in ("and", "then", "or") or tokens[k - 1][-1] == ",")
    ]
    for k in (0, *later) if later else ():
        tokens[k] = f"*{tokens[k]}"
    return " ".join(tokens)


@cache
def _clashes() -> Mapping[str, re.Pattern[str]]:
    tables = tomllib.loads((_HERE / "clashes.toml").read_text(encoding="utf-8"))
    return {
        action: re.compile("|".join(rf"\b(?:{word})\b" for word in words), re.I) for action, words in tables.items()
    }


def without_clashes(action: str, sentences: Iterable[str]) -> tuple[str, ...]:
    """Those of an action's captions that no other action shows, each once."""
    clash = _clashes().get(action)
    return tuple(dict.fromkeys(s for s in sentences if clash is None or not clash.search(s)))


def counts(sentence: str) -> bool:
    """Whether it says how often something is done: true of a motion that does it as often alone."""
    return bool(_COUNTED.search(sentence))
