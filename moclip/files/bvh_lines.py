# SPDX-License-Identifier: Apache-2.0
"""Where in a BVH file something is wrong, said to who has to mend it."""

from dataclasses import dataclass
from pathlib import Path

from moclip.errors import MoclipError

_HINT = "Export it again as a BVH file with a full-body skeleton."
LARGEST = 1e9
"""Of any number in a file: no unit is so small."""


@dataclass(frozen=True)
class Lines:
    """Says where in a file something is wrong."""

    path: Path
    text: str

    def at(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1

    def bad(self, what: str, hint: str = _HINT) -> MoclipError:
        return MoclipError(f"The file {self.path} {what}.", hint=hint, code="bad_bvh")

    def damaged(self, place: int, what: str) -> MoclipError:
        return self.bad(
            f"has a damaged HIERARCHY part: line {self.at(place)} {what}", "Mend that line, or export the file again."
        )
