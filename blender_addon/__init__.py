# SPDX-License-Identifier: GPL-3.0-or-later
"""MoCLIP: type a sentence, get a keyframed character."""

from . import menu, operators, panels, preferences, properties, timer
from .rig import table

_PARTS = (table, properties, preferences, operators, panels, menu, timer)


def register() -> None:
    for part in _PARTS:
        part.register()


def unregister() -> None:
    for part in reversed(_PARTS):
        part.unregister()
