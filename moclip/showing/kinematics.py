# SPDX-License-Identifier: Apache-2.0
"""Kinematic measures of a motion: where it goes, how it turns, and what hands, feet and head do.

Joints are (T, 22, 3) in metres at 20 frames a second, +Y up; left and right are the character's own.
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moclip.motion.skeleton import JOINT_INDEX

FPS = 20.0
SIDES = ("left", "right")
_PELVIS, _NECK, _HEAD = JOINT_INDEX["pelvis"], JOINT_INDEX["neck"], JOINT_INDEX["head"]
_FEET = [JOINT_INDEX[f"{side}_{part}"] for part in ("ankle", "foot") for side in SIDES]


def smooth(values: np.ndarray, frames: int) -> np.ndarray:
    """Moving average over `frames` frames (odd) along axis 0, edges repeated; the length stays."""
    frames = min(frames, len(values) | 1)
    padded = np.concatenate([values[:1].repeat(frames // 2, axis=0), values, values[-1:].repeat(frames // 2, axis=0)])
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
    means: np.ndarray = (total[frames:] - total[:-frames]) / frames
    return means


def swings(values: np.ndarray, least: float) -> int:
    """How often a signal (T,) turns round after having moved by at least `least`."""
    count, direction, extreme = 0, 0, float(values[0])
    for value in values:
        if direction * (value - extreme) > 0 or (direction == 0 and abs(value - extreme) >= least):
            direction = direction or (1 if value > extreme else -1)
            extreme = float(value)
        elif direction and direction * (extreme - value) >= least:
            count, direction, extreme = count + 1, -direction, float(value)
    return count


@dataclass(frozen=True, eq=False)
class Kinematics:
    """Measures of one motion; computed when asked for. joints: (T, 22, 3), T >= 2."""

    joints: np.ndarray

    @property
    def seconds(self) -> float:
        return (len(self.joints) - 1) / FPS

    @cached_property
    def yaw(self) -> np.ndarray:
        """(T,) where hips and shoulders face, degrees, positive to the left of +Z, without jumps."""
        across = np.zeros((len(self.joints), 3))
        for part in ("hip", "shoulder"):
            across += self.joints[:, JOINT_INDEX[f"left_{part}"]] - self.joints[:, JOINT_INDEX[f"right_{part}"]]
        return smooth(np.degrees(np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))), 9)

    @cached_property
    def turn(self) -> float:
        """Degrees that the body has turned in the end, positive to the left."""
        ends = min(5, len(self.yaw) // 2)
        return float(self.yaw[-ends:].mean() - self.yaw[:ends].mean())

    @cached_property
    def velocity(self) -> np.ndarray:
        """(T - 1, 2) m/s of the pelvis on the floor as the body sees it: to its left, forwards."""
        pelvis = smooth(self.joints[:, _PELVIS].astype(np.float64), 9)
        step = np.diff(pelvis[:, [0, 2]], axis=0) * FPS
        yaw = np.radians(self.yaw[:-1])
        return np.stack(
            [step[:, 0] * np.cos(yaw) - step[:, 1] * np.sin(yaw), step[:, 0] * np.sin(yaw) + step[:, 1] * np.cos(yaw)],
            axis=1,
        )

    @cached_property
    def displacement(self) -> np.ndarray:
        """(2,) metres of the pelvis from first to last frame, in the frame of the first heading: left, forward."""
        x, z = (self.joints[-1, _PELVIS] - self.joints[0, _PELVIS])[[0, 2]]
        yaw = np.radians(self.yaw[0])
        return np.array([x * np.cos(yaw) - z * np.sin(yaw), x * np.sin(yaw) + z * np.cos(yaw)])

    @cached_property
    def path(self) -> float:
        """Metres that the pelvis travels over the floor."""
        return float(np.linalg.norm(self.velocity, axis=1).sum() / FPS)

    @cached_property
    def speed(self) -> float:
        """Mean m/s over the floor."""
        return self.path / self.seconds

    @cached_property
    def top_speed(self) -> float:
        """m/s over the floor that is kept or passed for a quarter of the time."""
        return float(np.percentile(np.linalg.norm(self.velocity, axis=1), 75))

    @cached_property
    def forwards(self) -> float:
        """Metres travelled forwards less those travelled backwards, as the body sees it."""
        return float(self.velocity[:, 1].sum() / FPS)

    @cached_property
    def drift(self) -> float:
        """Degrees between facing and travelling, positive to the left; 180 when walking backwards."""
        left, forward = self.velocity.sum(axis=0)
        return float(np.degrees(np.arctan2(left, forward)))

    def hand_height(self, side: str) -> np.ndarray:
        """(T,) metres of a wrist above its shoulder."""
        height: np.ndarray = (
            self.joints[:, JOINT_INDEX[f"{side}_wrist"], 1] - self.joints[:, JOINT_INDEX[f"{side}_shoulder"], 1]
        )
        return height

    def _in_body(self, points: np.ndarray) -> np.ndarray:
        """Offsets (T, 3) in the world -> the same seen by the body: to its left, up, forwards."""
        yaw = np.radians(self.yaw)
        x, y, z = points.T
        return np.stack([x * np.cos(yaw) - z * np.sin(yaw), y, x * np.sin(yaw) + z * np.cos(yaw)], axis=1)

    def hand(self, side: str) -> np.ndarray:
        """(T, 3) metres, wrist from shoulder as the body sees it: left, up, forwards."""
        wrist, shoulder = JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_shoulder"]
        return self._in_body((self.joints[:, wrist] - self.joints[:, shoulder]).astype(np.float64))

    def hand_speed(self, side: str) -> np.ndarray:
        """(T - 1,) m/s of a wrist against its shoulder."""
        speed: np.ndarray = np.linalg.norm(np.diff(self.hand(side), axis=0), axis=1) * FPS
        return speed

    def hand_swings(self, side: str, above: float = -0.25, least: float = 0.03) -> int:
        """How often the wrist swings back against its elbow after `least` metres, while `above` its shoulder or higher.

        The frames where it is that high are read as one signal; the busiest of the body's three axes counts.
        """
        high = self.hand_height(side) > above
        if high.sum() < 8:
            return 0
        return max(swings(axis, least) for axis in self._forearm(side)[high].T)

    def seconds_up(self, side: str) -> float:
        """How long the wrist is above or nearly at its shoulder's height."""
        return float((self.hand_height(side) > -0.1).sum() / FPS)

    def _forearm(self, side: str) -> np.ndarray:
        wrist, elbow = JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_elbow"]
        return self._in_body((self.joints[:, wrist] - self.joints[:, elbow]).astype(np.float64))

    def foot(self, side: str) -> np.ndarray:
        """(T, 3) metres, ankle from pelvis as the body sees it: left, up, forwards."""
        ankle = JOINT_INDEX[f"{side}_ankle"]
        return self._in_body((self.joints[:, ankle] - self.joints[:, _PELVIS]).astype(np.float64))

    @cached_property
    def cadence(self) -> float:
        """Steps a second: how often the feet change places, front and back."""
        return swings(self.foot("left")[:, 2] - self.foot("right")[:, 2], 0.1) / self.seconds

    @cached_property
    def head_dip(self) -> float:
        """Metres between the head's usual top height and its lowest."""
        height = self.joints[:, _HEAD, 1]
        return float(np.percentile(height, 90) - height.min())

    @cached_property
    def lean(self) -> np.ndarray:
        """(T,) degrees that pelvis to neck leans forwards from upright."""
        spine = self._in_body((self.joints[:, _NECK] - self.joints[:, _PELVIS]).astype(np.float64))
        lean: np.ndarray = np.degrees(np.arctan2(spine[:, 2], spine[:, 1]))
        return lean

    @cached_property
    def air(self) -> np.ndarray:
        """(T,) metres of the lower foot above where it stands; toes and ankles both have to leave the floor."""
        toes = self.joints[:, _FEET[2:], 1] - np.percentile(self.joints[:, _FEET[2:], 1], 10)
        ankles = self.joints[:, _FEET[:2], 1] - np.percentile(self.joints[:, _FEET[:2], 1], 10)
        lift: np.ndarray = np.minimum(toes, ankles).min(axis=1)
        return lift

    @cached_property
    def rise(self) -> float:
        """Metres of the pelvis' highest point above its median height."""
        height = self.joints[:, _PELVIS, 1]
        return float(height.max() - np.median(height))

    def limb_activity(self, part: str) -> float:
        """Mean m/s of the two wrists or ankles (`part`: "wrist", "ankle") against the pelvis."""
        ends = self.joints[:, [JOINT_INDEX[f"{side}_{part}"] for side in SIDES]] - self.joints[:, [_PELVIS]]
        return float(np.linalg.norm(np.diff(ends, axis=0), axis=-1).mean() * FPS)


