# SPDX-License-Identifier: Apache-2.0
"""Files with characters for Blender to import: what can be said of them before it is started."""

import json
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError

_GLB_HEADER = 20
"""Bytes before the JSON of a GLB: magic, version, length; the chunk's length and kind."""
# Plain, zstd or gzip: what Blender writes.
_BLEND_STARTS = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")


def check_character(path: Path) -> None:
    """Raises MoclipError for a file that is not there, is of no known kind, or plainly holds no armature.

    What a .blend holds only Blender can tell.
    """
    check = _CHECKS.get(path.suffix.lower())
    if check is None:
        raise _refusal(f"'{path.name}' is no character file that Blender can import.", f"Use {KINDS}.")
    if not path.is_file():
        raise _refusal(f"There is no file '{path}'.", "Check its name.")
    try:
        check(path)
    except OSError as error:
        raise _refusal(f"'{path}' cannot be read: {error.strerror}.", "Check its permissions.") from error


def _refusal(message: str, hint: str) -> MoclipError:
    return MoclipError(message, hint=hint, code="bad_character")


def _no_armature(path: Path) -> MoclipError:
    return _refusal(f"There is no armature in '{path.name}'.", "Use a character with a skeleton.")


def _damaged(path: Path, kind: str) -> MoclipError:
    return _refusal(f"'{path.name}' is not a {kind} file, or is damaged.", "Export it again.")


def _check_glb(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_GLB_HEADER)
        if header[:4] != b"glTF" or header[16:] != b"JSON":
            raise _damaged(path, "binary glTF")
        _check_skins(path, file.read(int.from_bytes(header[12:16], "little")))


def _check_gltf(path: Path) -> None:
    _check_skins(path, path.read_bytes())


def _check_skins(path: Path, content: bytes) -> None:
    try:
        told: Any = json.loads(content)
    except ValueError as error:  # also bytes that are no text
        raise _damaged(path, "glTF") from error
    if not isinstance(told, dict):
        raise _damaged(path, "glTF")
    if not told.get("skins"):
        raise _no_armature(path)


def _check_fbx(path: Path) -> None:
    content = path.read_bytes()
    if not content.startswith(b"Kaydara FBX Binary"):
        raise _refusal(f"'{path.name}' is not a binary FBX file, and Blender reads no others.", "Export it as binary.")
    if b"LimbNode" not in content:
        raise _no_armature(path)


def _check_bvh(path: Path) -> None:
    content = path.read_bytes()
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"HIERARCHY"):
        raise _damaged(path, "BVH")


def _check_blend(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(7).startswith(_BLEND_STARTS):
            raise _damaged(path, "Blender")


_CHECKS = {
    ".glb": _check_glb, ".gltf": _check_gltf, ".vrm": _check_glb, ".fbx": _check_fbx, ".bvh": _check_bvh,
    ".blend": _check_blend,
}  # fmt: skip
KINDS = f"{', '.join(list(_CHECKS)[:-1])} or {list(_CHECKS)[-1]}"
