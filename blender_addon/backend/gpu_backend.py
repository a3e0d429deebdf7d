# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's side of the GPU backend: what the preferences ask for, the set-up or removal that runs, what is there.

Work is done in threads; `pump` only looks at what they left.
"""

import functools
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy

from ..bundled import EXTENSION
from ..gpu import environment, machine
from ..gpu.environment import Environment, Plan
from ..gpu.set_up import SetUp
from ..settings import preferences
from ..shared.errors import MoclipError
from .session import SESSION

PUMP_INTERVAL = 0.1
PACKAGES_GB = (0.1, 0.4)
"""Download and disk without torch."""


@functools.cache
def _wheel() -> Path:
    return environment.find_wheel(EXTENSION)


class GpuBackend:
    """machine: None until it has been looked at. problem: why no torch fits it."""

    def __init__(self) -> None:
        self.machine: machine.Machine | None = None
        self.problem: MoclipError | None = None
        self.set_up: SetUp | None = None
        self._there: Environment | None = None
        self._looker: threading.Thread | None = None
        self._remover: threading.Thread | None = None
        self._not_removed: MoclipError | None = None
        self._told_of: SetUp | None = None

    @property
    def folder(self) -> Path:
        chosen = bpy.path.abspath(preferences().environment_folder)
        return Path(chosen) if chosen else environment.default_folder()

    @property
    def there(self) -> Environment:
        """What is set up; read again when the folder or a set-up changed it, as draw functions ask for it often."""
        if self._there is None or self._there.folder != self.folder:
            self._there = environment.read(self.folder)
        return self._there

    @property
    def is_outdated(self) -> bool:
        """Does it hold another version of MoCLIP than this add-on brings?"""
        return self.there.is_complete and not self.there.done["moclip"].startswith(_wheel().name)

    @property
    def is_running(self) -> bool:
        return self.set_up is not None and self.set_up.state == "running"

    @property
    def is_removing(self) -> bool:
        return self._remover is not None

    @property
    def is_looking(self) -> bool:
        return self._looker is not None and self._looker.is_alive()

    def look(self, again: bool = False) -> bool:
        """Begin to see which torch fits, in a thread, once; was it begun now? again: also after one that found none."""
        if self.machine is not None or self.is_looking or (self.problem is not None and not again):
            return False
        self.problem = None
        self._looker = threading.Thread(target=self._look, name="moclip-look", daemon=True)
        self._looker.start()
        return True

    def _look(self) -> None:
        try:
            self.machine = machine.detect()
        except MoclipError as error:
            self.problem = error
        except Exception as error:  # else it would be looked at again and again, and nobody told why
            traceback.print_exc()
            self.problem = MoclipError(f"This machine cannot be looked at ({type(error).__name__}: {error}).")

    @property
    def sizes(self) -> tuple[float, float]:
        """Gigabytes to download and on the disk, about, once the machine has been looked at."""
        return machine.sizes(self.machine, self.has_own_index)

    @property
    def has_own_index(self) -> bool:
        # A package index in pip's own settings is the user's will, too.
        return bool(preferences().package_index.strip() or os.environ.get("PIP_INDEX_URL"))

    def start(self, torch: tuple[str, ...] = environment.TORCH) -> None:
        """Begin, or go on where the last set-up ended. torch: requirements; () makes an environment without it."""
        self.set_up = SetUp(self._planner(torch), allow_online=bpy.app.online_access)

    def _planner(self, torch: tuple[str, ...]) -> Callable[[], Plan]:
        """Everything that is Blender's is read now, the rest is done in the thread."""
        chosen, own_index = preferences(), self.has_own_index
        index = chosen.package_index.strip()
        plan = Plan(
            folder=self.folder,
            python=bpy.path.abspath(chosen.environment_python) or sys.executable,
            python_key="" if chosen.environment_python else "Blender's own",
            wheel=_wheel(),
            torch=torch,
            index=bpy.path.abspath(index) if index.startswith("//") else index,
            links=(EXTENSION / "wheels",),
            download_gb=PACKAGES_GB[0],
            disk_gb=PACKAGES_GB[1],
        )

        def make() -> Plan:
            if not torch:
                return plan
            if self._looker is not None:
                self._looker.join()
            if self.machine is None:
                self.machine = machine.detect()
            torch_index = "" if own_index else self.machine.index
            download_gb, disk_gb = machine.sizes(self.machine, own_index)
            return replace(plan, torch_index=torch_index, download_gb=download_gb, disk_gb=disk_gb)

        return make

    def cancel(self) -> None:
        if self.is_running:
            self.set_up.told = "cancelling"
            self.set_up.cancel()

    def remove(self) -> None:
        """Delete the environment, in a thread: it is gigabytes in many small files."""
        folder = self.folder

        def work() -> None:
            try:
                environment.remove(folder)
            except MoclipError as error:
                self._not_removed = error
            except Exception as error:  # else it would be said to be removed
                traceback.print_exc()
                why = f"The GPU backend was not removed ({type(error).__name__}: {error})."
                self._not_removed = MoclipError(why)

        self._not_removed, self.set_up = None, None
        self._remover = threading.Thread(target=work, name="moclip-remove", daemon=True)
        self._remover.start()

    def shut_down(self) -> None:
        if self.is_running:
            self.set_up.cancel_and_wait()
        self.set_up = None

    def visible_state(self) -> tuple:
        setup = self.set_up
        shown = setup and (setup.state, setup.told, round(setup.fraction, 3), tuple(setup.tail)[-1:])
        return self.is_removing, self.is_looking, self.machine, self.problem, shown

    def pump(self) -> float | None:
        """Tell of what has ended; seconds until the next call, None when nothing runs."""
        if self._remover is not None and not self._remover.is_alive():
            self._remover, self._there = None, None
            self._tell_removed()
        if self.set_up is not None and self.set_up.state != "running" and self._told_of is not self.set_up:
            self._told_of, self._there = self.set_up, None
            self._tell_set_up(self.set_up)
        return PUMP_INTERVAL if self.is_running or self.is_removing or self.is_looking else None

    def _tell_removed(self) -> None:
        if self._not_removed is not None:
            return SESSION.say("ERROR", str(self._not_removed), self._not_removed.action)
        if preferences().kind == "ENVIRONMENT":
            preferences().kind = "BUILTIN"
        SESSION.say("INFO", "The GPU backend is removed.")

    def _tell_set_up(self, ended: SetUp) -> None:
        if ended.state != "done":
            return SESSION.say("INFO" if ended.state == "cancelled" else "ERROR", str(ended.error), ended.error.action)
        preferences().kind = "ENVIRONMENT"
        if SESSION.state != "off" and SESSION.job is None:
            SESSION.stop()
        SESSION.say("INFO", f"The GPU backend is set up: {ended.environment.told()}. The next motion uses it.")


GPU = GpuBackend()
