# SPDX-License-Identifier: Apache-2.0
"""Pins and poses for `moclip generate`, from files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip.motion.meet import at_moment
from moclip.motion.pins import Anchor, Pin
from moclip_backend.server.held import read_pins

_HINT = (
    'It holds [{"effector": "right_hand", "seconds": 2.0, "place": [0.3, 1.2, 1.0], "turn": null, "until": null}], '
    "metres and seconds from where the motion begins, y up, facing +z."
)

_HINT_AT = "Give seconds with commas between them, such as --at 0,1.2,2.5."


def read_pins_file(file: Path) -> tuple[Pin, ...]:
    """The pins of a JSON file. Raises MoclipError for anything else."""
    try:
        return read_pins(json.loads(file.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise MoclipError(
            f"'{file}' cannot be read: {error.strerror or error}.", hint="Check the name.", code="unreadable_file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise MoclipError(f"'{file}' is not a list of pins.", hint=_HINT, code="bad_pins") from error
    except MoclipError as error:
        raise MoclipError(f"'{file}': {error.message}", hint=_HINT, code="bad_pins") from error


def seconds_of(at: Any) -> tuple[float, ...]:
    """Seconds of a text such as "0, 1.2, 2.5", or of a list of numbers. Raises MoclipError."""
    try:
        return tuple(float(part) for part in (at.split(",") if isinstance(at, str) else at))
    except (TypeError, ValueError):
        raise MoclipError(f"'{at}' are no seconds.", hint=_HINT_AT, code="bad_anchors") from None


def read_poses(file: Path, seconds: Sequence[float]) -> tuple[Anchor, ...]:
    """Poses of a motion file at some seconds. Raises MoclipError."""
    from moclip.files.formats import FEATURES_FPS, read_motion
    from moclip.files.reading import Given

    motion = read_motion(file, Given(None), fps=FEATURES_FPS).motion
    last = (motion.frames - 1) / motion.fps
    for second in seconds:
        if not 0 <= second <= last + 1e-6:
            told = f"'{file.name}' has no pose at second {second:g}: it lasts {last:.2f} seconds."
            raise MoclipError(told, hint=_HINT_AT, code="bad_anchors")
    poses = [
        at_moment(motion.rotations.astype(float), motion.root_translation.astype(float), second * motion.fps)
        for second in seconds
    ]
    return tuple(Anchor(second, pose.rotations, pose.root) for second, pose in zip(seconds, poses, strict=True))
