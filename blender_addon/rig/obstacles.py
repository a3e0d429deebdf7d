# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a rig would keep it from showing the keys of a motion: told before they are made, and mended by a button.

Only bones that a motion keys count: rigs of controls are full of constraints and drivers on others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import bpy
import numpy as np

from ..shared.errors import MoclipError
from . import overruled
from .channels import object_scale
from .controls import control_rig
from .hierarchy import rides_of
from .obstacle import Keyed, Obstacle, and_more
from .rest import RigRest
from .root import BONE, HIPS, OBJECT

_NOT_ALIKE = 1e-3


def check(rig: bpy.types.Object, bone_of: Mapping[str, str], root: str = HIPS) -> None:
    """Raises MoclipError for the first obstacle that stops a motion; root: who is to carry the travel (`rig.root`)."""
    for obstacle in found(rig, bone_of, root):
        if obstacle.stops:
            raise MoclipError(obstacle.told, hint=obstacle.hint, action=obstacle.action, code="obstacle")


def found(rig: bpy.types.Object, bone_of: Mapping[str, str], root: str = HIPS) -> Iterator[Obstacle]:
    """bone_of: from `mapping.map_rig`. Those that must be mended first come first."""
    yield from _at_rest(rig)
    yield from _solo(rig)
    keyed = _keyed(rig, bone_of, root)
    yield from _connected(rig, bone_of)
    yield from overruled.constrained(rig, keyed)
    yield from overruled.chained(rig, keyed)
    yield from overruled.driven(rig, keyed)
    yield from _scaled(rig, bone_of)
    if root == OBJECT:
        yield from overruled.of_object(rig)
        yield from _wide(rig, bone_of)
    yield from overruled.limited(rig, keyed)


def _keyed(rig: bpy.types.Object, bone_of: Mapping[str, str], root: str) -> Keyed:
    kind, bones = control_rig(rig, dict(bone_of)), rig.pose.bones
    hips, rides = bone_of["pelvis"], rides_of(rig, bone_of)
    above = {bone.name for bone in bones[hips].parent_recursive}
    names, located = set(bone_of.values()), {hips, *rides}
    if kind is not None:
        names |= set(kind.also)
        top = kind.root
    else:
        # Bones on the way turn the ones below them.
        names |= {parent.name for name in bone_of.values() for parent in bones[name].parent_recursive} - above
        top = bones[hips].parent_recursive[-1].name if above else ""
    if root == BONE and top:
        names.add(top)
        located.add(top)
    return Keyed({name: bones[name] for name in sorted(names)}, frozenset(located))


def _at_rest(rig: bpy.types.Object) -> Iterator[Obstacle]:
    def show() -> None:
        rig.data.pose_position = "POSE"

    if rig.data.pose_position == "REST":
        yield _of_armature(
            rig,
            f"'{rig.name}' is held in its rest pose.",
            "Set the armature's Pose Position to Pose",
            ("show_pose", show),
        )


def _of_armature(rig: bpy.types.Object, told: str, hint: str, mend: tuple[str, Callable[[], None]]) -> Obstacle:
    """What the armature's data decide, which may be another file's: changes of it would be lost."""
    if rig.data.library is not None:
        return Obstacle(told, f"{hint} in the file that it is linked from.")
    return Obstacle(told, f"{hint}, then try again.", *mend)


def _solo(rig: bpy.types.Object) -> Iterator[Obstacle]:
    data = rig.animation_data
    track = next((track for track in data.nla_tracks if track.is_solo), None) if data else None

    def end() -> None:
        track.is_solo = False

    if track is not None:
        yield Obstacle(
            f"The NLA track '{track.name}' of '{rig.name}' plays alone, so that no action is seen.",
            "Take its star (Solo) away in the NLA editor.",
            "end_solo",
            end,
        )


