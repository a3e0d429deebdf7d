# SPDX-License-Identifier: Apache-2.0
"""Lists beside recordings that say what each file shows, in words, and whose it is.

`index` or `captions`, as .tsv, .csv or .jsonl. Columns: file, and any of action, text, licence, credit, title,
commercial, keyframed, trial; others are passed over. A file may stand in several lines, each with a text of its own.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from moclip.errors import MoclipError

NAMES = tuple(f"{name}{suffix}" for name in ("index", "captions") for suffix in (".tsv", ".csv", ".jsonl"))
_HINT = "It has a line of column names, `file` and `action` or `text` among them, and a line for each file."


@dataclass(frozen=True)
class Entry:
    """What an index says of a file. texts: sentences about all of it. fields: the first line's columns."""

    action: str
    texts: tuple[str, ...]
    fields: Mapping[str, str]


def read_index(folder: Path) -> dict[str, Entry]:
    """Name of a file -> what the indexes of its folder say of it; empty where the folder has none.

    Raises MoclipError for an index that is damaged or has no column `file`.
    """
    found: dict[str, Entry] = {}
    for name in NAMES:
        path = folder / name
        for number, row in enumerate(_rows(path) if path.is_file() else [], start=1):
            file, action, text = (row.get(key, "").strip() for key in ("file", "action", "text"))
            if not file or not (action or text):
                told = f"Entry {number} of {path} has no file." if not file else f"{path} says nothing of {file}."
                raise MoclipError(told, hint=_HINT, code="bad_dataset")
            before = found.get(file)
            texts = before.texts if before else ()
            if text and text not in texts:
                texts += (text,)
            fields = {**row, **before.fields} if before else row
            found[file] = Entry(before.action if before and before.action else action, texts, fields)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
            rows = [{str(k).lower(): str(v) for k, v in line.items() if v is not None} for line in lines]
        else:
            # Tabs separate texts that hold quotation marks as they like.
            quoting = csv.QUOTE_NONE if path.suffix == ".tsv" else csv.QUOTE_MINIMAL
            reader = csv.DictReader(
                text.splitlines(), delimiter="\t" if path.suffix == ".tsv" else ",", quoting=quoting
            )
            rows = [{k.strip().lower(): v for k, v in row.items() if k and v is not None} for row in reader]
    except (OSError, ValueError, AttributeError, csv.Error) as error:
        raise MoclipError(f"The index {path} cannot be read.", hint=_HINT, code="bad_dataset") from error
    if rows and "file" not in rows[0]:
        raise MoclipError(f"The index {path} has no column `file`.", hint=_HINT, code="bad_dataset")
    return rows
