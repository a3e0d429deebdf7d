# SPDX-License-Identifier: Apache-2.0
"""Many results on few sheets, for the eye: a row of poses for each, under its prompt and what the rules say."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moclip.errors import MoclipError
from moclip.evaluation.prompt_checks import Sample
from moclip.files.pictures import PAPER, caption, require, stamped
from moclip.files.stick_figure import draw_frames

if TYPE_CHECKING:
    from PIL import Image

POSES = 9
ROWS = 10
_TILE = (150, 150)
_LETTERS = 13


def headline(number: int, sample: Sample) -> str:
    """What stands over a row: number, prompt, what was asked for, what the rules say, whether it was warned of."""
    verdict = {True: "shown", False: "NOT SHOWN", None: "by eye"}[sample.passed]
    warned = ", warned of" if sample.warned else ""
    note = f" - {sample.prompt.note}" if sample.passed is None and sample.prompt.note else ""
    return f'#{number} "{sample.prompt.text}" [{sample.prompt.described}, seed {sample.seed}] {verdict}{warned}{note}'


def save_sheets(samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Draw every sample, ten to a PNG; they are numbered from 1 in the order given.

    Raises MoclipError where Pillow is missing or the folder cannot be written to.
    """
    require("PIL")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return list(_written(samples, folder))
    except OSError as error:
        raise MoclipError(
            f"The sheets cannot be written to {folder}.", hint="Choose another folder.", code="bad_file"
        ) from error


def _written(samples: Sequence[Sample], folder: Path) -> Iterator[Path]:
    from PIL import Image

    for page, first in enumerate(range(0, len(samples), ROWS), 1):
        rows = [_row(number, sample) for number, sample in enumerate(samples[first : first + ROWS], first + 1)]
        sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), PAPER)
        top = 0
        for row in rows:
            sheet.paste(row, (0, top))
            top += row.height
        path = folder / f"sheet_{page:03d}.png"
        sheet.save(path, format="PNG")
        yield path


def _row(number: int, sample: Sample) -> "Image.Image":
    from PIL import Image

    motion = sample.motion
    frames = np.round(np.linspace(0, motion.frames - 1, min(POSES, motion.frames))).astype(int)
    title = caption(headline(number, sample), POSES * _TILE[0], _LETTERS)
    row = Image.new("RGB", (POSES * _TILE[0], title.height + _TILE[1]), PAPER)
    row.paste(title, (0, 0))
    for place, (frame, picture) in enumerate(zip(frames, draw_frames(motion, frames, _TILE), strict=True)):
        row.paste(stamped(picture, f"{frame / motion.fps:.1f} s"), (place * _TILE[0], title.height))
    return row
