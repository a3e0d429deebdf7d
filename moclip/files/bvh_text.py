# SPDX-License-Identifier: Apache-2.0
"""The text of a BVH file taken apart, as people's files are: what can be read is read, and what was odd is told.

BVH has no standard beyond what programs write and read. Known here are keywords in any case, names with spaces, decimal
commas, comments, frames over several lines, wrong numbers of frames, and values that are no numbers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh_hierarchy import read_hierarchy
from moclip.files.bvh_lines import Lines
from moclip.files.bvh_rows import mended, read_rows

_SHORTEST_FRAME, _LONGEST_FRAME = 1e-4, 10.0  # seconds
_USUAL_FPS = 30.0

_MOTION = re.compile(r"^[ \t]*MOTION\b[ \t]*:?", re.I | re.M)
_NO_MOTION = re.compile(r"^[ \t]*FRAME(?:S|[ \t_]*TIME)\b", re.I | re.M)
_COUNT = re.compile(r"\bFRAMES\b[ \t]*[:=]?[ \t]*([-+.\w]*)", re.I)
_TIME = re.compile(r"\bFRAME[ \t_]*TIME\b[ \t]*[:=]?[ \t]*([-+.\w]*)(?:[ \t]*[a-z]+)?", re.I)
_COMMENT = re.compile(r"(?:^[ \t]*(?:#|//|;)|(?<=\s)//)[^\n]*", re.M)


@dataclass(frozen=True)
class BvhText:
    """names, parents, offsets, channels: one each a joint; channels are "Xposition", "Zrotation", "Yscale", ... ends:
    joint -> offset of its end site. values: (T, channels) in file order. head: the file up to its frames, as it is,
    without comments. notes: a sentence each for what was odd."""

    names: list[str]
    parents: list[int]
    offsets: np.ndarray
    channels: list[list[str]]
    ends: dict[int, np.ndarray]
    values: np.ndarray
    seconds: float
    head: str
    notes: tuple[str, ...]


def parse_bvh(path: Path, fps: float | None = None) -> BvhText:
    """Take a BVH file apart. fps: the frame rate, where the file's own is not to be believed.

    Raises MoclipError, with the line, for a file that is missing, not BVH, without frames, or with a root only, and for
    damage that cannot be mended.
    """
    text = _decoded(path)
    lines = Lines(path, text)
    text = _COMMENT.sub(lambda found: " " * len(found[0]), text)
    text, notes = _with_points(text)
    start = _MOTION.search(text) or _NO_MOTION.search(text)
    head = text[: start.start() if start else len(text)]
    if not re.search(r"\b(HIERARCHY|ROOT)\b", head, re.I):
        raise lines.bad("is not a BVH file: it has no HIERARCHY part")
    if not start:
        raise lines.bad("has no frames: it ends before the MOTION part")
    hierarchy = read_hierarchy(lines, head, notes)
    if len(hierarchy.names) < 2:
        raise lines.bad("has a root joint only")
    count, seconds, at = _read_motion_head(lines, text, start.start(), fps, notes)
    width = sum(map(len, hierarchy.channels))
    if not width:
        raise lines.bad("has no CHANNELS: nothing in it moves")
    values = read_rows(lines, text, at, width, count, notes)
    angles = np.array([name.endswith("rotation") for channels in hierarchy.channels for name in channels])
    values = mended(lines, values, angles, at, text, notes)
    return BvhText(
        hierarchy.names, hierarchy.parents, np.array(hierarchy.offsets), hierarchy.channels, hierarchy.ends,
        values, seconds, head, tuple(notes),
    )  # fmt: skip


def _decoded(path: Path) -> str:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise MoclipError(f"The file {path} cannot be read.", hint="Check the path.", code="bad_bvh") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def _with_points(text: str) -> tuple[str, list[str]]:
    """The text with decimal points, where it has decimal commas, and without commas between numbers."""
    if not re.search(r"\d[ \t]*,", text):
        return text, []
    start = _MOTION.search(text)
    body = text[start.end() if start else 0 :]
    decimal = not re.search(r"\d\.\d|,[ \t\n]|\d,\d*,", body)
    # Only between digits: names may have commas of their own.
    mark = "." if decimal else " "
    text = re.sub(r"(?<=\d),(?=\d)", mark, text)
    text = re.sub(r"(?<=[\d.]),(?=\s|[-+.])", " ", text)
    return text, ["It writes numbers with decimal commas; they are read as points."] if decimal else []


def _read_motion_head(
    lines: Lines, text: str, start: int, fps: float | None, notes: list[str]
) -> tuple[int | None, float, int]:
    """Number of frames that the file promises (or None), seconds a frame, and where the frames begin."""
    counted, timed = _COUNT.search(text, start), _TIME.search(text, start)
    ends = [found.end() for found in (_MOTION.match(text, start), counted, timed) if found]
    at = max(ends, default=start)
    count: int | None = None
    if counted is None:
        notes.append("It does not say how many frames it has; all that it holds are read.")
    else:
        try:
            count = int(float(counted[1]))
        except (ValueError, OverflowError):
            notes.append(f"Line {lines.at(counted.start(1))} gives no number of frames; all that it holds are read.")
    return count, 1 / fps if fps else _frame_time(lines, timed, notes), at


def _frame_time(lines: Lines, timed: "re.Match[str] | None", notes: list[str]) -> float:
    """Seconds a frame; what people write instead is understood and told of."""
    try:
        seconds = float(timed[1]) if timed else 0.0
    except ValueError:
        seconds = 0.0
    if _SHORTEST_FRAME <= seconds <= _LONGEST_FRAME:
        return seconds
    if _LONGEST_FRAME < seconds <= 1000.0:
        # Frames a second are round numbers, milliseconds are not.
        rate = seconds if seconds == round(seconds) else 1000.0 / seconds
    else:
        rate = _USUAL_FPS
    said = f"Line {lines.at(timed.start(1))} has a frame time of {timed[1]}" if timed else "It has no frame time"
    notes.append(f"{said}; it is taken for {rate:g} frames a second. Give the right rate where that is wrong.")
    return 1 / rate
