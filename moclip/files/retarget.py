# SPDX-License-Identifier: Apache-2.0
"""BVH clips of other skeletons to `Motion`s on ours, by rotation.

For every joint, world rotation here = world rotation there times a constant that takes our T-pose to the source's
reference pose. Limb directions are kept exactly, bone lengths are ours, and the local rotations are the actor's own.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import BVH_NAMES, Bvh, own_feet
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import BONE_LENGTHS, CHILDREN, JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS
from moclip.skeletons.body_shape import BoneShape, guess_bones
from moclip.skeletons.bone_names import match_names

FPS = 20.0
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
    for reference, pose in ((None, zero_pose(bvh)), *((k, _pose(bvh, k)) for k in moments)):
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


def calibrate(bvh: Bvh, joint_map: JointMap) -> dict[str, np.ndarray]:
    """Our joint -> constant (4,) with world_ours = world_source * constant."""
    present = present_in(bvh, joint_map)
    if joint_map.axes:
        return {j: joint_map.axes[j] for j in present}
    if joint_map.reference is None:
        pose = zero_pose(bvh)
    elif not 0 <= joint_map.reference < bvh.frames:
        raise MoclipError(
            f"The joint map's reference frame {joint_map.reference} is not in the clip.", hint="Mend the joint map."
        )
    else:
        pose = _pose(bvh, joint_map.reference)
    world, positions = (a[0] for a in pose.world())
    # A rest pose faces along an axis, somebody in a frame of a clip faces anywhere.
    turned = upright if joint_map.reference is None else _upright_as_it_faces
    standing_turn = turned({j: positions[k] for j, k in present.items()})
    constants = {}
    for joint, k in present.items():
        children = [JOINT_NAMES[c] for c in CHILDREN[JOINT_INDEX[joint]] if JOINT_NAMES[c] in present]
        turn = rot.IDENTITY
        # A branching joint (pelvis, chest) or one of the spine keeps its upright orientation.
        if len(children) == 1 and joint.split("_")[0] in ("left", "right"):
            bone = rot.rotate(standing_turn, positions[present[children[0]]] - positions[k])
            turn = rot.between(REST_OFFSETS[JOINT_INDEX[children[0]]], bone)
            turn = rot.multiply(turn, joint_map.twists.get(joint, rot.IDENTITY))
        constants[joint] = rot.multiply(rot.conjugate(world[k]), rot.multiply(rot.conjugate(standing_turn), turn))
    for side in ("left", "right"):  # hands and toes are straight in the reference pose
        for end, limb in (("wrist", "elbow"), ("foot", "ankle")):
            if f"{side}_{end}" in constants:
                k, limb_k = present[f"{side}_{end}"], present[f"{side}_{limb}"]
                between = rot.multiply(rot.conjugate(world[k]), world[limb_k])
                constants[f"{side}_{end}"] = rot.multiply(between, constants[f"{side}_{limb}"])
    # But for the feet of our own files, whose zero pose stands.
    return constants | (own_feet(bvh) or {})


def present_in(bvh: Bvh, joint_map: JointMap) -> dict[str, int]:
    """Our joint -> its number in the file."""
    return {j: bvh.names.index(n) for j, n in joint_map.joints.items() if n in bvh.names}


def zero_pose(bvh: Bvh) -> Bvh:
    still = np.tile(rot.IDENTITY, (1, len(bvh.names), 1))
    return Bvh(bvh.names, bvh.parents, bvh.offsets, still, bvh.offsets[None], bvh.fps, bvh.ends)


def _pose(bvh: Bvh, frame: int) -> Bvh:
    k = slice(frame, frame + 1)
    return Bvh(bvh.names, bvh.parents, bvh.offsets, bvh.rotations[k], bvh.positions[k], bvh.fps, bvh.ends)


def to_y_up(bvh: Bvh, joint_map: JointMap) -> np.ndarray:
    """What turns the whole clip upright: the identity but for files with another axis up than Y.

    Those have a zero pose that stands along that axis, and a motion that mostly does: someone who crawls in a file with
    Y up must not be stood on their feet.
    """
    if joint_map.axes or joint_map.reference is not None:
        return rot.IDENTITY
    present = present_in(bvh, joint_map)
    rest, moving = (pose.world()[1] for pose in (zero_pose(bvh), bvh))
    top = present.get("head", present["left_shoulder"])
    standing = (moving[:, top] - moving[:, present["pelvis"]]).mean(axis=0)
    standing_turn = upright({j: rest[0, k] for j, k in present.items()})
    up = rot.rotate(rot.conjugate(standing_turn), _Y)
    axis = int(np.argmax(np.abs(up)))
    stands = axis == np.argmax(np.abs(standing)) and standing[axis] * up[axis] > 0
    return standing_turn if stands and up[1] < 0.5 else rot.IDENTITY


def upright(positions: dict[str, np.ndarray]) -> np.ndarray:
    """Rotation that takes the reference pose's own up and left, snapped to axes, to +Y and +X."""
    up = _snap(positions.get("head", positions["left_shoulder"]) - positions["pelvis"])
    left = positions["left_hip"] - positions["right_hip"]
    left = _snap(left - up * (left @ up))
    if not left.any() or not up.any():
        return rot.IDENTITY
    return rot.conjugate(rot.from_matrix(np.stack([left, up, np.cross(left, up)], axis=-1)))


