# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a rig's action in which a range is keyed anew."""

import bpy
import numpy as np

from .. import compat
from ..keying.actions import in_mode
from ..rig.channels import rotation_channel
from ..rig.pose import BoneCurves
from .splice import STILL, Shift, Span, check_splice, splice

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
        shifts = [STILL] * values.shape[1]
        if channel == "rotation_quaternion":
            if span.before and values[0] @ self._kept(pose_bone, channel, span.first - 1) < 0:
                values = -values
            if span.after and values[-1] @ self._kept(pose_bone, channel, span.end) < 0:
                shifts = [Shift(factor=-1.0)] * len(shifts)
        elif channel == "rotation_euler" and span.after:
            turns = np.round((values[-1] - self._kept(pose_bone, channel, span.end)) / _TURN)
            shifts = [Shift(offset=float(_TURN * turn)) for turn in turns]
        elif channel == "rotation_axis_angle" and span.after:
            kept = self._kept(pose_bone, channel, span.end)
            factor = -1.0 if values[-1, 1:] @ kept[1:] < 0 else 1.0
            turn = np.round((values[-1, 0] - factor * kept[0]) / _TURN)
            shifts = [Shift(factor, float(_TURN * turn)), *[Shift(factor)] * 3]
        for index, (column, own, shift) in enumerate(zip(values.T, rest, shifts, strict=True)):
            curve = self.curves.find(path, index) or self.curves.new(path, index, pose_bone.name)
            splice(curve, span, column, own, shift)
