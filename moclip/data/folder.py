# SPDX-License-Identifier: Apache-2.0
"""Dataset folders in HumanML3D's layout."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.stored import Place, Stored
from moclip.data.survey import Found, survey
from moclip.errors import MoclipError

PROTOCOL = "humanml3d"
"""In meta.json: clips are used as papers have it, see `DatasetFolder.ids`."""
_OFFICIAL = {"rotation_channels": "humanml3d", "licence": "unknown", "sources": {}, "protocol": PROTOCOL}
_BODIES: dict[int, dict[str, float]] = {
    263: {"fps": 20, "joints": 22, "features": 263},
    251: {"fps": 12.5, "joints": 21, "features": 251},
}
"""HumanML3D's and KIT-ML's, by the width of their features."""
_LEAST, _TOO_LONG = {22: 40, 21: 24}, 200
"""Frames of a clip by the body's joints, as papers have it."""
_SECOND = 20
"""Frames that times in captions are counted in, KIT-ML's too."""
_PART = re.compile(r"(?P<clip>.+)@(?P<start>[0-9.]+)-(?P<end>[0-9.]+)")


class DatasetFolder:
    """new_joint_vecs/<id>.npy, texts/<id>.txt, <split>.txt, Mean.npy, Std.npy; ours add meta.json and clips.jsonl.

    A folder without meta.json is taken for HumanML3D or KIT-ML as published. Raises MoclipError when a part is missing.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        hint = "Build one with `moclip data bvh`, or point to the HumanML3D folder itself."
        for part in ("new_joint_vecs", "texts", "train.txt", "Mean.npy", "Std.npy"):
            if not (self.path / part).exists():
                raise MoclipError(f"The dataset folder {path} has no {part}.", hint=hint, code="bad_dataset")
        self.meta: dict[str, Any] = {}
        if (self.path / "meta.json").is_file():
            try:
                self.meta.update(json.loads((self.path / "meta.json").read_text(encoding="utf-8")))
            except ValueError as error:
                raise MoclipError(f"{self.path / 'meta.json'} is not JSON.", hint=hint, code="bad_dataset") from error
        self.mean, self.std = (_read_array(self.path / f"{name}.npy", f"{name}.npy") for name in ("Mean", "Std"))
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape:
            raise _bad(f"Mean.npy and Std.npy have shapes {self.mean.shape} and {self.std.shape}, which do not fit.")
        known = _BODIES.get(len(self.mean), _BODIES[263])
        ours = bool(self.meta) or (self.path / "clips.jsonl").is_file()
        self.meta = {**known, **_OFFICIAL, **({"protocol": ""} if ours else {}), **self.meta}
        self._ids: dict[str, list[str]] = {}
        self._found: dict[str, Found] = {}

    @cached_property
    def clips(self) -> dict[str, dict[str, Any]]:
        """Labels by id; empty for official folders."""
        path = self.path / "clips.jsonl"
        if not path.is_file():
            return {}
        try:
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            return {line["id"]: line for line in lines}
        except (ValueError, KeyError, TypeError) as error:
            hint = "Build the dataset again."
            raise MoclipError(f"The file {path} is damaged.", hint=hint, code="bad_dataset") from error

    def ids(self, split: str) -> list[str]:
        """The clips of a split that are used, in its order. Raises MoclipError where the split is missing.

        Ours are all those that are listed. Of HumanML3D and KIT-ML they are those that papers use: of 40 (24) to 199
        frames, with a caption, without numbers that are not finite; a caption of a part of a clip makes that part one
        more clip, called `<id>@<start>-<end>` by its seconds.
        """
        if self.meta["protocol"] != PROTOCOL:
            return self.listed(split)
        if split not in self._ids:
            listed = self.listed(split)
            self._look_at(listed)
            self._ids[split] = [part for clip in listed for part in self._parts(clip)[0]]
        return self._ids[split]

    def left_out(self, split: str) -> dict[str, str]:
        """Clip or part of one that `ids` has not -> why, a sentence."""
        if self.meta["protocol"] != PROTOCOL:
            return {}
        listed = self.listed(split)
        self._look_at(listed)
        return {part: why for clip in listed for part, why in self._parts(clip)[1].items()}

    def _look_at(self, clips: Iterable[str], *, anew: bool = False) -> None:
        self._found |= survey(self.path, [c for c in clips if anew or c not in self._found], self._wrong, anew=anew)

    def _wrong(self, clip: str) -> str:
        try:
            self.load(clip)
        except MoclipError as error:
            return error.message
        return ""

    def _parts(self, clip: str) -> tuple[list[str], dict[str, str]]:
        """Of a clip that was looked at: what of it is used, and what is not and why."""
        found, least = self._found[clip], _LEAST[self.meta["joints"]]
        if found.wrong:
            return [], {clip: found.wrong}
        if not least <= found.frames < _TOO_LONG:
            return [], {clip: f"{clip}: it has {found.frames} frames, not {least} to {_TOO_LONG - 1}."}
        try:
            fields = self.caption_lines(clip)
        except MoclipError as error:
            return [], {clip: error.message}
        used, out = dict[str, None](), dict[str, str]()
        for start, end in map(_times, fields):
            name = f"{clip}@{start:g}-{end:g}" if start or end else clip
            first, last = _frames(start, end, found.frames)
            if name != clip and not least <= last - first < _TOO_LONG:
                out[name] = f"{name}: it has {max(0, last - first)} frames, not {least} to {_TOO_LONG - 1}."
            else:
                used[name] = None
        return list(used), out

    def listed(self, split: str) -> list[str]:
        """What a split's file lists. Raises MoclipError where it is missing."""
        path = self.path / f"{split}.txt"
        if not path.is_file():
            raise MoclipError(
                f"The dataset folder {self.path} has no {split}.txt.",
                hint="Build the dataset again.",
                code="bad_dataset",
            )
        return path.read_text(encoding="utf-8").split()

    def features(self, clips: Sequence[str]) -> Stored:
        """Features (T, F) float32 of clips of `ids`, which are read when they are asked for.

        Raises MoclipError when some are missing, damaged or not finite: this is found before the first is read.
        """
        parts = [self._part(clip) for clip in clips]
        self._look_at(clip for clip, _, _ in parts)
        places = []
        for clip, start, end in parts:
            found = self._found[clip]
            if found.wrong:
                raise _bad(found.wrong)
            first, last = _frames(start, end, found.frames)
            path = self.path / "new_joint_vecs" / f"{clip}.npy"
            places.append(Place(path, found.width, found.dtype, found.offset, first, last))
        return Stored(places)

    def load(self, clip: str) -> np.ndarray:
        """Features (T, F) float32. Raises MoclipError when they are missing, damaged or not finite."""
        whole, start, end = self._part(clip)
        features = _read_array(self.path / "new_joint_vecs" / f"{whole}.npy", whole)
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise _bad(f"{clip}: features have shape {features.shape}, not (T, {len(self.mean)}).")
        if not np.isfinite(features).all():
            raise _bad(f"{clip}: features hold numbers that are not finite.")
        first, last = _frames(start, end, len(features))
        return features[first:last]

    def captions(self, clip: str) -> list[str]:
        """Captions of the whole clip; those of a part of it (with other times than 0.0) are that part's.

        Raises MoclipError when the clip has none.
        """
        return [fields[0].strip() for fields in self._caption_fields(clip)]

    def tagged_words(self, clip: str) -> list[list[tuple[str, str]]]:
        """(word, part of speech) of each caption of `captions`; without tags in the file, its words as OTHER."""
        return [_tagged(fields) for fields in self._caption_fields(clip)]

    def _part(self, clip: str) -> tuple[str, float, float]:
        """The clip that a name is of, and from which second to which; 0 and 0 is all of it."""
        match = _PART.fullmatch(clip) if self.meta["protocol"] == PROTOCOL and "@" in clip else None
        return (match["clip"], float(match["start"]), float(match["end"])) if match else (clip, 0.0, 0.0)

    def _caption_fields(self, name: str) -> list[list[str]]:
        clip, start, end = self._part(name)
        fields = [f for f in self.caption_lines(clip) if _times(f) == (start, end)]
        if not fields:
            path = self.path / "texts" / f"{clip}.txt"
            raise MoclipError(
                f"The text file {path} holds no caption{'' if name == clip else f' of seconds {start:g} to {end:g}'}.",
                hint="Write one sentence a line.",
                code="bad_dataset",
            )
        return fields

    def caption_lines(self, clip: str) -> list[list[str]]:
        """Of each line of a clip's text file: the caption, its tagged words, its start and its end.

        Raises MoclipError when the file is missing or holds no caption.
        """
        path = self.path / "texts" / f"{clip}.txt"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise MoclipError(
                f"The clip {clip} has no text file {path}.",
                hint="Write one, or drop its id from the splits.",
                code="bad_dataset",
            ) from error
        except ValueError as error:
            hint = "Save it as UTF-8."
            raise MoclipError(f"The text file {path} is no text.", hint=hint, code="bad_dataset") from error
        fields = [line.split("#") for line in lines if line.strip()]
        if not fields:
            raise MoclipError(
                f"The text file {path} holds no caption.", hint="Write one sentence a line.", code="bad_dataset"
            )
        return fields

    def fingerprint(self, split: str) -> str:
        """Sixteen hex digits naming a split's clips by their ids, captions and the size of their features."""
        digest = hashlib.sha256()
        for clip in self.ids(split):
            features = self.path / "new_joint_vecs" / f"{self._part(clip)[0]}.npy"
            size = features.stat().st_size if features.is_file() else 0
            digest.update(f"{clip}\0{size}\0{self.captions(clip)}\n".encode())
        return digest.hexdigest()[:16]


