# SPDX-License-Identifier: Apache-2.0
"""What the commands print: tables, JSON, and progress where somebody watches."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Progress = Callable[[str, float], None]


def print_json(content: Any) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A rich table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            print("\t".join(str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns)
    for row in rows:
        # Text, since names of files may look like rich's markup.
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """A bar on stderr that takes (stage, fraction); nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda stage, fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    name, stage = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[stage]}", markup=False)
    console = Console(stderr=True)
    # Lines for stdout pass above the bar where both are the terminal; into a file they go undisturbed.
    bar = RichProgress(
        name, BarColumn(), stage, TimeElapsedColumn(), console=console, transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task(description, total=1.0, stage="")
        yield lambda stage, fraction: bar.update(task, completed=fraction, stage=stage)
