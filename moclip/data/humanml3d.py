# SPDX-License-Identifier: Apache-2.0
"""HumanML3D as its makers publish it: which seconds of which recordings are clips, in which split, and their texts."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError

FPS = 20
_HINT = "Clone https://github.com/EricGuo5513/HumanML3D and unzip HumanML3D/texts.zip there."
_HEADS = {
    "Eyes_Japan_Dataset": 3.0, "MPI_HDM05": 3.0, "TotalCapture": 1.0, "MPI_Limits": 1.0, "Transitions_mocap": 0.5,
}  # fmt: skip
"""Seconds at the beginning of the recordings of some collections that HumanML3D leaves out before it counts."""
WHOLE = "humanact12"
"""The collection of joints that are taken whole and as they are."""
_RENAMED = {
    "mpihdm05": "hdm05", "mpilimits": "poseprior", "mpimosh": "mosh", "bmlrub": "biomotionlabntroje",
    "dfaust67": "dfaust", "eyesjapandataset": "eyesjapan", "transitionsmocap": "transitions", "ssmsynced": "ssm",
}  # fmt: skip
"""Collections that have had two names: one -> the other."""
_ENDING = re.compile(r"_(poses|stageii|stagei)$")
_LEFT = [1, 4, 7, 10, 13, 16, 18, 20]
_RIGHT = [2, 5, 8, 11, 14, 17, 19, 21]


class ClipError(MoclipError):
    """One clip cannot be made; others of its recording may be."""


@dataclass(frozen=True)
class Row:
    """One clip: frames `first` to `last`, at 20 a second, of a recording."""

    name: str
    source: str
    first: int
    last: int

    @property
    def collection(self) -> str:
        return self.source.split("/")[0]

    @property
    def head(self) -> float:
        """Seconds of the recording that are left out before frames are counted."""
        return _HEADS.get(self.collection, 0.0)


def file_key(path: str) -> str:
    """By this a recording is found, however its folder and its file are written.

    Releases of AMASS differ in names of collections, in spaces, and in whether a collection's folder lies in another
    one of its name.
    """
    parts = [re.sub(r"[ _\-.()]+", "", part).lower() for part in _ENDING.sub("", path.rsplit(".", 1)[0]).split("/")]
    parts = [_RENAMED.get(part, part) if k < 2 else part for k, part in enumerate(parts)]
    return "/".join(part for k, part in enumerate(parts) if k == 0 or part != parts[k - 1])


def read_rows(path: Path) -> list[Row]:
    """HumanML3D's index.csv. Raises MoclipError, with the line, for what is not one."""
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise MoclipError(f"The index {path} cannot be read.", hint=_HINT, code="bad_dataset") from error
    rows = []
    for number, line in enumerate(lines, start=2):
        try:
            source = line["source_path"].replace("\\", "/").removeprefix("./").removeprefix("pose_data/")
            name = Path(line["new_name"]).stem
            rows.append(Row(name, source, int(line["start_frame"]), int(line["end_frame"])))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            told = f"Line {number} of {path} has no source_path, start_frame, end_frame and new_name."
            raise MoclipError(told, hint=_HINT, code="bad_dataset") from error
    if not rows:
        raise MoclipError(f"The index {path} lists no clip.", hint=_HINT, code="bad_dataset")
    return rows


@dataclass(frozen=True)
class Published:
    """rows: of index.csv. splits: train, val and test -> ids, mirrored ones among them. texts: their folder."""

    rows: list[Row]
    splits: dict[str, list[str]]
    texts: Path


def read_published(folder: Path, index: Path | None = None) -> Published:
    """HumanML3D's repository, or the folder HumanML3D in it. index: another index.csv than the one there.

    Raises MoclipError, naming it, for what is missing.
    """
    inner = folder / "HumanML3D" if (folder / "HumanML3D").is_dir() else folder
    if index is None:
        index = next((p for p in (folder / "index.csv", inner.parent / "index.csv") if p.is_file()), None)
        if index is None:
            raise MoclipError(f"The folder {folder} has no index.csv of HumanML3D.", hint=_HINT, code="bad_dataset")
    for needed in ("texts", "train.txt", "val.txt", "test.txt"):
        if not (inner / needed).exists():
            raise MoclipError(f"The folder {inner} has no {needed}.", hint=_HINT, code="bad_dataset")
    # Its zip holds a folder of the same name.
    texts = inner / "texts" / "texts" if (inner / "texts" / "texts").is_dir() else inner / "texts"
    splits = {split: (inner / f"{split}.txt").read_text(encoding="utf-8").split() for split in ("train", "val", "test")}
    return Published(read_rows(index), splits, texts)


def cut(joints: np.ndarray, row: Row) -> np.ndarray:
    """A clip (T, 22, 3) out of a recording's joints at 20 frames a second, axes as HumanML3D has them.

    joints: Z up as in AMASS; those of `WHOLE` as they are. Raises ClipError for frames that the recording has not.
    """
    if row.collection == WHOLE:
        return joints
    part = joints[int(row.head * FPS) :][row.first : row.last]
    if not 0 <= row.first < row.last or len(part) < 2:
        frames = max(0, len(joints) - int(row.head * FPS))
        told = f"{row.name}: frames {row.first} to {row.last} are asked for, and {row.source} has {frames}."
        raise ClipError(told, code="bad_dataset")
    return to_y_up(part)


def to_y_up(joints: np.ndarray) -> np.ndarray:
    """AMASS's axes to HumanML3D's: (x, y, z) -> (-x, z, y)."""
    return np.stack([-joints[..., 0], joints[..., 2], joints[..., 1]], axis=-1)


def mirrored(joints: np.ndarray) -> np.ndarray:
    """(T, 22, 3) with left and right swapped."""
    swapped = joints * (-1.0, 1.0, 1.0)
    swapped[:, _LEFT + _RIGHT] = swapped[:, _RIGHT + _LEFT]
    return swapped


def block_statistics(sums: Sequence[np.ndarray], blocks: Sequence[slice]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (F,), the latter averaged over each block, of count, sum and sum of squares (F,)."""
    count, total, squares = sums
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    for block in blocks:
        std[block] = std[block].mean()
    return mean.astype(np.float32), std.astype(np.float32)
