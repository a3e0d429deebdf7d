# SPDX-License-Identifier: Apache-2.0
"""The environment of the GPU backend: planned for the machine, made, cancelled, resumed, refused, removed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from addon_part import addon_module
from small_wheels import PROBE, write_all

from moclip.errors import MoclipError

environment, machine, pip_output, set_up = (
    addon_module(f"gpu.{name}") for name in ("environment", "machine", "pip_output", "set_up")
)


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Everything from a folder of small wheels, so no network is needed."""
    # This computer's own pip settings may know other places.
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    wheel = write_all(tmp_path / "wheels")
    return environment.Plan(
        tmp_path / "data" / "backend", sys.executable, wheel, torch=("torch",), index=str(tmp_path / "wheels")
    )


def run(plan, *, allow_online=False, seconds=120.0):
    made = set_up.SetUp(lambda: plan, allow_online=allow_online)
    wait_for(lambda: made.state != "running", seconds)
    return made


def wait_for(reached, seconds=30.0):
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


def changed(plan, **fields):
    return environment.Plan(**{**vars(plan), **fields})


def test_a_small_environment_is_made_checked_and_made_no_second_time(plan):
    made = run(plan)
    assert made.state == "done" and made.fraction == 1.0, made.error
    there = environment.read(plan.folder)
    assert there.is_complete and there.told() == "torch on cpu (a small test)"
    assert list(there.done) == ["environment", "torch", "moclip", "packages", "check"]
    found = subprocess.run([there.python, "-c", "import torch; print(torch.version)"], capture_output=True, text=True)
    assert found.stdout == "1\n"
    assert not (plan.folder / "tmp").exists() and "exit code 0" in (plan.folder / environment.LOG).read_text()
    command = environment.serve_command(plan.folder)
    assert command == [str(there.python), *"-m moclip_backend serve --runtime torch --device auto".split()]
    started = time.monotonic()
    assert run(plan).state == "done" and time.monotonic() - started < 1.0

    # Another wheel of the same version, as when the add-on is built anew: only what depends on it is done again.
    marker = plan.folder / "venv" / "kept"
    marker.touch()
    write_all(plan.wheel.parent, PROBE.replace("a small test", "another"))
    again = run(plan)
    assert again.state == "done" and marker.is_file()
    assert environment.read(plan.folder).found["device_name"] == "another"
    log = (plan.folder / environment.LOG).read_text()
    assert log.count("installing torch\n") == 1 and log.count("installing MoCLIP\n") == 2


def test_cancel_leaves_nothing_running_and_the_next_one_goes_on(plan, tmp_path):
    pids = tmp_path / "pids"
    slow = f"""
import os, subprocess, sys, time
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(99)"
child = subprocess.Popen([sys.executable, "-c", deaf])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}\\n")
time.sleep(99)
"""
    write_all(plan.wheel.parent, slow)
    made = set_up.SetUp(lambda: plan, allow_online=False)
    wait_for(lambda: pids.is_file() and pids.read_text().endswith("\n"), 60.0)
    time.sleep(0.3)
    assert made.told == "trying it out" and 0.9 < made.fraction < 1.0
    made.cancel()
    wait_for(lambda: made.state == "cancelled")
    assert made.error.code == "cancelled" and made.error.action == "set_up_backend"
    wait_for(lambda: not any(map(is_running, pids.read_text().split())))
    there = environment.read(plan.folder)
    assert list(there.done) == ["environment", "torch", "moclip", "packages"] and not there.is_complete
    with pytest.raises(MoclipError, match="not completely set up"):
        environment.serve_command(plan.folder)
    write_all(plan.wheel.parent)
    assert run(plan).state == "done"
    log = (plan.folder / environment.LOG).read_text()
    assert log.count("making the environment\n") == log.count("installing torch\n") == 1