def _upright_as_it_faces(positions: dict[str, np.ndarray]) -> np.ndarray:
    up = _snap(positions.get("head", positions["left_shoulder"]) - positions["pelvis"])
    left = sum(positions[f"left_{joint}"] - positions[f"right_{joint}"] for joint in ("hip", "shoulder"))
    left = rot.normalize(left - up * (left @ up))
    if not left.any() or not up.any():
        return rot.IDENTITY
    return rot.conjugate(rot.from_matrix(np.stack([left, up, np.cross(left, up)], axis=-1)))


def _snap(vector: np.ndarray) -> np.ndarray:
    axis = np.zeros(3)
    largest = np.argmax(np.abs(vector))
    axis[largest] = np.sign(vector[largest])
    return axis


def resample(bvh: Bvh, fps: float = FPS) -> Bvh:
    """The same clip at another frame rate, rotations interpolated on the sphere."""
    count = int((bvh.frames - 1) / bvh.fps * fps + 1e-6) + 1
    at = np.arange(count) * bvh.fps / fps
    low = np.minimum(at.astype(int), bvh.frames - 1)
    high, weight = np.minimum(low + 1, bvh.frames - 1), at - low
    turned = rot.slerp(
        bvh.rotations[low], bvh.rotations[high], np.broadcast_to(weight[:, None], (count, len(bvh.names)))
    )
    moved = bvh.positions[low] + (bvh.positions[high] - bvh.positions[low]) * weight[:, None, None]
    return Bvh(bvh.names, bvh.parents, bvh.offsets, turned, moved, fps, bvh.ends)


@dataclass(frozen=True)
class Fit:
    """How a clip lies in our world.

    constants: our joint -> (4,): world_ours = turn * world_source * constant. index: our joint -> its number in the
    clip. scale: our metres in one of its units. lift: metres that its root was raised by. pelvis: (4,) or (T, 4) what
    its pelvis has to be turned by in its own frame, where others undo its turns.
    """

    constants: dict[str, np.ndarray]
    index: dict[str, int]
    turn: np.ndarray
    scale: float
    lift: float
    pelvis: np.ndarray


def retarget(bvh: Bvh, joint_map: JointMap, fps: float = FPS) -> Motion:
    """A motion on REST_OFFSETS with the clip's own rotations; the clip's lowest joint touches the floor (Y = 0)."""
    return fitted(bvh, joint_map, fps)[0]


