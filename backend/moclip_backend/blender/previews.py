# SPDX-License-Identifier: Apache-2.0
"""A demo's scene to pictures: a sheet, a GIF and a video of all that is in it, or a sheet of each character alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moclip.errors import MoclipError
from moclip.files.pictures import common_palette, has, require, save_gif, save_sheet, save_video
from moclip_backend.blender.launch import Blender, run_script

if TYPE_CHECKING:
    from PIL import Image

FPS = 20
MOST_PICTURES = 40
_USUAL_SIZE = (720, 540)
_WIDE = 1.7
"""From this ratio of width to height on, a picture is given twice the place in a sheet."""
PICTURES_IN_ROW = {"rows": 8, "feet": 6}
_LETTERS = 26
ROW_SIZES = {"rows": (480, 600), "feet": (840, 400)}
"""Width and height of a picture that shows one character alone, as rendered; half of it in the sheet."""


@dataclass(frozen=True)
class Scene:
    """A saved demo. shown: {"name", "alone"} of each character, see scripts/cast.py; size: of a picture of all."""

    blender: Blender
    env: dict[str, str]
    blend: Path
    frames: int
    textures: bool = False
    size: tuple[int, int] = _USUAL_SIZE
    shown: Sequence[dict[str, str]] = ()
    floor: str = ""


def save_previews(
    scene: Scene, text: str, scratch: Path, out: Path, say: Callable[[str], None]
) -> tuple[list[Path], str]:
    """Write demo.png, demo.gif and, where there is ffmpeg, demo.mp4; what was written, and the engine."""
    require("PIL")
    step = max(2, -(-scene.frames // MOST_PICTURES))

    def shots(step: int) -> list[dict[str, Any]]:
        frames = list(range(1, scene.frames + 1, step))
        return [{"frames": frames, "pattern": str(scratch / "{:04d}.png"), "camera": None, "only": None}]

    engine = _render(scene, scene.size, shots(step), say)
    if engine is None:
        # Cycles takes several times as long a picture.
        step *= 3
        width, height = scene.size
        engine = _render_slowly(scene, (width // 4 * 2, height // 2), shots(step), scratch)
    pictures, rate = sorted(scratch.glob("*.png")), FPS / step
    wide = scene.size[0] > _WIDE * scene.size[1]
    written = [out / "demo.png", out / "demo.gif"]
    columns, rows, width = (2, 3, 2 * 480) if wide else (4, 2, 480)
    count = min(columns * rows, len(pictures))
    chosen = [round(k * (len(pictures) - 1) / max(1, count - 1)) for k in range(count)]
    seconds = [index / max(1, len(pictures)) * scene.frames / FPS for index in chosen]
    tiles = ((_load(pictures[k], width), f"{at:.1f} s") for k, at in zip(chosen, seconds, strict=True))
    save_sheet(tiles, count, columns, text, _LETTERS, written[0])
    palette = common_palette(_load(pictures[len(pictures) // 2], width))
    save_gif((_load(picture, width) for picture in pictures), rate, palette, written[1])
    if has("imageio_ffmpeg"):
        written.append(out / "demo.mp4")
        save_video((_load(picture) for picture in pictures), rate, written[-1])
    return written, engine


def _load(path: Path, width: int = 0) -> "Image.Image":
    """A frame of this width; rendered larger, it comes out smooth. 0: as it is."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if not width:
        return picture
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


def save_sheet_of_each(
    scene: Scene, kind: str, view: str, text: str, scratch: Path, out: Path, say: Callable[[str], None]
) -> tuple[list[Path], str]:
    """Write demo.png with a row for each character, alone; what was written, and the engine.

    kind: "rows" or "feet". Level views show no floor but its line.
    """
    require("PIL")
    count = min(PICTURES_IN_ROW[kind], scene.frames)
    frames = [1 + round(k * (scene.frames - 1) / max(1, count - 1)) for k in range(count)]
    floor = [scene.floor] if view == "quarter" else []
    shots = [
        {
            "frames": frames,
            "pattern": str(scratch / f"{number}-{{:04d}}.png"),
            "camera": one["alone"],
            "only": [one["name"], one["alone"], *floor],
        }
        for number, one in enumerate(scene.shown)
    ]
    size = ROW_SIZES[kind]
    engine = _render(scene, size, shots, say)
    if engine is None:
        engine = _render_slowly(scene, (size[0] // 2, size[1] // 2), shots, scratch)
    times = [f"{(frame - 1) / FPS:.1f} s" for frame in frames]
    tiles = (
        (_load(picture, size[0] // 2), time if place else f"{one['name']}  {time}")
        for number, one in enumerate(scene.shown)
        for place, (picture, time) in enumerate(zip(sorted(scratch.glob(f"{number}-*.png")), times, strict=True))
    )
    save_sheet(tiles, len(scene.shown) * len(times), len(times), text, _LETTERS, out / "demo.png")
    return [out / "demo.png"], engine


def _render(scene: Scene, size: tuple[int, int], shots: list[dict[str, Any]], say: Callable[[str], None]) -> str | None:
    """The engine's name; None where Workbench cannot draw."""
    try:
        run_script(scene.blender, "render", _task(scene, size, shots, "WORKBENCH"), scene.env, lambda message: None)
    except MoclipError:
        say("Workbench cannot render here (it needs EGL); Cycles can.")
        return None
    return "Workbench"


def _render_slowly(scene: Scene, size: tuple[int, int], shots: list[dict[str, Any]], scratch: Path) -> str:
    for picture in scratch.glob("*.png"):
        picture.unlink()
    run_script(scene.blender, "render", _task(scene, size, shots, "CYCLES"), scene.env, lambda message: None)
    return "Cycles"


def _task(scene: Scene, size: tuple[int, int], shots: list[dict[str, Any]], engine: str) -> dict[str, Any]:
    task = {"blend": str(scene.blend), "width": size[0], "height": size[1], "textures": scene.textures}
    return task | {"shots": shots, "engine": engine}
