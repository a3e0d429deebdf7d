# SPDX-License-Identifier: Apache-2.0
"""`moclip demo`: the whole product without a window."""

import enum
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from moclip.prompts.limits import LONGEST_SECONDS, SHORTEST_SECONDS

EXAMPLE = "a tired man walks, then waves with his left hand"


class View(enum.StrEnum):
    quarter = "quarter"
    front = "front"
    side = "side"


class Sheet(enum.StrEnum):
    frames = "frames"
    rows = "rows"
    feet = "feet"


def demo(
    text: Annotated[str, typer.Argument(help="What the character does.")] = EXAMPLE,
    character: Annotated[
        list[Path] | None,
        typer.Option(
            help="A character of your own that does it: .glb, .gltf, .vrm, .fbx, .bvh or .blend. Give it several times "
            "for several side by side.",
            show_default="MoCLIP's own armature",
        ),
    ] = None,
    view: Annotated[View, typer.Option(help="From where the pictures show it.")] = View.quarter,
    sheet: Annotated[
        Sheet,
        typer.Option(
            help="What demo.png shows: all together at several times; or each alone in a row of its own, whole or only "
            "the feet. These two make no GIF and no video."
        ),
    ] = Sheet.frames,
    out: Annotated[Path, typer.Option(help="Folder for demo.blend, demo.bvh and the previews.")] = Path("demo"),
    seconds: Annotated[
        float | None, typer.Option(help=f"{SHORTEST_SECONDS} to {LONGEST_SECONDS}; left out, the model chooses.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another take.")] = 0,
    blender: Annotated[
        Path | None, typer.Option(help="Blender 4.2 or later to use.", show_default="bpy, else the one on PATH")
    ] = None,
) -> None:
    """The whole product without a window.

    Builds the add-on and installs it in Blender as a user does, makes a rig, starts the backend that the add-on brings,
    generates over ZeroMQ, keys the result, saves demo.blend and demo.bvh, and renders a preview.

    With --character it imports these instead of making a rig, keys the same motion on each, and stands them side by
    side; those that are not between 1.2 and 2.5 m high are brought to 1.7 m. One that cannot be keyed is reported and
    left out, the rest goes on, and the exit code is 1.

    Example: moclip demo "a person walks forward, then bows" --seed 3

    Example: moclip demo "a person waves" --character hero.fbx --character robot.glb --view side --sheet feet
    """
    from moclip.prompts.checks import check_prompt, check_seconds
    from moclip_backend.blender.launch import addon_zip, find_blender, fresh_user_folder, run_script
    from moclip_backend.blender.previews import ROW_SIZES, Scene, save_previews, save_sheet_of_each

    started = time.perf_counter()
    characters = character or []
    _check_characters(characters)
    check_prompt(text)
    check_seconds(seconds)
    _make_folder(out)
    with _stage("find Blender"):
        found = find_blender(blender)
    with _stage("build add-on"):
        zip_path = addon_zip(found)
    with fresh_user_folder() as env, tempfile.TemporaryDirectory(prefix="moclip-") as scratch:
        raw, blend = Path(scratch, "motion.npz"), (out / "demo.blend").absolute()
        task: dict[str, Any] = {"zip": str(zip_path), "text": text, "seconds": seconds, "seed": seed}
        task |= {"blend": str(blend), "motion": str(raw)}
        listener = _Listener()
        if characters or view != View.quarter or sheet != Sheet.frames:
            task |= {"characters": [str(path.absolute()) for path in characters], "view": view, "sheet": sheet}
            width, height = ROW_SIZES.get(sheet, (1, 1))
            _run_cast(found, task | {"aspect": width / height}, env, listener)
        else:
            run_script(found, "demo", task, env, listener)
        with _stage("write demo.bvh"):
            frames = _write_motion(raw, text, out / "demo.bvh")
        with _stage("render preview"):
            scene = Scene(found, env, blend, frames, textures=bool(characters), **listener.scene)
            if sheet == Sheet.frames:
                written, engine = save_previews(scene, text, Path(scratch), out, _say)
            else:
                written, engine = save_sheet_of_each(scene, sheet, view, text, Path(scratch), out, _say)
    _say_stage("total", time.perf_counter() - started)
    listener.sum_up(engine, [blend, out / "demo.bvh", *written])
    if listener.left_out:
        raise typer.Exit(1)


def _check_characters(paths: list[Path]) -> None:
    from moclip.errors import MoclipError
    from moclip_backend.blender.character_files import check_character

    for path in paths:
        try:
            check_character(path)
        except MoclipError as error:
            raise typer.BadParameter(str(error), param_hint="--character") from None


def _run_cast(found: Any, task: dict[str, Any], env: dict[str, str], listener: "_Listener") -> None:
    from moclip.errors import MoclipError
    from moclip_backend.blender.launch import run_script

    try:
        run_script(found, "cast", task, env, listener)
    except MoclipError as error:
        if error.code == "no_armature":
            raise typer.BadParameter(str(error), param_hint="--character") from None
        raise


class _Listener:
    """Prints each stage's time as Blender tells it."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.seconds_of_motion, self.blender = 0.0, ""
        self.left_out = 0
        self.scene: dict[str, Any] = {}

    def __call__(self, message: dict[str, Any]) -> None:
        if "stage" in message:
            _say_stage(message["stage"], message["seconds"])
        if "left_out" in message:
            self.left_out += 1
            _say(f"left out: {Path(message['left_out']).name}: {message['message']}")
        if "shown" in message:
            self.scene = {name: message[name] for name in ("shown", "size", "floor")}
        if "warnings" in message:
            self.warnings = message["warnings"]
            self.seconds_of_motion, self.blender = message["seconds_of_motion"], f"Blender {message['blender']}"

    def sum_up(self, engine: str, written: list[Path]) -> None:
        for warning in self.warnings:
            _say(f"note: {warning}")
        typer.echo(f"{self.seconds_of_motion:.1f} s of motion, {self.blender}, rendered by {engine}:")
        for path in written:
            typer.echo(f"  {_short(path)}")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _say_stage(name: str, seconds: float) -> None:
    _say(f"{name:24}{seconds:8.2f} s")


@contextmanager
def _stage(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    _say_stage(name, time.perf_counter() - started)


def _short(path: Path) -> Path:
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _make_folder(folder: Path) -> None:
    import os

    from moclip.errors import MoclipError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder '{folder}' cannot be made: {error.strerror}.",
            hint="Use another `--out`.",
            code="unwritable_file",
        ) from error
    if not os.access(folder, os.W_OK):
        raise MoclipError(f"Nothing can be written to '{folder}'.", hint="Use another `--out`.", code="unwritable_file")


def _write_motion(raw: Path, text: str, out: Path) -> int:
    """The motion as BVH; its number of frames."""
    import numpy as np

    from moclip.files.formats import save_motion
    from moclip.motion.motion import Motion

    with np.load(raw, allow_pickle=False) as arrays:
        motion = Motion(
            float(arrays["fps"]), arrays["rotations"], arrays["root_translation"], text=text, seed=int(arrays["seed"])
        )
    save_motion(motion, out)
    return motion.frames
