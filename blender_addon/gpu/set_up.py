# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the GPU backend's environment in a thread: the steps that are not yet done, one child process each.

Others only read `state`, `told`, `fraction`, `tail` and `error`; nothing here waits for them. Standard library only.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..shared.errors import MoclipError
from . import environment
from .environment import Environment, Plan, Step
from .machine import clean_environment
from .pip_output import PipOutput, failure

SECONDS_TO_END = 3.0
TAIL = 6
OLDEST_PYTHON = (3, 11)
_PROBE = (
    "import importlib.util as u, json, sys;"
    "print(json.dumps([sys.version_info[:2], all(map(u.find_spec, ('venv', 'ensurepip')))]))"
)


class SetUp:
    """state: "running", then "done", "cancelled" or "failed" (`error` says why). fraction: 0 to 1.

    make_plan is called in the thread, as it may look at the machine first.
    """

    def __init__(self, make_plan: Callable[[], Plan], *, allow_online: bool):
        self.state, self.told, self.fraction = "running", "looking at this machine", 0.0
        self.error: MoclipError | None = None
        self.environment: Environment | None = None
        self.log: Path | None = None
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._allow_online = allow_online
        self._cancelled = threading.Event()
        self._child: subprocess.Popen | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, args=(make_plan,), name="moclip-set-up", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End the child and all its own; returns at once. What has been done and downloaded is kept."""
        self._cancelled.set()
        threading.Thread(target=self._end_child, name="moclip-cancel").start()

    def cancel_and_wait(self) -> None:
        self._cancelled.set()
        self._end_child()
        self._thread.join(2 * SECONDS_TO_END)

    def _run(self, make_plan: Callable[[], Plan]) -> None:
        try:
            self._make(make_plan())
            self.state = "done"
        except MoclipError as error:
            self.error, self.state = error, "cancelled" if self._cancelled.is_set() else "failed"
        except OSError as error:  # of the log or the marker: a full disk, a folder that was deleted meanwhile
            message = f"The set-up cannot go on: {error.strerror or error}."
            self.error = MoclipError(message, hint="Set up again.", action="set_up_backend", code="setup_failed")
            self.state = "failed"
        except Exception as error:  # whatever it is: a set-up that nobody told had ended would seem to run for ever
            traceback.print_exc()
            message = f"The set-up went wrong ({type(error).__name__}: {error})."
            self.error = MoclipError(message, hint="Set up again.", action="set_up_backend", code="setup_failed")
            self.state = "failed"

    def _make(self, plan: Plan) -> None:
        if not plan.is_local and not self._allow_online:
            raise MoclipError(
                "Blender may not go online.",
                hint="Turn on Preferences > System > Network > Allow Online Access, then set up again.",
                action="allow_online",
                code="offline",
            )
        wanted = environment.steps(plan)
        check_python(plan.python)
        waiting = environment.waiting(wanted, environment.read(plan.folder))
        environment.check_disk(plan, sum(step.share for step in waiting))
        environment.claim(plan.folder)
        with environment.only_one(plan.folder):
            self._go_on(plan, wanted)

    def _go_on(self, plan: Plan, wanted: list[Step]) -> None:
        """Do what is not done yet; the marker tells after each step."""
        there = environment.read(plan.folder)
        waiting = environment.waiting(wanted, there)
        self.log = plan.folder / environment.LOG
        scratch = plan.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        done = {step.name: step.key for step in wanted if step not in waiting}
        whole = sum(step.share for step in wanted)
        try:
            for step in waiting:
                # What a step replaces no longer counts as done, even if it does not end well.
                there = environment.write(Environment(plan.folder, {**there.content, "done": done}))
                self.fraction = sum(s.share for s in wanted if s.name in done) / whole
                found = self._do(step, step.share / whole, plan, scratch)
                done[step.name] = step.key
                there = environment.write(Environment(plan.folder, {**there.content, **found, "done": done}))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self.environment, self.fraction = there, 1.0

    def _do(self, step: Step, weight: float, plan: Plan, scratch: Path) -> dict:
        """Run a step that is `weight` of all; returns what the marker is to remember of it."""
        self.told = step.told
        output = PipOutput(step.told, plan.download_gb * 1e9 if step.name == "torch" else 0.0)
        before, last = self.fraction, ""

        def read(line: str) -> None:
            nonlocal last
            last = line
            self.told, share = output.read(line)
            self.fraction = before + weight * share

        code = self._follow(step, scratch, read)
        if self._cancelled.is_set():
            raise _cancelled()
        if code:
            raise failure(step, output.kept, code)
        return {"found": _report(last)} if step.name == "check" else {}

    def _follow(self, step: Step, scratch: Path, read: Callable[[str], None]) -> int:
        """Give each line of the child to `read`, and all but its progress to the log; the child's exit code."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n{time.strftime('%Y-%m-%d %H:%M:%S')} {step.told}\n{' '.join(step.command)}\n")
            child = self._start(step, scratch)
            try:
                for line in map(str.rstrip, child.stdout):
                    if not line:
                        continue
                    read(line)
                    if not line.startswith("Progress "):
                        self.tail.append(line.strip())
                        log.write(line + "\n")
                        log.flush()
                code = child.wait()
                log.write(f"exit code {code}\n")
            finally:
                if child.returncode is None:
                    self._end_child()
                child.stdout.close()
                with self._lock:
                    self._child = None
        return code

    def _start(self, step: Step, scratch: Path) -> subprocess.Popen:
        # /tmp is often a small part of the memory, and torch is unpacked there.
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        # A user's pip settings may send packages elsewhere than into the environment.
        env = clean_environment() | places | {"PYTHONNOUSERSITE": "1", "PIP_USER": "0"}
        env = {k: v for k, v in env.items() if k not in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")}
        windows = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        with self._lock:
            if self._cancelled.is_set():
                raise _cancelled()
            self._child = subprocess.Popen(
                step.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                text=True, encoding="utf-8", errors="replace", creationflags=windows, start_new_session=True,
            )  # fmt: skip
            return self._child

    def _end_child(self) -> None:
        """Ask the child and its children to end, then make them."""
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return
        if os.name == "nt":
            if child.poll() is None:
                flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
                tree = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
                subprocess.run(tree, capture_output=True, creationflags=flags)
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
            except (ProcessLookupError, PermissionError):
                break  # nobody is left of the group; macOS says so in its own way
            try:
                child.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                continue


def _cancelled() -> MoclipError:
    hint = "Set up again to go on: what was done is kept."
    return MoclipError("The set-up was cancelled.", hint=hint, action="set_up_backend", code="cancelled")


def check_python(python: str) -> None:
    """Raises MoclipError unless this Python can make environments for us."""
    command = [python, "-I", "-c", _PROBE]
    hint = "Choose another Python (3.11 or newer) for the GPU backend in the preferences."
    trouble = {"hint": hint, "action": "preferences", "code": "bad_python"}
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, env=clean_environment(), creationflags=flags
        )
        version, has_venv = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise MoclipError(f"'{python}' is not a Python that runs.", **trouble) from error
    told = ".".join(map(str, version))
    if tuple(version) < OLDEST_PYTHON:
        raise MoclipError(f"'{python}' is Python {told}, which is too old.", **trouble)
    if not has_venv:
        raise MoclipError(f"'{python}' cannot make environments: it lacks venv or ensurepip.", **trouble)


def _report(line: str) -> dict:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError) as error:
        raise MoclipError(
            "The new environment does not say whether it works.",
            hint="The log has the rest.",
            action="set_up_backend",
            code="setup_failed",
        ) from error
