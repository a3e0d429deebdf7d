# SPDX-License-Identifier: Apache-2.0
"""A Ray cluster to work on: the one that RAY_ADDRESS names, else one of this computer that ends with the command."""

import importlib
import logging
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.liveness import is_gone, this_process
from moclip_backend.packages import require

ADDRESS_VARIABLE = "RAY_ADDRESS"
_CONNECT_SECONDS = 5.0
_STORE_BYTES = 200_000_000
"""For motions on their way here: a shard's are a hundredth of it."""
_HINT = (
    f"Check {ADDRESS_VARIABLE}, and that Ray and Python have the same versions there; on a computer that is very busy, "
    "try again later."
)
_MOST_CPUS = 4
"""Of a worker: as many threads as the built-in runtime uses."""
_FOLDERS = Path("/tmp")
"""Where a cluster of our own keeps its files: the names of its sockets must be short."""


@dataclass(frozen=True)
class Share:
    """count: of workers. cpus, gpus: what each of them reserves."""

    count: int
    cpus: float
    gpus: float


def share_out(nodes: Sequence[Mapping[str, float]], wanted: int | None, gpu: bool) -> Share:
    """How a cluster is shared out. nodes: what each has as "CPU" and "GPU". wanted: workers. gpu: one each, if any.

    Raises MoclipError where no worker fits.
    """
    gpus = int(sum(node.get("GPU", 0.0) for node in nodes)) if gpu else 0
    if gpus:
        return Share(min(wanted or gpus, gpus), 1.0, 1.0)
    cpus = [node["CPU"] for node in nodes if node.get("CPU", 0.0) >= 1.0]
    if not cpus:
        raise MoclipError("The Ray cluster has no CPU to give.", hint="Add a node to it.", code="no_cluster")
    each = min(_MOST_CPUS, min(cpus))
    if wanted:
        # More than fit at that size share what there is.
        while each > 1 and sum(own // each for own in cpus) < wanted:
            each -= 1
    fitting = int(sum(own // each for own in cpus))
    return Share(min(wanted or fitting, fitting), float(each), 0.0)


@contextmanager
def cluster(workers: int | None) -> Iterator[Any]:
    """The module `ray`, connected. workers: how many a cluster of this computer's own must have room for.

    Raises MoclipError when the package is missing or no cluster answers.
    """
    require("ray", "ray")
    # Ray reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get(ADDRESS_VARIABLE)
    if address:
        _check_answers(address)
    ray: Any = importlib.import_module("ray")
    _keep_quiet()
    with _own_folder() as folder:
        _connect(ray, address, folder, max(workers or 1, os.cpu_count() or 1))
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None, folder: str | None, cpus: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    own = {
        "num_cpus": cpus, "include_dashboard": False, "object_store_memory": _STORE_BYTES, "_temp_dir": folder,
    }  # fmt: skip
    try:
        ray.init(address=address or "local", **quiet, **({} if address else own))
    except Exception as error:  # what Ray raises where it cannot start is of no type of its own
        ray.shutdown()
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MoclipError(f"The Ray cluster cannot be used: {why:.200}", hint=_HINT, code="no_cluster") from error


def nodes_of(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _check_answers(address: str) -> None:
    """Ray itself tries for minutes. Raises MoclipError."""
    match = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d{1,5})", address)
    if match is None:
        return
    try:
        socket.create_connection((match[1], int(match[2])), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise MoclipError(
            f"No Ray cluster answers at {address}.",
            hint=f"`ray start --head` starts one; without {ADDRESS_VARIABLE} this computer is used alone.",
            code="no_cluster",
        ) from error


def _keep_quiet() -> None:
    """Ray prints to our standard output, where results belong, that a worker died: we tell of that ourselves."""
    worker = importlib.import_module("ray._private.worker")
    # Not a part of its interface, and there is no other way; where it has another name, Ray is louder.
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None  # type: ignore[attr-defined]


@contextmanager
def _own_folder() -> Iterator[str | None]:
    """For the files of a cluster of our own, removed after it; those of commands that were killed go, too."""
    if os.name != "posix" or not _FOLDERS.is_dir() or os.environ.get(ADDRESS_VARIABLE):
        yield None
        return
    # Containers may share the folder, and have pids of their own.
    place = this_process()["host"][:4]
    for left in _FOLDERS.glob(f"moclip-ray-*-{place}-*"):
        pid = left.name.split("-")[2]
        # Another user's cannot be removed, and is not.
        if pid.isdecimal() and is_gone({**this_process(), "pid": int(pid)}):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"moclip-ray-{os.getpid()}-{place}-", dir=_FOLDERS)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
