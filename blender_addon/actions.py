# SPDX-License-Identifier: GPL-3.0-or-later
"""Write curves of bones and of an object as a new action."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from . import compat, simplify
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
        """Filled by `foreach_set`: some twenty times faster than `keyframe_insert`."""
        pose_bone = self.rig.pose.bones[bone.bone]
        pose_bone.rotation_mode = "QUATERNION"
        pose_bone.scale = (1.0, 1.0, 1.0)
        pose_bone.location = (0.0, 0.0, 0.0)
        kept = np.arange(len(bone.rotation))
        if self.keys.degrees > 0:
            kept = simplify.kept_keys(bone.rotation, self.keys.degrees, bone.location, self.keys.reach)
        self._write(pose_bone.path_from_id("rotation_quaternion"), bone.rotation, kept, pose_bone.name)
        if bone.location is not None:
            self._write(pose_bone.path_from_id("location"), bone.location, kept, pose_bone.name, travels=True)

    def add_object(self, moves: np.ndarray) -> None:
        """Keys of the object that moves by (T, 4, 4), within its own space, from where it stands now."""
        rig, group, every = self.rig, "Object Transforms", np.arange(len(moves))
        now = rig.matrix_basis.copy()
        matrices = [now @ Matrix(move.tolist()) for move in moves]
        self._write("location", np.array([m.to_translation() for m in matrices]), every, group, travels=True)
        if rig.rotation_mode == "AXIS_ANGLE":
            rig.rotation_mode = "QUATERNION"
        turns = [m.to_quaternion() for m in matrices]
        for before, turn in zip(turns, turns[1:], strict=False):
            turn.make_compatible(before)
        if rig.rotation_mode == "QUATERNION":
            return self._write("rotation_quaternion", np.array(turns), every, group)
        eulers = [turns[0].to_euler(rig.rotation_mode)]
        for turn in turns[1:]:
            eulers.append(turn.to_euler(rig.rotation_mode, eulers[-1]))
        self._write("rotation_euler", np.array(eulers), every, group)

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
