# SPDX-License-Identifier: Apache-2.0
"""Dataset folders in HumanML3D's layout."""

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError

_OFFICIAL = {
    "fps": 20,
    "joints": 22,
    "features": 263,
    "rotation_channels": "humanml3d",
    "licence": "unknown",
    "sources": {},
}


class DatasetFolder:
    """new_joint_vecs/<id>.npy, texts/<id>.txt, <split>.txt, Mean.npy, Std.npy; ours add meta.json and clips.jsonl.

    A folder without meta.json is taken for an official one. Raises MoclipError when a part is missing.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        hint = "Build one with `moclip data bvh`, or point to the HumanML3D folder itself."
        for part in ("new_joint_vecs", "texts", "train.txt", "Mean.npy", "Std.npy"):
            if not (self.path / part).exists():
                raise MoclipError(f"The dataset folder {path} has no {part}.", hint=hint, code="bad_dataset")
        self.meta: dict[str, Any] = dict(_OFFICIAL)
        if (self.path / "meta.json").is_file():
            try:
                self.meta.update(json.loads((self.path / "meta.json").read_text(encoding="utf-8")))
            except ValueError as error:
                raise MoclipError(f"{self.path / 'meta.json'} is not JSON.", hint=hint, code="bad_dataset") from error
        self.mean, self.std = (_read_array(self.path / f"{name}.npy", f"{name}.npy") for name in ("Mean", "Std"))

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
        path = self.path / f"{split}.txt"
        if not path.is_file():
            raise MoclipError(
                f"The dataset folder {self.path} has no {split}.txt.",
                hint="Build the dataset again.",
                code="bad_dataset",
            )
        return path.read_text(encoding="utf-8").split()

    def load(self, clip: str) -> np.ndarray:
        """Features (T, F) float32. Raises MoclipError when they are missing, damaged or not finite."""
        features = _read_array(self.path / "new_joint_vecs" / f"{clip}.npy", clip)
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise _bad(f"{clip}: features have shape {features.shape}, not (T, {len(self.mean)}).")
        if not np.isfinite(features).all():
            raise _bad(f"{clip}: features hold numbers that are not finite.")
        return features

    def captions(self, clip: str) -> list[str]:
        """Captions of the whole clip; those of a part of it (with other times than 0.0) are left out.

        Raises MoclipError when the clip has none.
        """
        return [fields[0].strip() for fields in self._caption_fields(clip)]

    def tagged_words(self, clip: str) -> list[list[tuple[str, str]]]:
        """(word, part of speech) of each caption of `captions`; without tags in the file, its words as OTHER."""
        return [_tagged(fields) for fields in self._caption_fields(clip)]

    def _caption_fields(self, clip: str) -> list[list[str]]:
        path = self.path / "texts" / f"{clip}.txt"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise MoclipError(
                f"The clip {clip} has no text file {path}.",
                hint="Write one, or drop its id from the splits.",
                code="bad_dataset",
            ) from error
        fields = [line.split("#") for line in lines if line.strip()]
        whole = [f for f in fields if len(f) < 4 or _is_zero(f[2]) and _is_zero(f[3])]
        if not whole:
            raise MoclipError(
                f"The text file {path} holds no caption.", hint="Write one sentence a line.", code="bad_dataset"
            )
        return whole

    def fingerprint(self, split: str) -> str:
        """Sixteen hex digits naming a split's clips by their ids, captions and the size of their features."""
        digest = hashlib.sha256()
        for clip in self.ids(split):
            features = self.path / "new_joint_vecs" / f"{clip}.npy"
            size = features.stat().st_size if features.is_file() else 0
            digest.update(f"{clip}\0{size}\0{self.captions(clip)}\n".encode())
        return digest.hexdigest()[:16]

    def problems(self, limit: int = 20) -> list[str]:
        """What is wrong with the folder's files, one sentence each, at most `limit`."""
        found: list[str] = []
        for split in ("train", "val", "test"):
            for clip in self.ids(split) if (self.path / f"{split}.txt").is_file() else []:
                found += self._clip_problems(clip)
                if len(found) >= limit:
                    return found[:limit]
        return found

    def _clip_problems(self, clip: str) -> list[str]:
        try:
            self.load(clip)
            self.captions(clip)
        except MoclipError as error:
            return [error.message]
        return []


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


def _is_zero(text: str) -> bool:
    try:
        return not float(text) > 0  # "nan" stands for the whole clip, too
    except ValueError:
        return True
