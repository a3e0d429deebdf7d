# SPDX-License-Identifier: GPL-3.0-or-later
"""Key a motion on a rig: resampled to the scene, fitted to its place and to the rig, a new action each time."""

from dataclasses import dataclass, replace
from datetime import datetime

import bpy
import numpy as np

from ..motion import fit, pace
from ..motion.clip import Clip, resample
from ..motion.loop import laps_around, looped, repeated
from ..motion.path import Line, followed
from ..rig import obstacles
from ..rig import root as travel
from ..rig.controls import LEG, control_rig, stretching, switches_of
from ..rig.curve import line_of, marks_of
from ..rig.foot_lock import lock_feet
from ..rig.foot_rolls import pivots_of
from ..rig.held import Held, give_back_legs, met_by_rig, pinned_feet
from ..rig.ik_follow import ik_curves
from ..rig.mapping import map_rig
from ..rig.pose import Pose
from ..rig.read_back import remember_stance
from ..rig.rest import RigRest
from ..rig.retarget import retarget, world_joints, world_rotations
from ..rig.still_feet import stand_still
from ..shared import rotations
from ..shared.errors import MoclipError
from ..shared.footing import standing
from ..shared.skeleton import JOINT_INDEX
from ..shared.stance import Stance, stance_of, usual_if_near
from .actions import Keys, NewAction
from .scene import hold_motion, scene_fps

TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
_NAME_LIMIT = 60
_HURRIED = 2.0
"""Times as fast as it was made, from which on a motion looks it."""


@dataclass(frozen=True)
class Fit:
    """How a motion meets the scene.

    root: who carries the travel, one of `rig.root`'s four. place: where its first frame stands; None is the rig's rest.
    path: a curve that the motion follows from its start on, whatever its place. pace, facing: how, see `on_path`.
    pins: what the rig's hands, feet, head and hips meet.
    foot_lock: 0 to 1. loop: bend the end towards the beginning and repeat. ik: the limbs of a rig of controls that are
    moved by their ends, of "leg" and "arm". degrees, millimetres: how far fewer keys may
    lead from the motion, of a bone's rotation and of the hips (of a character of our size); 0 keys every frame.
    """

    root: str = travel.HIPS
    place: fit.Place | None = None
    path: bpy.types.Object | None = None
    pace: str = "MOTION"
    facing: str = "ALONG"
    pins: tuple[Held, ...] = ()
    foot_lock: float = 1.0
    loop: bool = False
    ik: tuple[str, ...] = ()
    degrees: float = 0.0
    millimetres: float = 2.0


@dataclass(frozen=True)
class Fitted:
    """A motion as a rig shows it from a frame on, before anything is keyed.

    pose: what bones do, their travel settled. moves: (T, 4, 4) by which the object moves within its own space from
    where it stands, or None. turns (T, 22, 4), root (T, 3): the motion that was fitted. told: how far along its path it
    comes. missed: sentences about pins that are not met.
    """

    bone_of: dict[str, str]
    fps: float
    turns: np.ndarray
    root: np.ndarray
    stance: Stance
    pose: Pose
    moves: np.ndarray | None
    told: str
    missed: tuple[str, ...]


def apply_clip(
    rig: bpy.types.Object, clip: Clip, scene: bpy.types.Scene, start: int, how: Fit | None = None
) -> bpy.types.Action:
    """Key a clip on a rig from frame `start` on, as a new action named after the prompt.

    The action that the rig had stays in the file (with a fake user, so that saving keeps it). Raises MoclipError for a
    rig that cannot take it; then nothing has changed.
    """
    how = how or Fit()
    shown = fitted(rig, clip, scene, start, how)
    reach = how.millimetres / 1000 * shown.pose.rest.ratio
    made = NewAction(rig, action_name(clip.text), Keys(start, how.loop, how.degrees, reach))
    for bone in shown.pose.curves():
        made.add_bone(bone)
    if kind := control_rig(rig, shown.bone_of):
        for bone in ik_curves(shown.pose, kind, shown.bone_of, how.ik):
            made.add_bone(bone)
        for bone, name, value in switches_of(rig, kind, how.ik):
            made.add_switch(bone, name, value)
        for bone in stretching(rig, kind, how.ik):
            made.add_stiff(bone)
    if shown.moves is not None:
        made.add_object(shown.moves)
    action = made.assign()
    path = {"path": shown.told} if shown.told else {}
    action["moclip"] = provenance(clip) | path | ({"pins": " ".join(shown.missed)} if shown.missed else {})
    remember_stance(action, shown.stance)
    hold_motion(scene, start, start + len(shown.turns) - 1)
    return action


