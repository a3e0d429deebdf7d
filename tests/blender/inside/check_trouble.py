# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while a job runs: one clear sentence each, nothing lost, and the next job works."""

import os
import signal
import time

import bpy
import numpy as np
import pytest
from conftest import MODULE

LONG = {"use_auto_seconds": False, "seconds": 9.8}


def ask_a_backend_that_hangs(driver):
    """Submit a job to a backend that is stopped, so that the job surely still runs whatever comes next; its pid."""
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    bpy.ops.ed.undo()
    pid = driver.session.process.pid
    os.kill(pid, signal.SIGSTOP)
    driver.ask("a person walks forward", **LONG)
    for _ in range(5):
        driver.module("backend.timer").pump()
    assert driver.session.job.submitted and not bpy.data.actions
    return pid


def finish(driver):
    driver.pump_until(lambda: driver.session.job is None)
    driver.module("backend.timer").pump()


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [("", "The prompt is empty"), ("   \t ", "The prompt is empty"), ("walk " * 1000, "longer than 2000 characters")],
)
def test_bad_prompts_are_refused_at_once(driver, prompt, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        driver.ask(prompt)
    assert driver.session.job is None and sentence in driver.session.message


def test_a_chinese_prompt_is_refused_by_the_backend(driver):
    driver.ask("一个人向前走")
    finish(driver)
    assert driver.session.level == "ERROR" and "English" in driver.session.message
    assert not bpy.data.actions and "Traceback" not in driver.session.message


def test_a_killed_backend_is_told_and_started_again(driver):
    os.kill(ask_a_backend_that_hangs(driver), signal.SIGKILL)
    finish(driver)
    assert driver.session.level == "ERROR" and "was not generated" in driver.session.message
    assert driver.session.state == "off" and not bpy.data.actions
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    assert len(bpy.data.actions) == 1


def test_cancel_stops_and_changes_nothing(driver):
    pid = ask_a_backend_that_hangs(driver)
    bpy.ops.moclip.cancel()
    assert driver.session.job.cancelling
    os.kill(pid, signal.SIGCONT)
    finish(driver)
    assert driver.session.message == "Cancelled." and not bpy.data.actions
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)


def test_cancel_before_the_backend_is_ready(driver):
    bpy.ops.moclip.stop_backend() if driver.session.state != "off" else None
    driver.ask("a person walks")
    bpy.ops.moclip.cancel()
    assert driver.session.job is None and driver.session.message == "Cancelled."


def test_a_deleted_armature_leaves_the_motion_to_apply_elsewhere(driver):
    bpy.ops.moclip.create_armature()
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=2.0)
    bpy.data.objects.remove(driver.settings.target)
    finish(driver)
    assert "was deleted" in driver.session.message and not bpy.data.actions
    bpy.ops.moclip.apply_motion()
    assert driver.settings.target.animation_data.action.name.startswith("a person walks")


def test_a_renamed_armature_is_found(driver):
    bpy.ops.moclip.create_armature()
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    driver.settings.target.name = "Hero"
    finish(driver)
    assert bpy.data.objects["Hero"].animation_data.action is not None


def test_undo_while_a_job_runs(driver):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.moclip.create_armature("EXEC_DEFAULT", True)
    name = driver.settings.target.name
    bpy.ops.mesh.primitive_cube_add("EXEC_DEFAULT", True)
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    bpy.ops.ed.undo()
    assert not bpy.data.meshes and name in bpy.data.objects
    finish(driver)
    assert bpy.data.objects[name].animation_data.action is not None, driver.session.message


def test_undo_that_takes_the_armature_away(driver):
    bpy.ops.moclip.create_armature("EXEC_DEFAULT", True)
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    bpy.ops.ed.undo()
    finish(driver)
    assert "was deleted" in driver.session.message and not bpy.data.actions and driver.session.held is not None


def test_another_file_opened_while_a_job_runs(driver, tmp_path):
    bpy.ops.moclip.create_armature()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=2.0)
    bpy.ops.wm.read_homefile(use_empty=True)
    finish(driver)
    assert "Another file was opened" in driver.session.message and not bpy.data.actions
    assert driver.session.held[1].seconds == pytest.approx(2.0)
    bpy.ops.moclip.apply_motion()
    assert len(bpy.data.actions) == 1


