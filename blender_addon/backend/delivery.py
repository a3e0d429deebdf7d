# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the motions of a job once they have come: keyed, shown as ghosts, or kept; and what is said of it."""

from collections.abc import Callable

import bpy

from ..motion.clip import Clip
from ..preview.stage import STAGE
from ..shared.errors import MoclipError
from .batch import Batch
from .jobs import Job
from .takes import Takes

MODES_TO_APPLY_IN = ("OBJECT", "POSE")


class Delivery(Takes):
    """level: INFO, WARNING or ERROR of the message. retargeting: the motion that has come is being worked out."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = Batch()
        self.level, self.message, self.action = "INFO", "", ""
        self.retargeting = False
        self._arrived: list[Clip] = []
        self._waiting_to_apply = False

    def say(self, level: str, message: str, action: str = "") -> None:
        self.level, self.message, self.action = level, message, action

    def has_all(self, job: Job, clip: Clip) -> bool:
        """Take a motion of a job that has come. True with the last one: they wait to be delivered then."""
        self._arrived.append(clip)
        if len(self._arrived) < job.variations:
            return False
        STAGE.clear()
        self.hold(job, self._arrived)
        self._arrived = []
        self._waiting_to_apply = self.retargeting = True
        return True

    def _deliver(self) -> None:
        """Apply the motion that has come, or show its takes as ghosts. Where the place for it is gone, it is kept for
        the Apply button."""
        job, clip = self.held
        if gone := job.gone(self.file_number):
            self._keep(f"{gone} while '{clip.text}' was generated.")
        elif bpy.context.mode not in MODES_TO_APPLY_IN:
            # Undo steps made in Edit Mode do not cover actions: one Ctrl+Z could not remove the motion.
            self.say("WARNING", f"'{clip.text}' is ready; it is applied once you are back in Object or Pose Mode.")
        else:
            self._waiting_to_apply = False
            if self.previews(job):
                return self._run(bpy.ops.moclip.preview_takes, undo=False)
            self._run(bpy.ops.moclip.apply_motion, undo=True)
            if self.batch.current is not None:
                self.batch.end("failed" if self.level == "ERROR" else "done", self.message)

    def _run(self, operator: Callable[..., set[str]], undo: bool) -> None:
        """undo: push the operator's undo step, as a button would."""
        try:
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                operator("EXEC_DEFAULT", undo)
        except RuntimeError as error:  # what the operator reported as an error
            told = str(error).removeprefix("Error: ").strip().splitlines()[0]
            self.say("ERROR", told, self.action if self.message == told else "")

    def _step_ghosts(self) -> None:
        try:
            STAGE.step()
        except MoclipError as error:
            self.say("ERROR", str(error), error.action)

    def _keep(self, why: str) -> None:
        self._waiting_to_apply = False
        self.batch.end("failed", why)
        self.say("WARNING", f"{why} The motion is kept: choose a target and press Apply Last Motion.", "apply")
