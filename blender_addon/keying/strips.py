# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay actions as strips of the NLA, so that each is seen where it plays: what is over hides nothing that begins later.

Blender shows the topmost track that has something to show, a held last pose too. So tracks are in the order in which
their strips begin, and a strip holds its last pose only where nothing below it goes on.
"""

import bpy

from .. import compat

_EASE = 10.0
"""Frames, at most, in which a strip within another begins and ends."""
_SETTINGS = (
    "action_slot", "action_frame_start", "action_frame_end", "scale", "repeat", "frame_start", "frame_end",
    "blend_type", "extrapolation", "use_auto_blend", "use_reverse", "use_sync_length", "mute",
)  # fmt: skip
"""Of a strip, in an order in which none changes those before it."""


def lay(data: bpy.types.AnimData, action: bpy.types.Action, slot: str = "") -> bpy.types.NlaStrip:
    """An action as a strip where its keys are; over what still plays there it is blended in."""
    first, end = (float(frame) for frame in action.frame_range)
    track = _track_for(data, first, end)
    if not track.strips:
        track.name = action.name
    strip = track.strips.new(action.name, round(first), action)
    compat.assign_strip(strip, slot)
    if _repeats(action):
        # A curve that repeats does so within its strip only.
        strip.action_frame_end = max([end, *(float(scene.frame_end) for scene in data.id_data.users_scene)])
    for other in _settled_with(data, strip):
        _settle(data, other)
    _turn_alike(strip, [other for other, _ in _playing(data)])
    return strip


def push_down(data: bpy.types.AnimData) -> bpy.types.Action | None:
    """Make the active action a strip, unless it only mixes with the strips, so that it hides none; the action."""
    action = data.action
    if action is None or data.action_blend_type != "REPLACE" or data.action_influence < 1.0:
        return None
    slot, alone = compat.slot_of(data), not data.nla_tracks
    data.action = None
    if not is_laid(data, action) and compat.fcurves_of(action):
        strip = lay(data, action, slot)
        if alone:
            strip.extrapolation = "HOLD"
    return action


def is_laid(data: bpy.types.AnimData, action: bpy.types.Action) -> bool:
    """Does a strip that is not muted play it?"""
    return any(strip.action == action for strip, _ in _playing(data))


def _playing(data: bpy.types.AnimData) -> list[tuple[bpy.types.NlaStrip, int]]:
    """The strips that are not muted, and the number of their tracks from below."""
    return [
        (strip, number)
        for number, track in enumerate(data.nla_tracks)
        for strip in track.strips
        if not track.mute and not strip.mute
    ]


def _track_for(data: bpy.types.AnimData, first: float, end: float) -> bpy.types.NlaTrack:
    """A track above all that begins earlier and below what begins later; one that is there, where it must be."""
    tracks = list(data.nla_tracks)
    earlier = [track for track in tracks if any(strip.frame_start <= first for strip in track.strips)]
    below = earlier[-1] if earlier else next(iter(tracks), None)
    if below is None:
        return data.nla_tracks.new()
    later = any(strip.frame_start > first for strip in below.strips)
    fits = all(strip.frame_start >= end or strip.frame_end <= first for strip in below.strips)
    if later and fits:
        return below
    if not earlier and _lift(data, below):
        return below
    return data.nla_tracks.new(prev=below)


def _lift(data: bpy.types.AnimData, track: bpy.types.NlaTrack) -> bool:
    """Move the strips of a track into a new one over it, since Blender puts no track below its lowest; did it go?"""
    strips = list(track.strips)
    if any(strip.type != "CLIP" or strip.fcurves or strip.modifiers or strip.action is None for strip in strips):
        return False
    over = data.nla_tracks.new(prev=track)
    over.name, over.mute, over.lock = track.name, track.mute, track.lock
    for strip in strips:
        copy = over.strips.new(strip.name, round(strip.frame_start), strip.action)
        for name in _SETTINGS:
            if hasattr(strip, name):
                setattr(copy, name, getattr(strip, name))
        # Each bounds the other.
        copy.blend_in, copy.blend_out = strip.blend_in, strip.blend_out
    for strip in strips:
        track.strips.remove(strip)
    track.name = ""
    return True


def _settled_with(data: bpy.types.AnimData, new: bpy.types.NlaStrip) -> list[bpy.types.NlaStrip]:
    """The new strip, and those of motions that play over it or hold their last pose over it."""
    playing = _playing(data)
    own = next(number for strip, number in playing if strip == new)
    return [new] + [
        strip for strip, number in playing
        if number > own and strip.frame_start < new.frame_end and strip.action is not None and "moclip" in strip.action
    ]  # fmt: skip


def _settle(data: bpy.types.AnimData, strip: bpy.types.NlaStrip) -> None:
    """How a strip begins, ends and holds, by what plays below it."""
    playing = _playing(data)
    own = next((number for other, number in playing if other == strip), 0)
    below = [other for other, number in playing if number < own]
    length = strip.frame_end - strip.frame_start
    ease = min(_EASE, length / 4)
    blend_in, blend_out = 0.0, 0.0
    for other in below:
        if other.frame_start < strip.frame_start < other.frame_end:
            over = other.frame_end - strip.frame_start
            blend_in = max(blend_in, over if over < length else ease)
        if other.frame_start < strip.frame_end < other.frame_end:
            over = strip.frame_end - other.frame_start
            blend_out = max(blend_out, over if over < length else ease)
    hides = any(other.frame_end > strip.frame_end for other in below)
    strip.extrapolation = "NOTHING" if hides else "HOLD_FORWARD"
    strip.blend_in, strip.blend_out = 0.0, 0.0  # each bounds the other
    strip.blend_in = min(blend_in, length)
    strip.blend_out = min(blend_out, length - strip.blend_in)


def _turn_alike(new: bpy.types.NlaStrip, others: list[bpy.types.NlaStrip]) -> None:
    """Let the quaternions of a new strip have the signs of those that it is blended with.

    Blender blends channel by channel: between a quaternion and its opposite, the same turn, bones would spin round.
    """
    for other in others:
        first, end = max(new.frame_start, other.frame_start), min(new.frame_end, other.frame_end)
        if other == new or first >= end or other.action is None:
            continue
        frame = (first + end) / 2
        theirs = _quaternions(other.action)
        for path, curves in _quaternions(new.action).items():
            if path not in theirs:
                continue
            own = [curve.evaluate(_within(new, frame)) for curve in curves]
            their = [curve.evaluate(_within(other, frame)) for curve in theirs[path]]
            if sum(a * b for a, b in zip(own, their, strict=True)) < 0.0:
                for curve in curves:
                    for point in curve.keyframe_points:
                        for place in (point.co, point.handle_left, point.handle_right):
                            place.y = -place.y
                    curve.update()
        return


def _quaternions(action: bpy.types.Action) -> dict[str, list[bpy.types.FCurve]]:
    found: dict[str, list[bpy.types.FCurve]] = {}
    for curve in compat.fcurves_of(action):
        if curve.data_path.endswith("rotation_quaternion"):
            found.setdefault(curve.data_path, []).append(curve)
    return {path: sorted(curves, key=lambda c: c.array_index) for path, curves in found.items() if len(curves) == 4}


def _within(strip: bpy.types.NlaStrip, frame: float) -> float:
    """A scene frame as the action of a strip counts it."""
    return strip.action_frame_start + (frame - strip.frame_start) / strip.scale


def _repeats(action: bpy.types.Action) -> bool:
    return any(modifier.type == "CYCLES" for curve in compat.fcurves_of(action) for modifier in curve.modifiers)
