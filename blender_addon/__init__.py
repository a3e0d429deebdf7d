# SPDX-License-Identifier: GPL-3.0-or-later
"""MoCLIP: type a sentence, get a keyframed character."""

from . import operators
from .backend import timer
from .rig import table
from .ui import menu, panels, preferences, properties

_PARTS = (table, properties, preferences, operators, panels, menu, timer)


def register() -> None:
    for part in _PARTS:
        part.register()


def unregister() -> None:
    for part in reversed(_PARTS):
        part.unregister()