def fitted(
    bvh: Bvh,
    joint_map: JointMap,
    fps: float = FPS,
    *,
    up: np.ndarray | None = None,
    scale: float | None = None,
) -> tuple[Motion, Fit]:
    """`retarget`, and how. up: (3,) the clip's axis that points upwards. scale: metres in one of its units. Both are
    found from the skeleton where they are not given.
    """
    constants = calibrate(bvh, joint_map)
    bvh = resample(bvh, fps)
    turn = to_y_up(bvh, joint_map) if up is None else rot.between(up, _Y)
    rotations, positions = bvh.world()
    rotations, positions = rot.multiply(turn, rotations), rot.rotate(turn, positions)
    index = {joint: bvh.names.index(joint_map.joints[joint]) for joint in constants}
    world = {joint: rot.multiply(rotations[:, index[joint]], constant) for joint, constant in constants.items()}
    pelvis = _undone_turn(bvh, rotations, index)
    if pelvis is not rot.IDENTITY:
        world["pelvis"] = rot.multiply(rot.multiply(rotations[:, index["pelvis"]], pelvis), constants["pelvis"])
    _fill_missing(world, bvh.frames)
    stacked = np.stack([world[name] for name in JOINT_NAMES], axis=1)
    local = stacked.copy()
    for joint in range(1, len(PARENTS)):
        local[:, joint] = rot.multiply(rot.conjugate(stacked[:, PARENTS[joint]]), stacked[:, joint])
    # Legs give the scale: it serves every unit, and strides fit our legs.
    scale = BONE_LENGTHS[[4, 5, 7, 8]].sum() / leg_length(positions, index) if scale is None else scale
    root = positions[:, index["pelvis"]] * scale
    joints = forward_kinematics(local, root, REST_OFFSETS)
    lift = -float(joints[..., 1].min())
    root = root + np.array([0.0, lift, 0.0])
    motion = Motion(fps, rot.continuous(rot.normalize(local)), root)
    return motion, Fit(constants, index, turn, float(scale), lift, pelvis)


def leg_length(positions: np.ndarray, index: dict[str, int]) -> float:
    """Of both legs together. positions: (T, J, 3). Raises MoclipError where they have none."""

    def length(a: str, b: str) -> float:
        return float(np.linalg.norm(positions[:, index[a]] - positions[:, index[b]], axis=-1).mean())

    leg = sum(length(f"{s}_hip", f"{s}_knee") + length(f"{s}_knee", f"{s}_ankle") for s in ("left", "right"))
    if not leg > 0:
        raise MoclipError(
            "The legs of the skeleton have no length.", hint="Mend the joint map.", code="unknown_skeleton"
        )
    return leg


_TURNED_AWAY = np.radians(25.0)
"""A pelvis that is usually farther than this from what hangs on it does not say how the body is turned."""
_AGREE = np.radians(20.0)


def _undone_turn(bvh: Bvh, rotations: np.ndarray, index: dict[str, int]) -> np.ndarray:
    """(T, 4) in the pelvis's own frame, by what both hip joints turn before the thighs begin; `rot.IDENTITY` for none.

    Some programs turn the hips to where the path leads and turn the legs and the trunk back. Such a pelvis faces where
    these say. rotations: (T, J, 4) of the world.
    """
    above = [bvh.parents[index[f"{side}_hip"]] for side in ("left", "right")]
    if any(k < 0 or k == index["pelvis"] for k in above):
        return rot.IDENTITY
    left, right = (rot.multiply(rot.conjugate(rotations[:, index["pelvis"]]), rotations[:, k]) for k in above)
    middle = rot.slerp(left, right, np.full(len(left), 0.5))
    away = np.median(rot.angle_between(middle, np.broadcast_to(rot.IDENTITY, middle.shape)))
    return middle if away > _TURNED_AWAY and np.median(rot.angle_between(left, right)) < _AGREE else rot.IDENTITY


def _fill_missing(world: dict[str, np.ndarray], frames: int) -> None:
    """World rotations of joints that the source lacks: the spine is shared out, the rest follows its neighbour."""
    world.setdefault("spine3", world.get("spine1", world["pelvis"]))
    world.setdefault("spine1", rot.slerp(world["pelvis"], world["spine3"], np.full(frames, 0.5)))
    world.setdefault("spine2", rot.slerp(world["spine1"], world["spine3"], np.full(frames, 0.5)))
    world.setdefault("neck", world["spine3"])
    world.setdefault("head", world["neck"])
    for side in ("left", "right"):
        world.setdefault(f"{side}_collar", world["spine3"])
        world.setdefault(f"{side}_foot", world[f"{side}_ankle"])
