# SPDX-License-Identifier: GPL-3.0-or-later
"""Which build of torch fits this machine, and how large it is. Standard library only; asks the drivers' own tools."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..shared.errors import MoclipError

TORCH_INDEX = "https://download.pytorch.org/whl/"
SECONDS_TO_ANSWER = 15.0
OLDEST_CUDA = (12, 0)
ROCM_BUILD = "rocm6.4"
CUDA_GB = (3.0, 6.0)


@dataclass(frozen=True)
class Machine:
    """device: cuda, rocm, mps or cpu. name: what the driver calls it. index: where its torch lies; "" is the package
    index itself. download_gb, disk_gb: about so much, with everything else that the environment holds. note: a
    sentence for the user, or "".
    """

    device: str
    name: str
    index: str
    download_gb: float
    disk_gb: float
    note: str = ""


def sizes(machine: Machine, own_index: bool) -> tuple[float, float]:
    """About so many gigabytes to download and on the disk. own_index: torch comes from an index of the user's."""
    if own_index and machine.device == "cpu" and platform.system() == "Linux":
        # There, what is plainly called torch is the build for NVIDIA.
        return CUDA_GB
    return machine.download_gb, machine.disk_gb


def ask(command: Sequence[str]) -> str:
    """What a tool prints; "" when it is not there, fails or hangs."""
    found = shutil.which(command[0])
    if found is None:
        return ""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            [found, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS_TO_ANSWER,
            creationflags=flags,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def detect(
    ask: Callable[[Sequence[str]], str] = ask,
    system: str = "",
    processor: str = "",
    kfd: Path = Path("/dev/kfd"),
) -> Machine:
    """Look at this machine; takes up to a second, so never call it from a draw function.

    ask, system, processor, kfd: given by tests. Raises MoclipError where no torch is made for the machine.
    """
    system, processor = system or platform.system(), (processor or platform.machine()).lower()
    if system == "Darwin":
        return _mac(processor)
    gpus = [line.split(",") for line in ask(_QUERY).splitlines() if line.count(",") == 1]
    if gpus:
        return _nvidia(gpus, ask(["nvidia-smi"]))
    if system == "Linux" and kfd.exists() and processor in ("x86_64", "amd64"):
        name = _amd_name(ask(["rocminfo"])) or "an AMD GPU"
        return Machine("rocm", name, TORCH_INDEX + ROCM_BUILD, 5.5, 18.0)
    note = "No GPU that torch can use was found, so this will not be faster than the built-in backend."
    return Machine("cpu", "no GPU", TORCH_INDEX + "cpu", 0.5, 1.6, note)


_QUERY = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]


def _mac(processor: str) -> Machine:
    if processor != "arm64":
        raise MoclipError(
            "PyTorch is no longer made for Macs with Intel processors.",
            hint="Use the built-in backend, or one on another computer.",
            code="no_torch",
        )
    return Machine("mps", "Apple silicon", "", 0.4, 1.2)


def _nvidia(gpus: list[list[str]], summary: str) -> Machine:
    name, capability = gpus[0][0].strip(), _version(gpus[0][1])
    told = re.search(r"CUDA[^:|]*Version:\s*([\d.]+)", summary)
    driver = _version(told[1]) if told else OLDEST_CUDA
    if driver < OLDEST_CUDA:
        raise MoclipError(
            f"The driver of {name} is too old for PyTorch: it has CUDA {told[1]}, 12.0 is needed.",
            hint="Update the NVIDIA driver, then set up again.",
            code="old_driver",
        )
    build = _cuda_build(driver, capability)
    if capability >= (10, 0) and build == "cu126":
        raise MoclipError(
            f"The driver of {name} is too old for this GPU's PyTorch: it has CUDA {told[1] if told else 'unknown'}, "
            "12.8 is needed.",
            hint="Update the NVIDIA driver, then set up again.",
            code="old_driver",
        )
    return Machine("cuda", name, TORCH_INDEX + build, *CUDA_GB)


def _cuda_build(driver: tuple[int, ...], capability: tuple[int, ...]) -> str:
    """Builds with CUDA 13 leave out GPUs before Turing (7.5), those with 12.6 have no code for Blackwell (10.0)."""
    if driver >= (13, 0) and capability >= (7, 5):
        return "cu130"
    return "cu128" if driver >= (12, 8) and capability >= (10, 0) else "cu126"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _amd_name(told: str) -> str:
    """The first agent of rocminfo that is a GPU."""
    for agent in told.split("Agent ")[1:]:
        name = re.search(r"Marketing Name:\s*(\S.*)", agent)
        if name and re.search(r"Device Type:\s*GPU", agent):
            return name[1].strip()
    return ""


def clean_environment() -> dict[str, str]:
    """For a Python that is not Blender's: Blender may set PYTHONHOME for itself, which another must not inherit."""
    dropped = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")
    return {k: v for k, v in os.environ.items() if k not in dropped} | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
