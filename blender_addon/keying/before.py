# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rig was before a motion was keyed on it, for Reject to give it back; kept in the motion's action.

Keys move what they animate for good: without its action a bone stays in the last pose that it had.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy

from .. import compat
from ..rig.channels import bone_of, rotation_channel

_STRETCH = "ik_stretch"
_ENDS = {"frame_start": "new_start", "frame_end": "new_end"}
"""Of the scene's range, and what a motion made of them."""
_BLENDING = ("action_blend_type", "action_influence", "action_extrapolation")


@dataclass(frozen=True)
class Before:
    """action and slot: what the rig played, None and "" for nothing. state: the rest, as JSON can hold it.

    In the state are `bones` (name -> channels), `properties` of bones (name -> values), `object` (channels), `blending`
    of the action (None where the rig had no animation data), `fake_user` of the action, and of the scene its `scene`
    (name), `frame`, `frame_start` and `frame_end`.
    """

    action: bpy.types.Action | None
    slot: str
    state: dict[str, Any]


def taken(rig: bpy.types.Object, scene: bpy.types.Scene) -> Before:
    """What a rig is now."""
    data = rig.animation_data
    action = data.action if data else None
    state = {
        "bones": {bone.name: _channels(bone) for bone in rig.pose.bones},
        "properties": {bone.name: found for bone in rig.pose.bones if (found := _properties(bone))},
        "object": _channels(rig),
        "blending": [_plain(getattr(data, name)) for name in _BLENDING] if data else None,
        "fake_user": bool(action and action.use_fake_user),
        "scene": scene.name,
        "frame": scene.frame_current,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
    }
    return Before(action, compat.slot_of(data) if data else "", state)


def of_animated(before: Before, action: bpy.types.Action, scene: bpy.types.Scene) -> dict[str, Any]:
    """The part of a state that an action changes, and what it made of the scene's range and frame."""
    animated = bones_of(action)
    paths = [curve.data_path for curve in compat.fcurves_of(action)]
    custom = {name for path in paths for name, rest in [bone_of(path)] if rest.startswith("[") or rest == _STRETCH}
    kept = {"bones": animated, "properties": custom}
    state = before.state | {
        part: {name: values for name, values in before.state[part].items() if name in names}
        for part, names in kept.items()
    }
    if all(path.startswith("pose.") for path in paths):
        del state["object"]
    moved = {"new_frame": scene.frame_current} if scene.frame_current != state["frame"] else {}
    return state | {"new_start": scene.frame_start, "new_end": scene.frame_end} | moved


def earlier(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """One state of two: what was before both of two motions, the newer of which stands in for the older."""
    merged = dict(newer) | {name: older[name] for name in ("blending", "fake_user", "object") if name in older}
    if "new_frame" in older:
        merged.setdefault("new_frame", older["new_frame"])
    for part in ("bones", "properties"):
        merged[part] = {**newer[part], **older.get(part, {})}
    merged["frame"] = older.get("frame", newer["frame"])
    same_scene = older.get("scene") == newer["scene"]
    for end, new in _ENDS.items():
        if same_scene and older.get(new) == newer[end]:
            merged[end] = older.get(end, newer[end])
    return merged


def give_back(
    rig: bpy.types.Object, action: bpy.types.Action | None, slot: str, state: Mapping[str, Any], scene_too: bool
) -> None:
    """Make a rig what it was. scene_too: also the scene's range and frame, if they are as the motion left them."""
    data = rig.animation_data
    compat.use(data, action, slot)
    if action is not None and state.get("fake_user") is False:
        action.use_fake_user = False
    for name, value in zip(_BLENDING, state.get("blending") or (), strict=False):
        setattr(data, name, value)
    scene = bpy.data.scenes.get(state.get("scene", ""))
    if scene_too and scene:
        for end, new in _ENDS.items():
            if new in state and getattr(scene, end) == state[new]:
                setattr(scene, end, state[end])
        if "new_frame" in state and scene.frame_current == state["new_frame"]:
            scene.frame_set(state["frame"])
    _put(rig, state)
    if action is not None and scene and scene.frame_current == state.get("frame"):
        # Poses that were not keyed last until the frame changes: it has not.
        bpy.context.view_layer.update()
        _put(rig, state)
    if "blending" in state and state["blending"] is None and not (data.action or data.nla_tracks or data.drivers):
        rig.animation_data_clear()
    bpy.context.view_layer.update()


def written(state: Mapping[str, Any]) -> str:
    return json.dumps(state, separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> dict[str, Any]:
    """{} for what is no state: its owner may have edited it."""
    try:
        state = json.loads(text)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def bones_of(action: bpy.types.Action) -> set[str]:
    """The names of the bones that an action animates."""
    return {bone_of(curve.data_path)[0] for curve in compat.fcurves_of(action)} - {""}


def _channels(owner: bpy.types.Object | bpy.types.PoseBone) -> list:
    mode = owner.rotation_mode
    return [mode, *(_short(values) for values in (owner.location, getattr(owner, rotation_channel(mode)), owner.scale))]


def _put(rig: bpy.types.Object, state: Mapping[str, Any]) -> None:
    bones = rig.pose.bones
    owners = [(bones[name], channels) for name, channels in state.get("bones", {}).items() if name in bones]
    if "object" in state:
        owners.append((rig, state["object"]))
    for owner, (mode, location, rotation, scale) in owners:
        if owner.rotation_mode != mode:
            owner.rotation_mode = mode
        owner.location, owner.scale = location, scale
        setattr(owner, rotation_channel(mode), rotation)
    for name, values in state.get("properties", {}).items():
        for key, value in values.items():
            if name in bones and key == _STRETCH:
                bones[name].ik_stretch = value
            elif name in bones and key in bones[name]:
                bones[name][key] = value


def _properties(bone: bpy.types.PoseBone) -> dict[str, float]:
    """A bone's custom properties that an action of ours may hold, and how far IK may stretch it."""
    found = {key: bone[key] for key in bone.keys() if isinstance(bone[key], bool | int | float)}
    return found | ({_STRETCH: bone.ik_stretch} if bone.ik_stretch > 0 else {})


def _short(values: Iterable[float]) -> list[float]:
    """Exact: nine digits tell all floats that Blender keeps apart."""
    return [_plain(value) for value in values]


def _plain(value: float | str) -> float | str:
    return value if isinstance(value, str) else float(f"{value:.9g}")
