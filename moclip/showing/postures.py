# SPDX-License-Identifier: Apache-2.0
"""How a body holds itself from frame to frame: standing, seated, kneeling, on hands and knees, lying.

Angles are in degrees, heights in metres over the floor of the motion. The numbers fit the one skeleton that recordings
are read to and models generate, whose pelvis stands 0.92 m high.
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moclip.motion.skeleton import JOINT_INDEX as J
from moclip.showing.kinematics import FPS, SIDES, Kinematics, kinematics_of, smooth

STANDING_M = 0.92
"""Height of the pelvis of somebody who stands."""


def longest_run(mask: np.ndarray) -> int:
    """Frames of the longest unbroken True of mask (T,)."""
    best = now = 0
    for value in mask:
        now = now + 1 if value else 0
        best = max(best, now)
    return best


def runs(mask: np.ndarray, frames: int = 1) -> list[tuple[int, int]]:
    """(first, end) of each unbroken True of mask (T,) that lasts at least so many frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= frames]


def held(mask: np.ndarray, seconds: float) -> bool:
    """Whether mask (T,) is True for so long without a break."""
    return longest_run(mask) >= round(seconds * FPS)


def follows(before: np.ndarray, after: np.ndarray, seconds: float, hold: float = 0.2) -> bool:
    """Whether `after` begins to hold at most so many seconds after a frame of `before`; both are held for `hold`."""
    frames = round(hold * FPS)
    ends = [end for _, end in runs(before, frames)]
    return any(-frames <= first - end <= seconds * FPS for first, _ in runs(after, frames) for end in ends)


def _angle(vectors: np.ndarray, axis: tuple[float, float, float]) -> np.ndarray:
    """(T, 3) -> (T,) degrees from an axis."""
    length = np.maximum(np.linalg.norm(vectors, axis=-1), 1e-9)
    angle: np.ndarray = np.degrees(np.arccos(np.clip(vectors @ np.array(axis) / length, -1.0, 1.0)))
    return angle


