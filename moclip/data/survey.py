# SPDX-License-Identifier: Apache-2.0
"""What a dataset folder's feature files hold, found once: to read some 30,000 of them takes long, to ask for their
times does not."""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

NAME = ".survey.json"
"""Beside the files that it is about; a folder that cannot be written to is looked through each time."""
_FORMAT = 1
_READERS = 4


class Found(NamedTuple):
    """What one file holds. wrong: why it is of no use, a sentence; else "". dtype, offset: of its numbers."""

    frames: int = 0
    width: int = 0
    dtype: str = ""
    offset: int = 0
    wrong: str = ""


Look = Callable[[str], str]
"""Clip -> what is wrong with its features, "" for nothing."""


def survey(folder: Path, clips: Iterable[str], look: Look, *, anew: bool = False) -> dict[str, Found]:
    """What the files `<clip>.npy` of `<folder>/new_joint_vecs` hold. anew: look at unchanged ones, too."""
    clips = list(dict.fromkeys(clips))
    known = {} if anew else _read(folder / NAME)
    stamps = {clip: _stamp(folder / "new_joint_vecs" / f"{clip}.npy") for clip in clips}
    changed = [clip for clip in clips if stamps[clip] is None or known.get(clip, [None])[0] != stamps[clip]]

    def found(clip: str) -> Found:
        return _look(folder / "new_joint_vecs" / f"{clip}.npy", look(clip))

    with ThreadPoolExecutor(_READERS) as readers:
        looked = dict(zip(changed, readers.map(found, changed), strict=True))
    if looked:
        _write(folder / NAME, known | {clip: [stamps[clip], *one] for clip, one in looked.items() if stamps[clip]})
    return {clip: looked[clip] if clip in looked else Found(*known[clip][1:]) for clip in clips}


def _stamp(path: Path) -> list[int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _look(path: Path, wrong: str) -> Found:
    if wrong:
        return Found(wrong=wrong)
    with path.open("rb") as file:
        npy: Any = np.lib.format  # numpy 1.26 has no types for it
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, by_column, dtype = read(file)
        offset = file.tell()
    # What is stored column by column is read whole each time.
    return Found(shape[0], shape[1], "" if by_column else dtype.str, offset)


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return {c: f for c, f in held["files"].items() if len(f) == 6} if held["format"] == _FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, files: dict[str, Any]) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps({"format": _FORMAT, "files": files}), encoding="utf-8")
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
