# SPDX-License-Identifier: GPL-3.0-or-later
"""Write curves of bones and of an object as a new action."""

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Euler, Quaternion

from .. import compat
from ..rig.channels import object_scale, rotation_channel
from ..rig.pose import BoneCurves
from ..shared import rotations
from . import simplify

_LINEAR = 1


@dataclass(frozen=True)
class Keys:
    """start: frame of the first key. loop: repeat after the last one. degrees, reach: error bounds of a bone's rotation
    and location (armature units) for fewer keys; 0 degrees keys every frame."""

    start: int
    loop: bool = False
    degrees: float = 0.0
    reach: float = 0.0


class NewAction:
    """An action in the making: `assign` gives it to the rig, whose old one stays in the file with a fake user."""

    def __init__(self, rig: bpy.types.Object, name: str, keys: Keys):
        self.rig, self.keys = rig, keys
        self._curves = compat.Curves(bpy.data.actions.new(name), rig)

    def add_bone(self, bone: BoneCurves) -> None:
        """Keys in the bone's own rotation mode, so that its other actions play on as they did.

        Filled by `foreach_set`: some twenty times faster than `keyframe_insert`.
        """
        pose_bone, keys = self.rig.pose.bones[bone.bone], self.keys
        rest_unkeyed(pose_bone, bone.keeps_scale)
        channel, values, as_quaternions = in_mode(pose_bone, bone.rotation)
        kept = np.arange(len(values)) if bone.idle is None else np.flatnonzero(~bone.idle)
        if keys.degrees > 0:
            kept = simplify.kept_keys(values, as_quaternions, keys.degrees, bone.location, keys.reach)
        self._write(pose_bone.path_from_id(channel), values, kept, pose_bone.name)
        if bone.location is not None:
            self._write(pose_bone.path_from_id("location"), bone.location, kept, pose_bone.name, travels=True)

    def add_switch(self, bone: bpy.types.PoseBone, name: str, value: float) -> None:
        """One key that holds a custom property: the switch is the action's, and the rig's own setting is untouched."""
        path = bone.path_from_id() + f'["{bpy.utils.escape_identifier(name)}"]'
        self._write(path, np.array([[value]]), np.zeros(1, dtype=int), bone.name)

    def add_stiff(self, bone: bpy.types.PoseBone) -> None:
        """One key that keeps IK from stretching a bone while the action plays."""
        self._write(bone.path_from_id("ik_stretch"), np.zeros((1, 1)), np.zeros(1, dtype=int), bone.name)

    def add_object(self, moves: np.ndarray) -> None:
        """Keys of the object that moves by (T, 4, 4), within its own space, from where it stands now.

        What its delta transforms add is left out, and its scale, mirrored or not, stays.
        """
        rig, group, every = self.rig, "Object Transforms", np.arange(len(moves))
        now, size = np.array(rig.matrix_basis, dtype=np.float64), object_scale(rig)
        matrices = now @ moves
        self._write("location", matrices[:, :3, 3] - np.array(rig.delta_location), every, group, travels=True)
        turned = rotations.from_matrix(np.stack([now[:3, :3] / size, *(matrices[:, :3, :3] / size)]))
        # Blender turns by the channel first, then by the delta.
        delta = rotations.multiply(turned[0], rotations.conjugate(_turn_now(rig)))
        turns = rotations.continuous(rotations.multiply(rotations.conjugate(delta), turned[1:]))
        channel, values, _ = in_mode(rig, turns)
        self._write(channel, values, every, group)

    def assign(self) -> bpy.types.Action:
        data = self.rig.animation_data or self.rig.animation_data_create()
        if data.action is not None:
            data.action.use_fake_user = True
        compat.assign(data, self._curves)
        play_in_full(data)
        return self._curves.action

    def _write(self, path: str, values: np.ndarray, kept: np.ndarray, group: str, travels: bool = False) -> None:
        values = np.broadcast_to(values, (kept[-1] + 1, values.shape[-1]))[kept]
        frames = self.keys.start + kept
        for index in range(values.shape[1]):
            fcurve = self._curves.new(path, index, group)
            points = fcurve.keyframe_points
            points.add(len(frames))
            points.foreach_set("co", np.stack([frames, values[:, index]], axis=1).astype(np.float32).ravel())
            points.foreach_set("interpolation", np.full(len(frames), _LINEAR, dtype=np.int32))
            fcurve.update()
            if self.keys.loop:
                cycles = fcurve.modifiers.new("CYCLES")
                cycles.mode_before, cycles.mode_after = "NONE", "REPEAT_OFFSET" if travels else "REPEAT"


