# SPDX-License-Identifier: Apache-2.0
"""More phrases for the captions, as people put it who describe a scene rather than a movement.

The phrases are data, in `everyday_phrases.toml`; `action_phrases` joins them to its own.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

Tables = dict[str, tuple[str, ...]]
BOTH_SIDES = {"turn": "turn_{side}", "diagonal": "walk_{side}"}


def everyday_phrases() -> dict[str, Tables]:
    """Action -> the lists that it has, by their names in `ActionPhrases`."""
    text = (Path(__file__).parent / "everyday_phrases.toml").read_text(encoding="utf-8")
    found: dict[str, Tables] = {}
    for name, tables in tomllib.loads(text).items():
        for side in ("left", "right") if name in BOTH_SIDES else ("{side}",):
            action = BOTH_SIDES.get(name, name).replace("{side}", side)
            found[action] = {key: tuple(p.replace("{side}", side) for p in tables[key]) for key in tables}
    return found
