# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins of a rig's hands, feet, head and hips, met by a motion before it is keyed.

Limbs of a rig are of other lengths than the motion's. So the motion is held on a skeleton as long as the rig's, and
what feet that are locked then still take away is asked for again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ..motion import axes
from ..shared import rotations
from ..shared.meet import met
from ..shared.motion import Motion
from ..shared.pins import EFFECTORS, Pin
from ..shared.skeleton import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS
from ..shared.stance import Stance
from .pose import Pose, turn_of
from .rest import RigRest
from .retarget import in_frame, rest_alignment, retarget, stance_lift
from .root import size_now

_NEAR_M, _NEAR = 0.01, np.radians(2.0)
"""A pin that is missed by more is told."""
_GOOD_M, _TIMES = 0.003, 6
_FREE_S = 0.25
_FEET = ("left_foot", "right_foot")
_HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]


@dataclass(frozen=True)
class Held:
    """Where a bone is at a scene frame. matrix: (4, 4) in the world, as the bone's own with its head and axes. until:
    the last frame at which it stays there. turns: whether its axes count beside its place."""

    effector: str
    frame: float
    until: float
    matrix: np.ndarray
    turns: bool


def bone_held(bone_of: Mapping[str, str], effector: str, rest: RigRest) -> str | None:
    """The bone that a pin of an effector moves; None where the rig has none."""
    joint = JOINT_NAMES[EFFECTORS[effector]]
    return rest.hierarchy.anchor if joint == "pelvis" else bone_of.get(joint)


