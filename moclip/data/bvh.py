# SPDX-License-Identifier: Apache-2.0
"""BVH files: any hierarchy, any channel order, positions on any joint. Units are the file's own."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip import rotations as rot
from moclip.errors import MoclipError
from moclip.motion import Motion, world_rotations
from moclip.skeleton import BONE_LENGTHS, CHILDREN, JOINT_INDEX, JOINT_NAMES, PARENTS
from moclip.stance import slope, stance_of

_SHORTEST_FRAME, _LONGEST_FRAME = 1e-4, 10.0  # seconds
_HINT = "Export it again as a BVH file with a full-body skeleton."


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


@dataclass
class _Hierarchy:
    names: list[str]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]
    ends: dict[int, np.ndarray]


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file.

    Raises MoclipError for a file that is missing, not BVH, cut in the middle, without frames, with a root only, or
    with numbers that are not finite.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise MoclipError(f"The file {path} cannot be read.", hint="Check the path.", code="bad_bvh") from error
    start = re.search(r"^\s*MOTION\s", text, re.MULTILINE)
    if "HIERARCHY" not in text[: start.start() if start else None]:
        raise _bad(path, "is not a BVH file: it has no HIERARCHY part")
    if not start:
        raise _bad(path, "has no frames: it ends before the MOTION part")
    try:
        hierarchy = _read_hierarchy(text[: start.start()].split())
    except (IndexError, ValueError) as error:
        raise _bad(path, "has a damaged HIERARCHY part") from error
    if len(hierarchy.names) < 2:
        raise _bad(path, "has a root joint only")
    values, seconds = _read_motion(path, text[start.end() :], sum(map(len, hierarchy.channels)))
    rotations, positions = _apply_channels(hierarchy, values)
    names, parents = tuple(hierarchy.names), tuple(hierarchy.parents)
    return Bvh(names, parents, np.array(hierarchy.offsets), rotations, positions, 1 / seconds, hierarchy.ends)


def _bad(path: Path, what: str) -> MoclipError:
    return MoclipError(f"The file {path} {what}.", hint=_HINT, code="bad_bvh")


def _read_hierarchy(words: list[str]) -> _Hierarchy:
    result = _Hierarchy([], [], [], [], {})
    open_joints: list[int] = []
    in_end, k = False, 0
    while k < len(words):
        word = words[k]
        if word in ("ROOT", "JOINT"):
            result.parents.append(open_joints[-1] if open_joints else -1)
            result.names.append(words[k + 1])
            result.channels.append([])
            k += 2
        elif word == "End":
            in_end = True
            k += 2
        elif word == "{":
            open_joints.append(open_joints[-1] if in_end else len(result.names) - 1)
            k += 1
        elif word == "}":
            open_joints.pop()
            in_end = False
            k += 1
        elif word == "OFFSET":
            offset = [float(x) for x in words[k + 1 : k + 4]]
            if in_end:
                result.ends[open_joints[-1]] = np.array(offset)
            else:
                result.offsets.append(offset)
            k += 4
        elif word == "CHANNELS":
            count = int(words[k + 1])
            result.channels[-1] = words[k + 2 : k + 2 + count]
            if not all(re.fullmatch("[XYZ](position|rotation)", channel) for channel in result.channels[-1]):
                raise ValueError("a channel is neither a position nor a rotation")
            k += 2 + count
        else:
            k += 1
    if open_joints or not len(result.names) == len(result.offsets):
        raise ValueError("braces or offsets are missing")
    if not np.isfinite(result.offsets).all():
        raise ValueError("an offset is not finite")
    return result


def _read_motion(path: Path, text: str, width: int) -> tuple[np.ndarray, float]:
    """Channel values (T, width) and seconds a frame from the text after MOTION."""
    head = re.match(r"\s*Frames:\s*(-?\d+)\s+Frame\s+Time:\s*(\S+)", text)
    if not head:
        raise _bad(path, "has a damaged MOTION part: no number of frames or no frame time")
    frames = int(head[1])
    try:
        seconds = float(head[2])
        values = np.array(text[head.end() :].split(), dtype=np.float64)
    except ValueError as error:
        raise _bad(path, "is cut in the middle or has words where numbers belong") from error
    if frames < 1:
        raise _bad(path, "has no frames")
    if not _SHORTEST_FRAME <= seconds <= _LONGEST_FRAME:
        raise _bad(path, f"has a frame time of {head[2]}")
    if len(values) < frames * width:
        raise _bad(path, f"is cut in the middle: it promises {frames} frames and holds {len(values) // max(width, 1)}")
    if not np.isfinite(values).all():
        raise _bad(path, "holds numbers that are not finite")
    return values[: frames * width].reshape(frames, width), seconds


def _apply_channels(hierarchy: _Hierarchy, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    frames, count = len(values), len(hierarchy.names)
    rotations = np.tile(rot.IDENTITY, (frames, count, 1))
    positions = np.tile(np.array(hierarchy.offsets), (frames, 1, 1))
    at = 0
    for joint, channels in enumerate(hierarchy.channels):
        part = values[:, at : at + len(channels)]
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
    soles are on the floor (`moclip.stance`). Programs that take a motion to their characters do so by how far joints
    have turned since rest, and their characters' rests stand flat. `REST_OFFSETS` does not: its feet are horizontal, by
    it a flat foot has turned by its slope, and every character would stand on its toes.
    """
    order, (offsets, rotations, ends) = _depth_first(0), _standing_rest(motion)
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


def _standing_rest(motion: Motion) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
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
