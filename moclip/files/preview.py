# SPDX-License-Identifier: Apache-2.0
"""Stick-figure previews of a `Motion`: animated `.gif` and `.mp4`, or a `.png` sheet of poses over time."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moclip.errors import MoclipError
from moclip.files.pictures import captioned, palette_of, require, save_gif, save_sheet, save_video
from moclip.files.stick_figure import draw_frames, palette
from moclip.motion.motion import Motion

if TYPE_CHECKING:
    from PIL import Image

_FRAME_SIZE = (400, 400)
_PANEL_SIZE = (260, 300)
_COLUMNS, _ROWS = 4, 2
_LETTERS = 15
_HIGHEST_FPS = 25.0  # many GIF viewers slow down what is faster


def save_preview(motion: Motion, path: str | Path) -> None:
    """Draw a motion to `.gif`, `.png` or `.mp4` by the suffix of `path`; the motion's text is the caption.

    Raises MoclipError when Pillow (or for .mp4 imageio-ffmpeg) is missing or the suffix is another one.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".png", ".mp4"):
        raise MoclipError(f"A preview cannot be '{path.suffix}'.", hint="Use .gif, .png or .mp4.", code="bad_suffix")
    require("PIL")
    if suffix == ".png":
        count = min(_COLUMNS * _ROWS, motion.frames)
        frames = np.round(np.linspace(0, motion.frames - 1, count)).astype(int)
        panels = _stamped(motion, frames, _PANEL_SIZE)
        save_sheet(panels, count, min(_COLUMNS, count), motion.text, _LETTERS, path)
        return
    step = int(np.ceil(motion.fps / _HIGHEST_FPS - 1e-6))
    shown = _stamped(motion, np.arange(0, motion.frames, step), _FRAME_SIZE)
    pages = captioned(shown, motion.text, _LETTERS)
    if suffix == ".gif":
        save_gif(pages, motion.fps / step, palette_of(palette()), path)
    else:
        save_video(pages, motion.fps / step, path)


def _stamped(motion: Motion, frames: np.ndarray, size: tuple[int, int]) -> Iterator[tuple["Image.Image", str]]:
    """A picture for each frame number, and its time."""
    for frame, picture in zip(frames, draw_frames(motion, frames, size), strict=True):
        yield picture, f"{frame / motion.fps:.1f} s"
