# SPDX-License-Identifier: Apache-2.0
"""What menus call actions, and the sentence that each is asked for by; the table is data, in `action_menu.toml`."""

import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path


@cache
def _menu() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((Path(__file__).parent / "action_menu.toml").read_text(encoding="utf-8"))


def menu_rows(actions: Collection[str]) -> list[dict[str, str]]:
    """{"group", "name", "example"} of each of these actions, in the menu's order, as `model.json` tells them."""
    return [
        {"group": group, "name": name, "example": example}
        for group, rows in _menu().items()
        for action, (name, example) in rows.items()
        if action in actions
    ]
