# SPDX-License-Identifier: GPL-3.0-or-later
"""What came with the add-on: its folder, its wheels as Blender unpacked them, and the models in them."""

import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .shared.licences import in_words

DEFAULT_MODEL = "open"
EXTENSION = Path(__file__).resolve().parent
"""The folder that it was installed to, with its wheels."""
UNPACKED = (
    EXTENSION.parents[1]
    / ".local"
    / "lib"
    / f"python{sys.version_info.major}.{sys.version_info.minor}"
    / "site-packages"
)
"""Where Blender unpacks an extension's wheels: its own rule."""


@functools.cache
def models() -> Mapping[str, Mapping[str, Any]]:
    """By name what each model tells of itself, the default one first; empty when nothing is unpacked yet."""
    found: dict[str, Mapping[str, Any]] = {}
    for packages in (UNPACKED, EXTENSION.parent):
        for path in sorted((packages / "moclip" / "weights").glob("*/model.json")):
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(told, Mapping):
                found.setdefault(path.parent.name, told)
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT_MODEL, item[0])))


def licence_of(told: Mapping[str, Any]) -> str:
    """Of a model's weights, as in "CC BY-NC 4.0"."""
    return str(told.get("licence") or "unknown licence")


def choices() -> list[tuple[str, str, str]]:
    """The models as an EnumProperty lists them: name, label with the licence, what it means in words."""
    listed = models() or {DEFAULT_MODEL: {}}
    return [
        (name, f"{name.capitalize()} ({licence_of(told)})", in_words(licence_of(told))) for name, told in listed.items()
    ]
