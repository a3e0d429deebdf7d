# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the animation of a rig back into a motion: the inverse of `retarget`.

What is read is what Blender shows: the evaluated pose with its constraints, IK and NLA tracks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from ..motion import axes
from ..shared import rotations
from ..shared.errors import MoclipError
from ..shared.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS
from ..shared.stance import USUAL, Stance
from .pose import Pose, inherited, size_of, turn_of
from .rest import RigRest, rest_hips
from .retarget import ANKLES, in_frame, rest_alignment, retarget, stance_lift
from .root import take_out
from .wide import as_a_persons

STANCE_KEY = "moclip_stance"


@dataclass(frozen=True)
class Reading:
    """A motion as a rig shows it, and what of the rig moves beside it.

    rotations: (T, 22, 4) wxyz local to the parents, continuous in time; root_translation: (T, 3) metres; as in
    `Motion`. object_moves: (T, 4, 4) how the object has moved since the first frame, in armature space; the motion
    contains it. above: (T, 4, 4) of the bones that carry the body or only its loose ends, in the armature space of
    their frame. between: own
    rotations (T, 4) of bones on the way that follow no joint. stance: how the motion's feet are where soles are flat.
    """

    rotations: np.ndarray
    root_translation: np.ndarray
    above: dict[str, np.ndarray]
    between: dict[str, np.ndarray]
    object_moves: np.ndarray
    stance: Stance = USUAL


def read_motion(
    rig: bpy.types.Object, bone_of: Mapping[str, str], scene: bpy.types.Scene, frames: Sequence[float]
) -> Reading:
    """The motion that a rig shows at some frames of a scene, which may lie between whole ones.

    bone_of: from `mapping.map_rig`. Joints without a bone keep still on their parent, which is what the rig shows. Of
    rigs of controls, limbs are read from the bones that the controls drive, so that IK counts (`ControlRig.shown`), but
    not how far it stretches them. The scene is back at its frame afterwards; unkeyed changes to what is animated are
    lost, as by every change of the frame.

    Raises MoclipError for a rig without legs, and for one whose pose Blender does not work out: disabled in viewports,
    held at rest, in Edit Mode.
    """
    if not len(frames):
        raise ValueError("there is no frame to read")
    rest = RigRest(rig, bone_of)
    tree = rest.hierarchy
    names = list(dict.fromkeys([*tree.order, tree.anchor, *tree.shown.values()]))
    posed, objects = _evaluated(rig, scene, frames, names)
    moves = np.linalg.inv(objects[0]) @ objects
    stance = stance_on(rig)
    world = _world(rest, {joint: moves @ posed[bone] for joint, bone in tree.shown.items()}, stance)
    hips = sum(posed[bone_of[f"{side}_hip"]][:, :3, 3] for side in ("left", "right")) / 2
    size = size_of(rest, {name: posed[name] for name in tree.above})
    still = (*tree.above, *tree.beside)
    hips = np.einsum("tij,tj->ti", size.hidden_path(moves), _with_one(size.hidden(hips)))[:, :3]
    root = rest.to_motion(hips) + stance_lift(rest, stance) - rest_hips(world["pelvis"])
    driven = {*bone_of.values(), *tree.also, *still, tree.anchor}
    return Reading(
        rotations=_local(world),
        root_translation=root,
        above={name: posed[name] for name in still},
        between={name: _own(rest, name, posed) for name in tree.order if name not in driven},
        object_moves=moves,
        stance=stance,
    )


def stance_on(rig: bpy.types.Object) -> Stance:
    """The stance of the motion that the rig's action was keyed from; the usual one for actions of others."""
    action = rig.animation_data.action if rig.animation_data else None
    told = list(action.get(STANCE_KEY, ())) if action is not None else []
    return Stance(tuple(told[:2]), tuple(told[2:4]), told[4]) if len(told) == 5 else USUAL


def remember_stance(action: bpy.types.Action, stance: Stance) -> None:
    """Leave in an action how the feet of its motion stand, by which it can be read back as that motion."""
    action[STANCE_KEY] = [*stance.slopes, *stance.toe_slopes, stance.ankle]


def pose_beside(
    rig: bpy.types.Object,
    bone_of: Mapping[str, str],
    local_rotations: np.ndarray,
    root_translation: np.ndarray,
    reading: Reading,
    settle: Callable[[Pose], None] | None = None,
) -> Pose:
    """`retarget` for a rig whose object and root bones keep the curves that they had when it was read.

    local_rotations (T, 22, 4) and root_translation (T, 3): a motion of as many frames as the reading, which is where
    the reading's own was. Its curves together with those that were left alone show that motion. settle: changes the
    pose while the armature space is still that of the first frame, in which a standing foot rests though the object
    moves.
    """
    if len(root_translation) != len(reading.object_moves):
        raise ValueError(f"a motion of {len(root_translation)} frames for a reading of {len(reading.object_moves)}")
    pose = retarget(rig, bone_of, local_rotations, root_translation, reading.stance)
    above = {name: matrices for name, matrices in reading.above.items() if name not in pose.turned}
    pose.between = reading.between
    if settle is not None:
        pose.above = {name: reading.object_moves @ matrices for name, matrices in above.items()}
        settle(pose)
    pose.above = above
    take_out(pose, reading.object_moves)
    return pose


