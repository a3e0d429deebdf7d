# SPDX-License-Identifier: Apache-2.0
"""BVH files of any skeleton as motions on ours, and what is needed to give them back (`moclip.files.keep`)."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from moclip.files.bodies import understood
from moclip.files.bvh import BVH_NAMES, Bvh, own_feet, read_bvh
from moclip.files.bvh_poses import FPS, resample
from moclip.files.joint_maps import JointMap
from moclip.files.joints import motion_of_joints
from moclip.files.reading import Given, Reading, told_up
from moclip.files.reference_pose import upright
from moclip.files.retarget import Fit, fitted
from moclip.files.tidy import tidied
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import BONE_LENGTHS, JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS

_OURS = {BVH_NAMES[name] for name in JOINT_NAMES}
_CM = 100.0
_UNITS = {"centimetres": 100.0, "metres": 1.0, "inches": 1 / 0.0254, "millimetres": 1000.0, "feet": 1 / 0.3048,
          "decimetres": 10.0}  # fmt: skip
_SAME = 0.003
"""Share by which lengths of one skeleton differ in two files, by their rounding."""
_CHILD, _GIANT = 0.55, 1.6
"""Sizes of people, by ours: legs beyond these are in another unit."""
_SAME_DIRECTION = np.cos(np.radians(12.0))
_EXACT_M = 1e-6
_LEGS = [4, 5, 7, 8]
_TOES = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
_Y = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, kw_only=True)
class BvhReading(Reading):
    """bvh: the file. first: its frame with which the motion begins. fit: how its skeleton lies in our world, None where
    rotations were solved. is_ours:
    whether that is our skeleton, with its own rotations."""

    bvh: Bvh
    joint_map: JointMap
    fit: Fit | None = None
    first: int = 0
    is_ours: bool = False


def read_foreign(
    path: Path, joint_map: JointMap | None = None, *, given: Given | None = None, fps: float | None = None
) -> BvhReading:
    """A file of any skeleton on ours, its lowest joint on the floor. fps: of the motion; None is the file's own rate.

    Raises MoclipError for a bad file, or one with no body that can be found.
    """
    given = given or Given()
    bvh = read_bvh(path, given.fps)
    bvh, found = understood(bvh, path, joint_map or given.joint_map)
    return _fitted(bvh, found, given, fps)


def read_any_bvh(path: Path, given: Given | None = None, fps: float | None = None) -> BvhReading:
    """A file of ours as it is, whoever wrote it again since; files of other skeletons on ours.

    fps: of motions of other skeletons; ours keep theirs. Raises MoclipError as `read_foreign` does.
    """
    given = given or Given()
    return read_clip(read_bvh(path, given.fps), path, given, fps)


def read_clip(bvh: Bvh, path: Path, given: Given, fps: float | None = None) -> BvhReading:
    """The same of what was read of the file at this path. Raises MoclipError where it has no body that can be found."""
    bvh, joint_map = understood(bvh, path, given.joint_map)
    clip, first, tidy = tidied(bvh, joint_map)
    ours = _as_ours(clip, joint_map, given)
    if ours is None:
        return _fitted(bvh, joint_map, given, fps)
    canonical, turn, per_metre, guessed = ours
    constants = {joint: rot.conjugate(turn) for joint in JOINT_NAMES}
    for joint, foot in (own_feet(canonical) or {}).items():
        constants[joint] = rot.multiply(constants[joint], foot)
    index = {joint: clip.names.index(name) for joint, name in joint_map.joints.items()}
    fit = Fit(constants, index, turn, 1 / per_metre, 0.0, rot.IDENTITY)
    notes = (*bvh.notes, *tidy, *guessed)
    return BvhReading(_our_motion(canonical), notes, bvh=bvh, joint_map=joint_map, fit=fit, first=first, is_ours=True)


def _fitted(bvh: Bvh, joint_map: JointMap, given: Given, fps: float | None) -> BvhReading:
    clip, first, tidy = tidied(bvh, joint_map)
    if _holds_positions_only(clip, joint_map):
        return _by_positions(bvh, clip, joint_map, given, fps or clip.fps, (*tidy, *joint_map.notes))
    motion, fit = fitted(clip, joint_map, fps or clip.fps, up=given.up_axis, scale=given.scale)
    guessed = [*joint_map.notes]
    if given.up is None:
        guessed += told_up(fit.turn)
    if fit.pelvis.ndim > 1:
        guessed.append("Its hip joints undo the turns of its hips; the pelvis faces where the legs say.")
    unit = 1 / fit.scale / _CM
    if given.scale is None and not _CHILD < unit < _GIANT:
        guessed.append(f"By the length of its legs, one of its units is {fit.scale:.4g} metres.")
    notes = (*bvh.notes, *tidy, *guessed)
    return BvhReading(motion, notes, bvh=bvh, joint_map=joint_map, fit=fit, first=first)


def _holds_positions_only(clip: Bvh, joint_map: JointMap) -> bool:
    """Whether limbs are moved by position channels and never turned, as marker programs write them."""
    if clip.written is None:
        return False
    limbs = [clip.names.index(joint_map.joints[f"{s}_{j}"]) for s in ("left", "right")
             for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]  # fmt: skip
    channels = [clip.written.channels[k] for k in limbs]
    placed = all(sum(c.endswith("position") for c in listed) == 3 for listed in channels)
    return placed and not any(c.endswith("rotation") for listed in channels for c in listed)


def _by_positions(
    bvh: Bvh, clip: Bvh, joint_map: JointMap, given: Given, fps: float, notes: tuple[str, ...]
) -> BvhReading:
    """A clip whose joints only have places: its rotations are solved from these."""

    _, places = resample(clip, fps).world()
    at = {joint: places[:, clip.names.index(name)] for joint, name in joint_map.joints.items()}
    at.setdefault("spine3", (at["left_shoulder"] + at["right_shoulder"]) / 2 * 0.8 + at["pelvis"] * 0.2)
    at.setdefault("spine1", at["pelvis"] * 0.65 + at["spine3"] * 0.35)
    at.setdefault("spine2", (at["spine1"] + at["spine3"]) / 2)
    at.setdefault("neck", (at["left_shoulder"] + at["right_shoulder"]) / 2)
    at.setdefault("head", at["neck"] * 1.5 - at["spine3"] * 0.5)
    ahead = np.cross(at["left_hip"] - at["right_hip"], at["neck"] - at["pelvis"])
    for side in ("left", "right"):
        at.setdefault(f"{side}_collar", at["spine3"] * 0.4 + at[f"{side}_shoulder"] * 0.2 + at["neck"] * 0.4)
        foot = 0.35 * np.linalg.norm(at[f"{side}_ankle"] - at[f"{side}_knee"], axis=-1, keepdims=True)
        at.setdefault(f"{side}_foot", at[f"{side}_ankle"] + rot.normalize(ahead) * foot)
    joints = np.stack([at[name] for name in JOINT_NAMES], axis=1)
    motion, told = motion_of_joints(joints, replace(given, fps=fps))
    note = "Its joints have places and no rotations; these are solved from them."
    return BvhReading(motion, (*bvh.notes, *notes, note, *told), bvh=bvh, joint_map=joint_map)


def _as_ours(bvh: Bvh, joint_map: JointMap, given: Given) -> tuple[Bvh, np.ndarray, float, list[str]] | None:
    """A file of our skeleton in centimetres, Y up and with our names; what it was turned by, its units in a metre, and
    what was guessed. None for other skeletons.

    Programs write our files again in their units and with their axes up.
    """
    if len(bvh.names) != len(JOINT_NAMES) or set(joint_map.joints) != set(JOINT_NAMES):
        return None
    order = [bvh.names.index(joint_map.joints[name]) for name in JOINT_NAMES]
    if any(bvh.parents[k] != (order[p] if p >= 0 else -1) for k, p in zip(order, PARENTS, strict=True)):
        return None
    rest = _zero_positions(bvh)
    turn = upright({name: rest[k] for name, k in zip(JOINT_NAMES, order, strict=True)})
    offsets = rot.rotate(turn, bvh.offsets[order])
    lengths = np.linalg.norm(offsets, axis=-1)[1:]
    ratio = float(lengths[np.array(_LEGS) - 1].sum() / BONE_LENGTHS[_LEGS].sum())
    exact = ratio > 0 and np.abs(lengths / ratio / BONE_LENGTHS[1:] - 1).max() < _SAME
    if not exact and (set(bvh.names) != _OURS or not _like_our_rest(offsets)):
        return None
    if (up := given.up_axis) is not None:
        turn = rot.between(up, _Y)
    per_metre, notes = _unit(ratio, exact, given)
    if given.up is None:
        notes = told_up(turn) + notes
    names = tuple(BVH_NAMES[name] for name in JOINT_NAMES)
    ends = {order.index(k): rot.rotate(turn, end) / per_metre * _CM for k, end in bvh.ends.items()}
    rotations, positions = bvh.rotations[:, order], bvh.positions[:, order]
    if not np.allclose(np.abs(turn), rot.IDENTITY):
        rotations = rot.multiply(rot.multiply(turn, rotations), rot.conjugate(turn))
        positions = rot.rotate(turn, positions)
    else:
        offsets = bvh.offsets[order]
    metres = _CM / per_metre
    canonical = Bvh(names, PARENTS, offsets * metres, rotations, positions * metres, bvh.fps, ends)
    return canonical, turn, per_metre, notes


def _zero_positions(bvh: Bvh) -> np.ndarray:
    still = np.tile(rot.IDENTITY, (1, len(bvh.names), 1))
    places: np.ndarray = replace(bvh, rotations=still, positions=bvh.offsets[None]).world()[1][0]
    return places


def _like_our_rest(offsets: np.ndarray) -> bool:
    along = np.sum(rot.normalize(offsets) * rot.normalize(REST_OFFSETS.astype(np.float64)), axis=-1)
    return bool(np.delete(along, (0, *_TOES)).min() > _SAME_DIRECTION)


def _unit(ratio: float, exact: bool, given: Given) -> tuple[float, list[str]]:
    """How many of a file's units are a metre, and what to tell. ratio: that of its legs by ours."""
    if given.scale is not None:
        return 1 / given.scale, []
    if exact:
        name, unit = min(_UNITS.items(), key=lambda item: abs(np.log(item[1] / ratio)))
        if abs(unit / ratio - 1) > _SAME:
            return ratio, [f"By the length of its legs, one of its units is {1 / ratio:.4g} metres."]
    elif _CHILD < ratio / _CM < _GIANT:
        name, unit = "centimetres", _CM
    else:
        return ratio, [f"By the length of its legs, one of its units is {1 / ratio:.4g} metres."]
    return unit, [] if name == "centimetres" else [f"By the length of its legs, its units are {name}."]


