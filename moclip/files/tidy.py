# SPDX-License-Identifier: Apache-2.0
"""Frames of a clip that are no part of its motion: a pose that it begins with, and frames that jump away."""

from dataclasses import replace

import numpy as np

from moclip.files.bvh import Bvh
from moclip.files.joint_maps import JointMap
from moclip.files.retarget import leg_length
from moclip.motion import rotations as rot
from moclip.motion.skeleton import BONE_LENGTHS

_LEAP_M_S = 25.0
"""No person's pelvis moves as fast."""
_LEAP_M = 1.0
_LEAP_RAD = np.radians(45.0)
"""By which some joint is turned in a frame whose rotations have leapt as well."""
_LONGEST_GLITCH_S = 0.2
_POSE_DEG = 20.0
"""By which some joint turns from a pose that was put before the motion; more than `_FASTER` times as far as next."""
_FASTER = 3.0
_LIMBS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "hip", "knee"))


def tidied(bvh: Bvh, joint_map: JointMap) -> tuple[Bvh, int, tuple[str, ...]]:
    """The clip without them, how many frames are left out at its beginning, and a sentence for each such place."""
    index = {joint: bvh.names.index(name) for joint, name in joint_map.joints.items() if name in bvh.names}
    first, notes = 0, []
    if _begins_with_a_pose(bvh, index):
        first, notes = 1, ["Its first frame is a pose that the skeleton was set up in; it is left out."]
        bvh = replace(bvh, rotations=bvh.rotations[1:], positions=bvh.positions[1:])
    bvh, mended = _without_leaps(bvh, index, first)
    return bvh, first, (*notes, *mended)


def _begins_with_a_pose(bvh: Bvh, index: dict[str, int]) -> bool:
    limbs = [index[joint] for joint in _LIMBS if joint in index]
    if bvh.frames < 4 or not limbs:
        return False
    turned = rot.angle_between(bvh.rotations[:5, limbs][:-1], bvh.rotations[:5, limbs][1:]).max(axis=1)
    if np.degrees(turned[0]) < _POSE_DEG or turned[0] < _FASTER * turned[1:].max():
        return False
    still = np.degrees(rot.angle_between(bvh.rotations[0, limbs], np.broadcast_to(rot.IDENTITY, (len(limbs), 4))))
    return bool(still.max() < 0.01) or _is_t_pose(bvh, index)


def _is_t_pose(bvh: Bvh, index: dict[str, int]) -> bool:
    """Whether the first frame has straight arms aside, level with one another, and straight legs down."""
    _, positions = replace(bvh, rotations=bvh.rotations[:1], positions=bvh.positions[:1]).world()
    at = {joint: positions[0, k] for joint, k in index.items()}

    def way(a: str, b: str) -> np.ndarray:
        return rot.normalize(at[b] - at[a])

    left = way("right_hip", "left_hip")
    down = rot.normalize(way("left_hip", "left_ankle") + way("right_hip", "right_ankle"))
    aligned = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arms = [sign * left @ way(f"{side}_{a}", f"{side}_{b}") for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))]
        legs = [down @ way(f"{side}_{a}", f"{side}_{b}") for a, b in (("hip", "knee"), ("knee", "ankle"))]
        aligned += arms + legs
    return bool(min(aligned) > np.cos(np.radians(15.0)))


def _without_leaps(bvh: Bvh, index: dict[str, int], skipped: int) -> tuple[Bvh, list[str]]:
    """Frames far away from those before and after, each made from these. skipped: frames left out before."""
    if bvh.frames < 3:
        return bvh, []
    _, world = bvh.world()
    metres = BONE_LENGTHS[[4, 5, 7, 8]].sum() / leg_length(world, index)
    path = world[:, index["pelvis"]] * metres
    step = np.linalg.norm(np.diff(path, axis=0), axis=1)
    leaps = np.flatnonzero(step > max(_LEAP_M, _LEAP_M_S / bvh.fps))
    rotations, positions, notes = bvh.rotations, bvh.positions, []
    for start, end in _stretches(leaps, path, bvh):
        if rotations is bvh.rotations:
            rotations, positions = rotations.copy(), positions.copy()
        before, after = max(start - 1, 0), min(end, bvh.frames - 1)
        if start == 0:
            before = after
        elif end == bvh.frames:
            after = before
        for frame in range(start, end):
            share = np.full(rotations.shape[1], (frame - start + 1) / (end - start + 1))
            turned = rot.slerp(bvh.rotations[before], bvh.rotations[after], share)
            if rot.angle_between(turned, bvh.rotations[frame]).max() > _LEAP_RAD:
                rotations[frame] = turned
            positions[frame] = positions[before] + (bvh.positions[after] - positions[before]) * share[:, None]
        distance = np.linalg.norm(path[start] - path[before]) if start else np.linalg.norm(path[0] - path[after])
        first, last = start + skipped + 1, end + skipped
        if first == last:
            notes.append(f"Frame {first} is {distance:.0f} m away from its neighbours; it is made from them.")
        else:
            notes.append(f"Frames {first} to {last} are {distance:.0f} m away; they are made from their neighbours.")
    return (replace(bvh, rotations=rotations, positions=positions), notes) if notes else (bvh, [])


def _stretches(leaps: np.ndarray, path: np.ndarray, bvh: Bvh) -> list[tuple[int, int]]:
    """(first, end) of short stretches between a leap away and one back, or between a leap and an end of the clip."""
    longest = max(1, int(_LONGEST_GLITCH_S * bvh.fps))
    found, k = [], 0
    ends = [int(leap) + 1 for leap in leaps]
    while k < len(ends):
        start = ends[k]
        back = next((e for e in ends[k + 1 :] if e - start <= longest and _near(path, start - 1, e)), None)
        if back is not None:
            found.append((start, back))
            k = ends.index(back) + 1
        elif start == 1 and len(ends) == 1:
            found.append((0, 1))
            k += 1
        elif start == bvh.frames - 1 and len(ends) == 1:
            found.append((start, bvh.frames))
            k += 1
        else:
            k += 1
    return found


def _near(path: np.ndarray, one: int, other: int) -> bool:
    return bool(np.linalg.norm(path[one] - path[other]) < _LEAP_M)
