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


def _load(path: Path) -> "Image.Image":
    """A frame at the previews' size; rendered larger, it comes out smooth."""
    from PIL import Image

    with Image.open(path) as picture:
        height = round(picture.height * WIDTH / picture.width)
        return picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)


def save_sheet(
    frames: Sequence[Path], seconds: float, caption: str, out: Path, columns: int = 4, rows: int = 2
) -> None:
    """Pictures at even times with their time stamps under the prompt."""
    _require_pillow()
    from PIL import Image, ImageDraw, ImageFont

    count = min(columns * rows, len(frames))
    chosen = [round(k * (len(frames) - 1) / max(1, count - 1)) for k in range(count)]
    pictures = [_load(frames[index]) for index in chosen]
    width, height = pictures[0].size
    font, small = ImageFont.load_default(size=26), ImageFont.load_default(size=15)
    lines = textwrap.wrap(caption, width=max(20, columns * width // 14))
    top = 22 + 32 * len(lines)
    used_rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * width, top + used_rows * height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.multiline_text((16, 10), "\n".join(lines), fill=_INK, font=font)
    for place, index in enumerate(chosen):
        x, y = place % columns * width, top + place // columns * height
        sheet.paste(pictures[place], (x, y))
        draw.text((x + 10, y + height - 26), f"{index / max(1, len(frames)) * seconds:.1f} s", fill=_INK, font=small)
    sheet.save(out)


def save_gif(frames: Sequence[Path], frames_per_second: float, out: Path) -> None:
    _require_pillow()
    from PIL import Image

    pictures = [_load(path) for path in frames]
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
