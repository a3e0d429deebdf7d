# SPDX-License-Identifier: GPL-3.0-or-later
"""Our catalogue in Blender's list of them, a text file in the root of an asset library.

Its lines are `UUID:path:simple name`, after a line `VERSION 1`. Whatever else stands in it stays, byte by byte.
"""

from pathlib import Path

from .folder import replaced

FILE = "blender_assets.cats.txt"
OURS = "3d8f6c1e-5b0a-4c57-9f0b-6d6f636c6970"
_PATH = "MoCLIP"
_HEAD = """# This is an Asset Catalog Definition file for Blender.
#
# Empty lines and lines starting with `#` will be ignored.
# The first non-ignored line should be the version indicator.
# Other lines are of the format "UUID:catalog/path/for/assets:simple catalog name"

VERSION 1

"""


def ensure(root: Path) -> str:
    """The id of our catalogue in a library, entered there if it is not; OSError where that cannot be written."""
    path = root / FILE
    there = path.read_bytes() if path.is_file() else b""
    rows = [row.split(":") for row in there.decode("utf-8", errors="replace").splitlines() if not row.startswith("#")]
    entries = [row for row in rows if len(row) >= 2]
    # Moved to another place among the user's own, or made by hand under our name: it is this one.
    ours = [row[0] for row in entries if row[0] == OURS] + [row[0] for row in entries if row[1] == _PATH]
    if ours:
        return ours[0].strip()
    line_end = b"\r\n" if b"\r\n" in there else b"\n"
    if there and not there.endswith(b"\n"):
        there += line_end
    if not any(row[0].strip() for row in rows):
        there += _HEAD.encode().replace(b"\n", line_end)
    line = f"{OURS}:{_PATH}:{_PATH}".encode() + line_end
    replaced(path, lambda unfinished: unfinished.write_bytes(there + line))
    return OURS
