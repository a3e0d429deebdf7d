# SPDX-License-Identifier: Apache-2.0
"""The text of a BVH file taken apart, as people's files are: what can be read is read, and what was odd is told.

BVH has no standard beyond what programs write and read. Known here are keywords in any case, names with spaces, decimal
commas, comments, frames over several lines, wrong numbers of frames, and values that are no numbers.
"""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError

_HINT = "Export it again as a BVH file with a full-body skeleton."
_SHORTEST_FRAME, _LONGEST_FRAME = 1e-4, 10.0  # seconds
_USUAL_FPS = 30.0
_LARGEST = 1e9
"""No unit is so small."""
_MOST_BROKEN = 0.5
"""Share of the frames that may have values which are no numbers; the rest says what they would have been."""

_MOTION = re.compile(r"^[ \t]*MOTION\b[ \t]*:?", re.I | re.M)
_NO_MOTION = re.compile(r"^[ \t]*FRAME(?:S|[ \t_]*TIME)\b", re.I | re.M)
_COUNT = re.compile(r"\bFRAMES\b[ \t]*[:=]?[ \t]*([-+.\w]*)", re.I)
_TIME = re.compile(r"\bFRAME[ \t_]*TIME\b[ \t]*[:=]?[ \t]*([-+.\w]*)(?:[ \t]*[a-z]+)?", re.I)
_COMMENT = re.compile(r"(?:^[ \t]*(?:#|//|;)|(?<=\s)//)[^\n]*", re.M)
_STATEMENT = re.compile(
    r"\b(?P<joint>ROOT|JOINT)\b[ \t]*:?(?P<name>[^\n{]*)"
    r"|\b(?P<end>END[ \t_]*(?:SITE|EFFECTOR)?)\b[^\n{]*"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|\b(?P<words>OFFSET|CHANNELS)\b(?P<list>[^{}]*?)"
    r"(?=\b(?:JOINT|END(?:[ \t_]*SITE)?|OFFSET|ROOT|CHANNELS)\b|[{}]|\Z)",
    re.I,
)
_CHANNEL = re.compile(r"([xyz])[_-]?(pos(?:ition)?|trans(?:lation)?|rot(?:ation)?|scale)", re.I)
_KINDS = {"p": "position", "t": "position", "r": "rotation", "s": "scale"}
_NO_NUMBER = re.compile(r"[-+]?(?:nan.*|inf.*|1\.#.*|#.*|null|none|undefined)", re.I)


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


@dataclass
class _Hierarchy:
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[np.ndarray | None] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)
    ends: dict[int, np.ndarray] = field(default_factory=dict)


def parse_bvh(path: Path, fps: float | None = None) -> BvhText:
    """Take a BVH file apart. fps: the frame rate, where the file's own is not to be believed.

    Raises MoclipError, with the line, for a file that is missing, not BVH, without frames, or with a root only, and for
    damage that cannot be mended.
    """
    text = _decoded(path)
    lines = _Lines(path, text)
    text = _COMMENT.sub(lambda found: " " * len(found[0]), text)
    text, notes = _with_points(text)
    start = _MOTION.search(text) or _NO_MOTION.search(text)
    head = text[: start.start() if start else len(text)]
    if not re.search(r"\b(HIERARCHY|ROOT)\b", head, re.I):
        raise lines.bad("is not a BVH file: it has no HIERARCHY part")
    if not start:
        raise lines.bad("has no frames: it ends before the MOTION part")
    hierarchy = _read_hierarchy(lines, head, notes)
    if len(hierarchy.names) < 2:
        raise lines.bad("has a root joint only")
    count, seconds, at = _read_motion_head(lines, text, start.start(), fps, notes)
    width = sum(map(len, hierarchy.channels))
    if not width:
        raise lines.bad("has no CHANNELS: nothing in it moves")
    values = _read_rows(lines, text, at, width, count, notes)
    angles = np.array([name.endswith("rotation") for channels in hierarchy.channels for name in channels])
    values = _mended(lines, values, angles, at, text, notes)
    return BvhText(
        hierarchy.names, hierarchy.parents, np.array(hierarchy.offsets), hierarchy.channels, hierarchy.ends,
        values, seconds, head, tuple(notes),
    )  # fmt: skip


