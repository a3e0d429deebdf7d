# SPDX-License-Identifier: Apache-2.0
"""The way that a body goes over the floor, bent to pass by given places and facings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .easing import smooth
from .skeleton import JOINT_INDEX

_GROUND = [0, 2]
_UP = np.array([0.0, 1.0, 0.0])
_ACROSS = [(JOINT_INDEX[f"left_{joint}"], JOINT_INDEX[f"right_{joint}"]) for joint in ("hip", "shoulder")]
_BENT = 1e-3
_GOES_M = 0.01
"""From one place to the next, from which on it says which way somebody goes."""
_EVENLY = 0.2
"""Of what lacks, the share that is made up evenly over time, however the body moves."""


def heading(joints: np.ndarray) -> np.ndarray:
    """Yaw (...) in radians about +Y, 0 facing +Z, of joints (..., 22, 3)."""
    across = sum(joints[..., left, :] - joints[..., right, :] for left, right in _ACROSS)
    return rot.arctan2(-across[..., 2], across[..., 0])


@dataclass(frozen=True)
class Post:
    """A frame at which the root is at a place on the floor (2,), x and z, turned on by yaw in radians."""

    frame: int
    place: np.ndarray
    yaw: float = 0.0


@dataclass(frozen=True)
class Way:
    """A turn and a shift of every frame: a point p of frame t goes to here[t] + turned(p - there[t], yaw[t])."""

    yaw: np.ndarray
    there: np.ndarray
    here: np.ndarray

    @property
    def bends(self) -> bool:
        """Whether it is another way than it was."""
        return bool(max(np.ptp(self.here - self.there, axis=0).max(), np.ptp(self.yaw)) > _BENT)

    def moved(self, points: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
        """Points (T, ..., 3) of all frames, or of these, where the way has them."""
        frames = np.arange(len(self.yaw)) if frames is None else frames
        wide = (len(frames), *([1] * (points.ndim - 2)))
        there, here = (part[frames].reshape(*wide, 3) for part in (self.there, self.here))
        found: np.ndarray = here + rot.rotate(self.turns(frames).reshape(*wide, 4), points - there)
        return found

    def turns(self, frames: np.ndarray | None = None) -> np.ndarray:
        """(T, 4)"""
        yaw = self.yaw if frames is None else self.yaw[frames]
        return rot.from_axis_angle(np.broadcast_to(_UP, (len(yaw), 3)), yaw)


def turned_on(own: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(K,) radians by which who goes through `own` (K, 2), x and z, turns to go through `places` (K, 2) instead.

    Where neither goes anywhere they are those of the nearest place before, else after, where both do.
    """
    if len(own) < 2:
        return np.zeros(len(own))
    ways = [np.gradient(points, axis=0) for points in (own, places)]
    angles = [np.arctan2(way[:, 0], way[:, 1]) for way in ways]
    goes = np.min([np.linalg.norm(way, axis=1) for way in ways], axis=0) > _GOES_M
    if not goes.any():
        return np.zeros(len(own))
    known = np.flatnonzero(goes)
    nearest = known[np.maximum(np.searchsorted(known, np.arange(len(own)), side="right") - 1, 0)]
    found: np.ndarray = np.unwrap((angles[1] - angles[0])[nearest])
    return found


def bent(root: np.ndarray, yaw: np.ndarray, posts: Sequence[Post], *, starts_where_it_was: bool) -> Way:
    """The way of a root (T, 3) that faces yaw (T,), led through posts by ascending frame.

    What lacks is made up as the body travels and turns anyway, so that it does not slide while it stands. Before the
    first post it comes from where it was, or is moved and turned as that; after the last as that.
    """
    count = len(root)
    travelled = np.linalg.norm(np.diff(root[:, _GROUND], axis=0), axis=1)
    turned = np.abs(np.diff(np.unwrap(yaw)))
    frames = [post.frame for post in posts]
    lacks = np.unwrap([post.yaw for post in posts])
    more = _spread(frames, lacks[:, None], turned, count, starts_where_it_was)[:, 0]
    step = rot.rotate(rot.from_axis_angle(np.broadcast_to(_UP, (count - 1, 3)), more[:-1]), np.diff(root, axis=0))
    path = np.concatenate([root[:1], root[:1] + np.cumsum(step, axis=0)])
    away = np.array([post.place - path[post.frame, _GROUND] for post in posts])
    path[:, _GROUND] += _spread(frames, away, travelled, count, starts_where_it_was)
    path[:, 1] = root[:, 1]
    return Way(more, root, path)


def _spread(frames: Sequence[int], values: np.ndarray, amount: np.ndarray, count: int, from_none: bool) -> np.ndarray:
    """(count, D) what is (K, D) at K frames, changing between them as `amount` (count - 1,) tells."""
    made = np.zeros((count, values.shape[1]))
    made[: frames[0]] = 0.0 if from_none else values[0]
    if from_none and frames[0] > 0:
        made[: frames[0] + 1] = values[0] * shares(amount, 0, frames[0])[:, None]
    for (a, start), (b, end) in zip(
        zip(frames, values, strict=True), zip(frames[1:], values[1:], strict=False), strict=False
    ):
        made[a : b + 1] = start + (end - start) * shares(amount, a, b)[:, None]
    made[frames[-1] :] = values[-1]
    return made


def shares(amount: np.ndarray, start: int, end: int) -> np.ndarray:
    """(end - start + 1,) from 0 at frame `start` to 1 at `end`, rising as `amount` (T - 1,) does between them."""
    done = np.linspace(0.0, 1.0, end - start + 1)
    # Fades in and out, so that neither end sees a jump in speed.
    inside = amount[start:end] * np.sin(np.pi * (done[:-1] + done[1:]) / 2)
    summed = np.concatenate([[0.0], np.cumsum(inside)])
    if summed[-1] < 1e-3:
        return smooth(done)
    found: np.ndarray = _EVENLY * smooth(done) + (1 - _EVENLY) * summed / summed[-1]
    return found
