# SPDX-License-Identifier: GPL-3.0-or-later
"""The batch's buttons: rows, CSV files, run."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..backend import timer
from ..backend.jobs import Job, Target
from ..backend.session import SESSION
from ..keying.keyframes import place_of
from ..keying.scene import at_frame
from ..rig.target import target_of
from ..shared.errors import MoclipError
from ..shared.prompt_table import Row, TableError, read_table, write_table
from .generate import check_prompt, check_target
from .reporting import fail, tell
from .start_backend import start


class MOCLIP_OT_add_row(bpy.types.Operator):
    """Add a row with the prompt, target, seconds and variant of the panel, at the current frame"""

    bl_idname = "moclip.add_row"
    bl_label = "Add Row"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        _fill(
            settings.rows.add(),
            Row(
                "",
                settings.prompt,
                context.scene.frame_current,
                None if settings.use_auto_seconds else settings.seconds,
                settings.seed,
            ),
            target_of(context),
        )
        settings.active_row = len(settings.rows) - 1
        return {"FINISHED"}


class _OfRows:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.moclip.rows:
            cls.poll_message_set("Add a row, or import a CSV file, first.")
            return False
        return True


class MOCLIP_OT_remove_row(_OfRows, bpy.types.Operator):
    """Remove the chosen row, or all of them"""

    bl_idname = "moclip.remove_row"
    bl_label = "Remove Row"
    bl_options = {"REGISTER", "UNDO"}

    all_rows: bpy.props.BoolProperty(name="All", description="Remove all rows", default=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        chosen = settings.rows[settings.active_row :][:1] if not self.all_rows else settings.rows
        for row in chosen:
            SESSION.batch.leave_out(row.name, "The row was removed.")
        if self.all_rows:
            settings.rows.clear()
        else:
            settings.rows.remove(settings.active_row)
        settings.active_row = max(0, min(settings.active_row, len(settings.rows) - 1))
        return {"FINISHED"}


class _CsvFile:
    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.csv;*.tsv;*.txt", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class MOCLIP_OT_import_rows(_CsvFile, bpy.types.Operator):
    """Add the rows of a CSV file with the columns armature, prompt, start, seconds and seed"""

    bl_idname = "moclip.import_rows"
    bl_label = "Import CSV"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            rows, failures = read_table(Path(bpy.path.abspath(self.filepath)))
        except TableError as error:
            return fail(self, MoclipError(str(error), hint=error.hint, code="bad_csv"))
        wrong = [f"row {number}: {why}" for number, why in failures.items()]
        for number, row in rows.items():
            rig = armature_named(context.scene, row.armature) if row.armature else None
            if row.armature and rig is None:
                wrong.append(f"row {number}: The scene has no armature named '{row.armature}'.")
                continue
            _fill(context.scene.moclip.rows.add(), row, rig, context.scene.frame_start)
        added = len(rows) + len(failures) - len(wrong)
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            return tell(self, f"Added {added} rows, but not {wrong[0].rstrip('.')}{more}.", level="WARNING")
        return tell(self, f"Added {added} rows.")


class MOCLIP_OT_export_rows(_OfRows, _CsvFile, bpy.types.Operator):
    """Write the rows to a CSV file, as `moclip keyframe` reads it"""

    bl_idname = "moclip.export_rows"
    bl_label = "Export CSV"
    bl_options = {"REGISTER"}

    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # Blender warns of a file that is there

    def execute(self, context: bpy.types.Context) -> set[str]:
        rows = [
            Row(
                row.armature.name if row.armature else "",
                row.prompt,
                row.start,
                round(row.seconds, 2) or None,
                row.seed,
            )
            for row in context.scene.moclip.rows
        ]
        try:
            write_table(Path(bpy.path.abspath(self.filepath)), rows)
        except OSError as error:
            why = f"'{self.filepath}' cannot be written: {error.strerror or error}."
            return fail(self, MoclipError(why, hint="Choose another folder.", code="bad_file"))
        return tell(self, f"Wrote {len(rows)} rows to {self.filepath}.")


class MOCLIP_OT_run_batch(_OfRows, bpy.types.Operator):
    """Generate all rows, one after the other; each becomes an NLA strip of its character. A row that fails is marked"""

    bl_idname = "moclip.run_batch"
    bl_label = "Run Batch"
    bl_options = {"REGISTER", "UNDO"}  # a Ctrl+Z that takes back a row's motion leaves the rows their ids

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if SESSION.job is not None or SESSION.batch.running:
            cls.poll_message_set("A motion is being generated already.")
            return False
        return super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, known = context.scene, set()
        # Ids must be there and differ, also for rows that a script or an older file has made. Those that are right
        # stay, since Ctrl+Z brings them back.
        for row in scene.moclip.rows:
            if not row.name or row.name in known:
                row.name = uuid.uuid4().hex
            known.add(row.name)
        try:
            start()
        except MoclipError as error:
            return fail(self, error)
        SESSION.batch.start(
            [(row.name, _maker(scene.name, row.name, _Asked.of(row))) for row in scene.moclip.rows], SESSION.file_number
        )
        timer.wake()
        return tell(self, "")


def armature_named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """A library override has the name of the rig that it is of, which no motion can be keyed on: it goes first."""
    found = [obj for obj in scene.objects if obj.name == name and obj.type == "ARMATURE"]
    return min(found, key=lambda rig: rig.library is not None, default=None)


def _fill(item: bpy.types.PropertyGroup, row: Row, rig: bpy.types.Object | None, first_frame: int = 1) -> None:
    item.name, item.armature, item.prompt, item.seed = uuid.uuid4().hex, rig, row.prompt, row.seed
    item.start = first_frame if row.start is None else row.start
    item.seconds = row.seconds or 0.0


@dataclass(frozen=True)
class _Asked:
    """What a row asks for, whatever Ctrl+Z makes of the rows meanwhile. seconds: None lets the model choose."""

    prompt: str
    start: int
    seconds: float | None
    seed: int
    target: Target | None

    @classmethod
    def of(cls, row: bpy.types.PropertyGroup) -> "_Asked":
        target = Target.of(row.armature) if row.armature else None
        return cls(row.prompt, row.start, round(row.seconds, 2) or None, row.seed, target)


def _maker(scene_name: str, row_id: str, asked: _Asked) -> Callable[[], Job]:
    return lambda: _job(scene_name, row_id, asked)


def _job(scene_name: str, row_id: str, asked: _Asked) -> Job:
    """By the row as it is now, or as it was asked for where Ctrl+Z has taken it away. Raises MoclipError for a row that
    cannot be made."""
    scene = bpy.data.scenes.get(scene_name)
    if scene is None:
        raise MoclipError(f"The scene '{scene_name}' was deleted.", code="no_scene")
    row = scene.moclip.rows.get(row_id)
    if row is not None:
        asked = _Asked.of(row)
    text, place = check_prompt(asked.prompt), None
    rig = asked.target.find() if asked.target else None
    if asked.target is not None and rig is None:
        raise MoclipError(f"The armature '{asked.target.name}' was deleted.", code="no_target")
    if rig is not None:
        check_target(rig, scene.moclip.root)
        if scene.moclip.start_at == "CHARACTER":
            with at_frame(scene, asked.start):
                place = place_of(rig)
    return Job(
        text=text,
        seconds=asked.seconds,
        seed=asked.seed,
        target=asked.target,
        scene=scene_name,
        start=asked.start,
        file_number=SESSION.file_number,
        place=place,
        as_strip=True,
    )
