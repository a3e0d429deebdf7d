# SPDX-License-Identifier: Apache-2.0
"""The backend's loop: one thread answers all clients while the engine works in another.

A connection belongs to a client once it has said hello with the token; what strangers send is dropped unanswered. The
protocol is described in `moclip_backend.wire`.
"""

import hmac
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from moclip.errors import Cancelled, MoclipError
from moclip_backend import wire
from moclip_backend.engine import Engine, TellsFamiliarity
from moclip_backend.server.endings import ended, outcome, unforeseen
from moclip_backend.server.job import Job
from moclip_backend.server.jobs import JobQueue
from moclip_backend.server.links import Link
from moclip_backend.server.listener import Listener, Wake
from moclip_backend.server.models import Models
from moclip_backend.server.questions import Questions
from moclip_backend.server.sessions import Outcome, Session, Sessions, fingerprint
from moclip_backend.server.submit import read_id, read_model, read_prompt, read_requests, read_within
from moclip_backend.server.welcome import model_told, welcome
from moclip_backend.state.log import LOG, log_job

MAX_CLIENTS = 32
IDLE_SECONDS = 0.5


class Server:
    """Serves clients until `stop()` or a client's `shutdown`.

    token: what `hello` must carry; None where a CURVE key lets clients in. wake and ended: given by who wants to stop
    it from elsewhere, by setting both. models: what clients may name; the engine's own alone by default. batch: how
    many requests of several jobs the engine works on at once, see `batches.best_batch`.
    """

    def __init__(
        self,
        listener: Listener,
        engine: Engine,
        token: str | None,
        wake: Wake | None = None,
        ended: threading.Event | None = None,
        models: Models | None = None,
        batch: int = 1,
    ):
        if token is None and listener.keys is None:
            raise ValueError("a backend without CURVE keys needs a token")
        self._listener, self._engine, self._token = listener, engine, token
        self._wake, self._ended = wake or Wake(), ended or threading.Event()
        self._models = models or Models(engine)
        self._jobs: JobQueue[Session] = JobQueue(engine, self._wake.set, self._models, batch)
        self._sessions = Sessions()
        self._counts = {"done": 0, "failed": 0, "cancelled": 0}
        self._started = time.monotonic()
        self._answers = {
            wire.CANCEL: self._cancel, wire.PING: self._ping, wire.STATUS: self._status,
            wire.SHUTDOWN: self._shutdown, wire.GOODBYE: self._goodbye,
        }  # fmt: skip
        self._questions: Questions[Session] | None = None
        if isinstance(engine, TellsFamiliarity):
            self._questions = Questions(engine, self._jobs.between, self._wake.set)
            self._answers[wire.FAMILIARITY] = self._familiarity

    def stop(self) -> None:
        """End `run` soon; may be called from other threads and signal handlers."""
        self._ended.set()
        self._wake.set()

    def run(self) -> bool:
        """Serve. Returns whether the engine came to rest; the listener is left for its owner to close."""
        while not self._ended.is_set():
            self._listener.wait(IDLE_SECONDS, self._wake)
            for link, message in self._listener.messages():
                try:
                    self._handle(link, message)
                except Exception as error:  # whatever one message can bring about must not end the loop for everybody
                    self._failed(link, error)
            self._jobs.end_late()
            self._report_jobs()
            self._report_answers()
            for link in self._listener.take_closed():
                self._leave(link)
            for session in self._sessions.expired():
                self._forget(session)
        return self._close()

    # -- messages in -------------------------------------------------------------------------------------------------

    def _failed(self, link: Link | None, error: Exception, job: str | None = None) -> None:
        """The one place where what nobody foresaw is logged; its client alone is told."""
        LOG.error("a message or an answer failed", exc_info=error)
        self._refuse(link, *unforeseen(error), job=job)

    def _handle(self, link: Link, message: list[bytes] | wire.WireError) -> None:
        try:
            if isinstance(message, wire.WireError):
                raise message
            header, arrays = wire.decode(message)
        except wire.WireError as error:
            if not link.stranger:
                self._refuse(link, error.code, f"The message cannot be read: {error}.", "Is the client up to date?")
            return
        if header["type"] == wire.HELLO:
            self._hello(link, header)
        elif link.stranger:
            return
        elif header["type"] == wire.SUBMIT or header["type"] in self._answers:
            self._answer(link, header, arrays, message)
        else:
            self._refuse(link, wire.UNKNOWN_TYPE, f"There is no message type '{header['type']}'.")

    def _answer(self, link: Link, header: dict[str, Any], arrays: dict[str, Any], frames: Sequence[bytes]) -> None:
        job_id = header.get("id")
        if job_id is not None and not (isinstance(job_id, str) and 1 <= len(job_id) <= wire.MAX_ID):
            self._refuse(link, wire.BAD_REQUEST, f"An id is text of 1 to {wire.MAX_ID} characters.")
            return
        try:
            if header["type"] == wire.SUBMIT:
                self._submit(link, header, arrays, frames)
            else:
                self._answers[header["type"]](link, header)
        except MoclipError as error:
            self._refuse(link, error.code, error.message, error.hint, error.action, job_id)

    def _hello(self, link: Link, header: dict[str, Any]) -> None:
        token, name = header.get("token"), header.get("session", "")
        given = token.encode("utf-8") if isinstance(token, str) else b""
        if self._token is not None and not hmac.compare_digest(given, self._token.encode("utf-8")):
            LOG.warning("refused a client: wrong token")
            self._leave(link)
            self._refuse(link, wire.BAD_TOKEN, "The backend did not accept the token.", "Restart it.", "restart")
        elif header.get("protocol") != wire.PROTOCOL:
            message = f"The backend speaks protocol {wire.PROTOCOL}, the client {header.get('protocol')!r:.20}."
            self._refuse(link, wire.PROTOCOL_MISMATCH, message, "Update the older of the two.", "restart")
        elif not isinstance(name, str) or (name and not wire.SHORTEST_SESSION <= len(name) <= wire.MAX_ID):
            message = f"A session is text of {wire.SHORTEST_SESSION} to {wire.MAX_ID} characters."
            self._refuse(link, wire.BAD_REQUEST, message)
        elif (session := self._session(link, name)) is None:
            message = f"The backend has {MAX_CLIENTS} clients already."
            self._refuse(link, wire.TOO_MANY_CLIENTS, message, "Close one of them.")
        else:
            LOG.info("client %s says hello", ascii(header.get("client"))[:80])
            resumed = bool(session.submitted or session.outcomes)
            self._send(link, welcome(self._engine, self._jobs.stages, self._models, resumed=resumed))

    def _session(self, link: Link, name: str) -> Session | None:
        """The session of that name, or a new one, which has this connection from now on. None: there are too many."""
        session: Session | None = link.session
        if session is not None and session.name == name:
            return session
        session = self._sessions.find(name)
        if (session is None or session.link is None) and self._sessions.present - (not link.stranger) >= MAX_CLIENTS:
            return None
        self._leave(link)
        if session is None:
            if len(self._sessions) >= 2 * MAX_CLIENTS:
                if oldest := self._sessions.oldest_away():
                    self._forget(oldest)
            session = Session(name, link)
            self._sessions.add(session)
        elif session.link is not None:
            # The backend had not yet noticed that the old connection is no more.
            session.link.session = None
            session.link.close()
        session.link, link.session = link, session
        return session

    @staticmethod
    def _of(link: Link) -> Session:
        """The session of a link that is no stranger's."""
        assert isinstance(link.session, Session)
        return link.session

    def _submit(self, link: Link, header: dict[str, Any], arrays: dict[str, Any], frames: Sequence[bytes]) -> None:
        job_id, session = read_id(header), self._of(link)
        mark = fingerprint(frames) if session.name else b""
        job, outcome = self._jobs.find(session, job_id), session.outcomes.get(job_id)
        if session.name and outcome is not None and outcome.fingerprint == mark:
            self._send(link, {"type": wire.QUEUED, "id": job_id, "position": 0})
            for message in outcome.messages:
                link.send(message)
            return
        if not (session.name and job is not None and session.submitted.get(job_id) == mark):
            model = read_model(header)
            requests = read_requests(header, arrays, self._models.fps(model))
            due = time.monotonic() + read_within(header)
            job = self._jobs.submit(session, job_id, requests, sum(map(len, frames)), due, model)
            session.submitted[job_id] = mark
            self._sessions.forget(session, job_id)
        self._send(link, {"type": wire.QUEUED, "id": job_id, "position": self._jobs.position(job)})

    def _cancel(self, link: Link, header: dict[str, Any]) -> None:
        if not self._jobs.cancel(self._of(link), read_id(header)):
            raise MoclipError("That job is over or was never there.", code=wire.UNKNOWN_JOB)

    def _goodbye(self, link: Link, header: dict[str, Any]) -> None:
        session, link.session = self._of(link), None
        self._forget(session)

    def _ping(self, link: Link, header: dict[str, Any]) -> None:
        self._send(link, {"type": wire.PONG, "id": header.get("id")})

    def _familiarity(self, link: Link, header: dict[str, Any]) -> None:
        assert self._questions is not None
        self._questions.ask(self._of(link), read_id(header), read_prompt(header))

    def _status(self, link: Link, header: dict[str, Any]) -> None:
        counts = {
            "clients": self._sessions.present, "clients_away": len(self._sessions) - self._sessions.present,
            "jobs_waiting": self._jobs.waiting, "jobs_running": self._jobs.running,
            **{f"jobs_{name}": count for name, count in self._counts.items()},
        }  # fmt: skip
        uptime = round(time.monotonic() - self._started, 1)
        header = {"type": wire.STATUS, "id": header.get("id"), "uptime_seconds": uptime, "pid": os.getpid()}
        self._send(link, {**header, **model_told(self._engine), **counts})

    def _shutdown(self, link: Link, header: dict[str, Any]) -> None:
        LOG.info("a client asked to end")
        self._send(link, {"type": wire.SHUTDOWN, "id": header.get("id")})
        self.stop()

    # -- messages out ------------------------------------------------------------------------------------------------

    def _send(self, link: Link | None, header: dict[str, Any]) -> None:
        """Send to a client; None is one that is away."""
        if link is not None:
            link.send(wire.encode(header))

    def _refuse(
        self, link: Link | None, code: str, message: str, hint: str = "", action: str = "", job: str | None = None
    ) -> None:
        self._send(link, wire.error_header(code, message, hint, action, job))

    def _report_jobs(self) -> None:
        for event in self._jobs.events():
            job = event.job
            try:
                if event.message is None:
                    self._finish(job)
                elif not job.dropped:
                    self._send(job.client.link, event.message)
            except Exception as error:  # as in run
                self._failed(job.client.link, error, job.id)

    def _report_answers(self) -> None:
        for answer in self._questions.answers() if self._questions else ():
            if answer.error is not None:
                self._failed(answer.client.link, answer.error, answer.id)
            else:
                self._send(answer.client.link, answer.header)

    def _finish(self, job: Job[Session]) -> None:
        session, messages, what = job.client, ended(job), outcome(job)
        if not isinstance(job.error, MoclipError | Cancelled | None):
            LOG.error("a job failed", exc_info=job.error)
        self._counts[what] += 1
        mark = session.submitted.pop(job.id, b"")
        if not job.dropped:
            if session.name:
                self._sessions.keep(session, job.id, Outcome(mark, messages, time.monotonic()))
            for frames in messages:
                if session.link:
                    session.link.send(frames)
        # Last: the results do not wait for a slow disk.
        log_job(job=what, requests=len(job.requests), jobs_waiting=self._jobs.waiting)

    # -- clients that went away --------------------------------------------------------------------------------------

    def _leave(self, link: Link) -> None:
        """A connection is no more its client's, who may come back if the session has a name."""
        if link.session is None:
            return
        session, link.session = self._of(link), None
        LOG.info("a client is gone")
        session.link, session.left = None, time.monotonic()
        if not session.name:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        self._sessions.remove(session)
        self._jobs.drop(session)
        if self._questions:
            self._questions.drop(session)

    def _close(self) -> bool:
        at_rest = self._jobs.close(timeout=10.0)
        self._report_jobs()
        for session in self._sessions:
            self._send(session.link, {"type": wire.SHUTDOWN, "id": None})
        return at_rest