def is_running(pid):
    """A process that has ended and that nobody has yet asked about does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_fails_is_told_in_one_sentence_and_kept_in_the_log(plan):
    (plan.wheel.parent / "torch-1.0-py3-none-any.whl").unlink()
    made = run(plan)
    assert made.state == "failed" and made.error.action == "preferences"
    assert str(made.error).startswith("The package index has no torch for this Python and this machine.")
    assert any("No matching distribution" in line for line in made.tail)
    assert "No matching distribution" in made.log.read_text()
    assert list(environment.read(plan.folder).done) == ["environment"]
    write_all(plan.wheel.parent, "raise SystemExit('error: The weights are damaged.')")
    assert str(run(plan).error) == "'Trying it out' failed: The weights are damaged. The log has the rest."
    write_all(plan.wheel.parent, "print('no json')")
    assert "does not say whether it works" in str(run(plan).error)


def test_without_leave_to_go_online_nothing_is_begun(plan):
    made = run(changed(plan, index=""))
    assert made.state == "failed" and made.error.action == "allow_online"
    assert "System > Network > Allow Online Access" in str(made.error) and not plan.folder.exists()


def test_too_little_disk_is_told_before_anything_is_made(plan):
    made = run(changed(plan, disk_gb=1e9))
    assert made.error.code == "disk_full" and "but only" in str(made.error) and not plan.folder.exists()


def test_two_do_not_work_in_one_folder(plan):
    environment.claim(plan.folder)
    with environment.only_one(plan.folder):
        assert "Another Blender" in str(run(plan).error)
        with pytest.raises(MoclipError, match="Another Blender"):
            environment.remove(plan.folder)
        assert environment.read(plan.folder).content
    environment.remove(plan.folder)
    assert not plan.folder.exists()


def test_pythons_that_cannot_make_environments(plan, tmp_path):
    assert "is not a Python that runs" in str(run(changed(plan, python="/no/such/python")).error)
    old = script(tmp_path / "old", 'echo "[[3, 10], true]"')
    assert "is Python 3.10, which is too old" in str(run(changed(plan, python=old)).error)
    bare = script(tmp_path / "bare", 'echo "[[3, 13], false]"')
    error = run(changed(plan, python=bare)).error
    assert "lacks venv or ensurepip" in str(error) and error.action == "preferences"


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_folder_with_other_files_is_neither_used_nor_removed(plan):
    plan.folder.mkdir(parents=True)
    diary = plan.folder / "diary.txt"
    diary.write_text("dear diary")
    assert run(plan).error.code == "folder_in_use"
    for content in ("", "{}", json.dumps({"made_by": "somebody"}), "[1]"):
        (plan.folder / environment.MARKER).write_text(content)
        with pytest.raises(MoclipError, match="nothing was deleted"):
            environment.remove(plan.folder)
    assert diary.read_text() == "dear diary"


def test_removal_takes_what_is_ours_and_nothing_else(plan, tmp_path):
    environment.claim(plan.folder)
    (plan.folder / "venv" / "lib").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (plan.folder / "tmp").symlink_to(elsewhere)
    (plan.folder / "diary.txt").write_text("dear diary")
    environment.remove(plan.folder)
    assert [path.name for path in plan.folder.iterdir()] == ["diary.txt"] and (elsewhere / "kept").exists()
    (plan.folder / "diary.txt").unlink()
    environment.claim(plan.folder)
    environment.remove(plan.folder)
    assert not plan.folder.exists() and plan.folder.parent.exists()


@pytest.mark.parametrize(
    ("system", "environ", "expected"),
    [
        ("Linux", {}, "/home/me/.local/share/moclip/backend"),
        ("Linux", {"XDG_DATA_HOME": "/data"}, "/data/moclip/backend"),
        ("Darwin", {}, "/home/me/Library/Application Support/moclip/backend"),
        ("Windows", {"LOCALAPPDATA": "/local"}, "/local/moclip/backend"),
    ],
)
def test_the_folder_is_the_users_own(system, environ, expected):
    assert environment.default_folder(system, environ, Path("/home/me")) == Path(expected)


def nvidia(name="RTX 4090", capability="8.9", cuda="13.0"):
    def ask(command):
        header = f"| NVIDIA-SMI 580.1   Driver Version: 580.1   CUDA Version: {cuda}  |"
        return f"{name}, {capability}\n" if len(command) > 1 else header

    return ask


@pytest.mark.parametrize(
    ("capability", "cuda", "build"),
    [("8.9", "13.0", "cu130"), ("12.0", "13.1", "cu130"), ("12.0", "12.8", "cu128"), ("8.6", "12.4", "cu126"),
     ("6.1", "13.0", "cu126"), ("7.5", "12.9", "cu126")],
)  # fmt: skip
def test_nvidia_gpus_get_a_build_that_has_code_for_them(tmp_path, capability, cuda, build):
    found = machine.detect(nvidia(capability=capability, cuda=cuda), "Linux", "x86_64", tmp_path / "none")
    assert (found.device, found.index) == ("cuda", f"https://download.pytorch.org/whl/{build}")
    assert found.disk_gb > 4.0 and found.name == "RTX 4090"


@pytest.mark.parametrize(("capability", "cuda", "needed"), [("8.6", "11.4", "12.0"), ("12.0", "12.4", "12.8")])
def test_a_driver_that_is_too_old_is_named(tmp_path, capability, cuda, needed):
    with pytest.raises(MoclipError, match=f"it has CUDA {cuda}, {needed} is needed"):
        machine.detect(nvidia(capability=capability, cuda=cuda), "Linux", "x86_64", tmp_path / "none")


def test_other_machines(tmp_path):
    silent = lambda _command: ""  # noqa: E731
    assert machine.detect(silent, "Darwin", "arm64").device == "mps"
    with pytest.raises(MoclipError, match="Intel"):
        machine.detect(silent, "Darwin", "x86_64")
    cpu = machine.detect(silent, "Linux", "x86_64", tmp_path / "none")
    assert cpu.device == "cpu" and "not be faster" in cpu.note and cpu.index.endswith("/cpu")
    assert machine.sizes(cpu, own_index=False)[1] < 2.0
    if sys.platform == "linux":
        assert machine.sizes(cpu, own_index=True)[1] > 5.0
    (tmp_path / "kfd").touch()
    told = (
        "Agent 1\n Marketing Name: Ryzen\n Device Type: CPU\nAgent 2\n Marketing Name: Radeon RX\n Device Type: GPU\n"
    )
    amd = machine.detect(lambda c: told if c == ["rocminfo"] else "", "Linux", "x86_64", tmp_path / "kfd")
    assert (amd.device, amd.name) == ("rocm", "Radeon RX") and "/rocm" in amd.index
    assert machine.detect(silent, "Windows", "AMD64", tmp_path / "kfd").device == "cpu"


def test_pips_output_becomes_progress():
    output = pip_output.PipOutput("installing torch", expected_bytes=1000e6)
    assert output.read("Looking in indexes: https://example.org") == ("installing torch", 0.0)
    assert output.read("Collecting torch>=2.4") == ("installing torch: package 1, torch", 0.0)
    output.read("  Downloading https://example.org/torch-2.9-cp311-linux.whl.metadata (30 kB)")
    output.read("  Downloading https://example.org/torch-2.9-cp311-linux.whl (800.0 MB)")
    told, share = output.read("Progress 400000000 of 800000000")
    assert told == "installing torch: package 1, torch, 400 of 800 MB" and share == pytest.approx(0.75 * 0.4)
    output.read("Progress 800000000 of 800000000")
    told, share = output.read("  Using cached sympy-1.14-py3-none-any.whl (200.0 MB)")
    assert "sympy" in told and share == pytest.approx(0.75)
    assert output.read("Installing collected packages: a, b, torch")[0] == "installing torch: unpacking 3 packages"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"], "disk is full"),
        (["WARNING: Retrying after NewConnectionError", "ERROR: No matching distribution found for torch"],
         "cannot be reached"),
        (["x", "ERROR: Hashes do not match"], "'Installing torch' failed: Hashes do not match"),
        ([], "exit code 7"),
    ],
)  # fmt: skip
def test_pips_failures_become_sentences(lines, sentence):
    step = environment.Step("torch", "installing torch", (), "", 1.0)
    error = pip_output.failure(step, lines, 7)
    assert sentence in error.message and error.code == "setup_failed" and "\n" not in str(error)


def test_a_user_s_index_replaces_every_other(plan):
    def words(**fields):
        made = {step.name: step.command for step in environment.steps(changed(plan, **fields))}
        return {name: [w for w in command if w.startswith(("http", "--index", "--no-index"))]
                for name, command in made.items() if name in ("torch", "packages")}  # fmt: skip

    fits = "https://download.pytorch.org/whl/cu130"
    assert words(index="", torch_index=fits) == {"torch": ["--index-url", fits], "packages": []}
    own = ["--index-url", "https://mirror.example.org/simple"]
    assert words(index=own[1], torch_index=fits) == {"torch": own, "packages": own}
    assert words(torch_index=fits)["torch"] == ["--no-index"]
    assert "torch" not in words(torch=())


def test_another_build_of_torch_begins_anew_and_another_blender_does_not(plan):
    def names(there, **fields):
        return [step.name for step in environment.waiting(environment.steps(changed(plan, **fields)), there)]

    plan = changed(plan, index="", torch_index="https://example.org/cpu", python_key="Blender's own")
    done = {step.name: step.key for step in environment.steps(plan)}
    there = environment.Environment(plan.folder, {"done": done})
    assert names(there)[0] == "environment"  # the Python that it was made with is gone
    there.python.parent.mkdir(parents=True)
    there.python.touch()
    assert names(there, python="/newer/blender/python") == []
    assert len(names(there, torch_index="https://example.org/cu130")) == 6


def test_children_do_not_inherit_what_would_mislead_them(plan, monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET"):
        monkeypatch.setitem(os.environ, name, "/no/such/folder")
    assert run(plan).state == "done"


@pytest.mark.parametrize("error", [ValueError("a broken marker"), AttributeError("x"), RuntimeError("nobody knew")])
def test_a_set_up_that_fails_in_any_way_ends(plan, error):
    def make():
        raise error

    made = set_up.SetUp(make, allow_online=False)
    wait_for(lambda: made.state != "running")
    assert made.state == "failed" and str(error) in str(made.error) and made.error.action == "set_up_backend"
