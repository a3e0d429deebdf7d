# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backend takes: as its `welcome` says; until one has answered, as the models that come along do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """fps: of the model's motions. text_characters: of a prompt. batch: takes of one job. anchors: frames that a
    range keeps.

    Seconds: of a motion from shortest to longest; between_seconds: of the shortest range between or beside others;
    script_seconds: of all lines of a script, which are script_lines at the most.
    """

    fps: float = 20.0
    shortest_seconds: float = 1.0
    longest_seconds: float = 9.8
    between_seconds: float = 0.2
    script_seconds: float = 60.0
    script_lines: int = 16
    text_characters: int = 2000
    batch: int = 16
    anchors: int = 32

    @classmethod
    def of(cls, welcome: Mapping[str, Any]) -> "Limits":
        """What a welcome does not tell is as the models that come along have it; {} is no welcome yet."""
        told = welcome.get("limits", {})
        found = {name: told[name] for name in cls.__dataclass_fields__ if name in told}
        if "seconds" in told:
            found["shortest_seconds"], found["longest_seconds"] = told["seconds"]
        return cls(**found | {"fps": welcome.get("fps", cls.fps)})


EMBEDDED = Limits()