def _with_one(points: np.ndarray) -> np.ndarray:
    """(T, 3) points -> (T, 4), for (4, 4) matrices."""
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _world(rest: RigRest, shown: Mapping[str, np.ndarray], stance: Stance) -> dict[str, np.ndarray]:
    """Joint -> (T, 4) rotation relative to the world in the motion's axes; shown: joint -> (T, 4, 4) of its bone."""
    back = rotations.conjugate(rotations.from_matrix(rest.frame))
    alignment, world = rest_alignment(rest, stance), {}
    for joint, matrices in shown.items():
        since_rest = rotations.multiply(
            turn_of(matrices), rotations.conjugate(turn_of(rest.standing(rest.hierarchy.shown[joint])))
        )
        turn = in_frame(back, since_rest)
        if joint in alignment:
            turn = rotations.multiply(turn, rotations.conjugate(alignment[joint]))
        world[joint] = axes.quaternions_from_blender(turn)
    ankles = np.stack([world[JOINT_NAMES[joint]] for joint in ANKLES], axis=1)
    return world | {"pelvis": as_a_persons(rest, world["pelvis"], ankles)}


def _local(world: Mapping[str, np.ndarray]) -> np.ndarray:
    """(T, 22, 4) relative to the parents; joints that are not there keep the rotation of their parent."""
    complete: list[np.ndarray] = []
    local = np.empty((len(world["pelvis"]), JOINT_COUNT, 4))
    for joint, (name, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True)):
        complete.append(world[name] if name in world else complete[parent])
        if parent < 0:
            local[:, joint] = complete[joint]
        else:
            local[:, joint] = rotations.multiply(rotations.conjugate(complete[parent]), complete[joint])
    local *= np.where(local[:1, :, :1] < 0, -1.0, 1.0)
    return rotations.continuous(rotations.normalize(local))


def _own(rest: RigRest, name: str, posed: Mapping[str, np.ndarray]) -> np.ndarray:
    """(T, 4) the rotation that a bone adds to what it inherits; posed: bone -> (T, 4, 4)."""
    parent = rest.hierarchy.parents[name]
    before = inherited(rest, name, {parent: turn_of(posed[parent])} if parent else {})
    return rotations.multiply(rotations.conjugate(before), turn_of(posed[name]))


def _evaluated(
    rig: bpy.types.Object, scene: bpy.types.Scene, frames: Sequence[float], names: Sequence[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Matrices (T, 4, 4) of bones in armature space, by name, and of the object in the world."""
    layer = _layer(rig, scene)
    count, rows = len(rig.pose.bones), [rig.pose.bones.find(name) for name in names]
    posed = np.empty((len(frames), len(names), 4, 4))
    objects = np.empty((len(frames), 4, 4))
    # One call for all bones: reading them one by one takes longer than working out the pose.
    buffer = np.empty(count * 16, dtype=np.float32)
    with _frame_kept(scene):
        for k, frame in enumerate(frames):
            whole = int(np.floor(frame))
            scene.frame_set(whole, subframe=min(float(frame) - whole, 0.999999))
            evaluated = rig.evaluated_get(layer.depsgraph)
            evaluated.pose.bones.foreach_get("matrix", buffer)
            posed[k] = buffer.reshape(count, 4, 4)[rows].swapaxes(-1, -2)
            objects[k] = evaluated.matrix_world
    return {name: posed[:, k] for k, name in enumerate(names)}, objects


def _layer(rig: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """A view layer of the scene in which Blender works out the rig's pose."""
    if rig.data.pose_position == "REST":
        raise MoclipError(
            f"'{rig.name}' is held in its rest pose.",
            hint="Set the armature's Pose Position to Pose, then try again.",
            code="rest_position",
        )
    if rig.data.is_editmode:
        raise MoclipError(
            f"'{rig.name}' is in Edit Mode, where it has no pose.",
            hint="Go back to Object or Pose Mode first.",
            code="edit_mode",
        )
    current = bpy.context.view_layer
    for layer in sorted(scene.view_layers, key=lambda layer: layer != current):
        if not rig.hide_viewport and _enabled(rig, layer.layer_collection):
            layer.update()
            return layer
    raise MoclipError(
        f"'{rig.name}' is disabled in the viewports of '{scene.name}', so that its animation cannot be read.",
        hint="Enable it or its collection in the Outliner, then try again.",
        code="hidden_rig",
    )


def _enabled(rig: bpy.types.Object, among: bpy.types.LayerCollection) -> bool:
    """Whether Blender works out the rig, as it does of objects that are hidden by the eye, not by the screen."""
    if among.collection.hide_viewport:
        return False
    here = not among.exclude and rig.name in among.collection.objects
    return here or any(_enabled(rig, child) for child in among.children)


@contextmanager
def _frame_kept(scene: bpy.types.Scene) -> Iterator[None]:
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