def rest_unkeyed(bone: bpy.types.PoseBone, keeps_scale: bool = False) -> None:
    """What no curve of a motion keys is as at rest: a motion is made for bones of their own length, in their place."""
    bone.location = (0.0, 0.0, 0.0)
    if not keeps_scale:
        bone.scale = (1.0, 1.0, 1.0)


def play_in_full(data: bpy.types.AnimData) -> None:
    """Let the active action alone decide what it animates, over whatever the NLA has below it."""
    data.action_blend_type, data.action_influence, data.action_extrapolation = "REPLACE", 1.0, "HOLD"


def _turn_now(rig: bpy.types.Object) -> np.ndarray:
    """(4,) the rotation that an object's channels have, without the delta."""
    values = getattr(rig, rotation_channel(rig.rotation_mode))
    if rig.rotation_mode == "AXIS_ANGLE":
        return _from_axis_angles(np.array(values, dtype=np.float64))
    turn = values if rig.rotation_mode == "QUATERNION" else values.to_quaternion()
    return rotations.normalize(np.array(turn, dtype=np.float64))


def in_mode(
    owner: bpy.types.Object | bpy.types.PoseBone, turns: np.ndarray, near: np.ndarray | None = None
) -> tuple[str, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """(channel, its values, values -> quaternions) of rotations (T, 4), continuous, in the owner's rotation mode.

    near: values of the channel, not for quaternions, that those of the first frame shall be near to.
    """
    mode = owner.rotation_mode
    channel = rotation_channel(mode)
    if mode == "QUATERNION":
        return channel, turns, rotations.normalize
    if mode == "AXIS_ANGLE":
        return channel, _axis_angles(turns, near), _from_axis_angles
    eulers = [] if near is None else [Euler(near.tolist(), mode)]
    for turn in turns:
        eulers.append(Quaternion(turn.tolist()).to_euler(mode, *eulers[-1:]))

    def quaternions(angles: np.ndarray) -> np.ndarray:
        # Blender's XYZ turns about the fixed axes X, Y, Z in this order.
        last_first = ["XYZ".index(axis) for axis in mode[::-1]]
        return rotations.from_euler_deg(np.degrees(angles[..., last_first]), mode[::-1])

    return channel, np.array(eulers[-len(turns) :]), quaternions


def _axis_angles(turns: np.ndarray, near: np.ndarray | None) -> np.ndarray:
    """(T, 4) angle and axis of rotations (T, 4): neither turns round nor jumps, as each channel is interpolated."""
    last = np.array([0.0, 0.0, 1.0, 0.0]) if near is None else np.asarray(near, dtype=np.float64)
    values = np.empty((len(turns), 4))
    for k, turn in enumerate(turns):
        sine = np.linalg.norm(turn[1:])
        axis = turn[1:] / sine if sine > 1e-9 else last[1:]
        angle = 2.0 * np.arctan2(sine, turn[0])
        if axis @ last[1:] < 0:
            axis, angle = -axis, -angle
        values[k, 0] = angle + 2 * np.pi * np.round((last[0] - angle) / (2 * np.pi))
        values[k, 1:] = axis
        last = values[k]
    return values


def _from_axis_angles(values: np.ndarray) -> np.ndarray:
    """(..., 4) rotations of angles and axes (..., 4), whose axes Blender brings to unit length."""
    return rotations.from_axis_angle(rotations.normalize(values[..., 1:]), values[..., 0])
