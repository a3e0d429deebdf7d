# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone moves with which: by parenthood, or for rigs of controls by trying."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..errors import MoclipError
from .controls import ControlRig, control_rig, switches_of

_ANGLE = 0.3
_SAME = 1e-3
"""Of the rig's size: matrices that differ by less are the same."""


@dataclass(frozen=True)
class Hierarchy:
    """order: the bones that matter, parents first. parents: bone -> the one that it follows rigidly, or None.
    matrices: bone -> (4, 4) at rest in armature space. loose: bones that do not inherit rotation.

    carrier: the bone whose location moves the body. anchor: the bone whose head is the pelvis joint. also: bones that
    turn with a joint beside those of the mapping. above: bones that carry the carrier, the topmost first; they are not
    driven, unless they are to take the travel.
    """

    order: tuple[str, ...]
    parents: Mapping[str, str | None]
    matrices: Mapping[str, np.ndarray]
    loose: frozenset[str]
    carrier: str
    anchor: str
    also: Mapping[str, str]
    above: tuple[str, ...]


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
    return Hierarchy(
        order=tuple(bone.name for bone in order),
        parents={bone.name: bone.parent.name if bone.parent else None for bone in order},
        matrices={bone.name: np.array(bone.matrix_local, dtype=np.float64) for bone in order},
        loose=frozenset(bone.name for bone in order if not bone.use_inherit_rotation),
        carrier=hips,
        anchor=hips,
        also={},
        above=tuple(bone.name for bone in reversed(bones[hips].parent_recursive)),
    )


_measured: dict[tuple, Hierarchy] = {}


def _by_trying(rig: bpy.types.Object, bone_of: Mapping[str, str], kind: ControlRig) -> Hierarchy:
    """Turn each control a little and see which others go with it; remembered while Blender runs."""
    key = (rig.session_uid, rig.data.session_uid, len(rig.data.bones), tuple(sorted(bone_of.items())))
    if key not in _measured:
        with _neutral(rig, kind, [*bone_of.values(), *kind.also, kind.root]):
            _measured[key] = _tried(rig, bone_of, kind)
    return _measured[key]


def _tried(rig: bpy.types.Object, bone_of: Mapping[str, str], kind: ControlRig) -> Hierarchy:
    controls = list(dict.fromkeys([kind.root, *bone_of.values(), *kind.also]))
    watched = list(dict.fromkeys([*controls, kind.anchor]))
    rest = _matrices(rig, watched)
    size = max(float(np.ptp([m[:3, 3] for m in rest.values()], axis=0).max()), 1e-9)
    followers: dict[str, set[str]] = {}
    for name in controls:
        bone = rig.pose.bones[name]
        # A turn about no axis of the bone's own, with a shift: nothing stays in place by chance.
        turn = Quaternion((1.0, 2.0, 3.0), _ANGLE).to_matrix().to_4x4()
        bone.matrix_basis = Matrix.Translation((0.05 * size, 0.03 * size, 0.02 * size)) @ turn
        bpy.context.view_layer.update()
        moved = _matrices(rig, watched)
        bone.matrix_basis = Matrix()
        change = moved[name] @ np.linalg.inv(rest[name])
        followers[name] = set()
        for other in watched:
            if other == name or np.abs(moved[other] - rest[other]).max() < _SAME * size:
                continue
            if np.abs(moved[other] - change @ rest[other]).max() > 20 * _SAME * size:
                raise MoclipError(
                    f"'{other}' of '{rig.name}' follows '{name}' only in part.",
                    hint="Set the rig's follow and parent switches to 1 or 0, then try again.",
                    code="control_rig",
                )
            followers[name].add(other)
    bpy.context.view_layer.update()
    leaders = {name: [c for c in controls if name in followers[c]] for name in watched}
    # The nearest leader is the one that itself has the most.
    parents = {name: max(led, key=lambda c: len(leaders[c]), default=None) for name, led in leaders.items()}
    order = sorted(watched, key=lambda name: len(leaders[name]))
    above = (kind.root,) if kind.root in leaders[bone_of["pelvis"]] else ()
    return Hierarchy(
        order=tuple(order),
        parents=parents,
        matrices=rest,
        loose=frozenset(),
        carrier=bone_of["pelvis"],
        anchor=kind.anchor,
        also=kind.also,
        above=above,
    )


def _matrices(rig: bpy.types.Object, names: list[str]) -> dict[str, np.ndarray]:
    return {name: np.array(rig.pose.bones[name].matrix, dtype=np.float64) for name in names}


@contextmanager
def _neutral(rig: bpy.types.Object, kind: ControlRig, controls: list[str]) -> Iterator[None]:
    """The rig without action and pose, with its switches set; as it was afterwards."""
    data = rig.animation_data
    tracks = data.use_nla if data else False
    action, slot = (data.action, getattr(data, "action_slot", None)) if data else (None, None)
    poses = {bone: bone.matrix_basis.copy() for bone in rig.pose.bones}
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
        for bone, basis in poses.items():
            bone.matrix_basis = basis
        if data:
            data.action, data.use_nla = action, tracks
            if slot is not None:
                data.action_slot = slot
        rig.update_tag()
        bpy.context.view_layer.update()