@dataclass(frozen=True)
class _Lines:
    """Says where in a file something is wrong."""

    path: Path
    text: str

    def at(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1

    def bad(self, what: str, hint: str = _HINT) -> MoclipError:
        return MoclipError(f"The file {self.path} {what}.", hint=hint, code="bad_bvh")

    def damaged(self, place: int, what: str) -> MoclipError:
        return self.bad(
            f"has a damaged HIERARCHY part: line {self.at(place)} {what}", "Mend that line, or export the file again."
        )


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


def _read_hierarchy(lines: _Lines, head: str, notes: list[str]) -> _Hierarchy:
    result = _Hierarchy()
    open_joints: list[int] = []
    in_end = 0
    for found in _STATEMENT.finditer(head):
        place = found.start()
        if found["joint"]:
            if found["joint"].upper() == "JOINT" and not open_joints:
                raise lines.damaged(place, "has a JOINT outside of a ROOT's braces")
            result.parents.append(open_joints[-1] if open_joints else -1)
            result.names.append(" ".join(found["name"].strip().strip("\"'").split()) or f"joint {len(result.names)}")
            result.channels.append([])
            result.offsets.append(None)
        elif found["end"]:
            in_end = 1
        elif found["open"]:
            if not result.names or in_end and not open_joints:
                raise lines.damaged(place, "opens a brace before there is a joint")
            in_end = 2 if in_end else 0
            open_joints.append(open_joints[-1] if in_end else len(result.names) - 1)
        elif found["close"]:
            if not open_joints:
                raise lines.damaged(place, "closes a brace that was not opened")
            open_joints.pop()
            in_end = 0
        elif not result.names:
            raise lines.damaged(place, "comes before the first joint")
        elif found["words"].upper() == "OFFSET":
            offset = _three(lines, place, found["list"])
            if in_end:
                result.ends[open_joints[-1] if open_joints else len(result.names) - 1] = offset
            else:
                result.offsets[-1] = offset
        else:
            result.channels[-1] = _channels(lines, place, found["list"], notes)
    if open_joints:
        raise lines.damaged(len(head.rstrip()), f"ends the part, and {len(open_joints)} braces are still open")
    missing = [name for name, offset in zip(result.names, result.offsets, strict=True) if offset is None]
    if missing:
        raise lines.damaged(0, f"and those after it give no OFFSET for the joint {missing[0]}")
    return result


def _three(lines: _Lines, place: int, words: str) -> np.ndarray:
    try:
        offset = np.array([float(word) for word in words.split()[:3]])
    except ValueError:
        offset = np.empty(0)
    if len(offset) != 3 or not (np.abs(offset) < _LARGEST).all():
        raise lines.damaged(place, f"does not have three numbers after OFFSET ('{' '.join(words.split())}')")
    return offset


def _channels(lines: _Lines, place: int, words: str, notes: list[str]) -> list[str]:
    count, *listed = words.split() or [""]
    if not count.isdigit():
        count, listed = str(len(words.split())), words.split()
    found = [_CHANNEL.fullmatch(word) for word in listed]
    for word, match in zip(listed, found, strict=True):
        if match is None:
            raise lines.damaged(place, f"has the channel '{word}', which is neither a position nor a rotation")
    if len(listed) != int(count):
        notes.append(f"Line {lines.at(place)} promises {count} channels and lists {len(listed)}; those are read.")
    return [match[1].upper() + _KINDS[match[2][0].lower()] for match in found if match]


def _read_motion_head(
    lines: _Lines, text: str, start: int, fps: float | None, notes: list[str]
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


def _frame_time(lines: _Lines, timed: "re.Match[str] | None", notes: list[str]) -> float:
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


def _read_rows(lines: _Lines, text: str, at: int, width: int, count: int | None, notes: list[str]) -> np.ndarray:
    """(T, width) values, NaN where there is no number."""
    values = _numbers(text[at:])
    if values is not None and values.size and (values.size == (count or 0) * width):
        return values.reshape(-1, width)
    rows: list[np.ndarray] = []
    first_line = lines.at(at)
    content = [(first_line + k, line.split()) for k, line in enumerate(text[at:].split("\n")) if line.strip()]
    if not content:
        raise lines.bad("has no frames")
    widths = {len(words) for _, words in content}
    if width not in widths:
        rows = _wrapped(lines, content, width)
    else:
        broken = []
        for number, words in content:
            row = _row(lines, number, words)
            if len(row) != width:
                broken.append((number, len(row)))
                row = np.full(width, np.nan)
            rows.append(row)
        if broken and broken[-1][0] == content[-1][0]:
            number, held = broken.pop()
            rows.pop()
            notes.append(f"Line {number}, the last, is cut: it has {held} of {width} numbers; it is left out.")
        if broken:
            number, held = broken[0]
            more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
            notes.append(
                f"Line {number}{more} has {held} numbers, not {width}; those frames are made from their neighbours."
            )
    if not rows:
        raise lines.bad(f"is cut in the middle: its first frame has fewer than {width} numbers")
    if count is not None and len(rows) != count:
        notes.append(f"It promises {count} frames and holds {len(rows)}; {len(rows)} are read.")
    return np.array(rows)


def _numbers(text: str) -> np.ndarray | None:
    """All numbers of a text, quickly; None where it holds something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            values = np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values


def _row(lines: _Lines, number: int, words: list[str]) -> np.ndarray:
    row = []
    for word in words:
        try:
            row.append(float(word))
        except ValueError:
            if not _NO_NUMBER.fullmatch(word):
                raise lines.bad(
                    f"has words where numbers belong: '{word[:40]}' in line {number}", "Mend or delete that line."
                ) from None
            row.append(np.nan)
    return np.array(row)


def _wrapped(lines: _Lines, content: list[tuple[int, list[str]]], width: int) -> list[np.ndarray]:
    """Frames that are written over several lines or several in one."""
    values = np.concatenate([_row(lines, number, words) for number, words in content])
    held = {len(words) for _, words in content}
    if len(held) == 1 and len(content) > 1 and values.size % width:
        raise lines.bad(
            f"has {held.pop()} numbers in each line of its frames (from line {content[0][0]} on), and its joints have "
            f"{width} channels"
        )
    return list(values[: values.size // width * width].reshape(-1, width))


def _mended(lines: _Lines, values: np.ndarray, angles: np.ndarray, at: int, text: str, notes: list[str]) -> np.ndarray:
    """The values with what is not finite made from the frames before and after."""
    sound = np.abs(values) < _LARGEST  # which NaN is not
    broken = np.flatnonzero(~sound.all(axis=1))
    if not len(broken):
        return values
    if len(broken) > _MOST_BROKEN * len(values) or not sound.any(axis=0).all():
        number = _line_of_frame(lines, text, at, int(broken[0]))
        raise lines.bad(
            f"holds numbers that are not finite in {len(broken)} of its {len(values)} frames, first in line {number}"
        )
    values = values.copy()
    times = np.arange(len(values))
    for column in np.flatnonzero(~sound.all(axis=0)):
        good = sound[:, column]
        known = values[good, column]
        if angles[column]:
            known = np.degrees(np.unwrap(np.radians(known)))
        values[~good, column] = np.interp(times[~good], times[good], known)
    if not any("made from their neighbours" in note for note in notes):
        number = _line_of_frame(lines, text, at, int(broken[0]))
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        notes.append(
            f"Line {number} (frame {broken[0] + 1}){more} holds numbers that are not finite; they are made from their "
            "neighbours."
        )
    return values


def _line_of_frame(lines: _Lines, text: str, at: int, frame: int) -> int:
    filled = [k for k, line in enumerate(text[at:].split("\n")) if line.strip()]
    return lines.at(at) + filled[min(frame, len(filled) - 1)]