def fitted(rig: bpy.types.Object, clip: Clip, scene: bpy.types.Scene, start: int, how: Fit) -> Fitted:
    """What `apply_clip` keys; changes nothing. Raises MoclipError for a rig that cannot take it."""
    check_editable(rig)
    bone_of, fps = map_rig(rig), scene_fps(scene)
    obstacles.check(rig, bone_of, how.root)
    turns, root = resample(clip, fps)
    told = ""
    if how.loop and not clip.repeats:
        turns, root = looped(turns, root, fps)
    if how.path is not None:
        turns, root, told = _along(rig, bone_of, turns, root, scene, start, how)
    elif how.place is not None:
        turns, root = fit.placed(turns, root, how.place)
    stance = _stance(turns, root, fps, exact=how.foot_lock > 0)
    missed: list[str] = []
    if how.pins and not how.loop and how.root != travel.IN_PLACE:

        def pose_of(turns: np.ndarray, root: np.ndarray) -> Pose:
            return _posed(rig, bone_of, turns, root, fps, stance, how, start)

        turns, root, missed = met_by_rig(rig, bone_of, (turns, root), (fps, start), stance, how.pins, pose_of)
    elif how.pins:
        missed = ["Pins count for motions that neither repeat nor stay in place."]
    pose = _posed(rig, bone_of, turns, root, fps, stance, how, start)
    moves = _settle_travel(pose, how.root, *travel.travel(turns, root, fps))
    return Fitted(bone_of, fps, turns, root, stance, pose, moves, told, tuple(missed))


def _posed(
    rig: bpy.types.Object, bone_of: dict[str, str], turns: np.ndarray, root: np.ndarray, fps: float, stance: Stance,
    how: Fit, start: int,
) -> Pose:  # fmt: skip
    """What the rig shows of a motion, with feet that stay where they stand, but for those that are pinned."""
    if how.loop:
        # Feet that stand where one lap goes over into the next belong to both.
        more = laps_around(len(turns), fps)
        once = replace(how, loop=False)
        pose = _posed(rig, bone_of, *repeated(turns, root, 2 * more + 1), fps, stance, once, start)
        first = more * (len(turns) - 1)
        return pose.part(first, first + len(turns))
    pose = retarget(rig, bone_of, turns, root, stance)
    stands = _stands(turns, root, fps)
    pinned = pinned_feet(how.pins, len(turns), fps, start)
    free = dict(pose.turned)
    lock_feet(pose, stands & (pinned == 0), fps, how.foot_lock)
    give_back_legs(pose, free, bone_of, pinned)
    if LEG in how.ik and (kind := control_rig(rig, bone_of)):
        stand_still(pose, stands & (pinned == 0), fps, pivots_of(pose.rest, kind))
    return pose


