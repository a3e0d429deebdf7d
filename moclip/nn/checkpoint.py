# SPDX-License-Identifier: Apache-2.0
"""Weights on disk: safetensors with their configuration as JSON in the file's metadata; ours are in float16 or int8.

Reading needs numpy and safetensors only; whoever computes with weights gets them as float32.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError

FORMAT = 1
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""numpy's names of what safetensors calls types."""
KEPT = ("float32", "float16", "int8")
SCALE = ".scale"
"""Ends the name of the scales of a matrix that is kept in int8."""
_FEWEST_IN_INT8 = 4096
"""Numbers of a tensor that int8 is worth while for."""


def save_weights(path: Path, tensors: Mapping[str, Any], config: Mapping[str, Any], *, kept: str = "float16") -> None:
    """Write tensors (torch or numpy) atomically; floating ones as `kept`: "float32", "float16" or "int8".

    Half precision moves logits of large networks by some thousandths: nothing to a network that was trained to be kept
    so, but enough to change a token of one that somebody else has measured. In int8, a quarter of float32, the rows of
    matrices are whole numbers from -127 to 127 times a scale of their own (float32); what is small stays in float16.
    """
    from safetensors.numpy import save

    arrays = {}
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
        if array.dtype.kind != "f":
            arrays[name] = np.ascontiguousarray(array)
        elif kept == "int8" and array.ndim > 1 and array.size >= _FEWEST_IN_INT8:
            arrays[name], arrays[name + SCALE] = _in_int8(array)
        else:
            arrays[name] = np.ascontiguousarray(array.astype(np.float32 if kept == "float32" else np.float16))
    metadata = {"format": str(FORMAT), "config": json.dumps(dict(config))}
    unfinished = Path(path).with_suffix(".tmp")
    unfinished.write_bytes(save(arrays, metadata=metadata))
    os.replace(unfinished, path)


def _in_int8(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, ...) -> the same in int8, and the rows' scales (rows, 1, ...) float32."""
    most = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True)
    scale = (np.where(most > 0, most, 1) / 127).astype(np.float32)
    return np.ascontiguousarray(np.rint(array / scale).astype(np.int8)), np.ascontiguousarray(scale)


class Weights(Mapping[str, np.ndarray]):
    """The tensors of a network by name, float32 to whoever asks for one.

    stored: the same as they lie in the file, half as large where that is float16, a quarter where it is int8; of those
    in int8, `scaled`, also their scales.
    """

    def __init__(self, stored: Mapping[str, np.ndarray]):
        self.stored = dict(stored)
        self.scaled = frozenset(
            name for name, array in stored.items() if array.dtype == np.int8 and name + SCALE in stored
        )
        scales = {name + SCALE for name in self.scaled}
        self._names = [name for name in self.stored if name not in scales]

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.stored.values())

    def __getitem__(self, name: str) -> np.ndarray:
        array = self.stored[name]
        if name in self.scaled:
            wide: np.ndarray = array * self.stored[name + SCALE]
            return wide
        return array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def load_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(name -> float32 array, configuration). Raises MoclipError for a missing, truncated or foreign file."""
    weights, config = read_weights(path)
    return dict(weights), config


def read_weights(path: Path, *, mapped: bool = False) -> tuple[Weights, dict[str, Any]]:
    """As `load_weights`, but nothing is converted before it is asked for.

    mapped: the tensors lie where the system keeps the file, and memory of their own is only for what is written to
    them. For a short while, in which the file is not written to; Windows lets nobody replace it meanwhile.
    """
    from safetensors import SafetensorError, safe_open

    hint = "Install the model again, or check the path."
    if not Path(path).is_file():
        raise MoclipError(f"There is no weights file at {path}.", hint=hint, code="bad_weights")
    try:
        # It looks whether the tensors that the file tells of are all there, and no more.
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
        arrays = _read(Path(path), mapped)
    except (SafetensorError, OSError, KeyError) as error:
        raise MoclipError(
            f"The weights file {path} is damaged or not a safetensors file.", hint=hint, code="bad_weights"
        ) from error
    try:
        config = dict(json.loads(metadata["config"]))
    except (KeyError, ValueError, TypeError) as error:
        raise MoclipError(
            f"The weights file {path} carries no configuration, so it is not one of ours.",
            hint=hint,
            code="bad_weights",
        ) from error
    return Weights(arrays), config


def _read(path: Path, mapped: bool) -> dict[str, np.ndarray]:
    """The tensors of a sound safetensors file, in the order of their names. Raises OSError; KeyError for types that
    numpy has not."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, dict[str, Any]] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    if not any(math.prod(told["shape"]) for told in header.values()):
        whole = np.zeros(0, np.uint8)  # of no bytes no map can be made
    elif mapped:
        whole = np.asarray(np.memmap(path, np.uint8, "c", 8 + length))
    else:
        whole = np.fromfile(path, np.uint8, offset=8 + length)
    return {name: _view(whole, header[name]) for name in sorted(header)}


def _view(whole: np.ndarray, told: Mapping[str, Any]) -> np.ndarray:
    """One of a file's tensors, as its header tells of it: where it lies in the `whole` (N,) bytes after that."""
    first, end = told["data_offsets"]
    array = whole[first:end].view(_DTYPES[told["dtype"]]).reshape(told["shape"])
    return array if array.flags.aligned else array.copy()


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """Sixteen hex digits that name a set of weights: sha256 over names, shapes and float16 values, in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        if isinstance(arrays, Weights) and name not in arrays.scaled:
            given = arrays.stored[name]  # as float32 it would take twice the memory
        else:
            given = np.asarray(arrays[name])
        array = given.astype(np.float16, order="C", copy=False)
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]