_KEPT = 8
_recent: deque[Kinematics] = deque(maxlen=_KEPT)


def kinematics_of(joints: np.ndarray) -> Kinematics:
    """Measures of joints, those of before where the same array was measured lately: many rules ask for the same."""
    for known in _recent:
        if known.joints is joints:
            return known
    made = Kinematics(joints)
    _recent.append(made)
    return made


def foot_skating(joints: np.ndarray, near_floor: float = 0.05, speed: float = 0.3) -> float:
    """Share of the contacts (a toe within `near_floor` metres of the floor) that slide faster than `speed` m/s."""
    toes = joints[:, _FEET[2:]].astype(np.float64)
    low = toes[:, :, 1] - np.percentile(toes[:, :, 1].min(axis=1), 10) < near_floor
    contact = low[1:] & low[:-1]
    sliding = np.linalg.norm(np.diff(toes[:, :, [0, 2]], axis=0), axis=-1) * FPS > speed
    return float((contact & sliding).sum() / max(contact.sum(), 1))


def mean_jerk(joints: np.ndarray) -> float:
    """Mean length of the third derivative of all joints' positions, m/s^3."""
    if len(joints) < 4:
        return 0.0
    return float(np.linalg.norm(np.diff(joints.astype(np.float64), n=3, axis=0), axis=-1).mean() * FPS**3)
