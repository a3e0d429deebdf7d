# SPDX-License-Identifier: Apache-2.0
"""BVH clips of other skeletons to `Motion`s on ours, by rotation.

For every joint, world rotation here = world rotation there times a constant that takes our T-pose to the source's
reference pose. Limb directions are kept exactly, bone lengths are ours, and the local rotations are the actor's own.
"""

from dataclasses import dataclass

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh
from moclip.files.bvh_poses import FPS, resample
from moclip.files.joint_maps import JointMap
from moclip.files.reference_pose import calibrate, to_y_up
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import BONE_LENGTHS, JOINT_NAMES, PARENTS, REST_OFFSETS

_Y = np.array([0.0, 1.0, 0.0])


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
