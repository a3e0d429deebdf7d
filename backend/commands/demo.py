# SPDX-License-Identifier: Apache-2.0
"""`moclip demo`: the whole product without a window."""

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = "a tired man walks, then waves with his left hand"
WIDTH, HEIGHT = 720, 540
MOST_PICTURES = 40


def demo(
    text: Annotated[str, typer.Argument(help="What the character does.")] = EXAMPLE,
    out: Annotated[Path, typer.Option(help="Folder for demo.blend, demo.bvh and the previews.")] = Path("demo"),
    seconds: Annotated[float | None, typer.Option(help="1.0 to 9.8; left out, the model chooses.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another take.")] = 0,
    blender: Annotated[
        Path | None, typer.Option(help="Blender 4.2 or later to use.", show_default="bpy, else the one on PATH")
    ] = None,
) -> None:
    """The whole product without a window.

    Builds the add-on and installs it in Blender as a user does, makes a rig, starts the backend that the add-on brings,
    generates over ZeroMQ, keys the result, saves demo.blend and demo.bvh, and renders a preview.

    Example: moclip demo "a person walks forward, then bows" --seed 3
    """
    from backend.blender.launch import addon_zip, find_blender, fresh_user_folder, run_script
    from moclip.prompts import check_prompt, check_seconds

    started = time.perf_counter()
    check_prompt(text)
    check_seconds(seconds)
    _make_folder(out)
    with _stage("find Blender"):
        found = find_blender(blender)
    with _stage("build add-on"):
        zip_path = addon_zip(found)
    with fresh_user_folder() as env, tempfile.TemporaryDirectory(prefix="moclip-") as scratch:
        raw, blend = Path(scratch, "motion.npz"), (out / "demo.blend").absolute()
        task = {"zip": str(zip_path), "text": text, "seconds": seconds, "seed": seed}
        listener = _Listener()
        run_script(found, "demo", {**task, "blend": str(blend), "motion": str(raw)}, env, listener)
        with _stage("write demo.bvh"):
            frames = _write_motion(raw, text, out / "demo.bvh")
        with _stage("render preview"):
            step, engine = _render(found, blend, frames, Path(scratch), env)
        with _stage("write preview"):
            written = _write_previews(Path(scratch), frames, step, text, out)
    _say(f"{'total':24}{time.perf_counter() - started:8.2f} s")
    for warning in listener.warnings:
        _say(f"note: {warning}")
    typer.echo(f"{listener.seconds_of_motion:.1f} s of motion, {listener.blender}, rendered by {engine}:")
    for path in (blend, out / "demo.bvh", *written):
        typer.echo(f"  {_short(path)}")


class _Listener:
    """Prints each stage's time as Blender tells it."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.seconds_of_motion, self.blender = 0.0, ""

    def __call__(self, message: dict[str, Any]) -> None:
        if "stage" in message:
            _say_stage(message["stage"], message["seconds"])
        if "warnings" in message:
            self.warnings = message["warnings"]
            self.seconds_of_motion, self.blender = message["seconds_of_motion"], f"Blender {message['blender']}"


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _say_stage(name: str, seconds: float) -> None:
    _say(f"{name:24}{seconds:8.2f} s")


@contextmanager
def _stage(name: str):
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

    from moclip.motion import Motion
    from moclip.motion_io import save_motion

    with np.load(raw, allow_pickle=False) as arrays:
        motion = Motion(
            float(arrays["fps"]), arrays["rotations"], arrays["root_translation"], text=text, seed=int(arrays["seed"])
        )
    save_motion(motion, out)
    return motion.frames


def _render(found: Any, blend: Path, frames: int, scratch: Path, env: dict[str, str]) -> tuple[int, str]:
    """Render to scratch/NNNN.png; frames from picture to picture, and the engine. Cycles where Workbench has no GPU."""
    from backend.blender.launch import run_script
    from moclip.errors import MoclipError

    step = max(2, -(-frames // MOST_PICTURES))
    task = {"blend": str(blend), "width": WIDTH, "height": HEIGHT, "pattern": str(scratch / "{:04d}.png")}
    task["frames"] = list(range(1, frames + 1, step))
    try:
        run_script(found, "render", {**task, "engine": "WORKBENCH"}, env, lambda message: None)
        return step, "Workbench"
    except MoclipError:
        _say("Workbench cannot render here (it needs EGL); Cycles can.")
    # Cycles takes several times as long a picture.
    step *= 3
    task |= {"frames": list(range(1, frames + 1, step)), "width": WIDTH // 2, "height": HEIGHT // 2}
    for picture in scratch.glob("*.png"):
        picture.unlink()
    run_script(found, "render", {**task, "engine": "CYCLES"}, env, lambda message: None)
    return step, "Cycles"


def _write_previews(scratch: Path, frames: int, step: int, text: str, out: Path) -> list[Path]:
    from backend.blender.pictures import save_gif, save_sheet, save_video

    pictures, rate = sorted(scratch.glob("*.png")), 20 / step
    written = [out / "demo.png", out / "demo.gif"]
    save_sheet(pictures, frames / 20, text, written[0])
    save_gif(pictures, rate, written[1])
    if save_video(scratch / "%04d.png", rate, out / "demo.mp4"):
        written.append(out / "demo.mp4")
    return written
