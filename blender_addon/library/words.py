# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of a motion: what it shows and how, by the words of its prompt."""

import re
from collections.abc import Iterable

FAVOURITE = "favourite"
_OURS = "MoCLIP"
_MOST = 16
_NO_TAG = frozenset(
    "a an and another are as at away back be before but by can do does for from he her him his in into is it its "
    "man men now of off on onto one or out over people person she so some somebody someone something that the their "
    "them then there they this to two up while who with woman women".split()
)
_WHILE = re.compile(r"\b(while|whilst|at the same time|at once|simultaneously|meanwhile)\b", re.I)


def tags_of(prompt: str, actions: Iterable[str], repeats: bool) -> list[str]:
    """actions: names of what the model can do, such as "Wave with both hands"; those that the prompt asks for count.

    MoCLIP first, then loop and while where they are so, the actions, and the prompt's own words.
    """
    words = list(dict.fromkeys(re.findall(r"[^\W\d_]+(?:[-'][^\W\d_]+)*", prompt.lower())))
    found = [_OURS, *["loop"] * repeats, *["while"] * bool(_WHILE.search(prompt))]
    found += [action.lower() for action in actions if _asks(words, action)]
    found += [word for word in words if word not in _NO_TAG and len(word) > 1]
    return list(dict.fromkeys(tag[:60] for tag in found))[:_MOST]


def _asks(words: list[str], action: str) -> bool:
    """Whether all words of an action's name are among those of a prompt, in any form: "waving" is to wave."""
    stems = [word.rstrip("e") for word in action.lower().split() if word not in _NO_TAG]
    return bool(stems) and all(any(word.startswith(stem) for word in words) for stem in stems)
