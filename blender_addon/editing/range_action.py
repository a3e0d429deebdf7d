# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a rig's action in which a range is keyed anew."""

import bpy
import numpy as np

from .. import compat
from ..keying.actions import in_mode
from ..rig.channels import rotation_channel
from ..rig.pose import BoneCurves
from .splice import Span, check_splice, splice

_TURN = 2 * np.pi


class RangeAction:
    """The rig's own action stays as it is; without one, the new action has the range alone.

    Raises MoclipError for an action whose curves cannot be edited by their keys; then nothing has changed.
    """

    def __init__(self, rig: bpy.types.Object, source: bpy.types.Action | None, slot: str, name: str, span: Span):
        self.rig, self.span = rig, span
        for curve in compat.fcurves_of(source) if source else ():
            check_splice(curve)
        action = source.copy() if source else bpy.data.actions.new(name)
        action.name = name
        self.curves = compat.Curves(action, rig, slot)

    def add_bone(self, bone: BoneCurves) -> None:
        """Key a bone in the range, in its own rotation mode."""
        pose_bone = self.rig.pose.bones[bone.bone]
        near = None
        if pose_bone.rotation_mode != "QUATERNION" and self.span.before:
            near = self._kept(pose_bone, rotation_channel(pose_bone.rotation_mode), self.span.first - 1)
        channel, values, _ = in_mode(pose_bone, bone.rotation, near)
        self._write(pose_bone, channel, np.asarray(values, dtype=np.float64))
        if bone.location is not None:
            self._write(pose_bone, "location", bone.location)

    def add_switch(self, bone: bpy.types.PoseBone, name: str, value: float) -> None:
        """Hold a custom property at a value in the range, and at its own beside it."""
        path = bone.path_from_id() + f'["{bpy.utils.escape_identifier(name)}"]'
        curve = self.curves.find(path, 0) or self.curves.new(path, 0, bone.name)
        splice(curve, self.span, np.full(self.span.end - self.span.first, value), float(bone[name]))
        for point in curve.keyframe_points:
            if self.span.first - 1.5 <= point.co.x < self.span.end:
                point.interpolation = "CONSTANT"

    def _kept(self, pose_bone: bpy.types.PoseBone, channel: str, frame: int) -> np.ndarray:
        """(C,) what a channel has at a frame that is not keyed anew."""
        own, path = list(getattr(pose_bone, channel)), pose_bone.path_from_id(channel)
        curves = [self.curves.find(path, k) for k in range(len(own))]
        keyed = [curve is not None and len(curve.keyframe_points) > 0 for curve in curves]
        return np.array([curves[k].evaluate(frame) if keyed[k] else own[k] for k in range(len(own))])

    def _write(self, pose_bone: bpy.types.PoseBone, channel: str, values: np.ndarray) -> None:
        path, span, rest = pose_bone.path_from_id(channel), self.span, list(getattr(pose_bone, channel))
        if channel == "rotation_quaternion" and span.before:
            if values[0] @ self._kept(pose_bone, channel, span.first - 1) < 0:
                values = -values
        held = None
        if span.after and channel != "location":
            values, held = _meeting(values, channel, self._kept(pose_bone, channel, span.end))
        for index, (column, own) in enumerate(zip(values.T, rest, strict=True)):
            curve = self.curves.find(path, index) or self.curves.new(path, index, pose_bone.name)
            splice(curve, span, column, own, held)


def _meeting(values: np.ndarray, channel: str, kept: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Values (N, C) of a rotation whose end says the same as what follows in the same numbers, not only the same pose.

    The keys that follow stay as they are. What has turned round meanwhile, or changed sign, does so between the two
    frames that differ the least, the first of which is held: (values, which one), or None where there is no such need.
    """
    factor, offset, last = 1.0, np.zeros(values.shape[1]), values[-1]
    if channel == "rotation_quaternion":
        factor = -1.0 if last @ kept < 0 else 1.0
    elif channel == "rotation_euler":
        offset = _TURN * np.round((kept - last) / _TURN)
    else:
        factor = -1.0 if last[1:] @ kept[1:] < 0 else 1.0
        offset[0] = _TURN * np.round((kept[0] - factor * last[0]) / _TURN)
    if factor == 1.0 and not offset.any():
        return values, None
    if len(values) == 1:
        return values, 0
    held = int(np.linalg.norm(np.diff(values, axis=0), axis=1).argmin())
    return np.concatenate([values[: held + 1], factor * values[held + 1 :] + offset]), held
