# SPDX-License-Identifier: Apache-2.0
"""The GPU backend from the panel's point of view, and a backend that dies or hangs."""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from conftest import MODULE

SOURCES = Path(__file__).resolve().parents[3]
SHORT = {"use_auto_seconds": False, "seconds": 1.0}


@pytest.fixture
def chosen(driver, tmp_path, monkeypatch):
    """The preferences, with a folder for the environment; put back afterwards."""
    if driver.session.state != "off":
        bpy.ops.moclip.stop_backend()
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.environment_folder = str(tmp_path / "env")
    # A Blender without a window has no size of letters to wrap text by.
    panel = driver.module("ui.panel_backend")
    monkeypatch.setattr(panel, "draw_text", lambda layout, text, *_look: layout.label(text=text))
    yield preferences
    gpu = driver.module("backend.gpu_backend").GPU
    if gpu.is_running:
        gpu.cancel()
        driver.pump_until(lambda: not gpu.is_running)
    if driver.session.state != "off":
        bpy.ops.moclip.stop_backend()
    gpu.set_up = None
    for name in ("kind", "command", "environment_folder", "environment_python", "package_index"):
        preferences.property_unset(name)
    bpy.context.preferences.system.use_online_access = False


class Layout:
    """Notes what is drawn: texts, and the operators of buttons."""

    def __init__(self):
        self.texts, self.buttons = [], []

    def label(self, text="", **_settings):
        self.texts.append(text)

    def progress(self, factor=0.0, text=""):
        assert 0.0 <= factor <= 1.0
        self.texts.append(text)

    def prop(self, _data, name, **_settings):
        self.texts.append(name)

    def operator(self, name, **_settings):
        assert hasattr(bpy.types, "MOCLIP_OT_" + name.removeprefix("moclip."))
        self.buttons.append(name)
        return SimpleNamespace()

    def row(self, **_settings):
        return self

    column = box = row


def drawn(driver, name="panel"):
    """The panel Backend, or the preferences, as they would be drawn now."""
    window_manager = SimpleNamespace(keyconfigs=SimpleNamespace(user=None))  # keys are a window's
    layout, context = Layout(), SimpleNamespace(region=SimpleNamespace(width=400), window_manager=window_manager)
    if name == "panel":
        driver.module("ui.panel_backend").MOCLIP_PT_backend.draw(SimpleNamespace(layout=layout), context)
    else:
        preferences = bpy.context.preferences.addons[MODULE].preferences
        shown = {key: getattr(preferences, key) for key in preferences.bl_rna.properties.keys()}
        type(preferences).draw(SimpleNamespace(layout=layout, **shown), context)
    return layout


def set_up(driver, seconds=240.0, **settings):
    """Until it has ended, with the stages that were seen on the way."""
    gpu, seen = driver.module("backend.gpu_backend").GPU, []
    assert bpy.ops.moclip.set_up_backend(**settings) == {"FINISHED"}

    def is_over():
        layout = drawn(driver)
        if gpu.is_running and (not seen or seen[-1] != gpu.set_up.told):
            assert "moclip.cancel_set_up" in layout.buttons and "moclip.remove_backend" not in layout.buttons
            seen.append(gpu.set_up.told)
        return not gpu.is_running

    driver.pump_until(is_over, seconds)
    driver.module("backend.timer").pump()
    return seen


def test_without_leave_to_go_online_the_preference_is_named(driver, chosen):
    assert not bpy.app.online_access
    set_up(driver)
    assert driver.session.level == "ERROR" and "Allow Online Access" in driver.session.message
    assert driver.session.action == "allow_online" and not (Path(chosen.environment_folder)).exists()
    assert "moclip.open_preferences" in drawn(driver, "preferences").buttons


def test_the_environment_is_made_serves_and_is_removed(driver, chosen, capsys):
    chosen.kind = "ENVIRONMENT"
    with pytest.raises(RuntimeError, match="The GPU backend is not set up"):
        driver.ask("a person walks")
    assert driver.session.action == "set_up_backend" and "moclip.set_up_backend" in drawn(driver).buttons
    chosen.kind = "BUILTIN"

    bpy.context.preferences.system.use_online_access = True
    started, slowest, folder = time.monotonic(), measured(driver), Path(chosen.environment_folder)
    seen = set_up(driver, torch="")
    if "cannot be reached" in driver.session.message:
        pytest.skip("no package index can be reached from here")
    assert driver.session.level == "INFO" and chosen.kind == "ENVIRONMENT", driver.session.message
    assert "onnx on cpu" in driver.session.message and "making the environment" in seen
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with capsys.disabled():
        print(f"\nBlender {bpy.app.version_string}: environment without torch in {time.monotonic() - started:.1f} s, "
              f"{size / 1e6:.0f} MB, slowest pump {1000 * max(slowest):.1f} ms")  # fmt: skip

    driver.generate("a person walks forward", **SHORT)
    command = Path(f"/proc/{driver.session.process.pid}/cmdline").read_bytes().decode().split("\0")
    assert command[0] == str(folder / "venv/bin/python") and "onnx" in command
    assert driver.session.welcome["runtime"] == "onnx" and len(bpy.data.actions) == 1

    for operator in (bpy.ops.moclip.remove_backend, bpy.ops.moclip.set_up_backend):
        with pytest.raises(RuntimeError, match="Stop the backend first"):
            operator()
    bpy.ops.moclip.stop_backend()
    assert bpy.ops.moclip.remove_backend() == {"FINISHED"}
    gpu = driver.module("backend.gpu_backend").GPU
    driver.pump_until(lambda: not gpu.is_removing)
    assert not folder.exists() and chosen.kind == "BUILTIN" and "is removed" in driver.session.message


