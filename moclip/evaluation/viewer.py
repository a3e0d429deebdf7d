# SPDX-License-Identifier: Apache-2.0
"""What a viewer says of results: a table to fill in, kept beside what the rules say, and both summed up.

The table has a row a result, with tabs between the fields, as spreadsheets read and write it. A viewer writes `yes`,
`partly` or `no` into the column `shown`, and what there is to say into `remark`. A row belongs to the motion that was
looked at: when a model makes another of the same prompt and seed, the old row stays and a new one waits.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip.evaluation.prompt_checks import Sample

SAID = {"yes": 1.0, "partly": 0.5, "no": 0.0}
"""What a viewer may say, and what it counts."""


@dataclass(frozen=True)
class Row:
    """A line of the table. number: on the sheets, empty for one that was not drawn this time."""

    number: str
    prompt: str
    seed: str
    asked: str
    rule: str
    warned: str
    shown: str
    remark: str
    motion: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.prompt, self.seed, self.motion


def row_of(number: int, sample: Sample) -> Row:
    rule = {True: "yes", False: "no", None: "eye"}[sample.passed]
    asked, warned = sample.prompt.described, "yes" if sample.warned else "no"
    return Row(str(number), sample.prompt.text, str(sample.seed), asked, rule, warned, "", "", sample.motion_key)


def read_rows(path: Path) -> list[Row]:
    """The table, or nothing where there is none yet. Raises MoclipError for another file, and for other words in it."""
    names = [field.name for field in fields(Row)]
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, delimiter="\t")
            if list(table.fieldnames or ()) != names:
                raise ValueError("other columns")
            rows = [Row(**{name: (line[name] or "").strip() for name in names}) for line in table]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        raise MoclipError(
            f"{path} is not a table of a viewer's verdicts.",
            hint="Name a new file, and it is made; columns are parted by tabs.",
            code="bad_file",
        ) from error
    for place, row in enumerate(rows, 2):
        if row.shown.lower() not in {"", *SAID}:
            raise MoclipError(
                f"Line {place} of {path} says '{row.shown}' of \"{row.prompt}\".",
                hint=f"Write {', '.join(SAID)}, or nothing, into the column `shown`.",
                code="bad_file",
            )
    return rows


def keep_rows(path: Path, samples: Sequence[Sample]) -> list[Row]:
    """Write the table with a row for each sample, numbered as on the sheets, and give these rows.

    What a viewer has said of the same motions stays; so do rows of other motions, at the end. Raises MoclipError for a
    file that cannot be read or written.
    """
    old = read_rows(path)
    said = {row.key: row for row in old}
    new = []
    for number, sample in enumerate(samples, 1):
        row = row_of(number, sample)
        before = said.pop(row.key, None)
        new.append(Row(**{**asdict(row), "shown": before.shown.lower(), "remark": before.remark}) if before else row)
    # Of what was never looked at nothing is lost.
    rest = [Row(**{**asdict(row), "number": ""}) for row in said.values() if row.shown or row.remark]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.part")
        with open(beside, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, [field.name for field in fields(Row)], delimiter="\t", lineterminator="\n")
            table.writeheader()
            table.writerows(asdict(row) for row in (*new, *rest))
        beside.replace(path)
    except OSError as error:
        raise MoclipError(f"{path} cannot be written.", hint="Name another file.", code="bad_file") from error
    return new


def sum_up(rows: Iterable[Row]) -> dict[str, Any]:
    """What a viewer says of these rows: how many were looked at, shares, and how often the rules say the same."""
    looked = [row for row in rows if row.shown]
    judged = [row for row in looked if row.rule != "eye" and row.shown != "partly"]
    agree = sum(row.rule == row.shown for row in judged)
    return {
        "looked_at": len(looked),
        **{said: sum(row.shown == said for row in looked) for said in SAID},
        "shown": sum(SAID[row.shown] for row in looked) / len(looked) if looked else None,
        "rules_agree": agree / len(judged) if judged else None,
        "rules_too_strict": sum(row.rule == "no" and row.shown == "yes" for row in judged),
        "rules_too_lenient": sum(row.rule == "yes" and row.shown == "no" for row in judged),
    }
