# SPDX-License-Identifier: Apache-2.0
"""Arrays of many clips, of which only those that are asked for are in memory."""

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from moclip.errors import MoclipError

ROOM = 2**29
"""Bytes of what was worked out that are kept, for each split."""


class Arrays(Sequence[np.ndarray]):
    """A list of arrays (T, ...) that are read or worked out when they are asked for; `lengths` is known without."""

    lengths: np.ndarray
    """(N,) the T of each."""

    @abstractmethod
    def _one(self, row: int) -> np.ndarray: ...

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, row: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, row: slice) -> list[np.ndarray]: ...
    def __getitem__(self, row: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(row, slice):
            return [self._one(k) for k in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"there are {len(self)} arrays, and no {row}")
        return self._one(int(row) % len(self))


def lengths_of(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) int64 the first dimension of each; of `Arrays` none is read for it."""
    return arrays.lengths if isinstance(arrays, Arrays) else np.array([len(a) for a in arrays], dtype=np.int64)


def chosen(arrays: Sequence[np.ndarray], rows: Sequence[int]) -> Sequence[np.ndarray]:
    """Those of some rows, in their order; of `Arrays` none is read for it."""
    return Chosen(arrays, rows) if isinstance(arrays, Arrays) else [arrays[k] for k in rows]


@dataclass(frozen=True)
class Place:
    """Frames `first` to `last` of (frames, width) numbers of a type, which begin `offset` bytes into a file.

    dtype: "" for an .npy file that does not hold them row by row.
    """

    path: Path
    width: int
    dtype: str
    offset: int
    first: int
    last: int

    def read(self) -> np.ndarray:
        """(last - first, width) float32. Raises MoclipError when the file is not what it was."""
        count = (self.last - self.first) * self.width
        try:
            numbers = self._numbers(count)
        except (OSError, ValueError):
            numbers = np.empty(0)
        if len(numbers) != count:
            hint = "Start again; `moclip data check` lists all that is wrong."
            raise MoclipError(
                f"The file {self.path} has changed since it was looked at.", hint=hint, code="bad_dataset"
            )
        features: np.ndarray = numbers.reshape(-1, self.width).astype(np.float32, copy=False)
        return features

    def _numbers(self, count: int) -> np.ndarray:
        if not self.dtype:
            by_column: np.ndarray = np.load(self.path, allow_pickle=False)
            return by_column[self.first : self.last].ravel()
        kind = np.dtype(self.dtype)
        return np.fromfile(self.path, kind, count, offset=self.offset + self.first * self.width * kind.itemsize)


class Stored(Arrays):
    """What lies in files. Reading is cheap, and the system keeps what is read often: nothing is kept here."""

    def __init__(self, places: Sequence[Place]):
        self.places = tuple(places)
        self.lengths = np.array([place.last - place.first for place in places], dtype=np.int64)

    def _one(self, row: int) -> np.ndarray:
        return self.places[row].read()


class Chosen(Arrays):
    """Some of others."""

    def __init__(self, arrays: Sequence[np.ndarray], rows: Sequence[int]):
        self.arrays, self.rows = arrays, [int(row) for row in rows]
        self.lengths = lengths_of(arrays)[self.rows]

    def _one(self, row: int) -> np.ndarray:
        return self.arrays[self.rows[row]]


class Worked(Arrays):
    """What is worked out of others; the first that fit into `room` bytes are kept. length: of what is made of so many
    frames."""

    def __init__(
        self,
        arrays: Sequence[np.ndarray],
        make: Callable[[np.ndarray], np.ndarray],
        length: Callable[[int], int] = lambda frames: frames,
        room: int = ROOM,
    ):
        self.arrays, self.make, self.room = arrays, make, room
        self.lengths = np.array([length(int(frames)) for frames in lengths_of(arrays)], dtype=np.int64)
        self._kept: dict[int, np.ndarray] = {}

    def _one(self, row: int) -> np.ndarray:
        if row in self._kept:
            return self._kept[row]
        made = self.make(self.arrays[row])
        if made.nbytes <= self.room:
            self._kept[row] = made
            self.room -= made.nbytes
        return made


class Joined(Arrays):
    """One after the other."""

    def __init__(self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]):
        self.first, self.second = first, second
        self.lengths = np.concatenate([lengths_of(first), lengths_of(second)])

    def _one(self, row: int) -> np.ndarray:
        before = len(self.first)
        return self.first[row] if row < before else self.second[row - before]


def write_packed(path: Path, lengths: np.ndarray, width: int, made: Iterable[tuple[int, np.ndarray]]) -> Stored:
    """All of (row, array (T, width)) in one file of float32, in whichever order they come; T is as `lengths` has it."""
    ends = np.cumsum(lengths)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")  # several processes write the same
    with unfinished.open("wb") as file:
        for row, array in made:
            file.seek(int(ends[row] - lengths[row]) * width * 4)
            file.write(np.ascontiguousarray(array, dtype=np.float32).tobytes())
    os.replace(unfinished, path)
    return Stored([Place(path, width, "<f4", 0, int(end - n), int(end)) for end, n in zip(ends, lengths, strict=True)])
