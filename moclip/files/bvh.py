# SPDX-License-Identifier: Apache-2.0
"""BVH files: any hierarchy, any channel order, positions on any joint. Units are the file's own.

`moclip.files.bvh_text` reads what people's files say; here it becomes rotations and positions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.files.bvh_text import BvhText, parse_bvh
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import BONE_LENGTHS, CHILDREN, JOINT_INDEX, JOINT_NAMES, PARENTS
from moclip.motion.stance import slope, stance_of


@dataclass(frozen=True)
class Written:
    """What a file said, to write it again. head: all up to its frames. channels: of each joint, as "Zrotation".
    values: (T, channels), degrees and the file's units."""

    head: str
    channels: tuple[tuple[str, ...], ...]
    values: np.ndarray


@dataclass(frozen=True)
class Bvh:
    """names, parents: (J,). offsets: (J, 3). rotations: (T, J, 4) local, wxyz. positions: (T, J, 3) local, which are
    the offsets where a joint has no position channels. ends: offset of each joint's end site."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    rotations: np.ndarray
    positions: np.ndarray
    fps: float
    ends: dict[int, np.ndarray]
    notes: tuple[str, ...] = ()
    written: Written | None = None

    @property
    def frames(self) -> int:
        return len(self.rotations)

    def world(self) -> tuple[np.ndarray, np.ndarray]:
        """World rotations (T, J, 4) and positions (T, J, 3)."""
        rotations, positions = np.empty_like(self.rotations), np.empty_like(self.positions)
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                rotations[:, joint], positions[:, joint] = self.rotations[:, joint], self.positions[:, joint]
            else:
                rotations[:, joint] = rot.multiply(rotations[:, parent], self.rotations[:, joint])
                moved = rot.rotate(rotations[:, parent], self.positions[:, joint])
                positions[:, joint] = positions[:, parent] + moved
        return rotations, positions


def read_bvh(path: Path, fps: float | None = None) -> Bvh:
    """Read a BVH file. fps: its frame rate, where the file's own is not to be believed.

    What can be read is read, and told of in `notes`. Raises MoclipError for a file that is missing, not BVH, without
    frames, with a root only, or damaged so that nothing tells what was meant.
    """
    text = parse_bvh(Path(path), fps)
    names, doubled = unique_names(text.names)
    rotations, positions = _apply_channels(text)
    notes = (*text.notes, *doubled)
    return Bvh(
        names, tuple(text.parents), text.offsets, rotations, positions, 1 / text.seconds, text.ends, notes,
        Written(text.head, tuple(map(tuple, text.channels)), text.values),
    )  # fmt: skip


def unique_names(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of which no two are the same, and what to tell: a second "Hips" is "Hips (2)"."""
    found: dict[str, int] = {}
    result, doubled = [], []
    for name in names:
        found[name] = found.get(name, 0) + 1
        if found[name] > 1:
            doubled.append(name)
        result.append(f"{name} ({found[name]})" if found[name] > 1 else name)
    told = f"Several joints are called {doubled[0]}; the first is taken." if doubled else ""
    return tuple(result), (told,) if told else ()


def _apply_channels(text: BvhText) -> tuple[np.ndarray, np.ndarray]:
    frames, count = len(text.values), len(text.names)
    rotations = np.tile(rot.IDENTITY, (frames, count, 1))
    positions = np.tile(text.offsets, (frames, 1, 1))
    at = 0
    for joint, channels in enumerate(text.channels):
        part = text.values[:, at : at + len(channels)]
        at += len(channels)
        turns = [k for k, name in enumerate(channels) if name.endswith("rotation")]
        if turns:
            rotations[:, joint] = rot.from_euler_deg(part[:, turns], "".join(channels[k][0] for k in turns))
        for k, name in enumerate(channels):
            if name.endswith("position"):
                positions[:, joint, "XYZ".index(name[0])] = part[:, k]
    return rotations, positions


BVH_NAMES = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_collar": "RightShoulder", "right_shoulder": "RightArm", "right_elbow": "RightForeArm",
    "right_wrist": "RightHand",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "right_hip": "RightUpLeg", "right_knee": "RightLeg", "right_ankle": "RightFoot", "right_foot": "RightToeBase",
}  # fmt: skip
"""Joint -> its name in the files that we write, which other programs know (Mixamo's, without the prefix)."""

_END_SITES = {
    "head": (0.0, 15.0, 0.0),
    "left_foot": (0.0, 0.0, 6.0),
    "right_foot": (0.0, 0.0, 6.0),
    "left_wrist": (15.0, 0.0, 0.0),
    "right_wrist": (-15.0, 0.0, 0.0),
}
_CM = 100.0
_FEET = {JOINT_INDEX[f"{side}_ankle"]: JOINT_INDEX[f"{side}_foot"] for side in ("left", "right")}
_OWN_FOOT_CM = 0.01
_LEFT, _, _AHEAD = np.eye(3)


