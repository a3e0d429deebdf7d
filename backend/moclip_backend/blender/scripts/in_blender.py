# SPDX-License-Identifier: Apache-2.0
"""What the scripts share: hearing the task, telling of progress, the add-on installed and driven as a user would."""

import json
import sys
import time
import traceback
from collections.abc import Callable

import bpy

MODULE = "bl_ext.user_default.moclip"


def tell(**message) -> None:
    # On a line of its own, whatever Blender has printed without ending its line.
    print("\n@moclip " + json.dumps(message), flush=True)


class Failed(Exception):
    """One sentence for the user. code: a stable name for the program that started this one."""

    def __init__(self, message: str, code: str = "blender"):
        super().__init__(message)
        self.code = code


def run(work: Callable[[dict], None]) -> None:
    """Run `work` with the task from the command line; the last message is `finished` or `error`."""
    try:
        work(json.loads(sys.argv[-1]))
    except Failed as error:
        tell(error=str(error), code=error.code)
    except Exception as error:  # the one place where this process reports what nobody foresaw
        traceback.print_exc()
        tell(error=f"Something unexpected went wrong in Blender ({type(error).__name__}: {error}).")
    else:
        tell(finished=True)


class Stage:
    """Tells how long the block took."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> "Stage":
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            tell(stage=self.name, seconds=time.perf_counter() - self._started)


class Addon:
    """The installed add-on. A Blender without a window runs no timers, so its pump is worked by hand."""

    def __init__(self, zip_path: str):
        bpy.ops.extensions.package_install_files(
            filepath=zip_path, repo="user_default", enable_on_install=True, overwrite=True
        )
        if MODULE not in sys.modules or MODULE not in bpy.context.preferences.addons:
            raise Failed("Blender did not enable the add-on.")
        self.session = self.module("backend.session").SESSION

    @staticmethod
    def module(name: str):
        return sys.modules[f"{MODULE}.{name}"]

    def _pump_while(self, going_on: Callable[[], bool], seconds: float) -> None:
        pump, shown = sys.modules[f"{MODULE}.backend.timer"].pump, -1.0
        end = time.monotonic() + seconds
        while going_on():
            if time.monotonic() > end:
                raise Failed(f"The backend took longer than {seconds:.0f} s.")
            pump()
            job = self.session.job
            if job is not None and job.progress > shown + 0.02:
                shown = job.progress
                tell(progress=shown, what=job.stage)
            time.sleep(0.01)

    def start_backend(self) -> None:
        if self.session.state == "off":
            call(bpy.ops.moclip.start_backend)
        self._pump_while(lambda: self.session.state in ("starting", "connecting"), 120)
        if self.session.state != "ready":
            raise Failed(self.session.message)

    def generate(self, prompt: str, seconds: float | None, seed: int) -> bpy.types.Object:
        """Prompt to keyframes from the current frame on; the armature."""
        settings = bpy.context.scene.moclip
        settings.prompt, settings.seed, settings.use_auto_seconds = prompt, seed, seconds is None
        if seconds is not None:
            settings.seconds = seconds
        call(bpy.ops.moclip.generate)
        self._pump_while(lambda: self.session.job is not None, 600)
        sys.modules[f"{MODULE}.backend.timer"].pump()
        if self.session.level == "ERROR":
            raise Failed(self.session.message)
        return settings.target

    def bones_of(self, rig: bpy.types.Object) -> dict[str, str]:
        """Joint -> bone, as the add-on sees it. Raises Failed for a rig that it cannot key."""
        try:
            return self.module("rig.mapping").map_rig(rig)
        except self.module("shared.errors").MoclipError as error:
            raise Failed(str(error)) from error

    @property
    def clip(self):
        """The last motion."""
        return self.session.held[1]

    def close(self) -> None:
        bpy.ops.preferences.addon_disable(module=MODULE)


def call(operator: Callable[[], object], whose: str = "The add-on") -> None:
    """Call an operator; what it reports as an error becomes a Failed. whose: names it where it falls over."""
    try:
        operator()
    except RuntimeError as error:
        lines = str(error).strip().removeprefix("Error: ").splitlines()
        lines = [line for line in lines if not line.startswith("Location: ")]
        fell_over = lines[0].startswith("Python: Traceback")
        raise Failed(f"{whose} went wrong ({lines[-1].strip()})." if fell_over else lines[0]) from error
