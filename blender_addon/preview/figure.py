# SPDX-License-Identifier: GPL-3.0-or-later
"""A body over time in the scene's space: its bones, the ways of its hips, hands and feet, and where feet stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..shared.footing import contact_spans
from ..shared.skeleton import JOINT_NAMES, PARENTS

LEAVES = {"left_foot": 0.07, "right_foot": 0.07, "head": 0.18, "left_wrist": 0.17, "right_wrist": 0.17}
"""Joints that end a limb, and how far it goes on behind them, in metres of a body of the motion's size."""
FEET, HANDS, HIPS = ("left_foot", "right_foot"), ("left_wrist", "right_wrist"), "pelvis"
"""The joints that leave trails."""


@dataclass(frozen=True)
class Contact:
    """A foot that stands: its frames first to last, and the place (3,) on the floor where its toes are."""

    foot: str
    first: int
    last: int
    place: np.ndarray


@dataclass(frozen=True)
class Figure:
    """joints: name -> (T, 3); a spine's and collars may be missing. tips: leaf joint -> (T, 3), where its limb ends.

    stands: (T, 2) bool, do the left and the right toes stand, from a frame to the next. fps: of the frames.
    """

    joints: Mapping[str, np.ndarray]
    tips: Mapping[str, np.ndarray]
    stands: np.ndarray
    fps: float

    @property
    def frames(self) -> int:
        return len(self.stands)

    @cached_property
    def bones(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """From and to (T, 3) of each bone; one leads over joints that the body lacks."""
        found = []
        for joint, name in enumerate(JOINT_NAMES):
            parent = PARENTS[joint]
            while parent >= 0 and JOINT_NAMES[parent] not in self.joints:
                parent = PARENTS[parent]
            if name in self.joints and parent >= 0:
                found.append((self.joints[JOINT_NAMES[parent]], self.joints[name]))
        return found + [(self.joints[name], tip) for name, tip in self.tips.items()]

    @cached_property
    def height(self) -> float:
        """Of the body when it stands upright, nearly, whatever it does: legs and trunk at their longest."""
        up = self._longest("pelvis", "head")
        return up + max(self._longest("pelvis", f"{side}_ankle") for side in ("left", "right"))

    def _longest(self, one: str, other: str) -> float:
        return float(np.linalg.norm(self.joints[one] - self.joints[other], axis=1).max())

    @cached_property
    def left(self) -> np.ndarray:
        """(3,) the level unit direction to its left in the first frame."""
        across = (self.joints["left_hip"] - self.joints["right_hip"])[0] * (1.0, 1.0, 0.0)
        size = float(np.linalg.norm(across))
        return across / size if size > 1e-9 else np.array([1.0, 0.0, 0.0])

    @cached_property
    def trails(self) -> dict[str, np.ndarray]:
        """Joint -> (T, 3) its way, of hips, hands and feet."""
        return {joint: self.joints[joint] for joint in (HIPS, *HANDS, *FEET)}

    @cached_property
    def contacts(self) -> tuple[Contact, ...]:
        """In the order of their first frames."""
        found = []
        for column, foot in enumerate(FEET):
            way, tip = self.joints[foot], self.tips[foot]
            for first, last in contact_spans(self.stands[:, column], self.fps):
                span = slice(first, last + 1)
                place = np.median(way[span], axis=0)
                place[2] = min(place[2], float(np.median(tip[span, 2])))
                found.append(Contact(foot, first, last, place))
        return tuple(sorted(found, key=lambda contact: contact.first))

    def planted(self, foot: str) -> np.ndarray:
        """(T,) bool: the frames in which a foot stands, as its contacts say."""
        down = np.zeros(self.frames, dtype=bool)
        for contact in self.contacts:
            if contact.foot == foot:
                down[contact.first : contact.last + 1] = True
        return down
