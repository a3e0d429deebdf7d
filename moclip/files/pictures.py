# SPDX-License-Identifier: Apache-2.0
"""Pictures to a captioned sheet, an animated GIF and a video: for stick figures and for what Blender renders."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moclip.errors import MoclipError

if TYPE_CHECKING:
    from PIL import Image, ImageFont

PAPER, INK = (250, 250, 248), (45, 48, 54)
_PACKAGES = {"PIL": "Pillow", "imageio_ffmpeg": "imageio-ffmpeg"}
_SMALLEST_STAMP = 12


def has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def require(package: str) -> None:
    """Raise MoclipError unless "PIL" or "imageio_ffmpeg" is installed."""
    if not has(package):
        raise MoclipError(
            f"Previews of this kind need {_PACKAGES[package]}, which is not installed.",
            hint='`pip install "moclip[preview]"`.',
            code="missing_package",
        )


def save_sheet(
    tiles: Iterable[tuple["Image.Image", str]], count: int, columns: int, text: str, size: int, path: Path
) -> None:
    """Write a PNG of `count` pictures of one size, row by row, each with a stamp in its corner, under a caption.

    size: of the caption's letters, in pixels.
    """
    from PIL import Image

    sheet = None
    for place, (picture, stamp) in enumerate(tiles):
        if sheet is None:
            title = caption(text, columns * picture.width, size, most=8)
            rows = -(-count // columns)
            sheet = Image.new("RGB", (title.width, title.height + rows * picture.height), PAPER)
            sheet.paste(title, (0, 0))
        across, down = place % columns, place // columns
        at = (across * picture.width, title.height + down * picture.height)
        sheet.paste(stamped(picture, stamp), at)
    if sheet is not None:
        sheet.save(path, format="PNG")


def save_gif(pictures: Iterable["Image.Image"], fps: float, palette: "Image.Image", path: Path) -> None:
    """Write an animated GIF. palette: an image of mode P; one for all pictures, or what stands still flickers."""
    from PIL import Image

    # One by one: a picture of few colours takes a third of the memory.
    reduced = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    duration = round(1000 / fps)
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=duration, loop=0, format="GIF")


def palette_of(colours: Sequence[int]) -> "Image.Image":
    """For `save_gif`, of red, green, blue, red, ..."""
    from PIL import Image

    palette = Image.new("P", (1, 1))
    palette.putpalette(list(colours))
    return palette


def common_palette(picture: "Image.Image", colours: int = 128) -> "Image.Image":
    """For `save_gif`, of a picture that is like the others."""
    from PIL import Image

    return picture.quantize(colours, dither=Image.Dither.NONE)


def save_video(pictures: Iterable["Image.Image"], fps: float, path: Path) -> None:
    """Write an MP4 by the ffmpeg that imageio-ffmpeg brings; odd sides lose a pixel, which H.264 wants even."""
    require("imageio_ffmpeg")
    import imageio_ffmpeg

    writer = None
    try:
        for picture in pictures:
            even = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
            if writer is None:
                writer = imageio_ffmpeg.write_frames(str(path), even.size, fps=fps, macro_block_size=2, quality=7)
                writer.send(None)
            writer.send(even.tobytes())
    finally:
        if writer is not None:
            writer.close()


def captioned(pictures: Iterable[tuple["Image.Image", str]], text: str, size: int) -> Iterator["Image.Image"]:
    """Each picture with its stamp below the same caption."""
    from PIL import Image

    title = None
    for picture, stamp in pictures:
        title = caption(text, picture.width, size) if title is None else title
        page = Image.new("RGB", (picture.width, picture.height + title.height), PAPER)
        page.paste(title, (0, 0))
        page.paste(stamped(picture, stamp), (0, title.height))
        yield page


def caption(text: str, width: int, size: int, most: int = 2) -> "Image.Image":
    """The text in at most so many lines; an empty picture of no height for no text. size: of its letters."""
    from PIL import Image, ImageDraw

    if not text.strip():
        return Image.new("RGB", (width, 0), PAPER)
    font, margin = _font(size), round(0.6 * size)
    lines = _lines(text, width - 2 * margin, font, most)
    image = Image.new("RGB", (width, round(0.45 * size + 0.6 * size * len(lines)) * 2), PAPER)
    place = (margin, round(0.4 * size))
    ImageDraw.Draw(image).multiline_text(place, "\n".join(lines), fill=INK, font=font, spacing=0.15 * size)
    return image


def _lines(text: str, width: float, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", most: int) -> list[str]:
    lines = [""]
    # The font that comes with Pillow knows Latin letters only.
    for word in text.encode("latin-1", "replace").decode("latin-1").split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        elif len(lines) == most:
            lines[-1] += " ..."
            break
        else:
            lines.append(word)
    return lines


def stamped(picture: "Image.Image", text: str) -> "Image.Image":
    """The picture itself, with a few words in its lower left corner."""
    from PIL import ImageDraw

    size = max(_SMALLEST_STAMP, picture.width // 32)
    ImageDraw.Draw(picture).text((10, picture.height - round(1.75 * size)), text, fill=INK, font=_font(size))
    return picture


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont

    try:
        return ImageFont.load_default(size)
    except (ImportError, TypeError):
        # A Pillow without FreeType, or older than 10.1, has one small bitmap font.
        return ImageFont.load_default()
