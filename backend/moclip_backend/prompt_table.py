# SPDX-License-Identifier: Apache-2.0
"""Tables of prompts as CSV files: armature, prompt, start, seconds, seed. The add-on has a copy of this module.

Spreadsheets write a byte order mark, semicolons or tabs; all are read.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

_FIRST_FRAME, _LAST_FRAME = -1048574, 1048574  # Blender's own bounds
_SEEDS = 2**31  # of an integer property


class TableError(Exception):
    """A file that holds no table of prompts. The message says why, `hint` what to do."""

    def __init__(self, message: str, hint: str):
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Row:
    """armature: "" makes a new one. start: a frame, None for the scene's first. seconds: None lets the model choose."""

    armature: str
    prompt: str
    start: int | None = None
    seconds: float | None = None
    seed: int = 0


COLUMNS = tuple(field.name for field in fields(Row))


def read_table(path: Path) -> tuple[dict[int, Row], dict[int, str]]:
    """(number -> row, number -> why it is none); the row under the heading is number 1.

    Raises TableError for a file that cannot be read, has not the columns, or holds no row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        heading = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(",;\t", key=heading.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"'{path}' cannot be read as CSV: {error}.", "Check the file.") from error
    missing = [name for name in COLUMNS[:2] if name not in names]
    if missing:
        raise TableError(f"'{path}' has no column '{missing[0]}'.", f"The columns are {','.join(COLUMNS)}.")
    if not lines:
        raise TableError(f"'{path}' holds no rows.", f"A row has {','.join(COLUMNS)}.")
    rows, failures = {}, {}
    for number, line in enumerate(lines, start=1):
        try:
            rows[number] = _row({name: (line.get(name) or "").strip() for name in COLUMNS})
        except ValueError as error:
            failures[number] = str(error)
    return rows, failures


def _row(value: dict[str, str]) -> Row:
    try:
        start = int(value["start"]) if value["start"] else None
        seconds = float(value["seconds"].replace(",", ".")) if value["seconds"] not in ("", "auto") else None
        seed = int(value["seed"] or 0)
    except ValueError:
        raise ValueError("start and seed must be whole numbers and seconds a number.") from None
    if not _FIRST_FRAME <= (start or 0) <= _LAST_FRAME or not 0 <= seed < _SEEDS:
        raise ValueError("start or seed is out of bounds.")
    return Row(value["armature"], value["prompt"], start, seconds, seed)


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(["" if value is None else value for value in astuple(row)] for row in rows)
