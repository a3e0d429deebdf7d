# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone moves with which: by parenthood, or for rigs of controls by trying."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..shared.errors import MoclipError
from .controls import ControlRig, control_rig, switches_of
from .loose import loose_ends

_ANGLE = 0.3
_CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")
_SAME = 1e-3
"""Of the rig's size: matrices that differ by less are the same."""


@dataclass(frozen=True)
class Hierarchy:
    """order: the bones that matter, parents first. parents: bone -> the one that it follows rigidly, or None.
    matrices: bone -> (4, 4) at rest in armature space. loose: bones that do not inherit rotation.

    carrier: the bone whose location moves the body. anchor: the bone whose head is the pelvis joint. also: bones that
    turn with a joint beside those of the mapping. above: bones that carry the carrier, the topmost first; they are not
    driven, unless they are to take the travel. shown: joint -> the bone that turns as it does, whatever is in charge.
    rides: loose ends of limbs -> the bone of the limb that they must follow by their location, though they hang
    elsewhere. beside: bones that only carry loose ends; the motion leaves them alone.
    """

    order: tuple[str, ...]
    parents: Mapping[str, str | None]
    matrices: Mapping[str, np.ndarray]
    loose: frozenset[str]
    carrier: str
    anchor: str
    also: Mapping[str, str]
    above: tuple[str, ...]
    shown: Mapping[str, str]
    rides: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def leader(self, bone: str) -> str | None:
        """The bone that another goes with: its parent, or the limb that it rides on."""
        return self.rides.get(bone, self.parents[bone])


