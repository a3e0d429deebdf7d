# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in the add-on: what was asked, for which armature in which file."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np

from ..editing.range_edit import Edit
from ..motion.fit import Place
from ..rig.target import is_there
from . import status


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
                return obj if is_there(obj) else None
        return None


@dataclass
class Job:
    """target: None makes a new character when the motion comes. start: the scene frame of the first key. place: where
    the character stands at that frame; None for the rig's rest. variations: so many takes, of seeds that follow.
    as_strip: it becomes an NLA strip at once, as the rows of a batch do. script: prompts and seconds that are done one
    after the other; text is then only what they are called. edit: a range of what the target does that is made anew.
    made: the target was made for its motion, and is made again where it is gone. repeats: its motion is one lap of a
    loop.
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
    script: tuple[tuple[str, float], ...] = ()
    edit: Edit | None = None
    made: bool = False
    repeats: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    submitted: bool = False
    cancelling: bool = False
    progress: float = 0.0
    stage: str = field(default_factory=lambda: status.stage("starting"))

    def again(self, **changed: Any) -> "Job":
        """The same, but for what is changed, to be submitted anew; for a target that was made for it and is gone,
        for a new one."""
        gone = self.made and self.target is not None and self.target.find() is None
        fresh = {"id": uuid.uuid4().hex, "submitted": False, "cancelling": False, "progress": 0.0}
        fresh |= {"target": None, "made": False} if gone else {}
        return replace(self, stage=status.stage("starting"), **fresh | changed)

    @property
    def needs(self) -> set[str]:
        """The features that a backend must have for it."""
        kept = {"anchors"} if self.edit and self.edit.kept else set()
        return kept | ({"script"} if self.script else set()) | ({"context"} if self._goes_on else set())

    @property
    def _goes_on(self) -> bool:
        """From a motion, or to one."""
        return self.edit is not None and (self.edit.before is not None or self.edit.after is not None)

    def refusal(self, welcome: Mapping[str, Any]) -> str:
        """Why the backend that says `welcome` cannot do it; "" when it can."""
        features = set(welcome.get("features", ()))
        if self._goes_on and "context" not in features and "stages" in features:
            return f"The model '{welcome.get('model')}' cannot go on from a motion. Use another model for edits."
        if not self.needs <= features:
            kept = " that keep frames" if self.edit and self.edit.kept else ""
            return f"This backend is too old for scripts and edits{kept}. Update it, or use the built-in one."
        if self.edit and welcome.get("fps") != self.edit.fps:
            return f"The model '{welcome.get('model')}' has another frame rate than this was read at. Try again."
        return ""

    def gone(self, file_number: int) -> str:
        """What of the place for its motion is no more, "" when it is all there. file_number: of the file now open."""
        if self.file_number != file_number:
            return "Another file was opened"
        if self.scene not in bpy.data.scenes:
            return f"The scene '{self.scene}' was deleted"
        if self.target is not None and self.target.find() is None:
            return f"The armature '{self.target.name}' was deleted"
        return ""

    def requests(self) -> list[dict]:
        """What `submit` asks for: one request a variation."""
        lines = [{"text": text, "seconds": seconds} for text, seconds in self.script]
        script = {"script": lines} if lines else {}
        return [
            {"text": self.text, "seconds": self.seconds, "seed": self.seed + k, **script}
            for k in range(self.variations)
        ]

    def header(self) -> dict[str, Any]:
        """What `submit` says of all its requests: when the poses are that a range keeps."""
        kept = self.edit.kept if self.edit else ()
        return {"anchor_seconds": [seconds for _, seconds in kept]} if kept else {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What `submit` carries beside: the motion before and after an edited range, and the poses that it keeps."""
        edit = self.edit
        parts = {"before": edit.before, "after": edit.after, "anchor": edit.poses} if edit else {}
        return {
            f"{name}_{which}": array.astype(np.float32)
            for name, part in parts.items() if part is not None
            for which, array in zip(("rotations", "root_translation"), part, strict=True)
        }  # fmt: skip
