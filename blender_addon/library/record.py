# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion itself, in an action that is kept in the library.

It lies in the action's custom property `moclip_motion`, beside `moclip`, which says where it is from: bone channels fit
the rig that they were keyed on and no other, and a file of its own beside the .blend would stay behind when an asset is
moved, renamed, or appended by Blender itself. Ten seconds take some 90 kB.
"""

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..keying import before, history
from ..keying.scene import scene_fps
from ..motion import fit
from ..motion.clip import Clip
from ..rig.mapping import map_rig
from ..rig.read_back import read_motion
from ..shared import rotations
from ..shared.errors import MoclipError
from ..shared.motion import Motion

KEY = "moclip_motion"
_VERSION = 1
_HERE_ALONE = ("before", "before_slot", "before_state", "job", "take")
"""What a motion remembers of the file and the rig that it was keyed in."""


def motion_shown(rig: bpy.types.Object, scene: bpy.types.Scene) -> Clip:
    """The motion of ours that a rig shows, from the first key to the last, a frame of the scene a sample.

    As it is now, whatever was done to it by hand; its first frame is at the origin and faces ahead, as generated ones
    do. Raises MoclipError where there is none, or it cannot be read. The rig is as it was afterwards.
    """
    action = history.shown(rig)
    first, last = (round(frame) for frame in action.frame_range)
    was = before.taken(rig, scene)
    try:
        reading = read_motion(rig, map_rig(rig), scene, range(first, last + 1))
    finally:
        # Reading goes through the frames, by which poses that nobody has keyed yet would be lost.
        before.give_back(rig, was.action, was.slot, was.state, scene_too=False)
    start = fit.Place(0.0, np.zeros(2))
    turns, root = fit.placed(reading.rotations, reading.root_translation, start)
    repeats = any(modifier.type == "CYCLES" for curve in compat.fcurves_of(action) for modifier in curve.modifiers)
    return _clip(action, scene_fps(scene), turns, root, repeats)


def put(action: bpy.types.Action, clip: Clip) -> None:
    """Let an action carry a motion, and nothing of the file that it was made in."""
    action[KEY] = {
        "version": _VERSION,
        "fps": float(clip.fps),
        "repeats": clip.repeats,
        "rotations": np.ascontiguousarray(clip.rotations, dtype=np.float32).ravel(),
        "root_translation": np.ascontiguousarray(clip.root_translation, dtype=np.float32).ravel(),
    }
    told = action[history.KEY]
    for name in _HERE_ALONE:
        told.pop(name, None)
    told["accepted"], told["seconds"] = True, clip.seconds
    if clip.licence:
        told["licence"] = clip.licence
    # What a custom property points to would be written along.
    for name in [name for name in action.keys() if isinstance(action[name], bpy.types.ID)]:
        del action[name]


def is_kept(action: bpy.types.Action | None) -> bool:
    return action is not None and KEY in action


def clip_in(action: bpy.types.Action) -> Clip:
    """The motion that an action carries. Raises MoclipError for one that carries none, or none that can be read."""
    if not is_kept(action):
        raise MoclipError(
            f"'{action.name}' holds no motion for other characters.",
            hint="Only what Save to Library of MoCLIP saved does; Blender's own Apply plays it on rigs with its bones.",
            code="no_motion",
        )
    told = action[KEY]
    try:
        version = int(told["version"])
        if version > _VERSION:
            raise MoclipError(
                f"'{action.name}' was saved by a newer MoCLIP.", hint="Update the add-on.", code="too_new"
            )
        turns = np.array(told["rotations"], dtype=np.float64).reshape(-1, 22, 4)
        root = np.array(told["root_translation"], dtype=np.float64).reshape(-1, 3)
        motion = Motion(float(told["fps"]), turns, root)
        sizes = np.linalg.norm(motion.rotations, axis=-1)
        if sizes.min() < 0.5 or sizes.max() > 2.0:
            raise ValueError("these are no rotations")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MoclipError(
            f"The motion in '{action.name}' is damaged.", hint="Save it to the library again.", code="bad_file"
        ) from error
    return _clip(action, motion.fps, rotations.normalize(turns), root, bool(told.get("repeats")))


def provenance_of(action: bpy.types.Action) -> Mapping[str, Any]:
    """What an action tells of where its motion is from; {} for what its owner has made of it."""
    told = action.get(history.KEY)
    return told.to_dict() if hasattr(told, "to_dict") else {}


def _clip(action: bpy.types.Action, fps: float, turns: np.ndarray, root: np.ndarray, repeats: bool) -> Clip:
    told = provenance_of(action)
    seed = str(told.get("seed", ""))
    return Clip(
        fps,
        turns,
        root,
        text=str(told.get("prompt") or action.name),
        seed=int(seed) if seed.isdecimal() else 0,
        model=str(told.get("model", "")),
        licence=str(told.get("licence", "")),
        repeats=repeats,
    )
