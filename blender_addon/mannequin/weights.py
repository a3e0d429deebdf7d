# SPDX-License-Identifier: GPL-3.0-or-later
"""How firmly each vertex goes with each joint.

A joint cuts what hangs on it off from the rest by a plane; how much of a vertex lies beyond fades over a width about
the limb's own. What is beyond a joint is shared with the joints farther out, so that all shares of a vertex sum to 1 in
whatever way planes lie. A few rounds of averaging over the mesh take the corners off.
"""

import numpy as np

from ..shared.skeleton import CHILDREN, JOINT_NAMES, PARENTS
from .surface import averaged

_AVERAGED, _SHARE = 4, 0.5
_LEAST = 0.004
_MOST = 4
"""Bones that a vertex follows at most, as game engines want it."""
_BELOW = {
    "spine1": ((0.0, 1.0, 0.0), 0.06, 0.0),
    "spine2": ((0.0, 1.0, 0.0), 0.05, 0.0),
    "spine3": ((0.0, 1.0, 0.0), 0.05, 0.0),
    "neck": ((0.0, 1.0, 0.15), 0.035, -0.005),
    "head": ((0.0, 1.0, 0.3), 0.03, 0.0),
    "left_hip": ((0.42, -1.0, 0.25), 0.075, -0.012),
    "left_knee": ((0.0, -1.0, 0.0), 0.045, 0.0),
    "left_ankle": ((0.0, -1.0, 0.35), 0.032, -0.005),
    "left_foot": ((0.0, 0.0, 1.0), 0.022, 0.0),
    "left_collar": ((0.8, 0.7, 0.0), 0.06, -0.01),
    "left_shoulder": ((1.0, 0.25, 0.0), 0.055, -0.02),
    "left_elbow": ((1.0, 0.0, 0.0), 0.035, 0.0),
    "left_wrist": ((1.0, 0.0, 0.0), 0.022, 0.005),
}
"""Joint -> the direction of what hangs on it, half the width of the fade, and by how much it begins later; metres."""


def skin(points: np.ndarray, joints: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(V, 22) shares that sum to 1, of at most four joints a vertex.

    points: (V, 3) in the pose of joints (22, 3). edges: (E, 2) of the mesh.
    """
    reached = np.ones((len(points), len(JOINT_NAMES)))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            reached[:, joint] = reached[:, parent] * _beyond(points, JOINT_NAMES[joint], joints[joint])
    shares = reached.copy()
    for joint, children in enumerate(CHILDREN):
        out = reached[:, list(children)].sum(axis=1)
        if children:
            # Where the planes of two children overlap, they share what reaches their parent.
            over = np.maximum(out / np.maximum(reached[:, joint], 1e-9), 1.0)
            for child in children:
                _shrink(reached, child, over)
            shares[:, joint] = reached[:, joint] - reached[:, list(children)].sum(axis=1)
        else:
            shares[:, joint] = reached[:, joint]
    for _ in range(_AVERAGED):
        shares = (1 - _SHARE) * shares + _SHARE * averaged(shares, edges)
    return _few(shares)


def _shrink(reached: np.ndarray, joint: int, by: np.ndarray) -> None:
    reached[:, joint] /= by
    for child in CHILDREN[joint]:
        _shrink(reached, child, by)


def _beyond(points: np.ndarray, name: str, joint: np.ndarray) -> np.ndarray:
    """(V,) 0 to 1."""
    right = name.startswith("right_")
    direction, width, later = _BELOW[name.replace("right_", "left_")]
    ahead = np.array(direction) / np.linalg.norm(direction) * ((-1.0 if right else 1.0), 1.0, 1.0)
    far = _faded(((points - joint) @ ahead - later) / width)
    side = points[:, 0] * (-1.0 if right else 1.0)
    if "hip" in name:
        # Between the legs each has its half.
        far = far * _faded(side / 0.012)
    elif "collar" in name:
        # Neck and head, which lie above, are nothing of an arm's.
        below = (side - abs(joint[0]) - 0.9 * (points[:, 1] - joint[1])) / np.hypot(1.0, 0.9)
        far = far * _faded((below + 0.05) / 0.04)
    return far


def _faded(far: np.ndarray) -> np.ndarray:
    """0 below -1, 1 above 1, smooth between."""
    t = np.clip((far + 1) / 2, 0.0, 1.0)
    faded: np.ndarray = t * t * (3 - 2 * t)
    return faded


def _few(shares: np.ndarray) -> np.ndarray:
    fourth = np.sort(shares, axis=1)[:, -_MOST]
    shares = np.where((shares < fourth[:, None]) | (shares < _LEAST), 0.0, shares)
    few: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return few