def met_by_rig(
    rig: bpy.types.Object,
    bone_of: Mapping[str, str],
    motion: tuple[np.ndarray, np.ndarray],
    timing: tuple[float, int],
    stance: Stance,
    pins: Sequence[Held],
    pose_of: Callable[[np.ndarray, np.ndarray], Pose],
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The motion with its pins met on this rig, and sentences about those that are not.

    motion: rotations (T, 22, 4) and root (T, 3) as they would be keyed. timing: frames a second, and the scene frame of
    the first. pose_of: what the rig shows of a motion.
    """
    turns, root = motion
    fps, start = timing
    last = start + len(turns) - 1
    told = [f"The pin of the {_name(p)} at frame {p.frame:g} lies outside the motion." for p in pins
            if not start <= p.frame <= last]  # fmt: skip
    rest = RigRest(rig, bone_of)
    pins = [p for p in pins if start <= p.frame <= last and bone_held(bone_of, p.effector, rest)]
    if not pins:
        return turns, root, told
    bones = [bone_held(bone_of, p.effector, rest) for p in pins]
    size = size_now(rest)
    inverse = np.linalg.inv(np.array(rig.matrix_world, dtype=np.float64))
    aims = [inverse @ p.matrix for p in pins]
    places = [size.hidden(aim[:3, 3]) for aim in aims]
    lift = stance_lift(rest, stance)
    offsets = _skeleton(rig, bone_of, rest, stance)
    shift = (REST_OFFSETS[_HIPS].mean(axis=0) - offsets[_HIPS].mean(axis=0)).astype(np.float64)
    own = Motion(fps, turns, root + rotations.rotate(turns[:, 0], shift[None]), offsets)
    wanted = [
        Pin(
            p.effector, (p.frame - start) / fps, tuple(rest.to_motion(place) + lift),
            tuple(_joint_turn(rest, bones[k], p.effector, aim, stance)) if p.turns else None,
            (min(p.until, last) - start) / fps if p.until > p.frame else None,
        ) for k, (p, place, aim) in enumerate(zip(pins, places, aims, strict=True))
    ]  # fmt: skip
    for _ in range(_TIMES):
        held = met(own, wanted, [])
        turns, root = held.rotations.astype(np.float64), held.root_translation.astype(np.float64)
        root = root - rotations.rotate(turns[:, 0], shift[None])
        heads = pose_of(turns, root).heads()
        off = [
            rest.to_motion(place) - rest.to_motion(heads[bone][round(p.frame) - start])
            for p, bone, place in zip(pins, bones, places, strict=True)
        ]
        if max(float(np.linalg.norm(far)) for far in off) < _GOOD_M:
            break
        wanted = [replace(pin, place=tuple(np.array(pin.place) + far)) for pin, far in zip(wanted, off, strict=True)]
    for p, far in zip(pins, off, strict=True):
        if np.linalg.norm(far) > _NEAR_M:
            by = 100 * float(np.linalg.norm(far)) * rest.ratio * float(np.mean(np.abs(rig.matrix_world.to_scale())))
            told.append(f"The pin of the {_name(p)} at frame {p.frame:g} is out of reach by {by:.0f} cm.")
    return turns, root, told


def pinned_feet(pins: Sequence[Held], frames: int, fps: float, start: int) -> np.ndarray:
    """(T, 2) 0 to 1, how far the left and the right foot are where a pin has them: no floor holds them there."""
    share, room = np.zeros((frames, 2)), max(1, round(_FREE_S * fps))
    at = np.arange(frames) + start
    for pin in pins:
        if pin.effector in _FEET:
            beside = np.maximum(np.maximum(pin.frame - at, at - pin.until), 0)
            done = np.clip(1 - beside / (room + 1), 0.0, 1.0)
            column = _FEET.index(pin.effector)
            share[:, column] = np.maximum(share[:, column], done * done * (3 - 2 * done))
    return share


def give_back_legs(
    pose: Pose, before: Mapping[str, np.ndarray], bone_of: Mapping[str, str], pinned: np.ndarray
) -> None:
    """Legs whose feet are pinned turn as they did before feet were locked; before: bone -> (T, 4)."""
    for column, side in enumerate(("left", "right")):
        if not pinned[:, column].any():
            continue
        joints = {f"{side}_{part}" for part in ("hip", "knee", "ankle", "foot")}
        also = {bone for bone, joint in pose.rest.hierarchy.also.items() if joint in joints}
        for bone in also | {bone_of[joint] for joint in joints if joint in bone_of}:
            if bone in before and pose.turned[bone].ndim == 2:
                pose.turned[bone] = rotations.slerp(pose.turned[bone], before[bone], pinned[:, column])


def _name(pin: Held) -> str:
    return pin.effector.replace("_", " ")


def _skeleton(rig: bpy.types.Object, bone_of: Mapping[str, str], rest: RigRest, stance: Stance) -> np.ndarray:
    """(22, 3) offsets, in the motion's metres, of a skeleton whose joints are where the rig's bones are in any pose.

    Every bone turns with its joint, so what the rig shows of the T-pose tells them.
    """
    still = np.broadcast_to(rotations.IDENTITY, (1, JOINT_COUNT, 4))
    heads = retarget(rig, bone_of, still, np.zeros((1, 3)), stance).heads()
    offsets = REST_OFFSETS.astype(np.float64).copy()
    places: list[np.ndarray] = []
    for joint, (name, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True)):
        bone = rest.hierarchy.anchor if name == "pelvis" else bone_of.get(name)
        if parent < 0:
            places.append(rest.to_motion(heads[bone][0]))
            continue
        places.append(rest.to_motion(heads[bone][0]) if bone in heads else places[parent] + offsets[joint])
        offsets[joint] = places[joint] - places[parent]
    return offsets


def _joint_turn(rest: RigRest, bone: str, effector: str, matrix: np.ndarray, stance: Stance) -> np.ndarray:
    """(4,) the world turn of a joint whose bone stands as a matrix in armature space says: what `retarget` undoes."""
    since_rest = rotations.multiply(turn_of(matrix), rotations.conjugate(turn_of(rest.standing(bone))))
    turn = in_frame(rotations.conjugate(rotations.from_matrix(rest.frame)), since_rest)
    alignment = rest_alignment(rest, stance).get(JOINT_NAMES[EFFECTORS[effector]])
    if alignment is not None:
        turn = rotations.multiply(turn, rotations.conjugate(alignment))
    return axes.quaternions_from_blender(turn)