def measured(driver):
    """The seconds of each pump from now on, of the GPU backend's part."""
    gpu, seconds = driver.module("backend.gpu_backend").GPU, []
    pump = type(gpu).pump

    def timed():
        started = time.perf_counter()
        interval = pump(gpu)
        seconds.append(time.perf_counter() - started)
        return interval

    gpu.pump = timed
    return seconds


def test_cancel_is_told_and_the_button_goes_on(driver, chosen):
    bpy.context.preferences.system.use_online_access = True
    gpu, folder = driver.module("backend.gpu_backend").GPU, Path(chosen.environment_folder)
    bpy.ops.moclip.set_up_backend(torch="")
    driver.pump_until(lambda: (folder / "venv").is_dir())
    with pytest.raises(RuntimeError, match="is being set up"):
        bpy.ops.moclip.set_up_backend()
    started = time.monotonic()
    bpy.ops.moclip.cancel_set_up()
    driver.pump_until(lambda: not gpu.is_running)
    assert time.monotonic() - started < 4.0
    driver.module("backend.timer").pump()
    assert driver.session.level == "INFO" and "cancelled" in driver.session.message
    assert driver.session.action == "set_up_backend" and chosen.kind == "BUILTIN"
    assert {"moclip.set_up_backend", "moclip.remove_backend"} <= set(drawn(driver, "preferences").buttons)


def test_the_size_is_told_before_anything_is_done(driver, chosen):
    gpu = driver.module("backend.gpu_backend").GPU
    gpu.machine = driver.module("gpu.machine").Machine("cuda", "RTX 4090", "", 3.0, 6.0)
    try:
        text = " ".join(drawn(driver, "preferences").texts)
    finally:
        gpu.machine = None
    assert "RTX 4090" in text and "3.0 GB to download" in text and "6.0 GB in" in text
    assert not Path(chosen.environment_folder).exists()


def test_the_look_at_the_machine_is_shown_when_it_ends_and_done_again(driver, chosen, monkeypatch):
    gpu, timer, machine = (
        driver.module("backend.gpu_backend").GPU,
        driver.module("backend.timer"),
        driver.module("gpu.machine"),
    )
    monkeypatch.setattr(gpu, "machine", None)
    monkeypatch.setattr(gpu, "problem", None)
    old = driver.module("shared.errors").MoclipError("The driver is too old.", hint="Update it.", code="old_driver")
    answers, leave, redrawn = [old, machine.Machine("cuda", "RTX 4090", "", 3.0, 6.0)], threading.Event(), []

    def detect():
        leave.wait(10.0)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(machine, "detect", detect)
    monkeypatch.setattr(timer, "redraw", lambda: redrawn.append(drawn(driver, "preferences").texts))
    assert "Looking at this machine" in drawn(driver, "preferences").texts
    assert bpy.app.timers.is_registered(timer.pump)
    timer.pump()
    leave.set()
    for sentence in (str(old), "RTX 4090"):
        driver.pump_until(lambda text=sentence: any(text in " ".join(texts) for texts in redrawn), 5.0)
        drawn(driver, "preferences")
        assert not gpu.is_looking  # being drawn does not look once more
        gpu.look(again=True)  # what the button does


def test_the_last_words_of_a_backend_that_dies_are_shown(driver, chosen, tmp_path):
    dies = tmp_path / "dies.py"
    dies.write_text("import sys\nfor k in range(9): print('line', k, file=sys.stderr)\nsys.exit(3)\n")
    chosen.kind, chosen.command = "COMMAND", f"{sys.executable} {dies}"
    driver.ask("a person walks", **SHORT)
    driver.pump_until(lambda: driver.session.job is None)
    assert driver.session.state == "off" and "line 8" in driver.session.message
    assert "was not generated" in driver.session.message and driver.session.action == "restart"
    layout = drawn(driver)
    assert [text for text in layout.texts if text.startswith("line")] == [f"line {k}" for k in range(4, 9)]
    assert {"moclip.restart_backend", "moclip.copy_log"} <= set(layout.buttons)
    assert bpy.ops.moclip.copy_log() == {"FINISHED"}
    chosen.kind = "BUILTIN"
    assert bpy.ops.moclip.restart_backend() == {"FINISHED"}
    driver.pump_until(lambda: driver.session.state == "ready")
    assert not any(text.startswith("line") for text in drawn(driver).texts)


