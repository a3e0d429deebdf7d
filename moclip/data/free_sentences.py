# SPDX-License-Identifier: Apache-2.0
"""Whole sentences for the captions, as strangers would tell one movement: wordings that no table of phrases composes.

The sentences are data, in `free_sentences.toml`. By action: `any` names no side, `side` holds `{side}` (and `{other}`),
`both` speaks of two hands. `[turn]` and `[diagonal]` stand for both sides.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

_BOTH_SIDES = {"turn": "turn_{side}", "diagonal": "walk_{side}"}


@dataclass(frozen=True)
class FreeSentences:
    """Sentences of one action; see the module's docstring."""

    any: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    both: tuple[str, ...] = ()


def with_side(sentence: str, side: str) -> str:
    """The sentence with its slots filled; side: "left" or "right"."""
    return sentence.replace("{side}", side).replace("{other}", "right" if side == "left" else "left")


def free_sentences() -> dict[str, FreeSentences]:
    """Action -> its sentences."""
    text = (Path(__file__).parent / "free_sentences.toml").read_text(encoding="utf-8")
    found: dict[str, FreeSentences] = {}
    for name, lists in tomllib.loads(text).items():
        if name in _BOTH_SIDES:
            for side in ("left", "right"):
                sentences = tuple(with_side(sentence, side) for sentence in lists["side"])
                found[_BOTH_SIDES[name].replace("{side}", side)] = FreeSentences(sentences)
        else:
            found[name] = FreeSentences(**{key: tuple(sentences) for key, sentences in lists.items()})
    return found
