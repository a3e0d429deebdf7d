# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPU backend's own Python environment: where it lies, what makes it, what has been done, how it is removed.

Standard library only. A folder is ours when it carries the marker; nothing else is ever written to or deleted.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..shared.errors import MoclipError

MARKER, LOG, MAKER = "moclip-backend.json", "setup.log", "MoCLIP for Blender"
BACKEND = "moclip_backend"
"""The package of the project's wheel that `python -m` starts."""
TORCH = ("torch", "torchvision")
"""torchvision is not needed by the model itself, but open_clip asks for it, and it must be of the same build."""
_LOCK = "setup.lock"
_OURS = ("venv", "tmp", LOG)
_GB = 1e9


def default_folder(system: str = "", environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Path:
    """The user's data folder: outside the extension, which an update replaces."""
    system, home = system or platform.system(), home or Path.home()
    if system == "Windows":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif system == "Darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "moclip" / "backend"


@dataclass(frozen=True)
class Plan:
    """What to make.

    python: makes the environment. python_key: what it is known by, as Blender's own may move. wheel: the project's.
    torch: requirements, () leaves it out and serves by onnx. torch_index: where torch lies, "" the package index.
    index: the user's own, for everything, "" pip's settings; a folder of wheels is searched instead of any network.
    links: folders of wheels that are searched as well.
    """

    folder: Path
    python: str
    wheel: Path
    torch: tuple[str, ...] = TORCH
    torch_index: str = ""
    index: str = ""
    links: tuple[Path, ...] = ()
    download_gb: float = 0.0
    disk_gb: float = 0.0
    python_key: str = ""

    @property
    def runtime(self) -> str:
        return "torch" if self.torch else "onnx"

    @property
    def is_local(self) -> bool:
        """Does everything come from a folder on this computer?"""
        return bool(self.index) and Path(self.index).is_dir()


@dataclass(frozen=True)
class Step:
    """name, key: it is done when the marker holds this key under this name. share: of the whole progress."""

    name: str
    told: str
    command: tuple[str, ...]
    key: str
    share: float


@dataclass(frozen=True)
class Environment:
    folder: Path
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        return python_in(self.folder)

    @property
    def done(self) -> dict[str, str]:
        return dict(self.content.get("done", {}))

    @property
    def found(self) -> dict[str, Any]:
        """What the check at the end reported: device, device_name, runtime, seconds; {} before it."""
        return dict(self.content.get("found", {}))

    @property
    def is_complete(self) -> bool:
        return "check" in self.done and self.python.is_file()

    def told(self) -> str:
        """One line for the user."""
        found = self.found
        name = f" ({found['device_name']})" if found.get("device_name") else ""
        return f"{found.get('runtime', '?')} on {found.get('device', '?')}{name}"


def python_in(folder: Path) -> Path:
    return folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read(folder: Path) -> Environment:
    """What lies there; an empty `Environment` when nothing of ours does."""
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Environment(folder)
    return Environment(folder, content if isinstance(content, dict) and content.get("made_by") == MAKER else {})


def claim(folder: Path) -> Environment:
    """Make the folder ours, or go on in one that is. Raises MoclipError for a folder with other things in it."""
    there = read(folder)
    if there.content:
        return there
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise MoclipError(
                f"The folder '{folder}' holds other files.",
                hint="Choose an empty one for the GPU backend in the preferences.",
                action="preferences",
                code="folder_in_use",
            )
        return write(Environment(folder, {"made_by": MAKER, "done": {}}))
    except OSError as error:
        raise MoclipError(
            f"The folder '{folder}' cannot be written to: {error.strerror or error}.",
            hint="Choose another for the GPU backend in the preferences.",
            action="preferences",
            code="bad_folder",
        ) from error


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Raises MoclipError while another works here; the system lets go when that one ends, however it ends."""
    with (folder / _LOCK).open("w") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise MoclipError(
                "Another Blender sets up or removes the GPU backend.", hint="Wait until it is done.", code="busy"
            ) from error
        yield


def write(environment: Environment) -> Environment:
    """Replaced in one go, so that a crash leaves the old or the new marker."""
    marker = environment.folder / MARKER
    unfinished = marker.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(environment.content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, marker)
    return environment


def steps(plan: Plan) -> list[Step]:
    """From nothing to a checked environment, in order; a later step is only done when all before it are."""
    python = str(python_in(plan.folder))
    pip = (python, "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", "install")
    # Only a pip that was just brought up to date is sure to know "raw", which tells bytes line by line.
    pip_and_progress = (*pip, "--progress-bar", "off" if plan.is_local else "raw")
    # Our own wheels first: what they hold need not be fetched.
    places = tuple(word for folder in plan.links for word in ("--find-links", str(folder)))
    if plan.is_local:
        places = ("--no-index", "--find-links", plan.index, *places)
    elif plan.index:
        places = ("--index-url", plan.index, *places)
    wheel, print_of_wheel = str(plan.wheel), fingerprint(plan.wheel)
    torch_places = ("--index-url", plan.torch_index) if plan.torch_index and not plan.index else places
    key = json.dumps([plan.torch, plan.index or plan.torch_index])
    # Anew for another build of torch: pip takes any build for what is wanted, and leaves the libraries of the old one.
    made = [
        Step("environment", "making the environment",
             (plan.python, "-I", "-m", "venv", "--clear", str(plan.folder / "venv")),
             (plan.python_key or plan.python) + key, 0.04)
    ]  # fmt: skip
    if not plan.is_local:
        made.append(Step("installer", "updating the installer", (*pip, *places, "--upgrade", "pip"), "", 0.03))
    if plan.torch:
        made.append(Step("torch", "installing torch", (*pip_and_progress, *torch_places, *plan.torch), key, 0.7))
    # --force-reinstall: pip takes another wheel of the same version for what is there already.
    command = (*pip_and_progress, "--no-index", "--no-deps", "--force-reinstall", wheel)
    made.append(Step("moclip", "installing MoCLIP", command, print_of_wheel, 0.02))
    command = (*pip_and_progress, *places, wheel + ("[torch]" if plan.torch else ""))
    made.append(Step("packages", "installing packages", command, print_of_wheel + plan.runtime, 0.16))
    command = (python, "-I", "-m", f"{BACKEND}.probe", "--runtime", plan.runtime)
    made.append(Step("check", "trying it out", command, print_of_wheel + plan.runtime, 0.05))
    return made


def waiting(wanted: list[Step], there: Environment) -> list[Step]:
    """The steps from the first on that is not done as it is wanted now."""
    done = there.done if there.python.is_file() else {}
    first = next((k for k, step in enumerate(wanted) if done.get(step.name) != step.key), len(wanted))
    return wanted[first:]


def fingerprint(wheel: Path) -> str:
    """Raises MoclipError when the wheel is not there."""
    try:
        with wheel.open("rb") as content:
            return f"{wheel.name} {hashlib.file_digest(content, 'sha256').hexdigest()[:16]}"
    except OSError as error:
        raise MoclipError(
            f"The add-on lacks its own package '{wheel.name}'.", hint="Install the add-on again.", code="no_wheel"
        ) from error


def find_wheel(extension: Path) -> Path:
    """The project's wheel: Blender keeps the zip's wheels in the extension's folder. Raises MoclipError."""
    found = sorted((extension / "wheels").glob("moclip-*.whl"))
    if not found:
        raise MoclipError("The add-on lacks its own package.", hint="Install the add-on's zip again.", code="no_wheel")
    return found[-1]


def check_disk(plan: Plan, missing: float = 1.0) -> None:
    """missing: the share of the work that is not yet done. Raises MoclipError when the disk is too full for it."""
    # pip keeps what it downloads beside what it installs.
    needed = (plan.download_gb + plan.disk_gb) * missing
    existing = next(folder for folder in (plan.folder, *plan.folder.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / _GB
    if free < needed:
        raise MoclipError(
            f"The set-up needs about {needed:.1f} GB in '{plan.folder}', but only {free:.1f} GB are free.",
            hint="Make room, or choose another folder in the preferences.",
            action="preferences",
            code="disk_full",
        )


def serve_command(folder: Path) -> list[str]:
    """How to start the backend from it. Raises MoclipError when it is not there or not complete."""
    there = read(folder)
    if not there.is_complete:
        raise MoclipError(
            "The GPU backend is not set up." if not there.content else "The GPU backend is not completely set up.",
            hint="Set it up, or choose the built-in backend.",
            action="set_up_backend",
            code="not_set_up",
        )
    runtime = str(there.found.get("runtime", "torch"))
    return [str(there.python), "-m", BACKEND, "serve", "--runtime", runtime, "--device", "auto"]


def remove(folder: Path) -> None:
    """Delete the environment; the folder itself, too, unless other files lie in it. Raises MoclipError."""
    if not read(folder).content:
        raise MoclipError(
            f"'{folder}' is no GPU backend of MoCLIP, so nothing was deleted.", code="not_ours", action="preferences"
        )
    try:
        with only_one(folder):
            for name in _OURS:
                _delete(folder / name)
        # Windows deletes no file that is open.
        _delete(folder / _LOCK)
        # Last, so that what an error left behind can still be removed.
        _delete(folder / MARKER)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise MoclipError(
            f"'{error.filename or folder}' cannot be deleted: {error.strerror or error}.",
            hint="Stop the backend and try again.",
            code="cannot_remove",
        ) from error


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
