# SPDX-License-Identifier: Apache-2.0
"""`moclip keyframe`: many prompts on the armatures of one .blend file."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer


def keyframe(
    scene: Annotated[
        Path, typer.Argument(metavar="SCENE.blend", help="The file with the armatures; it stays as it is.")
    ],
    prompts: Annotated[Path, typer.Argument(metavar="PROMPTS.csv", help="Columns armature,prompt,start,seconds,seed.")],
    out: Annotated[Path, typer.Option(help="The .blend file to write.")],
    blender: Annotated[
        Path | None, typer.Option(help="Blender 4.2 or later to use.", show_default="bpy, else the one on PATH")
    ] = None,
) -> None:
    """Put many prompts on the armatures of one .blend file.

    A row's `start` is the frame of its first key, `seconds` may be empty (the model chooses), `seed` is 0 when empty;
    no `armature` makes a new one. Several rows for one armature become strips in the NLA editor. A row that fails is
    reported, the rest goes on, and the exit code is 1.

    Example: moclip keyframe scene.blend prompts.csv --out animated.blend
    """
    from moclip_backend.blender.launch import addon_zip, find_blender, fresh_user_folder, run_script

    _check_paths(scene, out)
    rows, failures = read_rows(prompts)
    for number, why in failures:
        typer.echo(f"row {number}: failed: {why}")
    if not rows:
        raise typer.Exit(1)
    found = find_blender(blender)
    task = {"zip": str(addon_zip(found)), "scene": str(scene.absolute()), "out": str(out.absolute()), "rows": rows}
    states: dict[int, bool] = {}

    def hear(message: dict[str, Any]) -> None:
        if "row" in message:
            states[message["row"]] = message["ok"]
            typer.echo(f"row {message['row']}: {'done' if message['ok'] else 'failed'}: {message['message']}")

    with fresh_user_folder() as env:
        run_script(found, "keyframe", task, env, hear)
    for row in rows:
        if row["row"] not in states:
            typer.echo(f"row {row['row']}: failed: Blender said nothing of it.")
    done = sum(states.values())
    typer.echo(f"{done} of {len(rows) + len(failures)} rows keyed, written to {out}")
    if done < len(rows) + len(failures):
        raise typer.Exit(1)


def _check_paths(scene: Path, out: Path) -> None:
    from moclip.errors import MoclipError

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
    from moclip.errors import MoclipError
    from moclip.prompts.checks import check_prompt, check_seconds
    from moclip_backend.prompt_table import TableError, read_table

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
