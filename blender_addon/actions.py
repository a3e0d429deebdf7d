# SPDX-License-Identifier: GPL-3.0-or-later
"""Write curves of bones and of an object as a new action."""

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from . import compat, rotations, simplify
from .rig.pose import BoneCurves

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
        pose_bone.scale = (1.0, 1.0, 1.0)
        pose_bone.location = (0.0, 0.0, 0.0)
        channel, values, as_quaternions = in_mode(pose_bone, bone.rotation)
        kept = np.arange(len(values))
        if keys.degrees > 0:
            kept = simplify.kept_keys(values, as_quaternions, keys.degrees, bone.location, keys.reach)
        self._write(pose_bone.path_from_id(channel), values, kept, pose_bone.name)
        if bone.location is not None:
            self._write(pose_bone.path_from_id("location"), bone.location, kept, pose_bone.name, travels=True)

    def add_switch(self, bone: bpy.types.PoseBone, name: str, value: float) -> None:
        """One key that holds a custom property: the switch is the action's, and the rig's own setting is untouched."""
        path = bone.path_from_id() + f'["{bpy.utils.escape_identifier(name)}"]'
        self._write(path, np.array([[value]]), np.zeros(1, dtype=int), bone.name)

    def add_object(self, moves: np.ndarray) -> None:
        """Keys of the object that moves by (T, 4, 4), within its own space, from where it stands now."""
        rig, group, every = self.rig, "Object Transforms", np.arange(len(moves))
        now = rig.matrix_basis.copy()
        matrices = [now @ Matrix(move.tolist()) for move in moves]
        self._write("location", np.array([m.to_translation() for m in matrices]), every, group, travels=True)
        turns = rotations.continuous(np.array([m.to_quaternion() for m in matrices]))
        channel, values, _ = in_mode(rig, turns)
        self._write(channel, values, every, group)

    def assign(self) -> bpy.types.Action:
        data = self.rig.animation_data or self.rig.animation_data_create()
        if data.action is not None:
            data.action.use_fake_user = True
        compat.assign(data, self._curves)
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


def in_mode(
    owner: bpy.types.Object | bpy.types.PoseBone, turns: np.ndarray, near: np.ndarray | None = None
) -> tuple[str, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """(channel, its values, values -> quaternions) of rotations (T, 4) in the owner's rotation mode.

    near: angles (3,) that those of the first frame shall be near to. An owner in axis and angle, which interpolates
    badly, is set to quaternions.
    """
    mode = owner.rotation_mode
    if mode in ("QUATERNION", "AXIS_ANGLE"):
        owner.rotation_mode = "QUATERNION"
        return "rotation_quaternion", turns, rotations.normalize
    eulers = [] if near is None else [Euler(near.tolist(), mode)]
    for turn in turns:
        eulers.append(Quaternion(turn.tolist()).to_euler(mode, *eulers[-1:]))

    def quaternions(angles: np.ndarray) -> np.ndarray:
        # Blender's XYZ turns about the fixed axes X, Y, Z in this order.
        last_first = ["XYZ".index(axis) for axis in mode[::-1]]
        return rotations.from_euler_deg(np.degrees(angles[..., last_first]), mode[::-1])

    return "rotation_euler", np.array(eulers[-len(turns) :]), quaternions
