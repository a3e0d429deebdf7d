# SPDX-License-Identifier: GPL-3.0-or-later
"""The figure of a take: the rig as keying would pose it, or the motion's own body where there is no rig yet."""

from collections.abc import Mapping

import bpy
import numpy as np

from ..keying.keyframes import TOES, Fit, Fitted, fitted, on_path
from ..keying.scene import at_frame, scene_fps
from ..motion import axes, fit
from ..motion.clip import Clip, resample
from ..motion.loop import looped
from ..rig import root as travel
from ..rig.curve import line_in_scene
from ..rig.rest import RigRest
from ..rig.retarget import world_joints, world_rotations
from ..shared import rotations
from ..shared.footing import standing
from ..shared.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS
from .figure import FEET, LEAVES, Figure

_FOREARM = 0.9
"""Of an upper arm, the length of a forearm without a hand."""


def figure_on(rig: bpy.types.Object, clip: Clip, scene: bpy.types.Scene, start: int, how: Fit) -> Figure:
    """Of the rig, in the scene's space, as it would play the clip from frame `start` on. Changes nothing.

    Raises MoclipError for a rig that cannot take it.
    """
    # Roots and objects are as they are where the motion starts.
    with at_frame(scene, start):
        shown = fitted(rig, clip, scene, start, how)
        world = np.array(rig.matrix_world, dtype=np.float64)
        joints, tips = _of_rig(shown, world if shown.moves is None else world @ shown.moves)
    return Figure(joints, tips, _stands(shown.turns, shown.root, shown.fps), shown.fps)


def figure_alone(clip: Clip, scene: bpy.types.Scene, start: int, how: Fit) -> Figure:
    """Of the body that MoCLIP makes where there is no target, at the scene's origin, from frame `start` on.

    Raises MoclipError for a path that cannot be.
    """
    fps = scene_fps(scene)
    turns, root = resample(clip, fps)
    if how.loop and not clip.repeats:
        turns, root = looped(turns, root, fps)
    if how.path is not None and not how.loop and how.root != travel.IN_PLACE:
        turns, root, _, _ = on_path(line_in_scene(how.path), turns, root, scene, start, how)
    elif how.place is not None:
        turns, root = fit.placed(turns, root, how.place)
    stands = _stands(turns, root, fps)
    if how.root == travel.IN_PLACE:
        _, ground = travel.travel(turns, root, fps)
        root = root.copy()
        root[:, [0, 2]] -= ground - ground[:1]
    world = world_rotations(turns)
    places = world_joints(world, root)
    joints = {name: axes.vectors_to_blender(places[:, joint]) for joint, name in enumerate(JOINT_NAMES)}
    tips = {}
    for name, length in LEAVES.items():
        along = rotations.normalize(REST_OFFSETS[JOINT_INDEX[name]].astype(np.float64)) * length
        turned = rotations.rotate(world[:, JOINT_INDEX[name]], np.broadcast_to(along, root.shape))
        tips[name] = joints[name] + axes.vectors_to_blender(turned)
    return Figure(joints, tips, stands, fps)


def _stands(turns: np.ndarray, root: np.ndarray, fps: float) -> np.ndarray:
    joints = world_joints(world_rotations(turns), root)
    return standing(joints[:, TOES], joints[:, 0], fps)


def _of_rig(shown: Fitted, world: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Joints and tips (T, 3) of a rig's pose; world: (4, 4) or (T, 4, 4) of its object."""
    rest, bone_of, matrices = shown.pose.rest, dict(shown.bone_of), shown.pose.shown()
    bone_of["pelvis"] = rest.hierarchy.anchor

    def carried(bone: str, point: np.ndarray) -> np.ndarray:
        """(T, 3) where a point of the rest pose that stands (3,) goes with a bone."""
        own = np.linalg.inv(rest.standing(bone)) @ [*point, 1.0]
        places = world @ matrices[bone] @ own
        return np.broadcast_to(places[..., :3], (len(shown.pose), 3))

    joints = {joint: carried(bone, rest.standing(bone)[:3, 3]) for joint, bone in bone_of.items()}
    for side in ("left", "right"):
        if f"{side}_wrist" not in bone_of:
            joints[f"{side}_wrist"] = carried(bone_of[f"{side}_elbow"], _end_of_forearm(rest, side, 0.0))
        if f"{side}_foot" not in bone_of:
            joints[f"{side}_foot"] = carried(bone_of[f"{side}_ankle"], rest.soles[side].ball)
    return joints, {leaf: carried(*_tip(shown, bone_of, leaf)) for leaf in LEAVES}


def _tip(shown: Fitted, bone_of: Mapping[str, str], leaf: str) -> tuple[str, np.ndarray]:
    """The bone that carries the end of a limb, and where that is in the rest pose that stands (3,)."""
    rest = shown.pose.rest
    side = leaf.partition("_")[0]
    if leaf in FEET and not rest.bare:
        return bone_of.get(leaf) or bone_of[f"{side}_ankle"], rest.soles[side].tip
    if leaf not in bone_of:  # a hand
        return bone_of[f"{side}_elbow"], _end_of_forearm(rest, side, LEAVES[leaf])
    parent = PARENTS[JOINT_INDEX[leaf]]
    while JOINT_NAMES[parent] not in bone_of:
        parent = PARENTS[parent]
    along = rest.direction(JOINT_NAMES[parent], leaf)
    return bone_of[leaf], rest.head(leaf) + LEAVES[leaf] * rest.ratio * along


def _end_of_forearm(rest: RigRest, side: str, beyond: float) -> np.ndarray:
    """(3,) where a forearm without a hand ends in the rest pose that stands, or so many metres of the motion beyond."""
    elbow = rest.head(f"{side}_elbow")
    arm = float(np.linalg.norm(elbow - rest.head(f"{side}_shoulder")))
    return elbow + (_FOREARM * arm + beyond * rest.ratio) * rest.forearm(f"{side}_elbow")
