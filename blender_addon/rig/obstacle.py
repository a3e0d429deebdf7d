# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a rig from showing the keys of a motion: one thing, and which bones it is looked for on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Obstacle:
    """told: a sentence that names it. hint: the next step. mend: does that step; None where only its owner can.

    action: the kind of mend, as the buttons know it (`ui.mending.BUTTONS`). stops: keys would be wrong, not only cut
    off where a limit is.
    """

    told: str
    hint: str
    action: str = ""
    mend: Callable[[], None] | None = None
    stops: bool = True


@dataclass(frozen=True)
class Keyed:
    """bones: those that a motion turns, or whose turning it counts on. located: those whose location it keys."""

    bones: Mapping[str, bpy.types.PoseBone]
    located: frozenset[str]


def and_more(count: int) -> str:
    return f" (and {count - 1} more like it)" if count > 1 else ""
