# SPDX-License-Identifier: Apache-2.0
"""Which joint of a foreign skeleton is which of ours, and what its reference pose is."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import BVH_NAMES, Bvh
from moclip.files.bvh_poses import pose_at, zero_pose
from moclip.motion import rotations as rot
from moclip.motion.skeleton import JOINT_NAMES
from moclip.skeletons.body_shape import BoneShape, guess_bones
from moclip.skeletons.bone_names import match_names

REQUIRED = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
_X, _Y, _Z = np.eye(3)


@dataclass(frozen=True)
class JointMap:
    """joints: our joint -> the source's name. axes: our joint -> rotation constant in the source joint's own frame,
    for skeletons whose zero pose is no pose at all; without them `reference` says which pose is taken for a standing
    one: None is the zero pose, a number that frame. twists: our joint -> what its bones are turned about themselves in
    that pose. notes: what was guessed, a sentence each.
    """

    name: str
    joints: dict[str, str]
    axes: dict[str, np.ndarray] = field(default_factory=dict)
    reference: int | None = None
    twists: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _columns(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The constant whose matrix holds our three axes as the source joint sees them."""
    return rot.from_matrix(np.stack([x, y, z], axis=-1))


_BANDAI_JOINTS = {
    "pelvis": "Hips", "spine1": "Spine", "spine3": "Chest", "neck": "Neck", "head": "Head",
    **{f"{side}_{ours}": f"{theirs}_{side[0].upper()}" for side in ("left", "right") for ours, theirs in (
        ("collar", "Shoulder"), ("shoulder", "UpperArm"), ("elbow", "LowerArm"), ("wrist", "Hand"),
        ("hip", "UpperLeg"), ("knee", "LowerLeg"), ("ankle", "Foot"), ("foot", "Toes"))},
}  # fmt: skip


def _bandai_axes() -> dict[str, np.ndarray]:
    """Bandai's joint frames: X along the bone (against it on the right side), and hinges about Y.

    Its zero pose is a straight line. Read off the recordings: elbows have a Y rotation only, knees too.
    """
    spine = _columns(_Z, _X, _Y)
    axes = {"pelvis": _columns(-_Y, _X, _Z), "spine1": spine, "spine3": spine, "neck": spine, "head": spine}
    for part in ("collar", "shoulder", "elbow", "wrist"):
        axes[f"left_{part}"], axes[f"right_{part}"] = _columns(_X, _Y, _Z), _columns(_X, -_Y, -_Z)
    for part in ("hip", "knee"):
        axes[f"left_{part}"], axes[f"right_{part}"] = _columns(_Y, -_X, _Z), _columns(_Y, _X, -_Z)
    for part in ("ankle", "foot"):
        axes[f"left_{part}"], axes[f"right_{part}"] = _columns(_Y, _Z, _X), _columns(_Y, -_Z, -_X)
    return axes


def _cmu_twists() -> dict[str, np.ndarray]:
    """In CMU's zero pose elbows bend about an axis 30 degrees off the vertical, and feet are rolled by the 20 degrees
    by which the legs are spread: the Acclaim files give humerus and radius axes of 30 degrees and feet those of the
    legs.
    """
    arm = rot.from_axis_angle(_X, np.radians(-30))
    twists = {f"{side}_{part}": arm for side in ("left", "right") for part in ("shoulder", "elbow")}
    return {
        **twists,
        **{f"{s}_ankle": rot.from_axis_angle(_Z, np.radians(a)) for s, a in (("left", 20), ("right", -20))},
    }


JOINT_MAPS = (
    JointMap("bandai-namco", _BANDAI_JOINTS, _bandai_axes()),
    JointMap("cmu", {}, twists=_cmu_twists()),
    JointMap("ours", dict(BVH_NAMES)),
)
"""Skeletons that need more than their joints' names, which are in `bone_names`, and the one that we write."""
_BANDAI, _CMU, _ = JOINT_MAPS


