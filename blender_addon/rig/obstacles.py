# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a rig would keep it from showing the keys of a motion: told before they are made, and mended by a button.

Only bones that a motion keys count: rigs of controls are full of constraints and drivers on others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..keying.actions import object_scale, rotation_channel
from ..keying.before import bone_of as bone_of_path
from ..shared.errors import MoclipError
from .controls import control_rig
from .hierarchy import rides_of
from .rest import RigRest
from .root import BONE, HIPS, OBJECT

_ONLY_SCALE = {"COPY_SCALE", "LIMIT_SCALE", "MAINTAIN_VOLUME"}
_LIMITS = {"LIMIT_ROTATION", "LIMIT_LOCATION", "LIMIT_DISTANCE", "FLOOR"}
_CARRIES_OBJECT = {"CHILD_OF", "ARMATURE"}
"""Constraints under which an object still moves by its own keys."""
_NOT_ALIKE = 1e-3


@dataclass(frozen=True)
class Obstacle:
    """told: a sentence that names it. hint: the next step. mend: does that step; None where only its owner can.

    action: the kind of mend, as the buttons know it (`mending.BUTTONS`). stops: keys would be wrong, not only cut off
    where a limit is.
    """

    told: str
    hint: str
    action: str = ""
    mend: Callable[[], None] | None = None
    stops: bool = True


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
    yield from _constrained(rig, keyed)
    yield from _chained(rig, keyed)
    yield from _driven(rig, keyed)
    yield from _scaled(rig, bone_of)
    if root == OBJECT:
        yield from _object(rig, bone_of)
    yield from _limited(rig, keyed)


@dataclass(frozen=True)
class _Keyed:
    """bones: those that a motion turns, or whose turning it counts on. located: those whose location it keys."""

    bones: Mapping[str, bpy.types.PoseBone]
    located: frozenset[str]


def _keyed(rig: bpy.types.Object, bone_of: Mapping[str, str], root: str) -> _Keyed:
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
    return _Keyed({name: bones[name] for name in sorted(names)}, frozenset(located))


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
            f"{_and_more(len(ends))}.",
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


def _active(constraint: bpy.types.Constraint) -> bool:
    """Does it do anything, now?"""
    if not constraint.enabled or constraint.influence <= 0.0:
        return False
    if constraint.type == "ARMATURE":
        return any(target.target is not None for target in constraint.targets)
    return getattr(constraint, "target", constraint) is not None


def _moves(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> bool:
    """Does a constraint of a bone overrule the bone's keys? IK is looked at by its chain."""
    return _active(constraint) and constraint.type not in _ONLY_SCALE | _LIMITS | {"IK", "SPLINE_IK"}


def _mute(constraints: list[bpy.types.Constraint]) -> Callable[[], None]:
    def mute() -> None:
        for constraint in constraints:
            constraint.enabled = False

    return mute


def _and_more(count: int) -> str:
    return f" (and {count - 1} more like it)" if count > 1 else ""


def _constrained(rig: bpy.types.Object, keyed: _Keyed) -> Iterator[Obstacle]:
    hits = [(bone, c) for bone in keyed.bones.values() for c in bone.constraints if _moves(bone, c)]
    if hits:
        bone, constraint = hits[0]
        yield Obstacle(
            f"The bone '{bone.name}' of '{rig.name}' would follow its constraint '{constraint.name}' instead of its "
            f"keys{_and_more(len(hits))}.",
            "Mute it, or choose other bones in the Bones panel.",
            "mute_constraints",
            _mute([constraint for _, constraint in hits]),
        )


def _chained(rig: bpy.types.Object, keyed: _Keyed) -> Iterator[Obstacle]:
    hits = []
    for owner in rig.pose.bones:
        for constraint in owner.constraints:
            if constraint.type in ("IK", "SPLINE_IK") and _active(constraint):
                taken = [bone.name for bone in _chain(owner, constraint) if bone.name in keyed.bones]
                if taken:
                    hits.append((taken[0], owner.name, constraint))
    if hits:
        bone, owner, constraint = hits[0]
        where = "its" if bone == owner else f"'{owner}' and its"
        yield Obstacle(
            f"The bone '{bone}' of '{rig.name}' would follow {where} constraint '{constraint.name}' instead of its "
            f"keys{_and_more(len(hits))}.",
            "Mute it, or choose other bones in the Bones panel.",
            "mute_constraints",
            _mute([constraint for _, _, constraint in hits]),
        )


def _chain(owner: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> list[bpy.types.PoseBone]:
    """The bones that an IK constraint turns, its owner first."""
    up = [owner, *owner.parent_recursive]
    if constraint.type == "IK" and not constraint.use_tail:
        up = up[1:]
    return up[: constraint.chain_count or None]


def _driven(rig: bpy.types.Object, keyed: _Keyed) -> Iterator[Obstacle]:
    hits = []
    for curve in rig.animation_data.drivers if rig.animation_data else ():
        name, channel = bone_of_path(curve.data_path)
        bone = keyed.bones.get(name)
        if bone is None or curve.mute:
            continue
        if channel == rotation_channel(bone.rotation_mode) or (channel == "location" and name in keyed.located):
            hits.append((name, channel, curve))
    if hits:
        name, channel, _ = hits[0]
        yield _of_drivers(
            f"A driver sets the {channel.partition('_')[0]} of the bone '{name}' of '{rig.name}', whatever its keys",
            [curve for _, _, curve in hits],
        )


def _of_drivers(told: str, curves: list[bpy.types.FCurve]) -> Obstacle:
    def mute() -> None:
        for curve in curves:
            curve.mute = True

    return Obstacle(
        f"{told}{_and_more(len(curves))}.", "Mute it, or choose other bones in the Bones panel.", "mute_drivers", mute
    )


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


def _object(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Iterator[Obstacle]:
    """What keeps the object from carrying the travel."""
    hits = [c for c in rig.constraints if _active(c) and c.type not in _ONLY_SCALE | _CARRIES_OBJECT]
    if hits:
        yield Obstacle(
            f"The object '{rig.name}' would follow its constraint '{hits[0].name}' instead of its "
            f"keys{_and_more(len(hits))}.",
            "Mute it, or choose another Root.",
            "mute_constraints",
            _mute(hits),
        )
    channels = ("location", rotation_channel(rig.rotation_mode))
    drivers = [c for c in (rig.animation_data.drivers if rig.animation_data else ()) if c.data_path in channels]
    if drivers := [curve for curve in drivers if not curve.mute]:
        yield _of_drivers(f"A driver moves the object '{rig.name}', whatever its keys", drivers)
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


def _limited(rig: bpy.types.Object, keyed: _Keyed) -> Iterator[Obstacle]:
    hits = [
        (bone, c)
        for bone in keyed.bones.values()
        for c in bone.constraints
        if c.type in _LIMITS and _active(c) and (c.type != "LIMIT_LOCATION" or bone.name in keyed.located)
    ]
    if hits:
        bone, constraint = hits[0]
        yield Obstacle(
            f"'{bone.name}' goes no further than its '{constraint.name}' lets it{_and_more(len(hits))}.",
            "",
            "mute_constraints",
            _mute([constraint for _, constraint in hits]),
            stops=False,
        )