def test_the_same_file_opened_again_is_another_file(driver, tmp_path):
    bpy.ops.moclip.create_armature()
    path = str(tmp_path / "one.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    bpy.ops.wm.open_mainfile(filepath=path)
    finish(driver)
    assert "Another file was opened" in driver.session.message and not bpy.data.actions


def test_edit_mode_is_waited_for(driver):
    bpy.ops.moclip.create_armature()
    bpy.ops.object.mode_set(mode="EDIT")
    driver.ask("a person walks forward", use_auto_seconds=False, seconds=1.0)
    finish(driver)
    assert "back in Object or Pose Mode" in driver.session.message and not bpy.data.actions
    bpy.ops.object.mode_set(mode="OBJECT")
    driver.module("backend.timer").pump()
    assert len(bpy.data.actions) == 1


def test_the_add_on_disabled_while_a_job_runs(driver, capsys):
    pid, session = ask_a_backend_that_hangs(driver), driver.session
    bpy.ops.preferences.addon_disable(module=MODULE)
    assert "was cancelled" in capsys.readouterr().out
    assert session.state == "off" and not bpy.data.actions
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    bpy.ops.preferences.addon_enable(module=MODULE)
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)


def test_the_backend_stops_on_request_and_is_idle_for_so_long_only(driver):
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    pid = driver.session.process.pid
    bpy.ops.moclip.stop_backend()
    assert driver.session.state == "off" and wait_for_end(pid)
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=1.0)
    pid = driver.session.process.pid
    time.sleep(0.05)
    driver.session.pump(idle_minutes=0.0005)
    assert driver.session.state == "off" and wait_for_end(pid)


def wait_for_end(pid, seconds=8.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_an_address_where_nobody_answers(driver, monkeypatch):
    if driver.session.state != "off":
        bpy.ops.moclip.stop_backend()
    monkeypatch.setattr(driver.module("backend.connection"), "SECONDS_TO_WELCOME", 0.5)
    chosen = bpy.context.preferences.addons[MODULE].preferences
    chosen.kind, chosen.address = "ADDRESS", "tcp://127.0.0.1:9"
    try:
        driver.ask("a person walks")
        finish(driver)
        assert "does not answer" in driver.session.message and driver.session.state == "off"
        chosen.address = "nowhere"
        with pytest.raises(RuntimeError, match="is not an address"):
            driver.ask("a person walks")
    finally:
        chosen.kind = "BUILTIN"


def test_a_command_that_does_not_exist(driver):
    if driver.session.state != "off":
        bpy.ops.moclip.stop_backend()
    chosen = bpy.context.preferences.addons[MODULE].preferences
    chosen.kind, chosen.command = "COMMAND", "/no/such/python -m moclip_backend serve"
    try:
        with pytest.raises(RuntimeError, match="cannot be started"):
            driver.ask("a person walks")
    finally:
        chosen.kind = "BUILTIN"
    assert driver.session.job is None


def test_an_unfamiliar_prompt_is_generated_with_a_warning(driver):
    driver.generate("someone paddles a canoe down the river", use_auto_seconds=False, seconds=2.0)
    assert driver.session.level == "WARNING" and "far from what the model was trained on" in driver.session.message
    assert np.isfinite(driver.session.held[1].rotations).all()


def test_a_prompt_that_is_far_is_told_while_it_is_typed(driver):
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    hint, told_now = driver.session.hint, driver.module("ui.panel_main").told_now
    driver.settings.prompt = "someone paddles a canoe down the river"
    driver.pump_until(lambda: hint.sentence)
    level, told = told_now(bpy.context)
    assert level == "WARNING" and told.startswith("The model was not trained for this. The nearest it can do: ")
    assert driver.session.job is None and len(bpy.data.actions) == 1
    driver.settings.prompt = "a person waves"
    assert told_now(bpy.context) == (driver.session.level, driver.session.message)
    driver.pump_until(lambda: hint.wait() is None and not hint._asked)
    assert hint.sentence == ""
    # An error, and whatever is said later, go first.
    driver.settings.prompt = "someone paddles a canoe down the river"
    driver.pump_until(lambda: hint.sentence)
    driver.session.say("ERROR", driver.session.message)
    assert told_now(bpy.context)[0] == "ERROR"
