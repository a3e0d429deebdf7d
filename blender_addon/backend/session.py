# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's state while Blender runs: the backend, the connection, the job, what to tell the user.

Everything happens in `pump`, which never waits: a timer calls it in Blender's window, tests call it by hand. Nothing
here is saved with the file.
"""

import time

from ..limits import Limits
from ..motion.clip import Clip
from ..preview.stage import STAGE
from ..shared import wire
from ..shared.errors import MoclipError
from . import repertoire, status
from .connection import Connection, Credentials, Event, read_credentials
from .delivery import Delivery
from .hints import Hint
from .jobs import Job
from .process import BackendProcess, command_for

BUSY_INTERVAL, IDLE_INTERVAL = 0.05, 0.5


class Session(Delivery):
    """state: "off", "starting" (the process), "connecting", "ready"."""

    def __init__(self) -> None:
        super().__init__()
        self.process: BackendProcess | None = None
        self.connection: Connection | None = None
        self.welcome: dict = {}
        self.job: Job | None = None
        self.hint = Hint()
        self._credentials = Credentials()
        self._used = time.monotonic()
        self._started_with: tuple[str, ...] = ()
        self.started = 0.0
        self._last_errors: list[str] = []

    @property
    def state(self) -> str:
        if self.welcome:
            return "ready"
        return "connecting" if self.connection else "starting" if self.process else "off"

    @property
    def limits(self) -> Limits:
        """Of the backend that is ready, else the embedded model's."""
        return Limits.of(self.welcome)

    @property
    def errors(self) -> list[str]:
        """The error output of the backend that runs, else of the last one."""
        return list(self.process.errors) if self.process else self._last_errors

    # What operators call.

    def start(self, kind: str, command: str = "", address: str = "", key_file: str = "", model: str = "") -> None:
        """Begin to start or reach the backend; returns at once. Raises MoclipError for settings that cannot work.

        One that runs by other settings, and has nothing to do, is left for the new one.

        command: for the kind ENVIRONMENT the folder of it. model: by name, of the kinds BUILTIN and ENVIRONMENT.
        """
        asked = (kind, command, address, key_file, model)
        if self.state != "off":
            if self.job is not None or asked == self._started_with:
                return
            self._close(wait=False)
        self._used = self.started = time.monotonic()
        self._started_with, self._last_errors = asked, []
        if kind == "ADDRESS":
            self._credentials = read_credentials(key_file)
            self.connection = Connection(address, self._credentials)
        else:
            self.process = BackendProcess(command_for(kind, command, model), kind)
            self._credentials = Credentials(token=self.process.token)
        self.say("INFO", "Starting the backend.")

    def submit(self, job: Job) -> None:
        """Take a job; it is sent as soon as the backend is ready."""
        if self.job is not None:
            raise MoclipError("A motion is being generated already.", hint="Cancel it, or wait for it.", code="busy")
        if self._waiting_to_apply:
            raise MoclipError(
                "The last motion still waits to be applied.", hint="Leave Edit Mode, then it will be.", code="busy"
            )
        self.job, self._arrived = job, []
        self._send_job()

    def cancel(self) -> None:
        """Ask the backend to stop; a job that it has not yet got ends at once, and so do the rows that wait."""
        self.batch.drop("Cancelled.")
        if self.job is None:
            return
        if not self.job.submitted:
            return self._end_job("INFO", "Cancelled.")
        self.job.cancelling = True
        self.connection.send({"type": wire.CANCEL, "id": self.job.id})

    def stop(self) -> None:
        """Stop the backend (one that this add-on did not start is only left). A job that runs is cancelled."""
        job = self.job
        self.batch.drop("The backend was stopped.")
        self.batch.end("failed", "The backend was stopped.")
        self._close(wait=False)
        self.say("INFO", "The backend is stopped." + (f" The motion '{job.text}' was cancelled." if job else ""))

    def shut_down(self) -> None:
        """The add-on is being disabled or Blender ends: leave nothing behind."""
        if self.job is not None:
            print(
                f"MoCLIP: the add-on was disabled, so the motion '{self.job.text}' was cancelled. Nothing was changed."
            )
        self.batch.drop("The add-on was disabled.")
        self._close(wait=True)
        self.takes, self._held_job, self._waiting_to_apply = [], None, False
        STAGE.clear()

    def file_loaded(self) -> None:
        """Another file is open now: armatures of jobs that run are no more."""
        self.file_number += 1
        STAGE.clear()
        if self.job is None and not self._waiting_to_apply:
            self.message = ""

    def undone(self) -> None:
        """What the message says may not be so any more, nor what ghosts stand beside."""
        STAGE.clear()
        if self.job is None and not self._waiting_to_apply:
            self.say("INFO", "")

    # The one step.

    def pump(self, idle_minutes: float = 0.0) -> float | None:
        """Do what has become possible; returns seconds until the next call, None when there is nothing to wait for."""
        arrived_before = self._waiting_to_apply
        for event in self.connection.take() if self.connection else ():
            self._receive(event)
        self._watch_process()
        if self._waiting_to_apply and arrived_before:
            # One step later, so that the panel can show it before Blender is busy for a moment.
            self._deliver()
            self.retargeting = False
        elif STAGE.is_unfinished:
            self._step_ghosts()
        if self.job is None and not self._waiting_to_apply and self.batch.waiting:
            self._start_row()
        if self.state == "ready" and (question := self.hint.question(self.welcome)):
            self.connection.send(question)
        if self.job is not None or self._waiting_to_apply:
            self._used = time.monotonic()
        elif self.process and idle_minutes and time.monotonic() - self._used > 60 * idle_minutes:
            self._close(wait=False)
        if STAGE.is_unfinished:
            return BUSY_INTERVAL
        if self.state == "off" and not self._waiting_to_apply and not self.batch.waiting:
            return None
        if self.state != "ready" or self.job is not None:
            return BUSY_INTERVAL
        return max(BUSY_INTERVAL, min(IDLE_INTERVAL, self.hint.wait() or IDLE_INTERVAL))

    def _watch_process(self) -> None:
        if self.process is None:
            return
        if self.process.exit_code is not None:
            words = self.process.last_words()
            return self._lost(f"The backend has ended: {words}", self.process.action or "restart")
        if self.process.hangs:
            return self._lost("The backend has not become ready, and has long said nothing.")
        if self.connection is None and self.process.ready:
            self.connection = Connection(self.process.ready["address"], self._credentials)

    def _send_job(self) -> None:
        if self.job is None or self.state != "ready" or self.job.submitted:
            return
        if problem := self.job.refusal(self.welcome):
            return self._end_job("ERROR", problem)
        self.connection.send(
            {"type": wire.SUBMIT, "id": self.job.id, "requests": self.job.requests()} | self.job.header(),
            self.job.arrays(),
        )
        self.job.submitted, self.job.stage = True, status.stage("sent")

    def _receive(self, event: Event) -> None:
        if event.lost:
            return self._lost(event.lost)
        kind, header = event.header["type"], event.header
        if kind == wire.WELCOME:
            self.welcome = dict(header)
            self.say("INFO", f"The backend is ready ({header.get('model')}, {header.get('device')}).")
            return self._send_job()
        if kind == wire.ERROR and header.get("id") is None and not self.welcome:
            return self._lost(status.sentence(header))
        if kind == wire.SHUTDOWN:
            return self._lost("The backend was shut down.")
        if kind == wire.FAMILIARITY:
            return self.hint.answered(header, self.message)
        if self.job is None or header.get("id") != self.job.id:
            return
        if kind == wire.QUEUED:
            self.job.stage = status.queued(int(header.get("position") or 0))
        elif kind == wire.PROGRESS:
            self.job.stage = status.stage(str(header.get("stage")), self.welcome)
            self.job.progress = float(header.get("overall", 0.0))
        elif kind == wire.CANCELLED:
            self._end_job("INFO", "Cancelled.")
        elif kind == wire.ERROR:
            self._end_job("ERROR", status.sentence(header), str(header.get("action", "")))
        elif kind == wire.RESULT:
            self._take_result(event)

    def _take_result(self, event: Event) -> None:
        header, job = event.header, self.job
        clip = Clip(
            fps=float(header["fps"]),
            rotations=event.arrays["rotations"],
            root_translation=event.arrays["root_translation"],
            text=job.text,
            seed=int(header["seed"]),
            warnings=tuple(header.get("warnings", ())),
            model=str(self.welcome.get("model", "")),
            part=tuple(header["new"]) if job.edit else None,
            licence=repertoire.licence(self.welcome),
        )
        if self.has_all(job, clip):
            self.job = None

    def _start_row(self) -> None:
        """Begin the next row of a batch: a row that cannot be is told of, the rest goes on."""
        row, make = self.batch.next()
        try:
            if self.batch.file_number != self.file_number:
                raise MoclipError("Another file was opened.", code="other_file")
            job = make()
            if self.state == "off":
                self.start(*self._started_with)  # it has ended since
            self.submit(job)
        except MoclipError as error:
            self.batch.end("failed", str(error))

    def _end_job(self, level: str, message: str, action: str = "") -> None:
        self.batch.end("failed", message)
        self.job = None
        self.say(level, message, action)

    def _lost(self, why: str, action: str = "restart") -> None:
        job = self.job
        self.batch.end("failed", why)
        self._close(wait=False)
        tail = f" The motion '{job.text}' was not generated; press Generate to start again." if job else ""
        self.say("ERROR", f"{why.rstrip('.')}.{tail}", action)

    def _close(self, wait: bool) -> None:
        if self.connection:
            self.connection.close()
        if self.process:
            self._last_errors = list(self.process.errors)
            self.process.stop_and_wait() if wait else self.process.stop()
        self.connection, self.process, self.welcome, self.job = None, None, {}, None


SESSION = Session()
