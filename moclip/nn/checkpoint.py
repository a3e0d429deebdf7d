# SPDX-License-Identifier: Apache-2.0
"""Weights on disk: safetensors with their configuration as JSON in the file's metadata; ours are in float16.

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


def save_weights(
    path: Path, tensors: Mapping[str, Any], config: Mapping[str, Any], *, full_precision: bool = False
) -> None:
    """Write tensors (torch or numpy) atomically; floating ones as float16, or with `full_precision` as float32.

    Half precision moves logits of large networks by some thousandths: nothing to a network that was trained to be kept
    so, but enough to change a token of one that somebody else has measured.
    """
    from safetensors.numpy import save

    arrays = {}
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
        kept = np.float32 if full_precision else np.float16
        arrays[name] = np.ascontiguousarray(array.astype(kept) if array.dtype.kind == "f" else array)
    metadata = {"format": str(FORMAT), "config": json.dumps(dict(config))}
    unfinished = Path(path).with_suffix(".tmp")
    unfinished.write_bytes(save(arrays, metadata=metadata))
    os.replace(unfinished, path)


class Weights(Mapping[str, np.ndarray]):
    """The tensors of a network by name, float32 to whoever asks for one.

    stored: the same as they lie in the file, half as large where that is float16.
    """

    def __init__(self, stored: Mapping[str, np.ndarray]):
        self.stored = dict(stored)

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.stored.values())

    def __getitem__(self, name: str) -> np.ndarray:
        array = self.stored[name]
        return array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


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
    stored = arrays.stored if isinstance(arrays, Weights) else arrays
    for name in sorted(stored):
        array = np.asarray(stored[name]).astype(np.float16, order="C", copy=False)
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]
