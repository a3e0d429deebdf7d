# SPDX-License-Identifier: Apache-2.0
"""Whole sentences for the captions, as strangers would tell one movement: wordings that no table of phrases composes.

The sentences are data, in `free_sentences.toml`. By action: `any` names no side, `side` holds `{side}`,
`both` speaks of two hands. `[turn]` and `[diagonal]` stand for both sides.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from moclip.captions.everyday_phrases import BOTH_SIDES


@dataclass(frozen=True)
class FreeSentences:
    """Sentences of one action; see the module's docstring."""

    any: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    both: tuple[str, ...] = ()


def free_sentences() -> dict[str, FreeSentences]:
    """Action -> its sentences."""
    text = (Path(__file__).parent / "free_sentences.toml").read_text(encoding="utf-8")
    found: dict[str, FreeSentences] = {}
    for name, lists in tomllib.loads(text).items():
        if name in BOTH_SIDES:
            for side in ("left", "right"):
                sentences = tuple(sentence.replace("{side}", side) for sentence in lists["side"])
                found[BOTH_SIDES[name].replace("{side}", side)] = FreeSentences(sentences)
        else:
            found[name] = FreeSentences(**{key: tuple(sentences) for key, sentences in lists.items()})
    return found