_UP, _DOWN = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Postures:
    """Measures of one motion; computed when asked for. joints: (T, 22, 3), T >= 2."""

    joints: np.ndarray

    @cached_property
    def k(self) -> Kinematics:
        return kinematics_of(self.joints)

    @cached_property
    def floor(self) -> float:
        """Height of the floor: where the lowest joint mostly is."""
        return float(np.percentile(self.joints[..., 1].min(axis=1), 10)) - 0.01

    def over_floor(self, joint: str) -> np.ndarray:
        """(T,) metres of a joint over the floor."""
        height: np.ndarray = self.joints[:, J[joint], 1].astype(np.float64) - self.floor
        return height

    def both(self, part: str) -> np.ndarray:
        """(T, 2) metres of the left and the right `part` ("wrist", "knee", ...) over the floor."""
        return np.stack([self.over_floor(f"{side}_{part}") for side in SIDES], axis=1)

    @cached_property
    def height(self) -> np.ndarray:
        return self.over_floor("pelvis")

    def _bone(self, first: str, second: str) -> np.ndarray:
        bone: np.ndarray = (self.joints[:, J[second]] - self.joints[:, J[first]]).astype(np.float64)
        return bone

    @cached_property
    def trunk(self) -> np.ndarray:
        """(T,) degrees of pelvis to neck from upright: 90 is level, 180 upside down."""
        return _angle(self._bone("pelvis", "neck"), _UP)

    @cached_property
    def thighs(self) -> np.ndarray:
        """(T, 2) degrees of hip to knee from hanging down: 90 is level."""
        return np.stack([_angle(self._bone(f"{s}_hip", f"{s}_knee"), _DOWN) for s in SIDES], axis=1)

    @cached_property
    def shins(self) -> np.ndarray:
        """(T, 2) degrees of knee to ankle from hanging down: 90 is level."""
        return np.stack([_angle(self._bone(f"{s}_knee", f"{s}_ankle"), _DOWN) for s in SIDES], axis=1)

    @cached_property
    def knee_bend(self) -> np.ndarray:
        """(T, 2) degrees by which the knees are bent: 0 is straight."""
        bend = []
        for side in SIDES:
            thigh, shin = self._bone(f"{side}_hip", f"{side}_knee"), self._bone(f"{side}_knee", f"{side}_ankle")
            length = np.maximum(np.linalg.norm(thigh, axis=1) * np.linalg.norm(shin, axis=1), 1e-9)
            bend.append(np.degrees(np.arccos(np.clip((thigh * shin).sum(axis=1) / length, -1.0, 1.0))))
        return np.stack(bend, axis=1)

    def distance(self, first: str, second: str) -> np.ndarray:
        """(T,) metres between two joints."""
        length: np.ndarray = np.linalg.norm(self._bone(first, second), axis=1)
        return length

    @cached_property
    def behind_feet(self) -> np.ndarray:
        """(T,) metres over the floor between the trunk's middle and the middle of the feet."""
        trunk = (self.joints[:, J["pelvis"]] + self.joints[:, J["neck"]]) / 2
        feet = self.joints[:, [J[f"{s}_{part}"] for s in SIDES for part in ("ankle", "foot")]].mean(axis=1)
        off: np.ndarray = np.linalg.norm((trunk - feet)[:, [0, 2]], axis=1)
        return off

    # What the body does in each frame, (T,) bool.

    @cached_property
    def standing(self) -> np.ndarray:
        mask: np.ndarray = (self.height > 0.76) & (self.trunk < 40) & (self.knee_bend.min(axis=1) < 60)
        return mask

    @cached_property
    def seated(self) -> np.ndarray:
        """On something at the height of a chair or stool: the thighs level, and the weight not over the feet."""
        mask: np.ndarray = (
            (self.height > 0.34) & (self.height < 0.74) & (self.trunk < 55) & (self.thighs.max(axis=1) > 55)
            & (self.thighs.min(axis=1) > 35) & (self.both("knee").min(axis=1) > 0.24) & (self.behind_feet > 0.18)
        )  # fmt: skip
        # On a high stool both thighs are level, which no body on its feet has so far up.
        mask |= (self.height >= 0.74) & (self.height < 0.9) & (self.thighs.min(axis=1) > 60) & (self.trunk < 35)
        return mask

    @cached_property
    def on_floor(self) -> np.ndarray:
        """Seated on the floor."""
        mask: np.ndarray = (self.height < 0.34) & (self.trunk < 62) & (self.over_floor("head") > 0.45)
        return mask

    @cached_property
    def lying(self) -> np.ndarray:
        mask: np.ndarray = (self.height < 0.36) & (self.trunk > 58) & (self.over_floor("neck") < 0.48)
        return mask & ~self.propped

    @cached_property
    def propped(self) -> np.ndarray:
        """The trunk is carried by the hands, level, over the floor: on all fours or in a press-up."""
        hands = self.both("wrist").min(axis=1) < 0.22
        mask: np.ndarray = hands & (self.trunk > 50) & (self.trunk < 125) & (self.over_floor("neck") > 0.2)
        return mask & ((self.height > 0.3) | self.face_down & (self.over_floor("neck") > 0.28))

    @cached_property
    def face_down(self) -> np.ndarray:
        """The front of a level trunk looks to the floor."""
        across = self._bone("right_shoulder", "left_shoulder") + self._bone("right_hip", "left_hip")
        front = np.cross(across, self._bone("pelvis", "neck"))
        mask: np.ndarray = (front[:, 1] < 0) & (self.trunk > 45)
        return mask

    @cached_property
    def kneeling(self) -> np.ndarray:
        """A knee on the floor with a level shin behind it, the trunk upright."""
        down = (self.both("knee") < 0.2) & (self.shins > 50)
        mask: np.ndarray = down.any(axis=1) & (self.trunk < 65) & (self.height > 0.22) & (self.height < 0.72)
        mask &= self.both("wrist").min(axis=1) > 0.02
        return mask

    @cached_property
    def on_all_fours(self) -> np.ndarray:
        mask: np.ndarray = (
            (self.both("wrist").min(axis=1) < 0.25) & (self.both("knee").min(axis=1) < 0.3)
            & (self.trunk > 45) & (self.trunk < 125) & self.face_down & (self.height > 0.22) & (self.height < 0.72)
        )  # fmt: skip
        return mask

    @cached_property
    def plank(self) -> np.ndarray:
        """Straight, face down, on hands and toes."""
        straight = self.knee_bend.max(axis=1) < 65
        mask: np.ndarray = (
            straight & self.face_down & (self.trunk > 50) & (self.height < 0.62)
            & (self.both("wrist").max(axis=1) < 0.3) & (self.both("ankle").max(axis=1) < 0.4)
        )  # fmt: skip
        return mask

    @cached_property
    def crouched(self) -> np.ndarray:
        """Low over the own feet, both knees bent, none on the floor."""
        mask: np.ndarray = (
            (self.height > 0.2) & (self.height < 0.72) & (self.knee_bend.min(axis=1) > 50) & (self.trunk < 80)
            & (self.behind_feet < 0.3) & ((self.both("knee") > 0.2) | (self.shins < 50)).all(axis=1)
        )  # fmt: skip
        return mask

    @cached_property
    def upside_down(self) -> np.ndarray:
        """The neck is under the pelvis, clearly."""
        mask: np.ndarray = self.trunk > 120
        return mask

    @cached_property
    def speed(self) -> np.ndarray:
        """(T - 1,) m/s of the pelvis over the floor."""
        speed: np.ndarray = np.linalg.norm(self.k.velocity, axis=1)
        return speed

    @cached_property
    def stillness(self) -> np.ndarray:
        """(T,) m/s: mean speed of all joints, over half a second."""
        step = np.linalg.norm(np.diff(self.joints.astype(np.float64), axis=0), axis=2).mean(axis=1) * FPS
        return smooth(np.concatenate([step, step[-1:]]), 9)

    def reach_of_travel(self) -> float:
        """Metres that the pelvis is from where it began over the floor, at the most."""
        pelvis = self.joints[:, J["pelvis"]][:, [0, 2]].astype(np.float64)
        return float(np.linalg.norm(pelvis - pelvis[0], axis=1).max())


_KEPT = 8
_recent: deque[Postures] = deque(maxlen=_KEPT)


def postures_of(joints: np.ndarray) -> Postures:
    """As `kinematics_of`."""
    for known in _recent:
        if known.joints is joints:
            return known
    made = Postures(joints)
    _recent.append(made)
    return made


_STRAIGHT_DEG, _HEEL_M = 45.0, 0.115
"""Most that a knee is bent of who stands, and the height of an ankle from which on he stands on his toes."""


def stands_upright(joints: np.ndarray) -> bool:
    """Whether somebody is on a straight leg and on his heels, for half of the time and more."""
    p = postures_of(joints)
    bent, heel = np.median(p.knee_bend.min(axis=1)), np.median(p.both("ankle").min(axis=1))
    return bool(bent < _STRAIGHT_DEG and heel < _HEEL_M)