def _stands(turns: np.ndarray, root: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool, where the left and the right foot stand."""
    joints = world_joints(world_rotations(turns), root)
    return standing(joints[:, TOES], joints[:, 0], fps)


def _stance(turns: np.ndarray, root: np.ndarray, fps: float, exact: bool) -> Stance:
    """How the feet of a motion stand.

    exact: to the degree, for feet that are held; what is left free comes back from a rig as it was read there.
    """
    world = world_rotations(turns)
    joints = world_joints(world, root)
    found = stance_of(joints, fps, rotations.rotate(world[:, TOES], np.array([0.0, 0.0, 1.0])))
    return found if exact else usual_if_near(found)


def _along(
    rig: bpy.types.Object, bone_of: dict[str, str], turns: np.ndarray, root: np.ndarray, scene: bpy.types.Scene,
    start: int, how: Fit,
) -> tuple[np.ndarray, np.ndarray, str]:  # fmt: skip
    """A motion along a path, and how far it comes, for the user. Raises MoclipError for a path that cannot be."""
    if how.loop or how.root == travel.IN_PLACE:
        against = "repeats" if how.loop else "stays in place"
        raise MoclipError(
            f"A motion that {against} cannot follow '{how.path.name}'.",
            hint="Take the Path or that setting out of Fit.",
            code="bad_path",
        )
    rest = RigRest(rig, bone_of)
    line = line_of(how.path, rest)
    turns, root, metres, told = on_path(line, turns, root, scene, start, how)
    # In the rig's own size, as the scene shows it.
    size = rest.ratio * float(travel.size_now(rest).scale) * float(np.mean(np.abs(rig.matrix_world.to_scale())))
    length = line.length
    if metres > length + 0.05 and not line.closed:
        return (
            turns,
            root,
            f"It goes {(metres - length) * size:.1f} m past the end of '{how.path.name}'. {told}".strip(),
        )
    return turns, root, f"It comes {metres * size:.1f} of {length * size:.1f} m along '{how.path.name}'. {told}".strip()


def on_path(
    line: Line, turns: np.ndarray, root: np.ndarray, scene: bpy.types.Scene, start: int, how: Fit
) -> tuple[np.ndarray, np.ndarray, float, str]:
    """A motion at the scene's rate along the line of its path, how many metres of it, and what became of its pace.

    how.pace: "MOTION" goes as it was made, "RADIUS" faster and slower by the radii of the curve's points, "MARKERS" so
    that its points are reached where markers say. how.facing: "ALONG" turns with the path, "HELD" faces as it begins.
    Raises MoclipError for markers that cannot be.
    """
    turns, root, distance = followed(turns, root, scene_fps(scene), line, how.facing == "ALONG")
    told = ""
    if how.pace != "MOTION":
        if how.pace == "RADIUS":
            at, out = pace.by_shares(distance, line.stations, line.shares), ()
        else:
            at, out = pace.by_marks(distance, marks_of(how.path, line, scene, start))
        turns, root = pace.played(turns, root, at)
        if out:
            told = f"It is too short to reach point {out[0].point}: make it longer."
        elif (fast := pace.fastest(at)) > _HURRIED:
            told = f"It plays {fast:.1f} times as fast as it was made: more time would look better."
    return turns, root, float(distance[-1]), told


def _settle_travel(pose: Pose, root: str, yaw: np.ndarray, ground: np.ndarray) -> np.ndarray | None:
    if root == travel.BONE:
        travel.carry_by_bone(pose, yaw, ground)
    elif root == travel.IN_PLACE:
        travel.stay(pose, yaw, ground)
    elif root == travel.OBJECT:
        return travel.carry_by_object(pose, yaw, ground)
    return None


def place_of(rig: bpy.types.Object) -> fit.Place:
    """Where a rig stands now and faces, within its own object. Raises MoclipError for a rig that cannot be mapped."""
    return travel.place_now(rig, map_rig(rig))


def provenance(clip: Clip) -> dict[str, str | float]:
    """What it takes to make the motion again, for the action's custom properties; a seed may exceed their integers."""
    made = datetime.now().astimezone().isoformat(timespec="milliseconds")
    licence = {"licence": clip.licence} if clip.licence else {}
    return {
        "prompt": clip.text, "seed": str(clip.seed), "seconds": clip.seconds, "model": clip.model, "made": made
    } | licence  # fmt: skip


def action_name(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _NAME_LIMIT else text[: _NAME_LIMIT - 3].rstrip() + "..."


def check_editable(rig: bpy.types.Object) -> None:
    if rig.library is not None:
        raise MoclipError(
            f"'{rig.name}' is linked from another file and cannot be animated here.",
            hint="Make a library override of it first.",
            code="linked_rig",
        )
    if rig.animation_data is not None and rig.animation_data.use_tweak_mode:
        raise MoclipError(
            f"'{rig.name}' is in tweak mode of the NLA editor.",
            hint="Leave tweak mode (Tab) and apply again.",
            code="tweak_mode",
        )