def _our_motion(bvh: Bvh) -> Motion:
    """Of a file as `write_bvh` writes it: its rotations are ours, it need not be retargeted or put on the floor."""
    offsets, rotations = bvh.offsets / _CM, bvh.rotations.copy()
    offsets[0] = 0
    feet = own_feet(bvh) or {}
    for side in ("left", "right") if feet else ():
        ankle, toe = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        offsets[toe] = rot.rotate(rot.conjugate(feet[f"{side}_ankle"]), offsets[toe])
        rotations[:, ankle] = rot.multiply(rotations[:, ankle], feet[f"{side}_ankle"])
        turned = rot.multiply(rot.conjugate(feet[f"{side}_ankle"]), rotations[:, toe])
        rotations[:, toe] = rot.multiply(turned, feet[f"{side}_foot"])
    if np.abs(offsets - REST_OFFSETS).max() < _EXACT_M:
        offsets = REST_OFFSETS
    return Motion(bvh.fps, rot.continuous(rotations), bvh.positions[:, 0] / _CM, offsets)


def load_bvh_motion(path: Path, joint_map: JointMap | None = None) -> Motion:
    """Read a BVH file of any body as a motion at 20 fps. Raises MoclipError for a bad file or no body."""
    return read_foreign(path, joint_map, fps=FPS).motion