def _bad(message: str) -> MoclipError:
    return MoclipError(message, hint="`moclip data check` lists all that is wrong.", code="bad_dataset")


def _read_array(path: Path, name: str) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False).astype(np.float32)
        return array
    except (OSError, ValueError, EOFError) as error:
        raise _bad(f"{name}: the numbers are missing or damaged.") from error


def _tagged(fields: list[str]) -> list[tuple[str, str]]:
    tagged = fields[1].split() if len(fields) > 1 else []
    if tagged:
        return [(word, tag) for word, _, tag in (token.rpartition("/") for token in tagged) if word]
    return [(word, "OTHER") for word in re.findall(r"[a-z]+", fields[0].lower())]


def _times(fields: list[str]) -> tuple[float, float]:
    """Start and end of a caption in seconds; what is no number above 0, as "nan", stands for that of the whole."""
    if len(fields) < 4:
        return 0.0, 0.0
    start, end = (_positive(field) for field in fields[2:4])
    return start, end


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if 0 < number < float("inf") else 0.0


def _frames(start: float, end: float, frames: int) -> tuple[int, int]:
    """First frame and the one after the last of a part of a clip; 0 and 0 is all of it."""
    if not (start or end):
        return 0, frames
    return min(int(start * _SECOND), frames), min(int(end * _SECOND), frames)
