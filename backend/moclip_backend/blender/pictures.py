# SPDX-License-Identifier: Apache-2.0
"""Rendered frames to a contact sheet, a GIF and a video."""

import subprocess
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moclip.errors import MoclipError

if TYPE_CHECKING:
    from PIL import Image

WIDTH = 480
_INK, _PAPER = (40, 42, 48), (244, 244, 242)


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise MoclipError(
            "The preview needs Pillow.", hint='`pip install "moclip[preview]"`.', code="missing_package"
        ) from error


def _load(path: Path, width: int = WIDTH) -> "Image.Image":
    """A frame at the previews' size; rendered larger, it comes out smooth."""
    from PIL import Image

    with Image.open(path) as picture:
        height = round(picture.height * width / picture.width)
        return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def save_sheet(
    frames: Sequence[Path], seconds: float, caption: str, out: Path, shape: tuple[int, int] = (4, 2), width: int = WIDTH
) -> None:
    """Pictures at even times with their time stamps under the prompt. shape: columns and rows; width: of a picture."""
    _require_pillow()
    columns, rows = shape
    count = min(columns * rows, len(frames))
    chosen = [round(k * (len(frames) - 1) / max(1, count - 1)) for k in range(count)]
    stamps = [f"{index / max(1, len(frames)) * seconds:.1f} s" for index in chosen]
    _lay_out([(_load(frames[i], width), stamp) for i, stamp in zip(chosen, stamps, strict=True)], columns, caption, out)


def save_rows(
    rows: Sequence[tuple[str, Sequence[Path]]], times: Sequence[float], caption: str, out: Path, width: int
) -> None:
    """A row for each (name, pictures), one picture for each time in seconds. width: of a picture."""
    _require_pillow()
    tiles = [
        (_load(path, width), f"{name}  {seconds:.1f} s" if place == 0 else f"{seconds:.1f} s")
        for name, paths in rows
        for place, (path, seconds) in enumerate(zip(paths, times, strict=True))
    ]
    _lay_out(tiles, len(times), caption, out)


def _lay_out(tiles: Sequence[tuple["Image.Image", str]], columns: int, caption: str, out: Path) -> None:
    """Pictures of one size, each with a stamp in its corner, under a caption."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = tiles[0][0].size
    font, small = ImageFont.load_default(size=26), ImageFont.load_default(size=15)
    lines = textwrap.wrap(caption, width=max(20, columns * width // 14))
    top = 22 + 32 * len(lines)
    sheet = Image.new("RGB", (columns * width, top + -(-len(tiles) // columns) * height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.multiline_text((16, 10), "\n".join(lines), fill=_INK, font=font)
    for place, (picture, stamp) in enumerate(tiles):
        x, y = place % columns * width, top + place // columns * height
        sheet.paste(picture, (x, y))
        draw.text((x + 10, y + height - 26), stamp, fill=_INK, font=small)
    sheet.save(out)


def save_gif(frames: Sequence[Path], frames_per_second: float, out: Path, width: int = WIDTH) -> None:
    _require_pillow()
    from PIL import Image

    pictures = [_load(path, width) for path in frames]
    # One palette for all frames, or the floor flickers.
    palette = pictures[len(pictures) // 2].quantize(128, dither=Image.Dither.NONE)
    reduced = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    reduced[0].save(out, save_all=True, append_images=reduced[1:], duration=round(1000 / frames_per_second), loop=0)


def save_video(frames_pattern: Path, frames_per_second: float, out: Path) -> bool:
    """Make an mp4 with the ffmpeg that imageio-ffmpeg brings; False when there is none."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return False
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-framerate", f"{frames_per_second:g}",
        "-i", str(frames_pattern), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", str(out),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
