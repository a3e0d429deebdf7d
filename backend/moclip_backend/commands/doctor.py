# SPDX-License-Identifier: Apache-2.0
"""`moclip doctor`: what is installed, what is missing, and how to mend it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from moclip.shipped import DEFAULT_MODEL

PACKAGES = (
    ("numpy", True, "everything", "pip install numpy"),
    ("onnxruntime", True, "the built-in runtime", "pip install onnxruntime"),
    ("pyzmq", True, "the backend", "pip install pyzmq"),
    ("safetensors", True, "reading weights", "pip install safetensors"),
    ("torch", False, "training, GPUs, official checkpoints", 'pip install "moclip[torch]"'),
    ("open_clip_torch", False, "training the text tower", 'pip install "moclip[train]"'),
    ("pillow", False, "previews as .gif and .png", "pip install pillow"),
    ("ray", False, "batches on a Ray cluster", 'pip install "moclip[ray]"'),
    ("motionmcp-sdk", False, "serve --mmcp", 'pip install "moclip[mmcp]"'),
    ("mcp", False, "serve --mcp", 'pip install "moclip[mcp]"'),
    ("bpy", False, "demo and keyframe without an installed Blender", 'pip install "moclip[blender]" (Python 3.11)'),
)
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """state: ok, missing (something optional) or broken (the main job does not run)."""

    what: str
    state: str
    found: str
    mend: str = ""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what is installed, what is missing, and how to mend it. Exit code 1 when the main job cannot run.

    Example: moclip doctor
    """
    from moclip_backend.terminal import print_json, print_table

    checks = list(_checks())
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        print_table(("what", "state", "found", "how to mend it"), [tuple(asdict(check).values()) for check in checks])
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _checks() -> Iterator[Check]:
    yield _python()
    for package in PACKAGES:
        yield _package(*package)
    yield from _weights()
    yield _blender()
    yield _gpu()
    yield _egl()
    yield _state()
    yield _backend()


def _python() -> Check:
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if sys.version_info < OLDEST_PYTHON:
        return Check("Python", "broken", version, "Install Python 3.11 or newer.")
    return Check("Python", "ok", version)


def _package(name: str, needed: bool, purpose: str, mend: str) -> Check:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, "broken" if needed else "missing", f"not installed; for {purpose}", mend)
    module = {"pyzmq": "zmq", "open_clip_torch": "open_clip", "pillow": "PIL"}.get(name, name)
    if needed:
        try:
            __import__(module)
        except (ImportError, OSError) as error:
            return Check(name, "broken", f"{version}, but it cannot be imported: {error}", mend)
    return Check(name, "ok", version)


def _weights() -> Iterator[Check]:
    from moclip.models import list_models, verify_model

    models = list_models()
    if not any(info.name == DEFAULT_MODEL for info in models):
        yield Check(f"model {DEFAULT_MODEL}", "broken", "its weights are not here", "Install moclip again.")
    for info in models:
        problems = verify_model(str(info.path))
        if problems:
            yield Check(f"model {info.name}", "broken", problems[0], "Install it again.")
        else:
            found = f"{sum(info.sizes.values()) / 1e6:.1f} MB, text tower {info.text_fingerprint}, {info.licence}"
            yield Check(f"model {info.name}", "ok", found)


def _blender() -> Check:
    path = shutil.which("blender")
    if path:
        return Check("Blender", "ok", path)
    mend = "Install Blender 4.2 or newer, or `demo --blender PATH`; or use bpy."
    return Check("Blender", "missing", "no `blender` in PATH; demo and keyframe need it or bpy", mend)


def _gpu() -> Check:
    if importlib.util.find_spec("torch") is None:
        return Check("GPU", "missing", "torch is not installed", 'Only for GPUs: pip install "moclip[torch]"')
    import torch

    if torch.cuda.is_available():
        return Check("GPU", "ok", torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Check("GPU", "ok", "mps")
    return Check("GPU", "missing", "torch sees none; the CPU is enough to generate")


def _egl() -> Check:
    if sys.platform != "linux":
        return Check("EGL", "ok", "not needed on this system")
    library = find_library("EGL")
    if library:
        return Check("EGL", "ok", library)
    mend = "apt install libegl1 libegl-mesa0 libgl1-mesa-dri"
    return Check("EGL", "missing", "demo renders with Cycles, slower", mend)


def _state() -> Check:
    from moclip.errors import MoclipError
    from moclip_backend.commands.generate import check_folder
    from moclip_backend.state.folders import state_folder
    from moclip_backend.state.private import private_folder

    try:
        check_folder(private_folder(state_folder()))
    except MoclipError as error:
        return Check("state folder", "broken", error.message, "Set MOCLIP_STATE to a folder that you may write to.")
    return Check("state folder", "ok", str(state_folder()))


def _backend() -> Check:
    from moclip.errors import MoclipError
    from moclip_backend.client.running import connect_running

    try:
        with connect_running(timeout=2.0) as client:
            return Check("backend", "ok", f"running at {client.address}")
    except MoclipError as error:
        return Check("backend", "ok" if error.code == "backend_not_running" else "missing", error.message, error.hint)