def write_bvh(motion: Motion, path: Path) -> None:
    """Write centimetres, Y up, rotations in Z X Y order; `motion_io.load_motion` reads the same motion back.

    The rest of the file is the T-pose of somebody who stands flat: feet and toes slope as the motion's do where its
    soles are on the floor (`moclip.motion.stance`). Programs that take a motion to their characters do so by how far
    joints have turned since rest, and their characters' rests stand flat. `REST_OFFSETS` does not: its feet are
    horizontal, by it a flat foot has turned by its slope, and every character would stand on its toes.
    """
    order, (offsets, rotations, ends) = _depth_first(0), standing_rest(motion)
    lines = [
        "HIERARCHY",
        *_hierarchy_lines(offsets, ends, 0, 0),
        "MOTION",
        f"Frames: {motion.frames}",
        f"Frame Time: {1 / motion.fps:.8f}",
    ]
    angles = np.degrees(euler_zxy(rotations[:, order])).reshape(motion.frames, -1)
    rows = np.concatenate([motion.root_translation.astype(np.float64) * _CM, angles], axis=1)
    lines += [" ".join(f"{x:.5f}" for x in row) for row in rows]
    Path(path).write_text("\n".join(lines) + "\n", encoding="ascii")


def standing_rest(motion: Motion) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Offsets (22, 3) in metres, rotations (T, 22, 4) and end sites in centimetres by a rest that stands flat."""
    offsets, rotations = motion.offsets.astype(np.float64), motion.rotations.astype(np.float64)
    toes = rot.rotate(world_rotations(rotations)[:, list(_FEET.values())], _AHEAD)
    stance = stance_of(motion.joints(), motion.fps, toes)
    ends = {joint: np.array(end) for joint, end in _END_SITES.items()}
    for (ankle, toe), foot, tip in zip(_FEET.items(), stance.slopes, stance.toe_slopes, strict=True):
        foot_turn, tip_turn = rot.from_axis_angle(_LEFT, np.array(foot)), rot.from_axis_angle(_LEFT, np.array(tip))
        offsets[toe] = rot.rotate(foot_turn, offsets[toe])
        ends[JOINT_NAMES[toe]] = rot.rotate(tip_turn, ends[JOINT_NAMES[toe]])
        rotations[:, toe] = rot.multiply(rot.multiply(foot_turn, rotations[:, toe]), rot.conjugate(tip_turn))
        rotations[:, ankle] = rot.multiply(rotations[:, ankle], rot.conjugate(foot_turn))
    return offsets, rotations, ends


def own_feet(bvh: Bvh) -> dict[str, np.ndarray] | None:
    """Ankle and toe joint -> rotation (4,) from the feet of `REST_OFFSETS` to those of the rest of a file of ours.

    None for a file of others: only ours have our joints by our names, with feet of our lengths that point straight
    ahead.
    """
    if set(bvh.names) != set(BVH_NAMES.values()):
        return None
    turns = {}
    for ankle, toe in _FEET.items():
        index = bvh.names.index(BVH_NAMES[JOINT_NAMES[toe]])
        offset, end = bvh.offsets[index], bvh.ends.get(index)
        if end is None or abs(np.linalg.norm(offset) - BONE_LENGTHS[toe] * _CM) > _OWN_FOOT_CM:
            return None
        if max(abs(offset[0]), abs(end[0])) > _OWN_FOOT_CM or min(offset[2], end[2]) <= 0:
            return None
        for joint, direction in ((ankle, offset), (toe, end)):
            turns[JOINT_NAMES[joint]] = rot.from_axis_angle(_LEFT, slope(np.asarray(direction, dtype=np.float64)))
    return turns


def _depth_first(joint: int) -> list[int]:
    return [joint, *(j for child in CHILDREN[joint] for j in _depth_first(child))]


def _hierarchy_lines(offsets: np.ndarray, ends: dict[str, np.ndarray], joint: int, depth: int) -> list[str]:
    tab = "\t" * depth
    offset = " ".join(f"{x:.5f}" for x in (offsets[joint] * _CM if PARENTS[joint] >= 0 else np.zeros(3)))
    positions = "6 Xposition Yposition Zposition" if PARENTS[joint] < 0 else "3"
    lines = [
        f"{tab}{'ROOT' if PARENTS[joint] < 0 else 'JOINT'} {BVH_NAMES[JOINT_NAMES[joint]]}",
        f"{tab}{{",
        f"{tab}\tOFFSET {offset}",
        f"{tab}\tCHANNELS {positions} Zrotation Xrotation Yrotation",
    ]
    for child in CHILDREN[joint]:
        lines += _hierarchy_lines(offsets, ends, child, depth + 1)
    if not CHILDREN[joint]:
        end = " ".join(f"{x:.5f}" for x in ends[JOINT_NAMES[joint]])
        lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {end}", f"{tab}\t}}"]
    return [*lines, f"{tab}}}"]


def euler_zxy(q: np.ndarray) -> np.ndarray:
    """Angles (..., 3) in radians about Z, X and Y, in that order, whose intrinsic product is q (..., 4)."""
    m = rot.to_matrix(q)
    x = np.arcsin(np.clip(m[..., 2, 1], -1, 1))
    locked = np.abs(m[..., 2, 1]) > 1 - 1e-9
    z = np.where(locked, rot.arctan2(m[..., 1, 0], m[..., 0, 0]), rot.arctan2(-m[..., 0, 1], m[..., 1, 1]))
    y = np.where(locked, 0.0, rot.arctan2(-m[..., 2, 0], m[..., 2, 2]))
    return np.stack([z, x, y], axis=-1)
