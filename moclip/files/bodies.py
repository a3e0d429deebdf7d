# SPDX-License-Identifier: Apache-2.0
"""Which joints of a BVH file are ours, and which of its poses is that of a standing body."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh
from moclip.files.bvh_poses import zero_pose
from moclip.files.joint_maps import REQUIRED, JointMap, find_joint_map
from moclip.files.reference_pose import present_in
from moclip.motion import rotations as rot
from moclip.skeletons.bone_names import match_names


def understood(bvh: Bvh, path: Path, joint_map: JointMap | None) -> tuple[Bvh, JointMap]:
    """The clip and the joint map given, or the one that fits; with end sites of limbs as joints where it has no others.

    Raises MoclipError for a joint map that lacks joints, and where none is found.
    """
    if joint_map is None:
        try:
            joint_map = find_joint_map(bvh, path)
        except MoclipError:
            bvh, found = _with_ends(bvh)
            if not found:
                raise
            joint_map = found
    missing = [j for j in ("pelvis", *REQUIRED) if joint_map.joints.get(j) not in bvh.names]
    if missing:
        raise MoclipError(
            f"The skeleton of {path} has no joint for {', '.join(missing[:4])}.",
            hint="Mend the joint map.",
            code="unknown_skeleton",
        )
    return bvh, _with_reference(bvh, joint_map)


def _with_ends(bvh: Bvh) -> tuple[Bvh, JointMap | None]:
    """Of a skeleton whose forearms and shins end in end sites: these as joints, and the map; None for other bodies."""
    parents = {name: bvh.names[k] if k >= 0 else None for name, k in zip(bvh.names, bvh.parents, strict=True)}
    match = match_names(bvh.names, parents)
    joints, added = dict(match.joints), []
    for side in ("left", "right"):
        for limb, end in (("knee", "ankle"), ("elbow", "wrist")):
            k = bvh.names.index(joints[f"{side}_{limb}"]) if f"{side}_{limb}" in joints else -1
            if f"{side}_{end}" not in joints and k in bvh.ends:
                joints[f"{side}_{end}"] = f"{bvh.names[k]} end"
                added.append(k)
    if not added or any(joint not in joints for joint in ("pelvis", *REQUIRED)):
        return bvh, None
    still = np.tile(rot.IDENTITY, (bvh.frames, len(added), 1))
    offsets = np.array([bvh.ends[k] for k in added])
    written = bvh.written and replace(bvh.written, channels=(*bvh.written.channels, *((),) * len(added)))
    larger = Bvh(
        (*bvh.names, *(f"{bvh.names[k]} end" for k in added)), (*bvh.parents, *added),
        np.concatenate([bvh.offsets, offsets]), np.concatenate([bvh.rotations, still], axis=1),
        np.concatenate([bvh.positions, np.tile(offsets, (bvh.frames, 1, 1))], axis=1),
        bvh.fps, {k: end for k, end in bvh.ends.items() if k not in added}, bvh.notes, written,
    )  # fmt: skip
    if "spine2" in joints and "spine3" not in joints:
        joints["spine3"] = joints.pop("spine2")
    note = "It has no ankles or wrists; the ends of its limbs are taken for them."
    return larger, JointMap(match.family, joints, notes=(note,))


_HANGS = 0.3
"""Cosine between trunk and legs of a zero pose that is taken for a body: one that sits is none."""


def _with_reference(bvh: Bvh, joint_map: JointMap) -> JointMap:
    """The map; with a frame of the clip as the standing pose where the zero pose is not that of a body."""
    if joint_map.axes or joint_map.reference is not None or _uprightness(bvh, zero_pose(bvh), joint_map)[0] > _HANGS:
        return joint_map
    told = _uprightness(bvh, bvh, joint_map)
    frame = int(np.argmax(told))
    if told[frame] < np.cos(np.radians(40.0)):
        return joint_map
    note = f"Its rest pose is not that of a body; frame {frame + 1}, in which it stands, is taken for one."
    return replace(joint_map, reference=frame, notes=(*joint_map.notes, note))


def _uprightness(bvh: Bvh, pose: Bvh, joint_map: JointMap) -> np.ndarray:
    """(T,) how straight a body's legs hang from its trunk and its arms stand apart: 1 wholly, below 0 not at all."""
    present = present_in(bvh, joint_map)
    _, positions = pose.world()
    at = {joint: positions[:, k] for joint, k in present.items()}

    def way(a: str, b: str) -> np.ndarray:
        return rot.normalize(at[b] - at[a])

    trunk = way("pelvis", "head" if "head" in at else "neck" if "neck" in at else "left_shoulder")
    straight = [np.sum(trunk * way(f"{s}_{a}", f"{s}_{b}"), axis=-1) for s in ("left", "right")
                for a, b in (("knee", "hip"), ("ankle", "knee"))]  # fmt: skip
    sides = np.sum(way("right_hip", "left_hip") * way("right_shoulder", "left_shoulder"), axis=-1)
    straightness: np.ndarray = np.minimum(np.min(straight, axis=0), sides)
    return straightness
