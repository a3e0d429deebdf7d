# SPDX-License-Identifier: Apache-2.0
"""The backend's loop: one thread answers all clients while the engine works in another.

A client is known by its connection's routing id once it has said hello with the token. Messages of unknown clients are
dropped unanswered. The protocol is described in `backend.wire`.
"""

import hmac
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

import moclip
from backend import wire
from backend.jobs import CAPACITY, Engine, Event, JobQueue
from backend.listener import Listener, Wake
from backend.paths import LOG, log_file
from backend.submit import MAX_CONTEXT_FRAMES, read_requests
from moclip.errors import Cancelled, MoclipError
from moclip.pipeline import MAX_BATCH
from moclip.prompts import LONGEST_PROMPT, LONGEST_SECONDS, SHORTEST_SECONDS
from moclip.requests import LONGEST_SCRIPT_SECONDS, MAX_LINES, SHORTEST_BETWEEN_SECONDS
from moclip.skeleton import JOINT_NAMES

MAX_CLIENTS = 32
MESSAGES_AT_ONCE = 100
# After a connection closed, ZeroMQ needs a moment until sending to it fails.
PROBE_AFTER_SECONDS = (0.05, 0.3, 1.5)
IDLE_SECONDS = 1.0


class Server:
    """Serves clients until `stop()` or a client's `shutdown`.

    token: what `hello` must carry; None where a CURVE key lets clients in. wake and ended: given by who wants to stop
    it from elsewhere, by setting both.
    """

    def __init__(
        self,
        listener: Listener,
        engine: Engine,
        token: str | None,
        wake: Wake | None = None,
        ended: threading.Event | None = None,
    ):
        if token is None and listener.keys is None:
            raise ValueError("a backend without CURVE keys needs a token")
        self._listener, self._socket, self._engine, self._token = listener, listener.socket, engine, token
        self._wake, self._ended = wake or Wake(), ended or threading.Event()
        self._jobs = JobQueue(engine, self._wake.set)
        self._clients: set[bytes] = set()
        self._counts = {"done": 0, "failed": 0, "cancelled": 0}
        self._probes: list[float] = []
        self._started = time.monotonic()
        self._answers = {
            wire.CANCEL: self._cancel, wire.PING: self._ping, wire.STATUS: self._status,
            wire.SHUTDOWN: self._shutdown,
        }  # fmt: skip

    def stop(self) -> None:
        """End `run` soon; may be called from other threads and signal handlers."""
        self._ended.set()
        self._wake.set()

    def run(self) -> bool:
        """Serve. Returns whether the engine came to rest; the listener is left for its owner to close."""
        poller = zmq.Poller()
        sockets = (self._socket, self._listener.monitor, self._wake.fileno(), self._listener.zap)
        for source in sockets:
            if source is not None:
                poller.register(source, zmq.POLLIN)
        while not self._ended.is_set():
            ready = dict(poller.poll(1000 * self._patience()))
            if self._listener.zap in ready:
                self._listener.answer_zap()
            if self._wake.fileno() in ready:
                self._wake.clear()
            if self._socket in ready:
                self._receive()
            self._report_jobs()
            if self._listener.monitor in ready:
                recv_monitor_message(self._listener.monitor)
                self._probes = [time.monotonic() + delay for delay in PROBE_AFTER_SECONDS]
            self._probe()
        return self._close()

    # -- messages in -------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        # Bounded, so that a flood cannot keep results from leaving.
        for _ in range(MESSAGES_AT_ONCE):
            try:
                client, *frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._handle(client, frames)
            except Exception as error:  # whatever one message can bring about must not end the loop for everybody
                self._failed(client, error)

    def _failed(self, client: bytes, error: Exception, job: str | None = None) -> None:
        """The one place where what nobody foresaw is logged; its client alone is told."""
        LOG.error("a message or an answer failed", exc_info=error)
        message = f"The backend failed unexpectedly ({type(error).__name__})."
        self._refuse(client, wire.INTERNAL, message, f"The details are in {log_file()}.", job=job)

    def _handle(self, client: bytes, frames: Sequence[bytes]) -> None:
        known = client in self._clients
        try:
            header, arrays = wire.decode(frames)
        except wire.WireError as error:
            if known:
                self._refuse(client, error.code, f"The message cannot be read: {error}.", "Is the client up to date?")
            return
        if header["type"] == wire.HELLO:
            self._hello(client, header)
        elif known and header["type"] in (wire.SUBMIT, *self._answers):
            self._answer(client, header, arrays)
        elif known:
            self._refuse(client, wire.UNKNOWN_TYPE, f"There is no message type '{header['type']}'.")

    def _answer(self, client: bytes, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        job_id = header.get("id")
        if job_id is not None and not (isinstance(job_id, str) and 1 <= len(job_id) <= wire.MAX_ID):
            self._refuse(client, wire.BAD_REQUEST, f"An id is text of 1 to {wire.MAX_ID} characters.")
            return
        try:
            if header["type"] == wire.SUBMIT:
                self._submit(client, header, arrays)
            else:
                self._answers[header["type"]](client, header)
        except MoclipError as error:
            self._refuse(client, error.code, error.message, error.hint, error.action, job_id)

    def _hello(self, client: bytes, header: dict[str, Any]) -> None:
        token = header.get("token")
        given = token.encode("utf-8") if isinstance(token, str) else b""
        if self._token is not None and not hmac.compare_digest(given, self._token.encode("utf-8")):
            LOG.warning("refused a client: wrong token")
            self._forget(client)
            self._refuse(client, wire.BAD_TOKEN, "The backend did not accept the token.", "Restart it.", "restart")
        elif header.get("protocol") != wire.PROTOCOL:
            message = f"The backend speaks protocol {wire.PROTOCOL}, the client {header.get('protocol')!r:.20}."
            self._refuse(client, wire.PROTOCOL_MISMATCH, message, "Update the older of the two.", "restart")
        elif client not in self._clients and len(self._clients) >= MAX_CLIENTS:
            message = f"The backend has {MAX_CLIENTS} clients already."
            self._refuse(client, wire.TOO_MANY_CLIENTS, message, "Close one of them.")
        else:
            self._clients.add(client)
            LOG.info("client %s says hello", ascii(header.get("client"))[:80])
            self._send(client, self._welcome())

    def _submit(self, client: bytes, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        job_id = _job_id(header)
        position = self._jobs.submit(client, job_id, read_requests(header, arrays, self._engine.fps))
        self._send(client, {"type": wire.QUEUED, "id": job_id, "position": position})

    def _cancel(self, client: bytes, header: dict[str, Any]) -> None:
        if not self._jobs.cancel(client, _job_id(header)):
            raise MoclipError("That job is over or was never there.", code=wire.UNKNOWN_JOB)

    def _ping(self, client: bytes, header: dict[str, Any]) -> None:
        self._send(client, {"type": wire.PONG, "id": header.get("id")})

    def _status(self, client: bytes, header: dict[str, Any]) -> None:
        counts = {
            "clients": len(self._clients), "jobs_waiting": self._jobs.waiting, "jobs_running": self._jobs.running,
            **{f"jobs_{name}": count for name, count in self._counts.items()},
        }  # fmt: skip
        uptime = round(time.monotonic() - self._started, 1)
        header = {"type": wire.STATUS, "id": header.get("id"), "uptime_seconds": uptime, "pid": os.getpid()}
        self._send(client, {**header, **self.model(), **counts})

    def _shutdown(self, client: bytes, header: dict[str, Any]) -> None:
        LOG.info("a client asked to end")
        self._send(client, {"type": wire.SHUTDOWN, "id": header.get("id")})
        self.stop()

    # -- messages out ------------------------------------------------------------------------------------------------

    def _send(self, client: bytes, header: dict[str, Any]) -> None:
        self._send_frames(client, wire.encode(header), ping=header["type"] == wire.PING)

    def _send_frames(self, client: bytes, frames: Sequence[bytes], ping: bool = False) -> None:
        try:
            self._socket.send_multipart([client, *frames], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            # Unreachable: gone. Again: it has not read hundreds of messages, and will not read this one. Pings alone
            # do not count: strangers that come and go cause them.
            if error.errno == zmq.EHOSTUNREACH or not ping:
                self._forget(client)

    def _refuse(
        self, client: bytes, code: str, message: str, hint: str = "", action: str = "", job: str | None = None
    ) -> None:
        self._send(client, wire.error_header(code, message, hint, action, job))

    def model(self) -> dict[str, Any]:
        """What is served, as `welcome`, `status` and the ready line say it."""
        engine = self._engine
        return {
            "version": moclip.__version__, "model": engine.name, "licence": engine.licence, "runtime": engine.runtime,
            "device": engine.device,
        }  # fmt: skip

    def _welcome(self) -> dict[str, Any]:
        limits = {
            "seconds": [SHORTEST_SECONDS, LONGEST_SECONDS], "text_characters": LONGEST_PROMPT, "batch": MAX_BATCH,
            "queue": CAPACITY, "script_lines": MAX_LINES, "script_seconds": LONGEST_SCRIPT_SECONDS,
            "between_seconds": SHORTEST_BETWEEN_SECONDS, "context_frames": MAX_CONTEXT_FRAMES,
            "header_bytes": wire.MAX_HEADER_BYTES, "arrays": wire.MAX_ARRAYS, "message_bytes": wire.MAX_MESSAGE_BYTES,
        }  # fmt: skip
        return {
            "type": wire.WELCOME, "protocol": wire.PROTOCOL, **self.model(), "fps": float(self._engine.fps),
            "joints": list(JOINT_NAMES), "limits": limits,
            "features": ["text_to_motion", "batch", "cancel", "auto_seconds", "script", "context"],
        }  # fmt: skip

    def _report_jobs(self) -> None:
        for event in self._jobs.events():
            try:
                if event.message is None:
                    self._finish(event)
                elif not event.job.dropped:
                    self._send(event.job.client, event.message)
            except Exception as error:  # as in _receive
                self._failed(event.job.client, error, event.job.id)

    def _finish(self, event: Event) -> None:
        job = event.job
        error = Cancelled() if job.future.cancelled() else job.future.exception()
        if error is None:
            self._counts["done"] += 1
            for frames in job.future.result():
                if not job.dropped:
                    self._send_frames(job.client, frames)
        elif isinstance(error, Cancelled):
            self._counts["cancelled"] += 1
            if not job.dropped:
                self._send(job.client, {"type": wire.CANCELLED, "id": job.id})
        else:
            self._counts["failed"] += 1
            if not isinstance(error, MoclipError):
                raise error
            if not job.dropped:
                self._refuse(job.client, error.code, error.message, error.hint, error.action, job.id)

    # -- clients that went away --------------------------------------------------------------------------------------

    def _patience(self) -> float:
        return max(0.0, min([IDLE_SECONDS, *(due - time.monotonic() for due in self._probes)]))

    def _probe(self) -> None:
        """Some connection closed: a message to each client finds out whose it was."""
        now = time.monotonic()
        if not any(due <= now for due in self._probes):
            return
        self._probes = [due for due in self._probes if due > now]
        for client in list(self._clients):
            self._send(client, {"type": wire.PING})

    def _forget(self, client: bytes) -> None:
        if client in self._clients:
            LOG.info("a client is gone")
        self._clients.discard(client)
        self._jobs.drop(client)

    def _close(self) -> bool:
        at_rest = self._jobs.close(timeout=10.0)
        self._report_jobs()
        for client in list(self._clients):
            self._send(client, {"type": wire.SHUTDOWN, "id": None})
        return at_rest


def _job_id(header: dict[str, Any]) -> str:
    if header.get("id") is None:
        raise MoclipError("The message has no id.", code=wire.BAD_REQUEST)
    return header["id"]
