# SPDX-License-Identifier: Apache-2.0
"""The reference pose of a foreign skeleton: how its joints are turned against ours there, and which way is up."""

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh, own_feet
from moclip.files.bvh_poses import pose_at, zero_pose
from moclip.files.joint_maps import JointMap
from moclip.motion import rotations as rot
from moclip.motion.skeleton import CHILDREN, JOINT_INDEX, JOINT_NAMES, REST_OFFSETS

_Y = np.array([0.0, 1.0, 0.0])


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
        pose = pose_at(bvh, joint_map.reference)
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