def hierarchy_of(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Hierarchy:
    """Raises MoclipError for a rig of controls that follow one another only in part."""
    kind = control_rig(rig, dict(bone_of))
    return _by_parenthood(rig, bone_of) if kind is None else _by_trying(rig, bone_of, kind)


def _by_parenthood(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> Hierarchy:
    bones, needed = rig.data.bones, {}
    for name in bone_of.values():
        for ancestor in (*reversed(bones[name].parent_recursive), bones[name]):
            needed.setdefault(ancestor.name, ancestor)
    order = sorted(needed.values(), key=lambda bone: len(bone.parent_recursive))
    hips = bone_of["pelvis"]
    parents = {bone.name: bone.parent.name if bone.parent else None for bone in order}
    rides = rides_of(rig, bone_of)
    above = tuple(bone.name for bone in reversed(bones[hips].parent_recursive))
    names = _leaders_first(parents, rides)
    carried = {hips}
    for name in names:
        if rides.get(name, parents[name]) in carried:
            carried.add(name)
    return Hierarchy(
        order=names,
        parents=parents,
        matrices={bone.name: np.array(bone.matrix_local, dtype=np.float64) for bone in order},
        loose=frozenset(bone.name for bone in order if not bone.use_inherit_rotation),
        carrier=hips,
        anchor=hips,
        also={},
        above=above,
        shown=dict(bone_of),
        rides=rides,
        beside=tuple(name for name in names if name not in carried and name not in above),
    )


def rides_of(rig: bpy.types.Object, bone_of: Mapping[str, str]) -> dict[str, str]:
    """Bone -> the bone of its limb, for loose ends; none on rigs of controls, which hang together by constraints."""
    if control_rig(rig, dict(bone_of)) is not None:
        return {}
    bones = rig.data.bones
    found = loose_ends(
        {bone.name: np.array(bone.head_local, dtype=np.float64) for bone in bones},
        {bone.name: np.array(bone.tail_local, dtype=np.float64) for bone in bones},
        {bone.name: bone.parent.name if bone.parent else None for bone in bones},
        bone_of,
    )
    return {bone_of[joint]: bone_of[above] for joint, above in found.items()}


def _leaders_first(parents: Mapping[str, str | None], rides: Mapping[str, str]) -> tuple[str, ...]:
    """Parents before children, as `parents` has them, and loose ends after what they ride on."""
    left, names = list(parents), []
    while left:
        ready = [name for name in left if parents[name] not in left and rides.get(name) not in left] or left[
            :1
        ]  # nothing goes round in circles that `oddities` lets pass
        names += ready
        left = [name for name in left if name not in ready]
    return tuple(names)


_measured: dict[tuple, Hierarchy] = {}


def _by_trying(rig: bpy.types.Object, bone_of: Mapping[str, str], kind: ControlRig) -> Hierarchy:
    """Turn each control a little and see which others go with it; remembered while the rig is built as it is."""
    key = (rig.session_uid, _build(rig), tuple(sorted(bone_of.items())))
    if key not in _measured:
        for old in [old for old in _measured if old[0] == rig.session_uid]:
            del _measured[old]
        with _neutral(rig, kind, [*bone_of.values(), *kind.also, kind.root]):
            _measured[key] = _tried(rig, bone_of, kind)
    return _measured[key]


def _build(rig: bpy.types.Object) -> str:
    """A digest of all that decides which bone moves with which: rest, parents, settings, constraints, drivers."""
    bones, drivers = rig.data.bones, rig.animation_data.drivers if rig.animation_data else ()
    rest = np.empty(16 * len(bones), dtype=np.float32)
    bones.foreach_get("matrix_local", rest)
    told = [rest.tobytes()]
    for bone in bones:
        parent = bone.parent.name if bone.parent else ""
        told.append(
            f"{bone.name}\n{parent}\n{bone.use_connect} {bone.use_inherit_rotation} {bone.inherit_scale} "
            f"{bone.use_local_location}".encode()
        )
    # What switches drive is put right before bones are tried.
    set_by_drivers = {curve.data_path for curve in drivers}
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            driven = constraint.path_from_id("influence") in set_by_drivers
            influence = "" if driven else f"{constraint.influence:.6g}"
            subtarget = getattr(constraint, "subtarget", "")
            told.append(f"{bone.name}\n{constraint.type} {constraint.enabled} {influence} {subtarget}".encode())
    told.extend(f"{curve.data_path}\n{curve.array_index} {curve.mute}".encode() for curve in drivers)
    return hashlib.sha256(b"\0".join(told)).hexdigest()


def _tried(rig: bpy.types.Object, bone_of: Mapping[str, str], kind: ControlRig) -> Hierarchy:
    controls = list(dict.fromkeys([kind.root, *bone_of.values(), *kind.also]))
    watched = list(dict.fromkeys([*controls, kind.anchor]))
    chains = {j: b for j, b in kind.shown.match(rig.pose.bones.keys()).items() if j in bone_of}
    rest = _matrices(rig, [*watched, *chains.values()])
    size = max(float(np.ptp([m[:3, 3] for m in rest.values()], axis=0).max()), 1e-9)
    followers: dict[str, set[str]] = {}
    turning: dict[str, set[str]] = {}
    for name in controls:
        moved = _moved(rig, name, list(rest), size)
        change = moved[name] @ np.linalg.inv(rest[name])
        followers[name] = _followers(rig, name, change, {n: rest[n] for n in watched}, moved, size)
        turning[name] = {n for n in rest if np.abs(moved[n] - change @ rest[n])[:3, :3].max() < 20 * _SAME}
    bpy.context.view_layer.update()
    leaders = {name: [c for c in controls if name in followers[c]] for name in watched}
    # The nearest leader is the one that itself has the most.
    parents = {name: max(led, key=lambda c: len(leaders[c]), default=None) for name, led in leaders.items()}
    above = (kind.root,) if kind.root in leaders[bone_of["pelvis"]] else ()
    turners = {joint: [bone_of[joint], *(c for c, j in kind.also.items() if j == joint)] for joint in chains}
    return Hierarchy(
        order=tuple(sorted(watched, key=lambda name: len(leaders[name]))),
        parents=parents,
        matrices=rest,
        loose=frozenset(),
        carrier=bone_of["pelvis"],
        anchor=kind.anchor,
        also=kind.also,
        above=above,
        shown=dict(bone_of) | {j: b for j, b in chains.items() if any(b in turning[c] for c in turners[j])},
    )


def _moved(rig: bpy.types.Object, control: str, names: list[str], size: float) -> dict[str, np.ndarray]:
    """Where bones are when a control is turned a little."""
    bone = rig.pose.bones[control]
    # A turn about no axis of the bone's own, with a shift: nothing stays in place by chance.
    turn = Quaternion((1.0, 2.0, 3.0), _ANGLE).to_matrix().to_4x4()
    bone.matrix_basis = Matrix.Translation((0.05 * size, 0.03 * size, 0.02 * size)) @ turn
    bpy.context.view_layer.update()
    moved = _matrices(rig, names)
    bone.matrix_basis = Matrix()
    return moved


def _followers(
    rig: bpy.types.Object,
    control: str,
    change: np.ndarray,
    rest: Mapping[str, np.ndarray],
    moved: Mapping[str, np.ndarray],
    size: float,
) -> set[str]:
    """The bones that a control's change took along. Raises MoclipError where it took one along in part."""
    found = set()
    for other in rest:
        if other == control or np.abs(moved[other] - rest[other]).max() < _SAME * size:
            continue
        if np.abs(moved[other] - change @ rest[other]).max() > 20 * _SAME * size:
            raise MoclipError(
                f"'{other}' of '{rig.name}' follows '{control}' only in part.",
                hint="Set the rig's follow and parent switches to 1 or 0, then try again.",
                code="control_rig",
            )
        found.add(other)
    return found


def _matrices(rig: bpy.types.Object, names: list[str]) -> dict[str, np.ndarray]:
    return {name: np.array(rig.pose.bones[name].matrix, dtype=np.float64) for name in names}


@contextmanager
def _neutral(rig: bpy.types.Object, kind: ControlRig, controls: list[str]) -> Iterator[None]:
    """The rig without action and pose, with its switches set; as it was afterwards."""
    data = rig.animation_data
    tracks = data.use_nla if data else False
    action, slot = (data.action, getattr(data, "action_slot", None)) if data else (None, None)
    # By channel: a matrix would bring an angle of 400 degrees back as 40.
    poses = {bone: {name: tuple(getattr(bone, name)) for name in _CHANNELS} for bone in rig.pose.bones}
    switches = [(bone, name, bone[name]) for bone, name, _ in switches_of(rig, kind)]
    try:
        if data:
            data.action, data.use_nla = None, False
        for bone, name, value in switches_of(rig, kind):
            bone[name] = type(bone[name])(value)
        for bone in rig.pose.bones:
            bone.matrix_basis = Matrix()
        rig.update_tag()
        bpy.context.view_layer.update()
        yield
    finally:
        for bone, name, value in switches:
            bone[name] = value
        for bone, channels in poses.items():
            for name, value in channels.items():
                setattr(bone, name, value)
        if data:
            data.action, data.use_nla = action, tracks
            if slot is not None:
                data.action_slot = slot
        rig.update_tag()
        bpy.context.view_layer.update()
