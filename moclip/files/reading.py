# SPDX-License-Identifier: Apache-2.0
"""What is read of a motion file, and what the user may say about one."""

from dataclasses import dataclass

import numpy as np

from moclip.errors import MoclipError
from moclip.files.joint_maps import JointMap
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion

_Y = np.array([0.0, 1.0, 0.0])
AXES: dict[str, np.ndarray] = {
    f"{sign}{axis}": (-1.0 if sign == "-" else 1.0) * np.eye(3)["xyz".index(axis)]
    for axis in "xyz"
    for sign in ("", "+", "-")
}


@dataclass(frozen=True)
class Reading:
    """motion: what a file holds. notes: what was odd or guessed, a sentence each."""

    motion: Motion
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What the user says about a file. up: "y", "-z", ... scale: metres in one of its units. fps: its frame rate."""

    joint_map: JointMap | None = None
    up: str | None = None
    scale: float | None = None
    fps: float | None = None

    @property
    def up_axis(self) -> np.ndarray | None:
        """(3,), or None where nothing is said. Raises MoclipError for what is no axis."""
        if self.up is None:
            return None
        if self.up.lower() not in AXES:
            raise MoclipError(f"'{self.up}' is no axis.", hint="Use x, y, z, -x, -y or -z.", code="bad_axis")
        return AXES[self.up.lower()]


def told_up(turn: np.ndarray) -> list[str]:
    up = rot.rotate(rot.conjugate(turn), _Y)
    axis = int(np.argmax(np.abs(up)))
    sign = "-" if up[axis] < 0 else ""
    return [] if (axis, sign) == (1, "") else [f"By its rest pose, {sign}{'XYZ'[axis]} is up."]
