# SPDX-License-Identifier: Apache-2.0
"""Prompts on the armatures of .blend files: one scene, or many of a list."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip.prompts.checks import check_prompt, check_seconds
from moclip_backend.batch.items import at_line, numbered_lines
from moclip_backend.blender.launch import Blender, addon_zip, find_blender, fresh_user_folder, run_script
from moclip_backend.prompt_table import TableError, read_table

_HINT = 'A line is {"scene": "a.blend", "prompts": "a.csv"}.'
_FIELDS = {"scene", "prompts", "out"}


@dataclass(frozen=True)
class Scene:
    """One scene to key. line: its number in the list, None where it is the only one. blender: None is found."""

    line: int | None
    scene: Path
    prompts: Path
    out: Path
    blender: Path | None = None

    @property
    def name(self) -> str:
        return self.out.name


@dataclass(frozen=True)
class Told:
    """What became of a row of a table of prompts, its number from 1 on."""

    row: int
    done: bool
    message: str

    def __str__(self) -> str:
        return f"row {self.row}: {'done' if self.done else 'failed'}: {self.message}"


@dataclass(frozen=True)
class Keyed:
    """What became of a scene's rows. written: whether its `out` was, which a table without a good row does not need."""

    rows: tuple[Told, ...]
    written: bool

    @property
    def done(self) -> int:
        return sum(row.done for row in self.rows)


def key_scene(scene: Scene, hear: Callable[[Told], None] = lambda told: None) -> Keyed:
    """Key the rows of a scene's table and write its `out`. hear: is told of each row at once.

    Raises MoclipError for a scene that cannot be opened, and where there is no Blender.
    """
    check_paths(scene.scene, scene.out)
    rows, failures = read_rows(scene.prompts)
    told: list[Told] = []

    def tell(row: int, done: bool, message: str) -> None:
        told.append(Told(row, done, message))
        hear(told[-1])

    for number, why in failures:
        tell(number, False, why)
    if not rows:
        return Keyed(tuple(told), written=False)
    blender = find_blender(scene.blender)
    task = {
        "zip": str(addon_zip(blender)), "scene": str(scene.scene.absolute()), "out": str(scene.out.absolute()),
        "rows": rows,
    }  # fmt: skip

    def said(message: dict[str, Any]) -> None:
        if "row" in message:
            tell(message["row"], message["ok"], message["message"])

    with fresh_user_folder() as env:
        run_script(blender, "keyframe", task, env, said)
    known = {one.row for one in told}
    for row in rows:
        if row["row"] not in known:
            tell(row["row"], False, "Blender said nothing of it.")
    return Keyed(tuple(told), written=True)


def prepare(scene: Path | None) -> Blender:
    """Find Blender and build the add-on for it, once, before many need it. Raises MoclipError."""
    blender = find_blender(scene)
    addon_zip(blender)
    return blender


def check_paths(scene: Path, out: Path) -> None:
    """Raise MoclipError for a scene that is none, and an output that cannot be written or would be the scene."""
    if not scene.is_file():
        raise MoclipError(f"There is no file '{scene}'.", hint="Check its name.", code="unreadable_file")
    with scene.open("rb") as file:
        # Plain, zstd or gzip: what Blender writes.
        if not file.read(7).startswith((b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")):
            raise MoclipError(f"'{scene}' is not a .blend file.", hint="Save one with Blender.", code="unreadable_file")
    if out.suffix != ".blend":
        raise MoclipError(f"The output '{out}' must end in .blend.", hint="Use `--out NAME.blend`.", code="bad_suffix")
    if out.is_dir():
        raise MoclipError(f"The output '{out}' is a folder.", hint="Use another `--out`.", code="unwritable_file")
    if out.exists() and os.path.samefile(scene, out):
        raise MoclipError("The output would overwrite the scene.", hint="Use another `--out`.", code="overwrites_input")
    folder = out.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise MoclipError(f"Nothing can be written to '{folder}'.", hint="Use another `--out`.", code="unwritable_file")


def read_rows(path: Path) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The good rows, and (number, why) of the bad ones; the row under the heading is number 1.

    Raises MoclipError for a file that cannot be read, has not the columns, or holds no row.
    """
    try:
        table, unreadable = read_table(path)
    except TableError as error:
        raise MoclipError(str(error), hint=error.hint, code="bad_csv") from error
    rows, failures = [], list(unreadable.items())
    for number, row in table.items():
        try:
            check_prompt(row.prompt)
            check_seconds(row.seconds)
            rows.append({"row": number, **asdict(row)})
        except MoclipError as error:
            failures.append((number, str(error)))
    return rows, sorted(failures)


def read_scenes(file: Path, folder: Path, blender: Path | None) -> tuple[list[Scene], list[MoclipError]]:
    """The good lines of a JSONL file as scenes that are written into `folder`, and an error for each bad line.

    Names of files are meant from where the list lies. Raises MoclipError when it cannot be read, or holds no lines.
    """
    scenes: list[Scene] = []
    errors: list[MoclipError] = []
    taken: dict[str, int] = {}
    for number, line in numbered_lines(file):
        try:
            scene = _scene(number, line, file.parent, folder, blender)
            if (first := taken.setdefault(scene.name.casefold(), number)) != number:
                raise MoclipError(f"line {first} is written to '{scene.name}' already.", hint='Give it an "out".')
            scenes.append(scene)
        except MoclipError as error:
            errors.append(at_line(number, error))
    if not scenes and not errors:
        raise MoclipError(f"'{file}' holds no scenes.", hint=_HINT)
    return scenes, errors


def _scene(number: int, line: bytes, here: Path, folder: Path, blender: Path | None) -> Scene:
    try:
        entry = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MoclipError("this is not JSON.", hint=_HINT) from None
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise MoclipError("this is not an object of texts.", hint=_HINT)
    if missing := {"scene", "prompts"} - set(entry):
        raise MoclipError(f"there is no field '{min(missing)}'.", hint=_HINT)
    if unknown := set(entry) - _FIELDS:
        raise MoclipError(f"there is no field '{min(unknown)}'.", hint=f"The fields are {', '.join(sorted(_FIELDS))}.")
    scene = here / entry["scene"]
    name = entry.get("out", scene.name)
    if Path(name).name != name or not name or "\\" in name or name.startswith("."):
        raise MoclipError(f"'{ascii(name):.60}' is no plain file name.", hint="--out says the folder.", code="bad_id")
    return Scene(number, scene, here / entry["prompts"], folder / name, blender)
