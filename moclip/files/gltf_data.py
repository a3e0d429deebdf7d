# SPDX-License-Identifier: Apache-2.0
"""What a .gltf or .glb file holds: its JSON, and the arrays that its accessors speak of.

The container is JSON and a few lengths; packages for it leave accessors as bytes, so that they would save nothing here.
"""

import base64
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from moclip.errors import MoclipError

MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
AMISS = (KeyError, IndexError, ValueError, TypeError, AttributeError, struct.error, RecursionError)
"""What is raised where a file does not say what it should."""


def damaged(path: Path, why: str) -> MoclipError:
    return MoclipError(f"'{path}' does not hold a motion: {why}.", hint="Export it again.", code="damaged_file")


class GltfData:
    """json: as the file has it. Raises MoclipError for a file that is none, or whose data are not beside it."""

    def __init__(self, path: Path):
        self.path, content = path, path.read_bytes()
        self._binary = b""
        try:
            if content[:4] == b"glTF":
                content, self._binary = _chunks(content)
            self.json: dict[str, Any] = json.loads(content.decode("utf-8-sig"))
            version = str(self.json["asset"]["version"])
        except AMISS as error:
            raise damaged(path, "it is damaged or not a glTF file") from error
        if not version.startswith("2"):
            raise damaged(path, f"it is glTF {version}, and only glTF 2 is read")
        self._buffers: dict[int, bytes] = {}

    def array(self, number: int) -> np.ndarray:
        """(N, width) float64 of an accessor; integers that stand for shares are shares. Raises one of `AMISS`."""
        accessor = self.json["accessors"][number]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise damaged(self.path, "it keeps numbers as sparse accessors, which are not read")
        view = self.json["bufferViews"][accessor["bufferView"]]
        if "EXT_meshopt_compression" in view.get("extensions", {}):
            raise damaged(self.path, "its numbers are compressed (EXT_meshopt_compression)")
        kind, width = np.dtype(COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]]
        count, row = int(accessor["count"]), kind.itemsize * width
        stride = int(view.get("byteStride") or row)
        first = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        data = self._buffer(int(view["buffer"]))
        if count < 1 or stride < row or first < 0 or first + (count - 1) * stride + row > len(data):
            raise ValueError("an accessor reaches beyond its buffer")
        rows = np.ndarray((count, width), kind, data, first, (stride, kind.itemsize)).astype(np.float64)
        if accessor.get("normalized") and kind.kind in "iu":
            rows = np.maximum(rows / np.iinfo(kind).max, -1.0)
        if not np.isfinite(rows).all():
            raise damaged(self.path, "some of its numbers are not finite")
        return rows

    def _buffer(self, number: int) -> bytes:
        if number not in self._buffers:
            self._buffers[number] = self._load(self.json["buffers"][number].get("uri"))
        return self._buffers[number]

    def _load(self, uri: str | None) -> bytes:
        if uri is None:
            return self._binary
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2])
        beside = self.path.parent / unquote(uri)
        if not beside.is_file():
            raise damaged(self.path, f"its data are in '{unquote(uri)}', which is not beside it")
        return beside.read_bytes()


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    """JSON and binary data of a .glb file."""
    found: dict[int, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, at)
        if at + 8 + length > len(content):
            raise ValueError("a chunk reaches beyond the file")
        found.setdefault(kind, content[at + 8 : at + 8 + length])
        at += 8 + length
    return found[JSON_CHUNK], found.get(BINARY_CHUNK, b"")
