# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model can do, each thing with a sentence that asks for it, and its licence: as the backend's welcome says;
until one has answered, as the embedded model does."""

import functools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..settings import EXTENSION

STYLES = "Styles"
_EMBEDDED = Path("moclip") / "weights" / "embedded" / "model.json"


@dataclass(frozen=True)
class Known:
    """group: of like things, for menus. example: a prompt for it."""

    group: str
    name: str
    example: str


def known(welcome: Mapping[str, Any]) -> tuple[Known, ...]:
    """In the model's order, styles last; () for a model that does not tell."""
    welcome = welcome or _embedded()
    rows = [(row, row.get("group")) for row in welcome.get("actions") or () if isinstance(row, Mapping)]
    rows += [(row, STYLES) for row in welcome.get("styles") or () if isinstance(row, Mapping)]
    return tuple(
        Known(str(group or "Actions"), str(row.get("name") or row["example"]), str(row["example"]))
        for row, group in rows
        if row.get("example")
    )


def licence(welcome: Mapping[str, Any]) -> str:
    """Of the weights, as in "CC BY-NC 4.0"."""
    return str((welcome or _embedded()).get("licence") or "unknown licence")


def licence_of(model: str, welcome: Mapping[str, Any]) -> str:
    """Of a model by its name, where it is the one that answers or the embedded one; "" for any other."""
    for told, name in ((welcome, welcome.get("model")), (_embedded(), _embedded().get("name"))):
        if told and name == model:
            return licence(told)
    return ""


@functools.cache
def _embedded() -> Mapping[str, Any]:
    """What the model tells that came with the add-on, where Blender unpacked its wheel."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for packages in (EXTENSION.parents[1] / ".local" / "lib" / python / "site-packages", EXTENSION.parent):
        try:
            told: Mapping[str, Any] = json.loads((packages / _EMBEDDED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return told
    return {}
