# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a motion: a few of its poses beside each other, the last one strongest, drawn without a graphics card.

Motions are in MoCLIP's axes, metres, +Y up. In the picture x goes to the right, y up, z towards who looks.
"""

import numpy as np

from ..motion.clip import Clip
from ..motion.fit import heading
from ..shared import rotations
from ..shared.motion import forward_kinematics, world_rotations
from ..shared.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS

SIZE = 192
_POSES = 4
_BETWEEN = 0.62
"""Metres from one pose to the next, whichever way the motion goes."""
_TRAVELS = 1.0
"""Metres from which on a motion is seen from its side, going to the right; others are seen from nearly in front."""
_ASIDE, _IN_FRONT = np.radians(70.0), np.radians(-25.0)
_MARGIN = 0.04
_LEFT, _RIGHT, _MIDDLE = (0.95, 0.55, 0.22), (0.25, 0.58, 0.95), (0.86, 0.86, 0.84)
_FAINTEST = 0.35
_THICK = {"hip": 0.075, "knee": 0.065, "ankle": 0.05, "shoulder": 0.05, "elbow": 0.045, "wrist": 0.04, "spine": 0.10}
_HEAD, _USUAL = 0.10, 0.06
"""Radii in metres; a bone has that of the joint at its end."""


def draw(clip: Clip) -> np.ndarray:
    """(SIZE, SIZE, 4) float32 RGBA from the bottom row up, clear where nothing is."""
    turns = np.asarray(clip.rotations, dtype=np.float64)
    root = np.asarray(clip.root_translation, dtype=np.float64)
    chosen = np.linspace(0, len(turns) - 1, min(_POSES, len(turns))).round().astype(int)
    places = _seen(turns, root, chosen)
    low, high = places.reshape(-1, 3).min(axis=0) - _HEAD, places.reshape(-1, 3).max(axis=0) + _HEAD
    scale = SIZE * (1.0 - 2 * _MARGIN) / max(float((high - low)[:2].max()), 1e-6)
    pixels = (places[..., :2] - (low + high)[:2] / 2) * scale + SIZE / 2
    picture = np.zeros((SIZE, SIZE, 4), dtype=np.float32)
    for pose, (points, depths) in enumerate(zip(pixels, places[..., 2], strict=True)):
        strength = _FAINTEST + (1.0 - _FAINTEST) * (pose + 1) / len(pixels)
        _draw_pose(picture, points, depths, scale, strength)
    return picture


def _seen(turns: np.ndarray, root: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(P, 23, 3) the joints of the chosen poses, and the middle of the head as the last, beside each other."""
    joints = forward_kinematics(turns[chosen], root[chosen], REST_OFFSETS.astype(np.float64))
    up = rotations.rotate(world_rotations(turns[chosen])[:, JOINT_INDEX["head"]], np.array([0.0, _HEAD, 0.02]))
    joints = np.concatenate([joints, (joints[:, JOINT_INDEX["head"]] + up)[:, None]], axis=1)
    way = (root[-1] - root[0]) * (1.0, 0.0, 1.0)
    if np.linalg.norm(way) > _TRAVELS:
        yaw = _ASIDE - np.arctan2(way[0], way[2])
    else:
        yaw = _IN_FRONT - float(heading(turns[0, 0]))
    turn = rotations.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.asarray(yaw))
    seen = rotations.rotate(turn[None, None], joints - joints[:, :1] * (1.0, 0.0, 1.0))
    seen[..., 0] += _BETWEEN * np.arange(len(chosen))[:, None]
    return seen


def _draw_pose(picture: np.ndarray, points: np.ndarray, depths: np.ndarray, scale: float, strength: float) -> None:
    bones = [(PARENTS[joint], joint, _radius(name), name) for joint, name in enumerate(JOINT_NAMES) if joint]
    bones.append((len(JOINT_NAMES), len(JOINT_NAMES), _HEAD, "head"))
    # A pose is drawn by itself first: its limbs hide each other, and only the whole of it is faint.
    own = np.zeros_like(picture)
    for start, end, radius, name in sorted(bones, key=lambda bone: depths[bone[0]] + depths[bone[1]]):
        side = _LEFT if name.startswith("left_") else _RIGHT if name.startswith("right_") else _MIDDLE
        _draw_capsule(own, points[start], points[end], radius * scale, np.array(side))
    _lay_over(picture, own[..., :3], own[..., 3:] * strength)


def _radius(name: str) -> float:
    return _THICK.get(name.rpartition("_")[2].rstrip("123"), _USUAL)


def _draw_capsule(picture: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float, colour: np.ndarray) -> None:
    """A rod with round ends, darker towards its edges, whose edges are smooth."""
    low = np.maximum(np.floor(np.minimum(start, end) - radius - 1), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(start, end) + radius + 2), SIZE).astype(int)
    if (high <= low).any():
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    along = end - start
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(float(along @ along), 1e-9)
    share = np.clip(share, 0.0, 1.0)
    distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    shade = 1.0 - 0.45 * np.minimum(distance / radius, 1.0) ** 2
    cover = np.clip(radius - distance + 0.5, 0.0, 1.0)
    part = picture[low[1] : high[1], low[0] : high[0]]
    _lay_over(part, shade[..., None] * colour, cover[..., None])


def _lay_over(picture: np.ndarray, colours: np.ndarray, cover: np.ndarray) -> None:
    """colours (H, W, 3), cover (H, W, 1), over a picture (H, W, 4), in place."""
    below = picture[..., 3:] * (1.0 - cover)
    alpha = cover + below
    mixed = (colours * cover + picture[..., :3] * below) / np.maximum(alpha, 1e-6)
    picture[..., :3], picture[..., 3:] = mixed, alpha