def _connected(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Iterator[Obstacle]:
    hips = rig.data.bones[bone_of["pelvis"]]
    if hips.use_connect and hips.parent is not None:
        yield _of_armature(
            rig,
            f"The hips bone '{hips.name}' of '{rig.name}' is connected to '{hips.parent.name}' and cannot move.",
            "Disconnect it in Edit Mode, where it stays in its place",
            ("disconnect", lambda: _disconnect(rig, [bone_of["pelvis"]])),
        )
    ends = [(rig.data.bones[name], limb) for name, limb in rides_of(rig, bone_of).items()]
    ends = [(bone, limb) for bone, limb in ends if bone.use_connect and bone.parent is not None]
    if ends:
        bone, limb = ends[0]
        yield _of_armature(
            rig,
            f"The bone '{bone.name}' of '{rig.name}' is connected to '{bone.parent.name}' and cannot go with '{limb}'"
            f"{and_more(len(ends))}.",
            "Disconnect it in Edit Mode, where it stays in its place",
            ("disconnect", lambda: _disconnect(rig, [bone.name for bone, _ in ends])),
        )


def _disconnect(rig: bpy.types.Object, names: Sequence[str]) -> None:
    """Blender lets this be changed in Edit Mode alone. Raises RuntimeError where it does not let one in there."""
    layer = bpy.context.view_layer
    active, mode = layer.objects.active, bpy.context.mode
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    layer.objects.active = rig
    try:
        bpy.ops.object.mode_set(mode="EDIT")
        for name in names:
            rig.data.edit_bones[name].use_connect = False
        bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        layer.objects.active = active
    if mode == "POSE" and active is not None:
        bpy.ops.object.mode_set(mode="POSE")


def _scaled(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Iterator[Obstacle]:
    """Roots that make the body wider, not only larger, or larger only in part."""
    hips = rig.pose.bones[bone_of["pelvis"]]
    roots = hips.parent_recursive
    for bone in reversed(roots):
        matrix = np.array(bone.matrix.to_3x3(), dtype=np.float64)
        lengths = np.linalg.norm(matrix, axis=0)
        if np.ptp(lengths) > _NOT_ALIKE * lengths.max() or np.linalg.det(matrix) <= 0:
            yield Obstacle(
                f"The bone '{bone.name}' of '{rig.name}' is not scaled alike along all axes.",
                "Clear its scale (Alt+S in Pose Mode).",
                *_clear([*roots, bone]),
            )
            return
    scaled = [bone for bone in roots if abs(bone.matrix.to_scale().x - 1.0) > _NOT_ALIKE]
    if not scaled or control_rig(rig, dict(bone_of)) is not None:
        return
    inherits = {name: _inherits(rig.data.bones[name]) for name in {*bone_of.values(), hips.name}}
    # An end that hangs elsewhere would not grow with its limb.
    inherits |= {
        name: False for name in rides_of(rig, bone_of) if not set(scaled) <= set(rig.pose.bones[name].parent_recursive)
    }
    if inherits.pop(hips.name):
        loose = sorted(name for name, passed in inherits.items() if not passed)
        if loose:
            yield Obstacle(
                f"'{scaled[-1].name}' of '{rig.name}' is scaled, but '{loose[0]}' does not inherit its scale.",
                "Clear the scale (Alt+S in Pose Mode).",
                *_clear(roots),
            )


def _inherits(bone: bpy.types.Bone) -> bool:
    return bone.inherit_scale not in ("NONE", "NONE_LEGACY")


def _clear(bones: list[bpy.types.PoseBone]) -> tuple[str, Callable[[], None] | None]:
    """The button and what it does; none where the scale is not the bones' own."""
    scaled = [bone for bone in bones if (np.abs(np.array(bone.scale) - 1.0) > _NOT_ALIKE).any()]

    def clear() -> None:
        for bone in scaled:
            bone.scale = (1.0, 1.0, 1.0)

    return ("clear_scale", clear) if scaled else ("", None)


def _wide(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Iterator[Obstacle]:
    """An object's scale that keeps it from turning by keys."""
    size = object_scale(rig)
    if np.ptp(np.abs(size)) > _NOT_ALIKE * np.abs(size).max():
        left, ahead, _ = RigRest(rig, bone_of).frame.T
        # A quarter turn on the ground, done to the scaled body, must be a turn still.
        lengths = [np.linalg.norm(size * axis) for axis in (left, ahead)]
        if abs(lengths[0] - lengths[1]) > _NOT_ALIKE * max(lengths):
            yield Obstacle(
                f"The object '{rig.name}' is wider than it is deep by its scale, so that it cannot turn by keys.",
                "Apply its scale (Object > Apply > Scale), or choose another Root.",
            )
