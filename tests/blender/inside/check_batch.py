# SPDX-License-Identifier: Apache-2.0
"""The batch of the panel: CSV files of any kind, rows that fail, strips where they belong."""

import os
import signal

import bpy
import pytest


def characters(driver, count):
    rigs = []
    for _ in range(count):
        bpy.ops.moclip.create_armature()
        rigs.append(driver.settings.target)
    return rigs


def run(driver, seconds=300.0):
    assert bpy.ops.moclip.run_batch() == {"FINISHED"}
    driver.pump_until(lambda: not driver.session.batch.running, seconds)
    return [driver.session.batch.states[row.name] for row in driver.settings.rows]


def strips(rig):
    data = rig.animation_data
    return [(s.name, s.frame_start) for t in data.nla_tracks for s in t.strips] if data else []


def test_fifty_rows_for_five_characters_one_of_which_fails(driver):
    rigs = characters(driver, 5)
    words = ("walks", "waves with the left hand", "bows", "jumps", "runs")
    for k in range(50):
        bpy.ops.moclip.add_row()
        row = driver.settings.rows[-1]
        row.armature, row.prompt, row.start = rigs[k % 5], f"a person {words[k // 5 % 5]}", 1 + 25 * (k // 5)
        row.seconds, row.seed = 1.0, k
    driver.settings.rows[17].prompt = "一个人向前走"
    states = run(driver)
    assert [k for k, (state, _) in enumerate(states) if state != "done"] == [17]
    assert states[17][0] == "failed" and "English" in states[17][1]
    for k, rig in enumerate(rigs):
        found = strips(rig)
        assert len(found) == (9 if k == 2 else 10) and rig.animation_data.action is None
        starts = [1 + 25 * n for n in range(10) if (k, n) != (2, 3)]
        assert [start for _, start in found] == starts


def test_overlapping_rows_are_blended_and_a_removed_character_fails_alone(driver):
    rigs = characters(driver, 2)
    for rig, start in ((rigs[0], 1), (rigs[1], 1), (rigs[0], 31)):
        bpy.ops.moclip.add_row()
        row = driver.settings.rows[-1]
        row.armature, row.prompt, row.start, row.seconds = rig, "a person walks", start, 2.0
    bpy.context.view_layer.objects.active = rigs[1]
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in list(rigs[1].data.edit_bones["left_hip"].children_recursive):
        rigs[1].data.edit_bones.remove(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    states = run(driver)
    assert [state for state, _ in states] == ["done", "failed", "done"] and states[1][1]
    tracks = rigs[0].animation_data.nla_tracks
    assert [t.strips[0].blend_in for t in tracks] == [0.0, 9.0]


def test_a_killed_backend_costs_one_row(driver):
    rig = characters(driver, 1)[0]
    for k in range(3):
        bpy.ops.moclip.add_row()
        row = driver.settings.rows[-1]
        row.armature, row.prompt, row.start, row.seconds = rig, "a person walks", 1 + 200 * k, 9.0
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: driver.session.job is not None and driver.session.job.submitted)
    os.kill(driver.session.process.pid, signal.SIGKILL)
    driver.pump_until(lambda: not driver.session.batch.running, 120)
    states = [driver.session.batch.states[row.name][0] for row in driver.settings.rows]
    assert states == ["failed", "done", "done"] and len(strips(rig)) == 2


def test_cancel_drops_the_rows_that_wait(driver):
    for _ in range(3):
        bpy.ops.moclip.add_row()
        driver.settings.rows[-1].prompt, driver.settings.rows[-1].seconds = "a person walks", 9.0
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: driver.session.job is not None and driver.session.job.submitted)
    assert not bpy.ops.moclip.generate.poll() and bpy.ops.moclip.cancel() == {"FINISHED"}
    driver.pump_until(lambda: not driver.session.batch.running)
    assert {state for state, _ in driver.session.batch.states.values()} == {"failed"} and not bpy.data.actions


def rows_of(driver, *prompts, rig=None, push=True):
    for k, prompt in enumerate(prompts):
        bpy.ops.moclip.add_row("EXEC_DEFAULT", push)
        row = driver.settings.rows[-1]
        row.armature, row.prompt, row.start, row.seconds = rig, prompt, 1 + 40 * k, 1.0


