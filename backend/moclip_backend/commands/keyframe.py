# SPDX-License-Identifier: Apache-2.0
"""`moclip keyframe`: many prompts on the armatures of one .blend file, or of many."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip.errors import MoclipError
from moclip_backend.reporting import report, say

if TYPE_CHECKING:
    from moclip_backend.blender.keying import Keyed, Scene


def keyframe(
    scene: Annotated[
        Path | None,
        typer.Argument(metavar="SCENE.blend", help="The file with the armatures; it stays.", show_default=False),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Argument(metavar="PROMPTS.csv", help="Columns armature,prompt,start,seconds,seed.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The .blend file to write; with --batch a folder.", show_default=False)
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help='Lines of {"scene", "prompts", "out"}, one .blend file each.')
    ] = None,
    blender: Annotated[
        Path | None, typer.Option(help="Blender 4.2 or later to use.", show_default="bpy, else the one on PATH")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="With --batch: local, or ray to spread it over a Ray cluster (RAY_ADDRESS).")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="With --engine ray.", min=1, show_default="what the cluster has room for")
    ] = None,
) -> None:
    """Put many prompts on the armatures of .blend files.

    A row's `start` is the frame of its first key, `seconds` may be empty (the model chooses), `seed` is 0 when empty;
    no `armature` makes a new one. Several rows for one armature become strips in the NLA editor. A row that fails is
    reported, the rest goes on, and the exit code is 1.

    With --batch, files are named from where the list lies; a batch that was broken off goes on where it was when the
    same command is given again.

    Example: moclip keyframe scene.blend prompts.csv --out animated.blend

    Example: moclip keyframe --batch scenes.jsonl --out animated --engine ray
    """
    from moclip_backend.commands.generate import check_engine

    check_engine(engine, workers, batch)
    if out is None:
        raise typer.BadParameter("--out is missing.")
    if batch is not None:
        if scene is not None:
            raise typer.BadParameter("give either SCENE.blend and PROMPTS.csv, or --batch FILE.")
        _key_many(batch, out, blender, engine, workers)
    elif scene is None or prompts is None:
        raise typer.BadParameter("give SCENE.blend and PROMPTS.csv, or --batch FILE.")
    else:
        _key_one(scene, prompts, out, blender)


def _key_one(scene: Path, prompts: Path, out: Path, blender: Path | None) -> None:
    from moclip_backend.blender.keying import Scene, key_scene

    keyed = key_scene(Scene(None, scene, prompts, out, blender), typer.echo)
    if keyed.written:
        typer.echo(f"{keyed.done} of {len(keyed.rows)} rows keyed, written to {out}")
    if keyed.done < len(keyed.rows):
        raise typer.Exit(1)


def _key_many(batch: Path, out: Path, blender: Path | None, engine: str, workers: int | None) -> None:
    from moclip_backend.batch.ledger import open_ledger
    from moclip_backend.blender.keying import read_scenes
    from moclip_backend.commands.generate import make_folder

    scenes, errors = read_scenes(batch, out, blender)
    for error in errors:
        report(error)
    make_folder(out)
    problems, written = len(errors), 0
    with open_ledger(out, [scene.out for scene in scenes]) as kept:
        keys = [_key(scene) for scene in scenes]
        found = {n: o for n, scene in enumerate(scenes) if (o := kept.ledger.find(keys[n], scene.out))}
        for outcome in found.values():
            problems += outcome["rows"] - outcome["done"]
            written += 1
            typer.echo(f"{outcome['path']}: {outcome['done']} of {outcome['rows']} rows keyed before")
        left = [n for n in range(len(scenes)) if n not in found]
        for place, came in _work([scenes[n] for n in left], blender, engine, workers) if left else ():
            scene = scenes[left[place]]
            if isinstance(came, MoclipError):
                report(MoclipError(f"line {scene.line}: {came.message}", hint=came.hint, code=came.code))
                problems += 1
                kept.keep |= came.code in ("unwritable_file", "worker_died", "blender")
                continue
            problems += len(came.rows) - came.done
            for row in came.rows:
                if not row.done:
                    say(f"line {scene.line}: {row}")
            if came.written:
                written += 1
                outcome = {"path": str(scene.out), "rows": len(came.rows), "done": came.done}
                kept.ledger.add(keys[left[place]], scene.out, outcome)
            typer.echo(f"{scene.out}: {came.done} of {len(came.rows)} rows keyed")
    say(f"{written} of {len(scenes) + len(errors)} scenes written to {out}.")
    if problems:
        raise typer.Exit(1)


def _key(scene: "Scene") -> str:
    """Of what a scene is keyed from: the same command goes on only with the same files."""
    import moclip
    from moclip_backend.batch.ledger import file_sum, key_of

    blender = str(scene.blender) if scene.blender else ""
    return key_of(scene.name, file_sum(scene.scene), file_sum(scene.prompts), blender, moclip.__version__)


def _work(
    scenes: "Sequence[Scene]", blender: Path | None, engine: str, workers: int | None
) -> "Iterator[tuple[int, Keyed | MoclipError]]":
    from moclip_backend.farm.scenes import attempt, key_on_cluster

    if engine == "ray":
        return key_on_cluster(scenes, blender, workers)
    here: Any = ((place, attempt(scene)) for place, scene in enumerate(scenes))
    return here  # type: ignore[no-any-return]
