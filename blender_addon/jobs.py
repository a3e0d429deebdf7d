# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in the add-on: what was asked, for which armature in which file."""

import uuid
from dataclasses import dataclass, field

import bpy

from .fit import Place


@dataclass(frozen=True)
class Target:
    """An armature remembered across undo, which gives it a new address but keeps its session id."""

    name: str
    session_uid: int

    @classmethod
    def of(cls, rig: bpy.types.Object) -> "Target":
        return cls(rig.name, rig.session_uid)

    def find(self) -> bpy.types.Object | None:
        """The armature, even if it was renamed; None once it is deleted."""
        for obj in bpy.data.objects:
            if obj.session_uid == self.session_uid and obj.type == "ARMATURE":
                return obj
        return None


@dataclass
class Job:
    """target: None makes a new armature when the motion comes. start: the scene frame of the first key. place: where
    the character stands at that frame; None for the rig's rest. variations: so many takes, of seeds that follow.
    as_strip: it becomes an NLA strip at once, as the rows of a batch do.
    """

    text: str
    seconds: float | None
    seed: int
    target: Target | None
    scene: str
    start: int
    file_number: int
    place: Place | None = None
    variations: int = 1
    as_strip: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    submitted: bool = False
    cancelling: bool = False
    progress: float = 0.0
    stage: str = "starting the backend"
