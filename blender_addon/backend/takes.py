# SPDX-License-Identifier: GPL-3.0-or-later
"""The motions that came last, kept until the next ones come: which of them is shown, and what they were asked for."""

import bpy

from ..keying.history import KEY
from ..motion.clip import Clip
from .jobs import Job


class Takes:
    """takes: of the last job that was done. shown: which of them was keyed last. file_number: of the file now open."""

    def __init__(self) -> None:
        self.takes: list[Clip] = []
        self.shown = 0
        self.file_number = 0
        self._held_job: Job | None = None

    def hold(self, job: Job, clips: list[Clip]) -> None:
        """Take motions as those of the last job that was done."""
        self.takes, self.shown, self._held_job = clips, 0, job

    @property
    def held(self) -> tuple[Job, Clip] | None:
        """The last job that was done and the take of it that is shown."""
        return (self._held_job, self.takes[self.shown]) if self.takes else None

    @property
    def done(self) -> Job | None:
        """The last job that was done, if it was in this file and no row of a batch."""
        job = self._held_job
        return job if job and job.file_number == self.file_number and not job.as_strip else None

    @property
    def directed(self) -> Job | None:
        """The last job that was done, if it was a script or an edit in this file."""
        job = self.done
        return job if job and (job.script or job.edit) else None

    @staticmethod
    def previews(job: Job) -> bool:
        """Are its takes shown as ghosts first? Rows of a batch are not, nor a range, which is part of an action."""
        return not job.as_strip and job.edit is None and bpy.data.scenes[job.scene].moclip.use_preview

    def take_of(self, action: bpy.types.Action | None) -> int | None:
        """Which of the takes of the last job an action shows; None for another motion."""
        told = action.get(KEY) if action is not None else None
        if self._held_job is None or told is None or told.get("job") != self._held_job.id:
            return None
        take = int(told.get("take", 0))
        return take if take < len(self.takes) else None
