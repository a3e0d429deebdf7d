# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet of the rig that stay where they stand and do not sink into the floor, though its legs are not the motion's."""

import numpy as np

from .. import rotations
from ..footing import bend_leg, contact_offsets, offsets_between
from .pose import Pose

_SIDES = ("left", "right")
_TOLERATED_M = 0.002
_EASE_S = 0.25


def lock_feet(
    pose: Pose, stands: np.ndarray, fps: float, strength: float = 1.0, part: tuple[int, int] | None = None
) -> None:
    """Bend the legs of a pose so that feet rest where they stand, and lift those that are under the floor.

    stands: (T, 2) contacts of the left and the right toes of the motion that the pose comes from (`footing.standing`).
    strength: 0 leaves the pose as it is, 1 holds the feet entirely. part: the frames first..end-1 that may change; feet
    stay as the others have put them. Feet keep their rotation. Done in the motion's axes and metres, whatever the
    rig's scale; the floor is where the feet of its rest pose stand.
    """
    if strength <= 0 or len(pose) < 3:
        return
    first, end = part or (0, len(pose))
    may_rise = _eased(len(pose), first, end, fps) if part else np.ones(len(pose))
    rest, bone_of = pose.rest, pose.rest.bone_of
    heads = {name: rest.to_motion(np.broadcast_to(head, (len(pose), 3))) for name, head in pose.heads().items()}
    for column, side in enumerate(_SIDES):
        hip, knee, ankle = (bone_of[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        toe = bone_of.get(f"{side}_foot", ankle)
        if part:
            offset = offsets_between(heads[toe], stands[:, column], first, end, fps)
        else:
            offset = contact_offsets(heads[toe], stands[:, column], fps)
        offset[:, 1] += may_rise * _lifts(pose, side, heads, offset)
        offset *= min(strength, 1.0)
        moved = np.abs(offset).max(axis=1) > 1e-5
        if not moved.any():
            continue
        old = [heads[bone][moved] for bone in (hip, knee, ankle)]
        new_knee, new_ankle = bend_leg(*old, old[2] + offset[moved])
        _swing(pose, hip, moved, old[1] - old[0], new_knee - old[0])
        _swing(pose, knee, moved, old[2] - old[1], new_ankle - new_knee)


def _eased(count: int, first: int, end: int, fps: float) -> np.ndarray:
    """(T,) 1 for the frames first..end-1, but rising from 0 where they meet others, which are 0."""
    frames, room = np.arange(count), max(1.0, _EASE_S * fps)
    into = (frames - first + 1) / room if first > 0 else np.ones(count)
    out = (end - frames) / room if end < count else np.ones(count)
    return np.clip(np.minimum(into, out), 0.0, 1.0)


def _lifts(pose: Pose, side: str, heads: dict[str, np.ndarray], offset: np.ndarray) -> np.ndarray:
    """(T,) metres by which ball and heel of a foot are under the floor that they touch at rest."""
    rest, ankle = pose.rest, pose.rest.bone_of[f"{side}_ankle"]
    floor = _floor(pose)
    at_rest = rest.to_motion(rest.matrices[ankle][:3, 3])
    turn = rotations.multiply(
        pose.turned[ankle], rotations.conjugate(rotations.from_matrix(rest.matrices[ankle][:3, :3]))
    )
    lowest = np.full(len(pose), np.inf)
    soles = [at_rest * (1.0, 0.0, 1.0) + (0.0, floor, 0.0)]
    if toe := rest.bone_of.get(f"{side}_foot"):
        soles.append(rest.to_motion(rest.matrices[toe][:3, 3]) * (1.0, 0.0, 1.0) + (0.0, floor, 0.0))
    for sole in soles:
        arm = rest.to_armature(sole) - rest.matrices[ankle][:3, 3]
        swung = rotations.rotate(turn, np.broadcast_to(arm, (len(pose), 3)))
        height = rest.to_motion(rest.to_armature(heads[ankle]) + swung)[:, 1] + offset[:, 1]
        lowest = np.minimum(lowest, height)
    return np.maximum(floor - _TOLERATED_M - lowest, 0.0)


def _floor(pose: Pose) -> float:
    """Height of the floor: at rest the lower of ankles and toes stands as far above it as the motion's own does."""
    rest = pose.rest
    feet = [f"{side}_{joint}" for side in _SIDES for joint in ("ankle", "foot") if f"{side}_{joint}" in rest.bone_of]
    return min(rest.to_motion(rest.head(joint))[1] for joint in feet)


def _swing(pose: Pose, bone: str, moved: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
    """Turn a bone by what takes a direction to another, both (N, 3) in the motion's axes, in the frames `moved`."""
    rest = pose.rest
    origin = rest.to_armature(np.zeros(3))
    turn = rotations.between(rest.to_armature(old) - origin, rest.to_armature(new) - origin)
    turned = np.array(pose.turned[bone])
    turned[moved] = rotations.multiply(turn, turned[moved])
    pose.turned[bone] = turned