@pytest.mark.parametrize("times", [1, 2, 6])
def test_undo_while_a_batch_runs_leaves_the_rows_that_wait(driver, times):
    rig = characters(driver, 1)[0]
    name = rig.name
    bpy.ops.ed.undo_push(message="character")
    rows_of(driver, "a person bows", "a person walks", "a person waves", rig=rig)
    bpy.ops.ed.undo_push(message="rows")
    bpy.ops.moclip.run_batch("EXEC_DEFAULT", True)
    driver.pump_until(lambda: len(bpy.data.actions) == 1)
    for _ in range(times):
        bpy.ops.ed.undo()
    driver.pump_until(lambda: not driver.session.batch.running, 120)
    states = [state for state, _ in driver.session.batch.states.values()]
    assert states == ["done"] * 3, driver.session.batch.states
    if name in bpy.data.objects:
        assert [s for s, _ in strips(bpy.data.objects[name])] == ["a person walks", "a person waves"]


def test_a_row_that_is_removed_while_it_waits_is_left_out(driver):
    rig = characters(driver, 1)[0]
    rows_of(driver, "a person bows", "a person walks", "a person waves", rig=rig)
    bpy.ops.moclip.run_batch()
    driver.pump_until(lambda: len(bpy.data.actions) == 1)
    driver.settings.active_row = 2
    bpy.ops.moclip.remove_row()
    driver.pump_until(lambda: not driver.session.batch.running, 120)
    assert [state for state, _ in driver.session.batch.states.values()] == ["done", "done", "failed"]


def test_with_the_backend_off_a_row_that_cannot_start_leaves_the_others(driver):
    rig = characters(driver, 1)[0]
    rows_of(driver, "a person bows", "   ", "a person waves", rig=rig)
    bpy.ops.moclip.run_batch()
    session, pump = driver.session, driver.module("backend.timer").pump
    driver.pump_until(lambda: len(bpy.data.actions) == 1)
    session._close(wait=True)  # as when it was idle for long, or has ended
    while session.batch.running:
        # A timer that is told None is never called again.
        assert pump() is not None or not session.batch.running
    assert [state for state, _ in session.batch.states.values()] == ["done", "failed", "done"]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"armature,prompt,start,seconds,seed\nMoCLIP,a person walks,11,2.5,3\n", [("MoCLIP", 11, 2.5, 3)]),
        (
            b"\xef\xbb\xbfArmature;Prompt;Start;Seconds;Seed\r\nMoCLIP;a person walks;11;2,5;3\r\n",
            [("MoCLIP", 11, 2.5, 3)],
        ),
        (b"prompt\tarmature\n\"a person walks, then waves\"\t\n", [("", 1, 0.0, 0)]),
    ],
)  # fmt: skip
def test_tables_of_any_spreadsheet_are_read(driver, tmp_path, content, rows):
    characters(driver, 1)
    (tmp_path / "rows.csv").write_bytes(content)
    assert bpy.ops.moclip.import_rows(filepath=str(tmp_path / "rows.csv")) == {"FINISHED"}
    found = [(r.armature.name if r.armature else "", r.start, r.seconds, r.seed) for r in driver.settings.rows]
    assert found == rows
    bpy.ops.moclip.export_rows(filepath=str(tmp_path / "again.csv"))
    bpy.ops.moclip.remove_row(all_rows=True)
    assert not driver.settings.rows and not bpy.ops.moclip.run_batch.poll()
    bpy.ops.moclip.import_rows(filepath=str(tmp_path / "again.csv"))
    assert [(r.armature.name if r.armature else "", r.start, r.seconds, r.seed) for r in driver.settings.rows] == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name,text\nx,y\n", "no column 'armature'"),
        (b"armature,prompt\n", "holds no rows"),
        (b"\xff\xfe\x00", "cannot be read as CSV"),
        (None, "cannot be read as CSV"),
    ],
)
def test_other_files_are_refused(driver, tmp_path, content, says):
    if content is not None:
        (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.moclip.import_rows(filepath=str(tmp_path / "rows.csv"))
    assert not driver.settings.rows


def test_bad_rows_are_named_and_the_good_ones_kept(driver, tmp_path):
    (tmp_path / "rows.csv").write_text(
        "armature,prompt,start,seconds,seed\n,a person walks,x,1,0\n,a person jumps,1,1,0\nNobody,a person runs,1,1,0\n"
    )
    bpy.ops.moclip.import_rows(filepath=str(tmp_path / "rows.csv"))
    assert [row.prompt for row in driver.settings.rows] == ["a person jumps"]
    assert "Added 1 rows, but not row 1" in driver.session.message and "1 more" in driver.session.message
