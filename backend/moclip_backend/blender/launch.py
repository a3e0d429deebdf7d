# SPDX-License-Identifier: Apache-2.0
"""Find a Blender, build the add-on for its Python, run scripts in it."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.state.locks import try_lock

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(__file__).resolve().parents[3]
MARK = "@moclip "
"""What starts a script's lines for us; Blender prints others."""
_OLDEST = (4, 2)
_LOOKS_SECONDS = 0.2
"""How often one that waits looks whether it may build."""


@dataclass(frozen=True)
class Blender:
    """command: what goes before a script's name. python: its version, such as "3.11"."""

    name: str
    command: tuple[str, ...]
    python: str


def find_blender(path: Path | None = None) -> Blender:
    """The Blender at `path`; else bpy of this environment, else the Blender on PATH. Raises MoclipError."""
    if path is not None:
        return _installed(str(path))
    if importlib.util.find_spec("bpy") is not None:
        # -P: only what lies in the environment and the add-on's wheels may be imported.
        return Blender("bpy", (sys.executable, "-P"), f"{sys.version_info.major}.{sys.version_info.minor}")
    found = shutil.which("blender")
    if found is None:
        raise MoclipError(
            "There is neither bpy nor Blender here.",
            hint='Use Python 3.11 and `pip install "moclip[blender]"`, or give `--blender PATH` (4.2 or later).',
            code="no_blender",
        )
    return _installed(found)


def _installed(path: str) -> Blender:
    ask = "import bpy, sys; print('@moclip', *bpy.app.version[:2], *sys.version_info[:2])"
    try:
        told = subprocess.run(
            [path, "--background", "--factory-startup", "--python-expr", ask],
            capture_output=True,
            text=True,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MoclipError(
            f"'{path}' cannot be run as Blender.", hint="Check `--blender`.", code="no_blender"
        ) from error
    match = re.search(r"^@moclip (\d+) (\d+) (\d+) (\d+)", told.stdout, re.M)
    if match is None:
        raise MoclipError(f"'{path}' is not a Blender that works.", hint="Check `--blender`.", code="no_blender")
    version = (int(match[1]), int(match[2]))
    if version < _OLDEST:
        raise MoclipError(
            f"'{path}' is Blender {match[1]}.{match[2]}.", hint="Version 4.2 or later is needed.", code="old_blender"
        )
    arguments = ("--background", "--factory-startup", "--python-exit-code", "1", "--python")
    return Blender(f"Blender {match[1]}.{match[2]}", (path, *arguments), f"{match[3]}.{match[4]}")


@contextmanager
def fresh_user_folder() -> Iterator[dict[str, str]]:
    """Environment variables that keep Blender away from the user's settings and caches; the folder goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="moclip-", ignore_cleanup_errors=True) as folder:
        yield {"BLENDER_USER_RESOURCES": str(Path(folder, "blender")), "XDG_CACHE_HOME": str(Path(folder, "cache"))}


def run_script(
    blender: Blender, name: str, task: dict[str, Any], env: dict[str, str], hear: Callable[[dict[str, Any]], None]
) -> None:
    """Run `scripts/<name>.py` with a task; `hear` gets each message that it sends.

    Raises MoclipError with what the script said went wrong, or with its last line if it fell over.
    """
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    separator = [] if blender.name == "bpy" else ["--"]
    command = [*blender.command, str(SCRIPTS / f"{name}.py"), *separator, json.dumps(task)]
    process = subprocess.Popen(
        command, env=inherited | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    last: deque[str] = deque(maxlen=1)
    failure: MoclipError | None = None
    finished = False
    try:
        for line in process.stdout or ():
            if not line.startswith(MARK):
                last.extend([line.strip()] if line.strip() else [])
                continue
            message = json.loads(line.removeprefix(MARK))
            if "error" in message:
                failure = MoclipError(message["error"], code=message.get("code", "blender"))
            finished |= bool(message.get("finished"))
            hear(message)
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if failure is not None:
        raise failure
    # bpy may crash while it is torn down, after everything is written.
    if not finished:
        raise MoclipError(f"{blender.name} stopped: {last[0] if last else 'it said nothing'}", code="blender")


def addon_zip(blender: Blender) -> Path:
    """The add-on for this Blender, built from the checkout; one built before is used while no source has changed.

    One process of this user builds at a time: others wait, and use what it has built.
    """
    builder = _builder()
    folder = Path(builder.cache_folder()) / "zips"
    with _alone(folder):
        return _zip_in(folder, builder, blender)


def _zip_in(folder: Path, builder: ModuleType, blender: Blender) -> Path:
    pythons = [blender.python]
    kept = folder / _sources_key(blender.python)
    found = sorted(kept.glob("*.zip")) if kept.is_dir() else []
    if found:
        return found[0]
    if folder.is_dir():
        for old in folder.iterdir():
            shutil.rmtree(old, ignore_errors=True)
    try:
        return Path(builder.build(kept, builder.current_platform(), pythons))
    except builder.BuildError as error:
        raise MoclipError(f"The add-on cannot be built: {error}", code="build") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process is at work in a folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("ab") as lock:
        while not try_lock(lock):
            time.sleep(_LOOKS_SECONDS)
        yield


def _builder() -> ModuleType:
    path = ROOT / "build_addon.py"
    if not path.is_file():
        raise MoclipError(
            "This command builds the add-on, for which it needs the project's checkout.",
            hint="Clone the project and `pip install -e .` there.",
            code="no_checkout",
        )
    spec = importlib.util.spec_from_file_location("build_addon", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sources_key(python: str) -> str:
    digest = hashlib.sha256(python.encode())
    files = [ROOT / "build_addon.py", ROOT / "pyproject.toml"]
    for package in ("moclip", "backend", "blender_addon", "LICENSES"):
        files += [p for p in (ROOT / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:20]