def test_a_backend_that_is_killed_says_so(driver, chosen):
    bpy.ops.moclip.start_backend()
    driver.pump_until(lambda: driver.session.state == "ready")
    os.kill(driver.session.process.pid, signal.SIGKILL)
    driver.pump_until(lambda: driver.session.state == "off")
    assert "it was killed" in driver.session.message and driver.session.action == "restart"


def test_a_backend_that_hangs_is_told_of_ended_and_started_again(driver, chosen, monkeypatch):
    connection = driver.module("backend.connection")
    assert connection.SECONDS_OF_SILENCE <= 20.0  # with the second that each look takes, under 25
    monkeypatch.setattr(connection, "SECONDS_OF_SILENCE", 2.0)
    monkeypatch.setattr(connection, "SECONDS_BETWEEN_PINGS", 0.5)
    driver.generate("a person walks forward", **SHORT)
    # Pings keep a backend alive that has nothing to do.
    end = time.monotonic() + 4.0
    while time.monotonic() < end:
        driver.module("backend.timer").pump()
        time.sleep(0.05)
    assert driver.session.state == "ready"
    pid = driver.session.process.pid
    os.kill(pid, signal.SIGSTOP)
    driver.pump_until(lambda: driver.session.state == "off", 6.0)
    assert "does not answer" in driver.session.message and driver.session.action == "restart"
    assert "moclip.restart_backend" in drawn(driver).buttons
    wait_for_end(pid)
    bpy.ops.moclip.restart_backend()
    driver.pump_until(lambda: driver.session.state == "ready")


def test_a_backend_that_never_becomes_ready_is_told_of(driver, chosen, tmp_path, monkeypatch):
    process = driver.module("backend.process")
    assert 60.0 <= process.SECONDS_OF_SILENCE <= 300.0  # torch from a slow disk takes its time
    monkeypatch.setattr(process, "SECONDS_OF_SILENCE", 3.0)
    sleeps = tmp_path / "sleeps.py"
    lives = "import sys, time\nfor k in range(8): print('loading', k, file=sys.stderr, flush=True); time.sleep(0.5)\n"
    sleeps.write_text(lives + "time.sleep(60)\n")
    chosen.kind, chosen.command = "COMMAND", f"{sys.executable} {sleeps}"
    began = time.monotonic()
    driver.ask("a person walks", **SHORT)
    pid = driver.session.process.pid
    driver.pump_until(lambda: driver.session.state == "off", 20.0)
    assert time.monotonic() - began > 5.0  # what it printed were signs of life
    assert "has not become ready" in driver.session.message and "was not generated" in driver.session.message
    layout = drawn(driver)
    assert "loading 7" in layout.texts and "moclip.restart_backend" in layout.buttons
    wait_for_end(pid)


def test_idle_time_gives_the_memory_back(driver, chosen):
    driver.generate("a person walks forward", **SHORT)
    pid = driver.session.process.pid
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
    assert resident > 50_000  # kB: the model lies in it
    driver.session._used -= 60.0
    driver.session.pump(idle_minutes=0.9)
    assert driver.session.state == "off"
    wait_for_end(pid)
    driver.generate("a person walks forward", **SHORT)


def wait_for_end(pid, seconds=8.0):
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_words_for_every_state(driver, chosen):
    status = driver.module("backend.status")
    assert status.of_backend("starting", 12.3) == "Backend: starting, loading the model (12 s)"
    assert status.of_job("sketching the motion", 0.4) == "sketching the motion, 40%"
    assert (status.queued(2), status.queued(0)) == ("queued, 2 before it", "reading the prompt")
    driver.ask("a person walks forward", **SHORT)
    seen = set()

    def is_over():
        session = driver.session
        seen.add(session.state if session.job is None else status.of_job(session.job.stage, session.job.progress))
        if session.retargeting:
            seen.add("retargeting")
        return session.job is None and not session.retargeting

    driver.pump_until(is_over)
    assert "starting the backend" in seen and "retargeting" in seen
    assert any(text.endswith("%") for text in seen)


def test_every_action_of_an_error_has_its_button(driver, chosen):
    mending = driver.module("ui.mending")
    used = set()
    for folder in ("backend", "moclip", "blender_addon"):
        for path in (SOURCES / folder).rglob("*.py"):
            # What a caption's label says is no button.
            used |= set(re.findall(r'(?<!label, )action="(\w+)"', path.read_text(encoding="utf-8")))
    used.discard("store_true")  # argparse's
    assert {"restart", "models", "allow_online"} <= used <= set(mending.BUTTONS)
    for action in mending.BUTTONS:
        layout = Layout()
        mending.draw_button(layout, action)
        assert len(layout.buttons) == 1
    layout = Layout()
    mending.draw_button(layout, "of a newer backend")
    assert not layout.buttons
