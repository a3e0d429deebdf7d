# SPDX-License-Identifier: GPL-3.0-or-later
"""Write poses as a new action: whole scene frames, linear keys, the old action kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import bpy
import numpy as np

from . import compat, rotations
from .errors import MoclipError
from .rig.mapping import map_rig
from .rig.retarget import BoneCurves, retarget

_LINEAR = 1
_NAME_LIMIT = 60


@dataclass(frozen=True)
class Clip:
    """A generated motion as it came from the backend: arrays as in `Motion`."""

    fps: float
    rotations: np.ndarray
    root_translation: np.ndarray
    text: str
    seed: int = 0
    warnings: tuple[str, ...] = ()
    model: str = ""

    @property
    def seconds(self) -> float:
        return len(self.rotations) / self.fps


def scene_fps(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def resample(clip: Clip, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 22, 4) and root translation (N, 3) at whole frames of a scene: N / fps is the clip's length.

    The identity when the rates agree. A scene frame after the clip's last sample holds that sample.
    """
    count = max(1, round(clip.seconds * fps))
    times = np.minimum(np.arange(count) * (clip.fps / fps), len(clip.rotations) - 1)
    before = np.floor(times + 1e-6).astype(int)
    after = np.minimum(before + 1, len(clip.rotations) - 1)
    weight = np.clip(times - before, 0.0, 1.0)
    source = np.asarray(clip.rotations, dtype=np.float64)
    root = np.asarray(clip.root_translation, dtype=np.float64)
    turns = rotations.slerp(source[before], source[after], weight[:, None])
    return turns, root[before] + (root[after] - root[before]) * weight[:, None]


def apply_clip(rig: bpy.types.Object, clip: Clip, scene: bpy.types.Scene, start: int) -> bpy.types.Action:
    """Key a clip on a rig from frame `start` on, as a new action named after the prompt.

    The action that the rig had stays in the file (with a fake user, so that saving keeps it). Raises MoclipError for a
    rig that cannot take it; then nothing has changed.
    """
    _check_editable(rig)
    bone_of = map_rig(rig)
    turns, root = resample(clip, scene_fps(scene))
    curves = retarget(rig, bone_of, turns, root)
    action = write_action(rig, curves, start, action_name(clip.text))
    action["moclip"] = _provenance(clip)
    scene.frame_end = max(scene.frame_end, start + len(turns) - 1)
    return action


def _provenance(clip: Clip) -> dict[str, str | float]:
    """What it takes to make the motion again, for the action's custom properties; a seed may exceed their integers."""
    made = datetime.now().astimezone().isoformat(timespec="seconds")
    return {
        "prompt": clip.text, "seed": str(clip.seed), "seconds": clip.seconds, "model": clip.model, "made": made
    }  # fmt: skip


def action_name(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _NAME_LIMIT else text[: _NAME_LIMIT - 3].rstrip() + "..."


def write_action(rig: bpy.types.Object, bones: Sequence[BoneCurves], start: int, name: str) -> bpy.types.Action:
    """One F-curve a channel, filled by `foreach_set`: some twenty times faster than `keyframe_insert`."""
    data = rig.animation_data or rig.animation_data_create()
    if data.action is not None:
        data.action.use_fake_user = True
    curves = compat.Curves(bpy.data.actions.new(name), rig)
    frames = np.arange(start, start + len(bones[0].rotation), dtype=np.float32)
    for bone in bones:
        pose_bone = rig.pose.bones[bone.bone]
        pose_bone.rotation_mode = "QUATERNION"
        pose_bone.scale = (1.0, 1.0, 1.0)
        pose_bone.location = (0.0, 0.0, 0.0)
        _write(curves, pose_bone, "rotation_quaternion", bone.rotation, frames)
        if bone.location is not None:
            _write(curves, pose_bone, "location", bone.location, frames)
    compat.assign(data, curves)
    return curves.action


def _write(
    curves: compat.Curves, pose_bone: bpy.types.PoseBone, channel: str, values: np.ndarray, frames: np.ndarray
) -> None:
    path = pose_bone.path_from_id(channel)
    values = np.broadcast_to(values, (len(frames), values.shape[-1]))
    for index in range(values.shape[1]):
        fcurve = curves.new(path, index, pose_bone.name)
        points = fcurve.keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, values[:, index]], axis=1).astype(np.float32).ravel())
        points.foreach_set("interpolation", np.full(len(frames), _LINEAR, dtype=np.int32))
        fcurve.update()


def _check_editable(rig: bpy.types.Object) -> None:
    if rig.library is not None:
        raise MoclipError(
            f"'{rig.name}' is linked from another file and cannot be animated here.",
            hint="Make a library override of it first.",
            code="linked_rig",
        )
    if rig.animation_data is not None and rig.animation_data.use_tweak_mode:
        raise MoclipError(
            f"'{rig.name}' is in tweak mode of the NLA editor.",
            hint="Leave tweak mode (Tab) and apply again.",
            code="tweak_mode",
        )
