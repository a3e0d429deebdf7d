# SPDX-License-Identifier: Apache-2.0
"""Batches on a Ray cluster of this computer: same files as here, whoever is killed."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_batch_resume import Batch, files, wait_until

from moclip.errors import MoclipError
from moclip_backend.batch.run import AT_ONCE
from moclip_backend.farm.cluster import Share, share_out

LONG = 400.0
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or sys.platform != "linux",
    reason="needs Ray (pip install 'moclip[ray]') and /proc",
)


@pytest.mark.parametrize(
    ("nodes", "wanted", "gpu", "share"),
    [
        ([{"CPU": 64.0}], None, False, Share(16, 4.0, 0.0)),
        ([{"CPU": 8.0}, {"CPU": 2.0}], None, False, Share(5, 2.0, 0.0)),
        ([{"CPU": 8.0}, {"CPU": 8.0}], 3, False, Share(3, 4.0, 0.0)),
        ([{"CPU": 2.0}], 2, False, Share(2, 1.0, 0.0)),
        ([{"CPU": 2.0}], 9, False, Share(2, 1.0, 0.0)),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}], None, True, Share(2, 1.0, 1.0)),
        ([{"CPU": 8.0, "GPU": 2.0}], None, False, Share(2, 4.0, 0.0)),
        ([{}, {"CPU": 4.0}], None, True, Share(1, 4.0, 0.0)),
    ],
)
def test_a_cluster_is_shared_out_by_what_its_nodes_have(nodes, wanted, gpu, share):
    assert share_out(nodes, wanted, gpu) == share


def test_a_cluster_without_a_cpu_is_told():
    with pytest.raises(MoclipError, match="no CPU to give"):
        share_out([{"memory": 1.0}], None, False)


def test_without_ray_the_extra_is_named(moclip, monkeypatch, tmp_path):
    (tmp_path / "batch.jsonl").write_text('{"id": "a", "text": "a person walks"}\n')
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "ray" else there(name, *a))
    code, out, err = moclip("generate", "--batch", "batch.jsonl", "--out", "out", "--engine", "ray")
    assert code == 1 and out == "" and len(err.splitlines()) == 1
    assert err.startswith("error: This command needs the package ray,") and '`pip install "moclip[ray]"`' in err
    assert list((tmp_path / "out").iterdir()) == []


@needs_ray
def test_a_cluster_that_is_not_there_is_told_at_once(moclip, monkeypatch, tmp_path):
    (tmp_path / "batch.jsonl").write_text('{"id": "a", "text": "a person walks"}\n')
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    started = time.monotonic()
    code, _, err = moclip("generate", "--batch", "batch.jsonl", "--out", "out", "--engine", "ray")
    assert code == 1 and err.startswith("error: No Ray cluster answers at 127.0.0.1:1.") and len(err.splitlines()) == 1
    assert time.monotonic() - started < 60.0, "Ray itself tries for many minutes"


def belong_to(pid: int) -> list[str]:
    """Command lines of processes of the cluster that a command of that number started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [line] if f"moclip-ray-{pid}-" in line else []
    return found


def wait_for_files(batch: Batch, process: subprocess.Popen, count: int) -> None:
    """Ray takes a while to start where much else runs."""
    wait_until(lambda: process.poll() is not None or len(list(batch.out.glob("m*.npz"))) >= count, LONG)
    if process.poll() is not None:
        said = process.communicate()
        if "node timed out during startup" in said[1]:
            pytest.skip("this computer is too busy for Ray, which gives itself 30 seconds to start")
        raise AssertionError(said)


@pytest.fixture
def whole(tmp_path):
    """What a batch comes to in this process, without a break."""

    def run(batch: Batch) -> dict[str, bytes]:
        options, batch.options = batch.options, ()
        assert batch.run(out=tmp_path / "whole")[0] == 0
        batch.options = options
        return files(tmp_path / "whole")

    return run


@needs_ray
def test_a_worker_that_is_killed_half_way_costs_nothing_but_time(tmp_path, whole):
    count = 5 * AT_ONCE + 3
    batch = Batch(tmp_path, count, 0.6)
    batch.options = ("--engine", "ray", "--workers", "2", "--json")
    process = batch.start()
    wait_for_files(batch, process, 1)
    wait_until(lambda: len(set(batch.pids())) == 2)
    begun = len(batch.pids())
    wait_until(lambda: len(batch.pids()) > begun)  # whoever has just begun something is at it still
    os.kill(batch.pids()[-1], signal.SIGKILL)
    begun = len(batch.done())
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0 and err.splitlines() == [f"{count} of {count} motions written to {batch.out}."]
    assert [entry["name"] for entry in json.loads(out)] == [f"m{number}" for number in range(count)]
    assert begun < count < len(batch.done()) <= count + AT_ONCE, "what it was at was done again, and no more"
    wait_until(lambda: not belong_to(process.pid), 60.0)
    assert not list(Path("/tmp").glob(f"moclip-ray-{process.pid}-*"))
    assert files(batch.out) == whole(batch)


@needs_ray
def test_a_command_that_is_killed_leaves_no_process_and_goes_on_later(tmp_path, whole):
    count = 4 * AT_ONCE
    batch = Batch(tmp_path, count, 0.6)
    batch.options = ("--engine", "ray", "--workers", "2")
    process = batch.start()
    wait_for_files(batch, process, AT_ONCE)
    process.kill()
    process.communicate()
    wait_until(lambda: not belong_to(process.pid), 60.0)
    finished = len(list(batch.out.glob("m*.npz"))) // AT_ONCE * AT_ONCE
    asked = len(batch.done())
    # One prompt of those that are left kills whoever is at it.
    lines = (tmp_path / "batch.jsonl").read_text()
    (tmp_path / "batch.jsonl").write_text(lines.replace(f'"walk {count - 1}"', '"die"'))
    code, out, err = batch.run()
    lost = err.splitlines()[:-1]
    assert code == 1 and len(lost) == AT_ONCE and all("3 workers ended while they made" in line for line in lost)
    assert len(batch.done()) - asked <= count - finished + 3 * AT_ONCE
    assert not list(Path("/tmp").glob(f"moclip-ray-{process.pid}-*")), "what the killed one left is swept"
    # In this process: the same ledger.
    (tmp_path / "batch.jsonl").write_text(lines)
    batch.options, asked = (), len(batch.done())
    assert batch.run()[0] == 0
    assert len(batch.done()) - asked == AT_ONCE and files(batch.out) == whole(batch)