def load_joint_map(path: Path) -> JointMap:
    """Read `{"joints": {"pelvis": "Hips", ...}, "reference": null or a frame}`. Raises MoclipError if it is not."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        joints, reference = dict(data["joints"]), data.get("reference")
        reference = None if reference is None else int(reference)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MoclipError(
            f"The joint map {path} cannot be read.", hint='It is JSON: {"joints": {"pelvis": "Hips", ...}}.'
        ) from error
    unknown = sorted(set(joints) - set(JOINT_NAMES))
    if unknown:
        raise MoclipError(
            f"The joint map {path} names joints that we do not have: {', '.join(unknown)}.",
            hint=f"Ours: {', '.join(JOINT_NAMES)}.",
        )
    return JointMap(Path(path).stem, joints, reference=reference)


def find_joint_map(bvh: Bvh, path: Path) -> JointMap:
    """The joints by the names of their family, else by the shape of the body.

    Raises MoclipError when neither tells pelvis and limbs.
    """
    parents = {name: bvh.names[k] if k >= 0 else None for name, k in zip(bvh.names, bvh.parents, strict=True)}
    # Where all joints hang on one, as marker programs have them, their parents tell nothing.
    match = match_names(bvh.names, parents if len(set(bvh.parents)) > 2 else None)
    joints = dict(match.joints)
    if any(joint not in joints for joint in ("pelvis", *REQUIRED)):
        return _by_shape(bvh, path)
    if "spine2" in joints and "spine3" not in joints:
        joints["spine3"] = joints.pop("spine2")  # the upper of two bones is the chest, on which the arms hang
    if _is_bandai(bvh):
        return _BANDAI
    if match.family == "CMU" and _legs_are_spread(bvh, joints):
        return JointMap(_CMU.name, joints, twists=_CMU.twists)
    return JointMap(match.family, joints)


def _by_shape(bvh: Bvh, path: Path) -> JointMap:
    """The joints of a body in its zero pose, or where that is none, in a pose of the clip."""
    moments = dict.fromkeys((0, bvh.frames // 2))
    for reference, pose in ((None, zero_pose(bvh)), *((k, pose_at(bvh, k)) for k in moments)):
        joints = guess_bones(_bone_shapes(pose))
        if all(joint in joints for joint in ("pelvis", *REQUIRED)):
            told = ", ".join(f"{joint} = {joints[joint]}" for joint in JOINT_NAMES if joint in joints)
            note = f"Its joints have no names that are known; by the shape of the body: {told}."
            return JointMap("guessed by shape", joints, reference=reference, notes=(note,))
    raise MoclipError(
        f"The skeleton of {path} is not known (joints: {', '.join(bvh.names[:6])}, ...).",
        hint="Write a joint map and pass it with --joint-map.",
        code="unknown_skeleton",
    )


def _bone_shapes(pose: Bvh) -> list[BoneShape]:
    rotations, positions = (array[0] for array in pose.world())
    shapes = []
    for joint, (name, parent) in enumerate(zip(pose.names, pose.parents, strict=True)):
        below = [k for k, above in enumerate(pose.parents) if above == joint]
        tail = positions[below].mean(axis=0) if below else positions[joint]
        if joint in pose.ends:
            tail = positions[joint] + rot.rotate(rotations[joint], pose.ends[joint])
        shapes.append(BoneShape(name, pose.names[parent] if parent >= 0 else None, positions[joint], tail))
    return shapes


def _is_bandai(bvh: Bvh) -> bool:
    """By its names and its zero pose: a straight line along X, backwards on the right side. Others share the names."""
    if not set(_BANDAI_JOINTS.values()) <= set(bvh.names):
        return False
    bones = [bvh.offsets[bvh.names.index(f"{part}_{side}")] for part in ("LowerLeg", "LowerArm") for side in "LR"]
    lengths = np.linalg.norm(bones, axis=-1)
    return bool((np.array(bones)[:, 0] * (1, -1, 1, -1) > 0.98 * lengths).all())


def _legs_are_spread(bvh: Bvh, joints: dict[str, str]) -> bool:
    """Whether the thighs stand aside by CMU's 20 degrees in the zero pose; its twists go with that."""
    for side in ("left", "right"):
        x, y, z = bvh.offsets[bvh.names.index(joints[f"{side}_knee"])]
        if not 14 < np.degrees(np.arctan2(np.hypot(x, z), -y)) < 26:
            return False
    return True
