# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model can do, each thing with a sentence that asks for it, and its licence: as the backend's welcome says;
until one has answered, as the model that the preferences name does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import bundled
from ..settings import preferences

STYLES = "Styles"


@dataclass(frozen=True)
class Known:
    """group: of like things, for menus. example: a prompt for it."""

    group: str
    name: str
    example: str


def known(welcome: Mapping[str, Any]) -> tuple[Known, ...]:
    """In the model's order, styles last; () for a model that does not tell."""
    welcome = welcome or _chosen()
    rows = [(row, row.get("group")) for row in welcome.get("actions") or () if isinstance(row, Mapping)]
    rows += [(row, STYLES) for row in welcome.get("styles") or () if isinstance(row, Mapping)]
    return tuple(
        Known(str(group or "Actions"), str(row.get("name") or row["example"]), str(row["example"]))
        for row, group in rows
        if row.get("example")
    )


def licence(welcome: Mapping[str, Any]) -> str:
    """Of the weights, as in "CC BY-NC 4.0"."""
    return bundled.licence_of(welcome or _chosen())


def licence_of(model: str, welcome: Mapping[str, Any]) -> str:
    """Of a model by its name, where it is the one that answers or came with the add-on; "" for any other."""
    known_by = [(welcome.get("model"), welcome), *((told.get("name"), told) for told in bundled.models().values())]
    for name, told in known_by:
        if told and name == model:
            return bundled.licence_of(told)
    return ""


def _chosen() -> Mapping[str, Any]:
    """What the model tells that the preferences name."""
    return bundled.models().get(preferences().model, {})
