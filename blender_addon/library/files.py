# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions in .blend files that are not open: read, written and changed beside the user's own file, which sees nothing.

Everything goes on in `bpy.data.temp_data`, a file of Blender's own that is gone afterwards.
"""

import ctypes
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..shared.errors import MoclipError
from .folder import added, replaced

_HEADER = re.compile(rb"BLENDER(?:[-_][vV](\d)(\d\d)|\d\d-\d\d[vV](\d\d)(\d\d))")
"""The version in the first bytes of a .blend that is not compressed, as Blender wrote it up to 4.5 and from 5.0 on."""
_SHORT = 2
Dress = Callable[[bpy.types.Action], None]


@contextmanager
def opened(path: Path, name: str = "") -> Iterator[tuple[bpy.types.BlendData, list[bpy.types.Action]]]:
    """The assets among a file's actions, or the action that is named, while the context lasts, in a file of their own.
    Raises MoclipError for a file that cannot be read."""
    if bpy.data.filepath and path.is_file() and path.samefile(bpy.data.filepath):
        raise MoclipError(
            f"'{path.name}' of the library is the file that is open.",
            hint="Open another file to use, change or delete what is in it.",
            code="open_file",
        )
    with _scratch() as own:
        try:
            # Blender ends at once when it reads a relative path into such a file.
            with own.libraries.load(str(path.absolute()), assets_only=not name) as (there, wanted):
                assets = list(there.actions)
                wanted.actions = [name] if name in assets else [] if name else assets
            found = [action for action in wanted.actions if action is not None]
        except (OSError, RuntimeError) as error:
            raise unreadable(path) from error
        yield own, found


@contextmanager
def _scratch() -> Iterator[bpy.types.BlendData]:
    """`bpy.data.temp_data`, of which Blender (4.2 to 5.0 at least) gives one reference to two holders.

    Whoever lets go last then writes into memory that is another's by that time, and Blender ends at some later moment.
    """
    with bpy.data.temp_data() as own:
        # Ours and the argument's: the context's own is the one that lacks.
        if sys.getrefcount(own) == _SHORT:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(own))
        yield own


def keep(action: bpy.types.Action, folder: Path, dress: Dress) -> Path:
    """Write an action of the open file to a new file in a folder, as `dress` makes it there. OSError, MoclipError."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw.blend"
        bpy.data.libraries.write(str(raw), {action}, fake_user=True)
        # By its name, which a copy in the open file would not have.
        with opened(raw, action.name) as (own, (copy,)):
            dress(copy)
            return added(folder, copy.name, lambda path: own.libraries.write(str(path), {copy}, fake_user=True))


def change(path: Path, name: str, dress: Dress) -> None:
    """Change an action in a file that holds nothing else. OSError where it cannot be written, MoclipError where it
    cannot be read or is not alone; then it is as it was."""
    path = path.absolute()
    with opened(path, name) as (own, found):
        if not found:
            raise gone(path, name)
        if not _is_all(path, own):
            raise MoclipError(
                f"'{path.name}' holds other things beside '{name}', which would be lost.",
                hint="Open that file and change the asset there.",
                code="not_alone",
            )
        dress(found[0])
        replaced(path, lambda unfinished: own.libraries.write(str(unfinished), {found[0]}, fake_user=True))


def delete(path: Path, name: str, is_ours: Callable[[bpy.types.Action], bool]) -> None:
    """Delete the file of an action. MoclipError, and the file stays, where the action is none of ours or not alone in
    there; OSError where it cannot be deleted."""
    path = path.absolute()
    with opened(path, name) as (own, found):
        if not found:
            raise gone(path, name)
        if not is_ours(found[0]):
            raise MoclipError(
                f"'{name}' was not saved by MoCLIP, and stays.",
                hint="Delete its file by hand, if nobody needs it.",
                code="not_ours",
            )
        if not _is_all(path, own):
            raise MoclipError(
                f"'{path.name}' holds other things beside '{name}', and stays.",
                hint="Open that file and clear the asset there (Clear Asset in the action's menu).",
                code="not_alone",
            )
    path.unlink()


def gone(path: Path, name: str) -> MoclipError:
    return MoclipError(
        f"There is no motion '{name}' in '{path}' any more.", hint="Refresh the library.", code="no_motion"
    )


def unreadable(path: Path) -> MoclipError:
    """Why a file cannot be read, and what to do."""
    if not path.is_file():
        return MoclipError(f"The file '{path}' is gone.", hint="Refresh the library.", code="no_file")
    version = _version_of(path)
    if version is not None and version > bpy.app.version[:2]:
        mine, other = (".".join(map(str, one)) for one in (bpy.app.version[:2], version))
        return MoclipError(
            f"'{path.name}' was saved by Blender {other}, and this is {mine}.",
            hint="Open the library with a Blender as new as that.",
            code="too_new",
        )
    return MoclipError(
        f"'{path.name}' cannot be read: it is no .blend file of this Blender, or damaged.",
        hint="Take it out of the library folder, or save the motion again.",
        code="bad_file",
    )


def _version_of(path: Path) -> tuple[int, int] | None:
    try:
        with path.open("rb") as file:
            found = _HEADER.match(file.read(32))
    except OSError:
        return None
    parts = [int(part) for part in found.groups() if part is not None] if found else []
    return (parts[0], parts[1]) if parts else None


def _is_all(path: Path, own: bpy.types.BlendData) -> bool:
    """Whether a file holds one action and nothing else that would be lost if it were written anew."""
    with own.libraries.load(str(path.absolute())) as (there, _):
        kinds = {kind: getattr(there, kind) for kind in dir(there)}
    return {kind: len(names) for kind, names in kinds.items() if isinstance(names, list) and names} == {"actions": 1}
