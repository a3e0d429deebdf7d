# SPDX-License-Identifier: GPL-3.0-or-later
"""Who carries the travel of a motion: the hips, a root bone, the object, or nobody."""

from collections.abc import Mapping

import bpy
import numpy as np

from ..motion import axes, fit
from ..shared import rotations
from ..shared.bone_names import ancestors
from ..shared.errors import MoclipError
from .pose import BoneCurves, Pose, Size, location_axes, size_of, turn_of
from .rest import RigRest, rest_hips
from .retarget import FEET, rest_alignment
from .wide import as_a_persons

HIPS, BONE, OBJECT, IN_PLACE = "HIPS", "BONE", "OBJECT", "IN_PLACE"


def place_now(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> fit.Place:
    """Where the hips are now, within the rig's object. Raises MoclipError for a rig without legs."""
    rest = RigRest(rig, bone_of)
    hips = rest.hierarchy.anchor
    feet = [rest.hierarchy.shown[joint] for joint in FEET]
    pelvis, *ankles = (_turned_now(rest, bone) for bone in (hips, *feet))
    aligned = rest_alignment(rest)
    ankles = [rotations.multiply(a, rotations.conjugate(aligned[joint])) for a, joint in zip(ankles, FEET, strict=True)]
    pelvis, *ankles = (axes.quaternions_from_blender(turn)[None] for turn in (pelvis, *ankles))
    world_pelvis = as_a_persons(rest, pelvis, np.stack(ankles, axis=1))
    ahead = rotations.rotate(world_pelvis, np.array([[0.0, 0.0, 1.0]]))[0]
    heads = [np.array(rig.pose.bones[bone_of[f"{side}_hip"]].head, dtype=np.float64) for side in ("left", "right")]
    place = rest.to_motion(size_now(rest).hidden(sum(heads) / 2)) - rest_hips(world_pelvis)[0]
    return fit.Place(float(np.arctan2(ahead[0], ahead[2])), place[[0, 2]])


def _turned_now(rest: RigRest, bone: str) -> np.ndarray:
    """(4,) how a bone has turned since rest, in Blender's axes."""
    matrix = np.array(rest.rig.pose.bones[bone].matrix, dtype=np.float64)
    since_rest = rotations.normalize(matrix[:3, :3], axis=0) @ rest.standing(bone)[:3, :3].T
    return rotations.from_matrix(rest.frame.T @ since_rest @ rest.frame)


def size_now(rest: RigRest) -> Size:
    """How the bones above the hips, as they stand now, enlarge the body."""
    return size_of(
        rest, {name: np.array(rest.rig.pose.bones[name].matrix, dtype=np.float64) for name in rest.hierarchy.above}
    )


def travel(turns: np.ndarray, root: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The way behind the sway of a motion: yaw (T,) in radians and place (T, 2) on the ground, in the motion's axes."""
    yaw = np.unwrap(fit.heading(turns[:, 0]))
    return fit.path_of(yaw[:, None], fps)[:, 0], fit.path_of(root[:, [0, 2]], fps)


def carriers(rest: RigRest, yaw: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """(T, 4, 4) in armature space: what takes the rest pose to each place and heading of a travel."""
    up = rest.frame[:, 2]
    turn = rotations.to_matrix(rotations.from_axis_angle(up, yaw))
    # The point of the floor under the rest pelvis goes to the place on the ground.
    foot = np.zeros((len(ground), 3))
    foot[:, 0], foot[:, 2] = ground[:, 0], ground[:, 1]
    start = rest.to_armature(np.zeros(3))
    matrices = np.tile(np.eye(4), (len(yaw), 1, 1))
    matrices[:, :3, :3] = turn
    matrices[:, :3, 3] = rest.to_armature(foot) - turn @ start
    return matrices


def stay(pose: Pose, yaw: np.ndarray, ground: np.ndarray) -> None:
    """Take a travel out of a pose: it sways where it began, and turns as it did."""
    _take_out(pose, carriers(pose.rest, np.zeros_like(yaw), ground - ground[:1]))


def carry_by_bone(pose: Pose, yaw: np.ndarray, ground: np.ndarray) -> None:
    """Give a travel to the topmost bone over the hips. Raises MoclipError where there is none."""
    rig, above = pose.rest.rig, pose.rest.hierarchy.above
    if not above or above[0] in pose.turned:
        raise MoclipError(
            f"'{rig.name}' has no root bone above '{pose.rest.hierarchy.carrier}'.",
            hint="Choose another Root, or add a bone.",
            code="no_root",
        )
    root = above[0]
    path, own = pose.size.shown_path(carriers(pose.rest, yaw, ground)), pose.rest.matrices[root]
    since_rest = np.eye(4)
    if (parent := rig.pose.bones[root].parent) is not None:  # a rig of controls may have more above its root
        since_rest = np.array(parent.matrix @ parent.bone.matrix_local.inverted(), dtype=np.float64)
    scaled = own @ np.diag([*np.linalg.norm(pose.above[root][:3, :3], axis=0), 1.0])
    since_root = {name: np.linalg.inv(pose.above[root]) @ pose.above[name] for name in pose.above}
    carried = {name for name in pose.above if name == root or root in ancestors(name, pose.rest.hierarchy.parents)}
    pose.above = {
        name: path @ scaled @ since_root[name] if name in carried else matrix for name, matrix in pose.above.items()
    }
    rotation = rotations.continuous(turn_of(np.linalg.inv(since_rest @ own) @ path @ own))
    axes_of_location = since_rest @ location_axes(pose.rest, root)
    offset = (path @ own)[:, :3, 3] - (since_rest @ own)[:3, 3]
    location = offset @ np.linalg.inv(axes_of_location[:3, :3]).T
    pose.driven.append(BoneCurves(root, rotation, location, keeps_scale=True))


def carry_by_object(pose: Pose, yaw: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Take a travel out of a pose; returns (T, 4, 4), by which the object moves from where it stands now."""
    path = carriers(pose.rest, yaw, ground)
    path = path @ np.linalg.inv(path[0])
    _take_out(pose, path)
    return pose.size.shown_path(path)


def take_out(pose: Pose, path: np.ndarray) -> None:
    """Leave to something else, the object as a rule, what moves a pose as it is shown by (T, 4, 4)."""
    _take_out(pose, pose.size.hidden_path(path))


def _take_out(pose: Pose, path: np.ndarray) -> None:
    inverse = np.linalg.inv(path)
    pose.hips = np.einsum("tij,tj->ti", inverse[:, :3, :3], pose.hips) + inverse[:, :3, 3]
    back = turn_of(inverse)
    pose.turned = {bone: rotations.multiply(back, turn) for bone, turn in pose.turned.items()}
