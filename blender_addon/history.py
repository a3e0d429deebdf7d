# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a motion once it is keyed: accepted, rejected, recalled. All of it lies in the actions themselves.

An action that MoCLIP made has a custom property `moclip`: prompt, seed, seconds, model, made; `before`, the action that
it stands in for, and `before_slot`; `accepted`.
"""

import bpy

from . import compat
from .errors import MoclipError

KEY = "moclip"


def is_ours(action: bpy.types.Action | None) -> bool:
    return action is not None and KEY in action


def motions() -> list[bpy.types.Action]:
    """The actions in the file that MoCLIP made, the newest first."""
    return sorted(filter(is_ours, bpy.data.actions), key=lambda action: action[KEY].get("made", ""), reverse=True)


def new_motion(rig: bpy.types.Object) -> bpy.types.Action:
    """The rig's active action, one of ours that is not accepted yet. Raises MoclipError where there is none."""
    action = rig.animation_data.action if rig.animation_data else None
    if not is_ours(action) or action[KEY].get("accepted"):
        raise MoclipError(f"'{rig.name}' has no new motion.", hint="Generate or recall one.", code="no_motion")
    return action


def stand_in(action: bpy.types.Action, previous: bpy.types.Action | None, slot: str) -> None:
    """Remember what a new action stands in for: the rig's own, or what the one before it stood in for."""
    if is_ours(previous) and not previous[KEY].get("accepted"):
        before, slot = previous[KEY].get("before", ""), previous[KEY].get("before_slot", "")
    else:
        before = previous.name if previous else ""
    action[KEY]["before"], action[KEY]["before_slot"] = before, slot


def accept(rig: bpy.types.Object, as_strip: bool) -> bpy.types.Action:
    """Keep the new motion: as the rig's action, or as a strip of a new NLA track where it was, over what was before."""
    action = new_motion(rig)
    data = rig.animation_data
    action.use_fake_user = True
    if as_strip:
        lay_strip(data, action, compat.slot_of(data))
        _give_back(rig, action)
    action[KEY]["accepted"] = True
    return action


def lay_strip(data: bpy.types.AnimData, action: bpy.types.Action, slot: str = "") -> bpy.types.NlaStrip:
    """An action as a strip of a new track, where it is; over what still plays there it is blended in."""
    track = data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(action.frame_range[0]), action)
    strip.extrapolation = "HOLD_FORWARD"
    strip.blend_in = _overlap(data, strip)
    compat.assign_strip(strip, slot)
    return strip


def _overlap(data: bpy.types.AnimData, strip: bpy.types.NlaStrip) -> float:
    """Frames in which a strip begins over one that still plays: there the two are blended."""
    playing = [
        other.frame_end - strip.frame_start
        for track in data.nla_tracks
        for other in track.strips
        if other != strip and other.frame_start < strip.frame_start < other.frame_end
    ]
    return min(max(playing, default=0.0), strip.frame_end - strip.frame_start)


def reject(rig: bpy.types.Object) -> str:
    """Remove the new motion and give the rig back what it had before; returns the motion's name."""
    action = new_motion(rig)
    name = action.name
    _give_back(rig, action)
    bpy.data.actions.remove(action)
    return name


def bones_of(action: bpy.types.Action) -> set[str]:
    """The names of the bones that an action animates."""
    paths = [curve.data_path for curve in compat.fcurves_of(action)]
    return {path.split('"')[1] for path in paths if path.startswith("pose.")}


def recall(rig: bpy.types.Object, action: bpy.types.Action) -> None:
    """Make a motion of the history the rig's action again. Raises MoclipError for one of another rig."""
    missing = sorted(bones_of(action) - set(rig.data.bones.keys()))
    if missing:
        raise MoclipError(
            f"'{action.name}' was made for another rig: '{rig.name}' has no bone {missing[0]}.",
            hint="Choose the rig that it was made for.",
            code="other_rig",
        )
    data = rig.animation_data or rig.animation_data_create()
    if data.action is not None:
        data.action.use_fake_user = True
    compat.use(data, action)


def _give_back(rig: bpy.types.Object, action: bpy.types.Action) -> None:
    before = bpy.data.actions.get(action[KEY].get("before", ""))
    compat.use(rig.animation_data, before, action[KEY].get("before_slot", ""))
