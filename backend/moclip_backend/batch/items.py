# SPDX-License-Identifier: Apache-2.0
"""The lines of a batch file: a bad line costs that line only."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip.motion.pins import Anchor, Pin

_FIELDS = {"id", "text", "seconds", "seed", "pins", "poses", "at"}
_SAFE_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x1f\x7f\ud800-\udfff]{1,100}")


@dataclass(frozen=True)
class Item:
    """One motion to make. line: its number in the batch file, None outside a batch. name: what messages call it."""

    line: int | None
    name: str
    path: Path
    text: str
    seconds: float | None
    seed: int
    script: tuple[tuple[str, float | None], ...] = ()
    pins: tuple[Pin, ...] = ()
    anchors: tuple[Anchor, ...] = ()


def read_script(file: Path) -> tuple[tuple[str, float | None], ...]:
    """Prompts and seconds, done one after the other, of a JSON file. Raises MoclipError for anything else."""
    hint = 'It holds [{"text": "a person walks", "seconds": 3.0}, {"text": "a person bows"}].'
    try:
        lines = json.loads(file.read_text(encoding="utf-8-sig"))
        return tuple((line["text"], line.get("seconds")) for line in lines)
    except OSError as error:
        raise MoclipError(
            f"'{file}' cannot be read: {error.strerror or error}.", hint="Check the name.", code="unreadable_file"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MoclipError(f"'{file}' is not a script.", hint=hint, code="bad_script") from error


def numbered_lines(file: Path) -> list[tuple[int, bytes]]:
    """The lines of a list that hold something, each with its number from 1 on. Raises MoclipError for no file."""
    try:
        lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise MoclipError(
            f"'{file}' cannot be read: {error.strerror or error}.", hint="Check the name.", code="unreadable_file"
        ) from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def read_batch(file: Path, folder: Path, format: str) -> tuple[list[Item], list[MoclipError]]:
    """The good lines of a JSONL file as items, and an error for each bad line, with its number.

    Raises MoclipError when the file cannot be read, holds no lines, or no motion can be written in `format`.
    """
    from moclip.files.formats import check_writable_suffix

    check_writable_suffix(Path(f"motion.{format}"))
    items: list[Item] = []
    errors: list[MoclipError] = []
    seen: dict[str, int] = {}
    for number, line in numbered_lines(file):
        try:
            item = _item(number, line, file.parent, folder, format)
            # Where the file system ignores case, "Walk" would write over "walk".
            key = item.name.casefold() if sys.platform in ("win32", "darwin") else item.name
            if key in seen:
                raise MoclipError(f"the id '{item.name}' was used in line {seen[key]} already.")
            seen[key] = number
            items.append(item)
        except MoclipError as error:
            errors.append(at_line(number, error))
    if not items and not errors:
        raise MoclipError(f"'{file}' holds no prompts.", hint='A line is {"id": "walk", "text": "a person walks"}.')
    return items, errors


def at_line(number: int | None, error: MoclipError) -> MoclipError:
    """The same error, beginning with the number of its line."""
    if number is None:
        return error
    return MoclipError(f"line {number}: {error.message}", hint=error.hint, action=error.action, code=error.code)


def _item(number: int, line: bytes, here: Path, folder: Path, format: str) -> Item:
    """here: where the list lies, from which files in it are named."""
    from moclip.prompts.checks import check_prompt, check_seconds
    from moclip.prompts.held import check_held
    from moclip_backend.batch.held import read_poses, seconds_of
    from moclip_backend.server.held import read_pins

    try:
        entry = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MoclipError("this is not JSON.", hint='A line is {"id": "walk", "text": "a person walks"}.') from None
    if not isinstance(entry, dict):
        raise MoclipError('this is not an object like {"id": "walk", "text": "a person walks"}.')
    unknown = sorted(set(entry) - _FIELDS)
    if unknown:
        raise MoclipError(f"there is no field '{unknown[0]}'.", hint=f"The fields are {', '.join(sorted(_FIELDS))}.")
    name = safe_name(entry.get("id"))
    if not isinstance(entry.get("text"), str):
        raise MoclipError("the text is missing, or is no text.")
    check_prompt(entry["text"])
    seconds = entry.get("seconds")
    seconds = check_seconds(None if seconds == "auto" else seconds)
    seed = entry.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise MoclipError(f"the seed {seed!r:.40} is not a whole number from 0 on.", code="bad_seed")
    pins, poses, at = read_pins(entry.get("pins")), entry.get("poses"), entry.get("at")
    if (poses is None) != (at is None) or not isinstance(poses, str | None):
        raise MoclipError(
            '"poses" is the name of a motion\'s file, and "at" says at which seconds.', code="bad_anchors"
        )
    anchors = read_poses(here / poses, seconds_of(at)) if poses is not None else ()
    check_held(pins, anchors, seconds)
    return Item(number, name, folder / f"{name}.{format}", entry["text"], seconds, seed, (), pins, anchors)


def safe_name(name: Any) -> str:
    """A batch id that is safe as a file name on every system. Raises MoclipError."""
    if type(name) is int:
        name = str(name)
    if not isinstance(name, str) or not name:
        raise MoclipError("the id is missing, or is no text.")
    if ".." in name or not _SAFE_NAME.fullmatch(name) or name[0] in ". " or name[-1] in ". ":
        message = f"the id {ascii(name):.60} cannot name a file."
        raise MoclipError(message, hint="Use letters, digits, - and _.", code="bad_id")
    return name
