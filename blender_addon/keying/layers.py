# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion of some limbs over what the character did before: keep the walk, make the arms wave."""

import bpy
import numpy as np

from .. import compat
from ..rig.channels import bone_of as bone_in
from ..rig.controls import control_rig, fk_switches
from ..rig.mapping import map_rig
from ..shared.errors import MoclipError
from . import history
from .keyframes import check_editable

_ARM, _LEG = ("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")
_TRUNK = ("spine1", "spine2", "spine3", "neck", "head")


def _sided(parts: tuple[str, ...], *sides: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for side in sides for part in parts)


LIMBS = {
    "upper_body": (*_TRUNK, *_sided(_ARM, "left", "right")),
    "both_arms": _sided(_ARM, "left", "right"),
    "left_arm": _sided(_ARM, "left"),
    "right_arm": _sided(_ARM, "right"),
    "lower_body": ("pelvis", *_sided(_LEG, "left", "right")),
    "head": ("neck", "head"),
}
ITEMS = tuple((name, name.replace("_", " ").title(), f"Lay the {name.replace('_', ' ')} over") for name in LIMBS)
_FADE_FRAMES = 6


def lay_over(rig: bpy.types.Object, limbs: str, additive: bool) -> bpy.types.NlaStrip:
    """Make the rig's new motion a strip of these limbs alone, over what the rig did before, which becomes a strip too.

    additive: what the limbs turn from their first frame is added to what is below. Raises MoclipError where there is no
    new motion, or none of its bones is of these limbs; then nothing has changed.
    """
    check_editable(rig)
    action = history.new_motion(rig)
    data, bone_of = rig.animation_data, map_rig(rig)
    wanted = {bone_of[joint] for joint in LIMBS[limbs] if joint in bone_of}
    # What is below may be moved by IK.
    kind = None if additive else control_rig(rig, bone_of)
    switches = _paths(rig, fk_switches(kind, LIMBS[limbs])) if kind else {}
    mine = [curve for curve in compat.fcurves_of(action) if _is_of(curve.data_path, wanted, limbs)]
    if not mine:
        raise MoclipError(
            f"'{action.name}' animates nothing of the {limbs.replace('_', ' ')} of '{rig.name}'.",
            hint="Choose other limbs.",
            code="no_limbs",
        )
    slot = compat.slot_of(data)
    below, below_slot = _before(action)
    kept = {(curve.data_path, curve.array_index) for curve in mine} | {(path, 0) for path in switches}
    compat.keep_curves(action, lambda curve: (curve.data_path, curve.array_index) in kept)
    for curve in compat.fcurves_of(action):
        if curve.data_path in switches:
            for point in curve.keyframe_points:
                point.co.y = switches[curve.data_path]
            curve.update()
    if additive:
        _from_first_frame(action)
    history.settle(action)
    compat.use(data, None)
    if below is not None and compat.fcurves_of(below):
        below.use_fake_user = True
        history.lay_strip(data, below, below_slot).blend_in = 0.0
    strip = history.lay_strip(data, action, slot)
    strip.blend_type, strip.extrapolation = "COMBINE" if additive else "REPLACE", "NOTHING"
    strip.blend_in = strip.blend_out = min(_FADE_FRAMES, (strip.frame_end - strip.frame_start) / 3)
    return strip


def _paths(rig: bpy.types.Object, switches: dict[tuple[str, str], float]) -> dict[str, float]:
    """Data path -> value of the switches that a rig has."""
    bones = rig.pose.bones
    return {
        bones[bone].path_from_id() + f'["{bpy.utils.escape_identifier(name)}"]': value
        for (bone, name), value in switches.items()
        if bone in bones and name in bones[bone]
    }


def _before(action: bpy.types.Action) -> tuple[bpy.types.Action | None, str]:
    """What the rig did before a motion that is not accepted, and by which slot."""
    told = action[history.KEY]
    own = told.get("before")
    own = bpy.data.actions.get(own) if isinstance(own, str) else own
    return own, told.get("before_slot", "")


def _is_of(path: str, bones: set[str], limbs: str) -> bool:
    """Whether a curve belongs to the limbs; where the body is goes with its legs only."""
    bone, channel = bone_in(path)
    return bone in bones and (channel != "location" or limbs == "lower_body")


def _from_first_frame(action: bpy.types.Action) -> None:
    """Rotations less those of the first frame, so that nothing is added there."""
    groups: dict[str, dict[int, bpy.types.FCurve]] = {}
    for curve in compat.fcurves_of(action):
        groups.setdefault(curve.data_path, {})[curve.array_index] = curve
    for path, curves in groups.items():
        points = [curves[index].keyframe_points for index in sorted(curves)]
        values = np.array([[point.co.y for point in each] for each in points])
        if path.endswith("rotation_quaternion") and len(values) == 4:
            w, x, y, z = values[:, 0]
            back = np.array([[w, x, y, z], [-x, w, z, -y], [-y, -z, w, x], [-z, y, -x, w]])
            values = back @ values
        else:
            values = values - values[:, :1]
        for each, row in zip(points, values, strict=True):
            for point, value in zip(each, row, strict=True):
                point.co.y = value
        for curve in curves.values():
            curve.update()
