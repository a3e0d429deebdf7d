# SPDX-License-Identifier: Apache-2.0
"""BVH files of other programs' skeletons, made for tests."""

from pathlib import Path

import numpy as np

from moclip.files.bvh import BVH_NAMES, Bvh
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import JOINT_NAMES, PARENTS


def clip_of(
    motion: Motion,
    names: dict[str, str] | None = None,
    *,
    world: np.ndarray = rot.IDENTITY,
    scale: float = 100.0,
    zero: dict[str, np.ndarray] | None = None,
) -> Bvh:
    """The motion by a skeleton of other names, axes, units and zero pose (joint -> what its bones are turned by there).

    world: what takes our axes to the file's.
    """
    named = names or BVH_NAMES
    pose = np.stack([rot.multiply(world, (zero or {}).get(name, rot.IDENTITY)) for name in JOINT_NAMES])
    theirs = rot.multiply(
        rot.multiply(world, world_rotations(motion.rotations.astype(np.float64))), rot.conjugate(pose)
    )
    local, offsets = theirs.copy(), np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        local[:, joint] = rot.multiply(rot.conjugate(theirs[:, parent]), theirs[:, joint])
        offsets[joint] = rot.rotate(pose[parent], motion.offsets[joint].astype(np.float64)) * scale
    positions = np.tile(offsets, (motion.frames, 1, 1))
    positions[:, 0] = rot.rotate(world, motion.root_translation.astype(np.float64)) * scale
    ends = {k: rot.rotate(pose[k], np.array([0.0, 0.0, 0.05])) * scale for k in (10, 11, 15, 20, 21)}
    return Bvh(tuple(named[name] for name in JOINT_NAMES), PARENTS, offsets, local, positions, motion.fps, ends)


def with_joint(bvh: Bvh, name: str, parent: str, offset: tuple, turns: np.ndarray | None = None) -> Bvh:
    """One more leaf joint, such as a finger's. turns: (T, 4)."""
    above = bvh.names.index(parent)
    turns = np.tile(rot.IDENTITY, (bvh.frames, 1)) if turns is None else turns
    moved = np.tile(np.array(offset, dtype=float), (bvh.frames, 1))
    return Bvh(
        (*bvh.names, name), (*bvh.parents, above), np.concatenate([bvh.offsets, moved[:1]]),
        np.concatenate([bvh.rotations, turns[:, None]], axis=1),
        np.concatenate([bvh.positions, moved[:, None]], axis=1), bvh.fps, bvh.ends,
    )  # fmt: skip


def write(bvh: Bvh, path: Path, *, moving: bool = False) -> Path:
    """moving: position channels on every joint, not only on the root."""
    lines, order = ["HIERARCHY"], []

    def joint(k: int, depth: int) -> None:
        tab = "\t" * depth
        order.append(k)
        where = bvh.offsets[k]
        channels = "6 Xposition Yposition Zposition" if moving or bvh.parents[k] < 0 else "3"
        lines.extend([f"{tab}{'ROOT' if bvh.parents[k] < 0 else 'JOINT'} {bvh.names[k]}", f"{tab}{{",
                      f"{tab}\tOFFSET {where[0]:.7f} {where[1]:.7f} {where[2]:.7f}",
                      f"{tab}\tCHANNELS {channels} Zrotation Xrotation Yrotation"])  # fmt: skip
        children = [c for c, p in enumerate(bvh.parents) if p == k]
        for child in children:
            joint(child, depth + 1)
        if not children:
            end = bvh.ends.get(k, np.zeros(3))
            numbers = " ".join(f"{x:.7f}" for x in end)
            lines.extend([f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {numbers}", f"{tab}\t}}"])
        lines.append(f"{tab}}}")

    for k, parent in enumerate(bvh.parents):
        if parent < 0:
            joint(k, 0)
    from moclip.files.bvh import euler_zxy

    angles = np.degrees(euler_zxy(bvh.rotations))
    lines += ["MOTION", f"Frames: {bvh.frames}", f"Frame Time: {1 / bvh.fps:.8f}"]
    for frame in range(bvh.frames):
        row = []
        for k in order:
            if moving or bvh.parents[k] < 0:
                row += list(bvh.positions[frame, k])
            row += list(angles[frame, k])
        lines.append(" ".join(f"{x:.6f}" for x in row))
    path.write_text("\n".join(lines) + "\n")
    return path


MIXAMO = {joint: f"mixamorig:{name}" for joint, name in BVH_NAMES.items()}
BIPED = {
    "pelvis": "Bip01 Pelvis", "spine1": "Bip01 Spine", "spine2": "Bip01 Spine1", "spine3": "Bip01 Spine2",
    "neck": "Bip01 Neck", "head": "Bip01 Head",
    **{f"{side}_{ours}": f"Bip01 {side[0].upper()} {theirs}" for side in ("left", "right") for ours, theirs in (
        ("hip", "Thigh"), ("knee", "Calf"), ("ankle", "Foot"), ("foot", "Toe0"), ("collar", "Clavicle"),
        ("shoulder", "UpperArm"), ("elbow", "Forearm"), ("wrist", "Hand"))},
}  # fmt: skip
UNREAL = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head",
    **{f"{side}_{ours}": f"{theirs}_{side[0]}" for side in ("left", "right") for ours, theirs in (
        ("hip", "thigh"), ("knee", "calf"), ("ankle", "foot"), ("foot", "ball"), ("collar", "clavicle"),
        ("shoulder", "upperarm"), ("elbow", "lowerarm"), ("wrist", "hand"))},
}  # fmt: skip
NUMBERED = {joint: f"b{k}" for k, joint in enumerate(JOINT_NAMES)}
