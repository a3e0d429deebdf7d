# SPDX-License-Identifier: Apache-2.0
"""The frames of a BVH file's text: rows of numbers, and what stands where a number should."""

import re
import warnings

import numpy as np

from moclip.files.bvh_lines import LARGEST, Lines

_MOST_BROKEN = 0.5
"""Share of the frames that may have values which are no numbers; the rest says what they would have been."""
_NO_NUMBER = re.compile(r"[-+]?(?:nan.*|inf.*|1\.#.*|#.*|null|none|undefined)", re.I)


def read_rows(lines: Lines, text: str, at: int, width: int, count: int | None, notes: list[str]) -> np.ndarray:
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


def _row(lines: Lines, number: int, words: list[str]) -> np.ndarray:
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


def _wrapped(lines: Lines, content: list[tuple[int, list[str]]], width: int) -> list[np.ndarray]:
    """Frames that are written over several lines or several in one."""
    values = np.concatenate([_row(lines, number, words) for number, words in content])
    held = {len(words) for _, words in content}
    if len(held) == 1 and len(content) > 1 and values.size % width:
        raise lines.bad(
            f"has {held.pop()} numbers in each line of its frames (from line {content[0][0]} on), and its joints have "
            f"{width} channels"
        )
    return list(values[: values.size // width * width].reshape(-1, width))


def mended(lines: Lines, values: np.ndarray, angles: np.ndarray, at: int, text: str, notes: list[str]) -> np.ndarray:
    """The values with what is not finite made from the frames before and after."""
    sound = np.abs(values) < LARGEST  # which NaN is not
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


def _line_of_frame(lines: Lines, text: str, at: int, frame: int) -> int:
    filled = [k for k, line in enumerate(text[at:].split("\n")) if line.strip()]
    return lines.at(at) + filled[min(frame, len(filled) - 1)]
