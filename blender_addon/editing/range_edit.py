# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a range of a rig's animation anew, or go on from it, or lead to it: what the model sees, and where it goes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import bpy
import numpy as np

from .. import compat
from ..keying.actions import play_in_full
from ..keying.keyframes import TOES, action_name, check_editable, provenance
from ..keying.scene import hold_motion, scene_fps
from ..motion.clip import Clip, sample
from ..rig import obstacles
from ..rig.controls import control_rig, switches_of
from ..rig.foot_lock import lock_feet
from ..rig.mapping import map_rig
from ..rig.pose import BoneCurves, Pose
from ..rig.read_back import Reading, pose_beside, read_motion, remember_stance, stance_on
from ..rig.retarget import world_joints, world_rotations
from ..shared.errors import MoclipError
from ..shared.footing import standing
from .kept import led_through, moments
from .range_action import RangeAction
from .splice import Span

_SEEN_SECONDS = 2.0
"""That the model is given of what comes before and after."""
_BESIDE_SECONDS = 0.5

Part = tuple[np.ndarray, np.ndarray]
"""Rotations (N, 22, 4) and root translation (N, 3) at the model's frame rate."""


@dataclass(frozen=True)
class Edit:
    """source: name of the action to edit, "" where there is none; slot: the one of it that animates the rig.

    The scene frames first..end-1 are keyed anew; one of them is None where the motion's length decides. before, after:
    what the rig does there, as the model is told, at `fps`. origin: the scene frame in whose armature space both are.
    name: what the result is called, "" for the prompt. kept: frames within the range that stay as they are, each
    with its second from the first one on; their poses are `poses`.
    """

    source: str
    slot: str
    first: int | None
    end: int | None
    before: Part | None
    after: Part | None
    fps: float
    origin: float
    name: str = ""
    kept: tuple[tuple[int, float], ...] = ()
    poses: Part | None = None


def read_edit(
    rig: bpy.types.Object, scene: bpy.types.Scene, first: int | None, end: int | None, fps: float,
    kept: Sequence[int] = (), anew: bool = False,
) -> Edit:  # fmt: skip
    """What the rig does around a range, both of whose ends may be open. Raises MoclipError for what cannot be read.

    fps: of the model. kept: frames that stay as they are, where both ends are known and they are between them. anew:
    only such are met where the action does nothing before or after, not a pose that it rests in.
    """
    check_editable(rig)
    bone_of = map_rig(rig)
    obstacles.check(rig, bone_of)
    _check_blending(rig)
    data = rig.animation_data
    source = data.action if data else None
    step, most = scene_fps(scene) / fps, round(_SEEN_SECONDS * fps)
    before, after = [], []
    if first is not None:
        begins = source.frame_range[0] if source else first - step
        count = int(np.clip((first - begins) / step, 1, most))
        before = [first - step * k for k in range(count, 0, -1)]
    if end is not None:
        begins = end if first is None else first + step * round((end - first) / step)
        stops = source.frame_range[1] if source else begins
        count = int(np.clip((stops - begins) / step + 1, 1, most))
        after = [begins + step * k for k in range(count)]
    held = ()
    if first is not None and end is not None:
        held = moments(kept, first, end, scene_fps(scene), round((end - first) / step) / fps)
    if anew and held:
        stays = _stays(source, first, end)
        before, after = before if stays[0] else [], after if stays[1] else []
    reading = read_motion(rig, bone_of, scene, [*before, *after, *(frame for frame, _ in held)])
    split, rest = len(before), len(before) + len(after)
    spans = np.s_[:split], np.s_[split:rest], np.s_[rest:]
    parts = [(reading.rotations[span], reading.root_translation[span]) for span in spans]
    return Edit(
        source=source.name if source else "",
        slot=compat.slot_of(data) if data else "",
        first=first,
        end=end,
        before=parts[0] if before else None,
        after=parts[1] if after else None,
        fps=fps,
        origin=[*before, *after, *(frame for frame, _ in held)][0],
        kept=held,
        poses=parts[2] if held else None,
    )


def apply_edit(
    rig: bpy.types.Object, clip: Clip, scene: bpy.types.Scene, edit: Edit, foot_lock: float
) -> bpy.types.Action:
    """Key the new part of a clip in a copy of the edited action. Raises MoclipError; then nothing has changed."""
    check_editable(rig)
    source = bpy.data.actions.get(edit.source) if edit.source else None
    if edit.source and source is None:
        raise MoclipError(
            f"The action '{edit.source}' that was to be edited is gone.", hint="Try again.", code="no_motion"
        )
    bone_of, fps = map_rig(rig), scene_fps(scene)
    obstacles.check(rig, bone_of)
    _check_blending(rig)
    first, end, shown = _frames(clip, edit, fps / edit.fps)
    span = Span(first, end, *_stays(source, first, end))
    with _active(rig, source, edit.slot):
        stance = stance_on(rig)
        curves = _curves(rig, bone_of, scene, clip, edit, (first, end), shown, foot_lock)
        made = RangeAction(rig, source, edit.slot, action_name(edit.name or clip.text), span)
        try:
            for bone in curves:
                made.add_bone(bone)
            if kind := control_rig(rig, bone_of):
                for bone, name, value in switches_of(rig, kind):
                    made.add_switch(bone, name, value)
        except MoclipError:
            bpy.data.actions.remove(made.curves.action)
            raise
    data = rig.animation_data or rig.animation_data_create()
    if data.action is not None:
        data.action.use_fake_user = True
    compat.assign(data, made.curves)
    play_in_full(data)
    made.curves.action["moclip"] = provenance(clip) | {"first": first, "end": end}
    remember_stance(made.curves.action, stance)
    hold_motion(scene, first, end - 1)
    return made.curves.action


def _check_blending(rig: bpy.types.Object) -> None:
    """What an action shows only in part cannot be made anew in part: the rest of it would change too."""
    data = rig.animation_data
    if data is None or data.action is None or not data.use_nla or not any(track.strips for track in data.nla_tracks):
        return
    if data.action_blend_type != "REPLACE" or data.action_influence < 1.0:
        raise MoclipError(
            f"The action '{data.action.name}' of '{rig.name}' is mixed with its NLA strips.",
            hint="Set its Blending to Replace and its Influence to 1 in the NLA editor, or bake the whole.",
            code="mixed_action",
        )


def _frames(clip: Clip, edit: Edit, step: float) -> tuple[int, int, Callable[[np.ndarray], np.ndarray]]:
    """First scene frame of the new part, its end, and which samples of the clip scene frames show."""
    length = max(1, round((clip.new[1] - clip.new[0]) * step))
    first = edit.end - length if edit.first is None else edit.first
    end = first + length if edit.end is None else edit.end
    if edit.first is None:
        return first, end, lambda frames: clip.new[1] + (frames - end) / step
    return first, end, lambda frames: clip.new[0] + (frames - first) / step


def _curves(
    rig: bpy.types.Object,
    bone_of: Mapping[str, str],
    scene: bpy.types.Scene,
    clip: Clip,
    edit: Edit,
    span: tuple[int, int],
    shown: Callable[[np.ndarray], np.ndarray],
    foot_lock: float,
) -> list[BoneCurves]:
    """Keys of a clip's new part for the frames of a range, beside roots and objects that move as they did.

    Some frames before and after are worked out too: what stands there goes on standing.
    """
    (first, end), fps = span, scene_fps(scene)
    beside = round(_BESIDE_SECONDS * fps)
    frames = np.arange(first - beside, end + beside)
    frames = frames[
        (shown(frames) >= 0) & (shown(frames) <= len(clip.rotations) - 1) | (frames >= first) & (frames < end)
    ]
    turns, root = sample(clip, shown(frames))
    reading = read_motion(rig, bone_of, scene, [edit.origin, *frames])
    joints, part = world_joints(world_rotations(turns), root), (first - frames[0], end - frames[0])
    stands = standing(joints[:, TOES], joints[:, 0], fps)
    pose = pose_beside(
        rig, bone_of, turns, root, _without_first(reading), lambda own: lock_feet(own, stands, fps, foot_lock, part)
    )
    curves = _within(pose, part)
    if edit.kept:
        own = pose_beside(rig, bone_of, reading.rotations[1:], reading.root_translation[1:], _without_first(reading))
        return led_through(curves, _within(own, part), [frame - first for frame, _ in edit.kept], fps)
    return curves


def _within(pose: Pose, part: tuple[int, int]) -> list[BoneCurves]:
    inside = slice(*part)
    return [
        replace(c, rotation=c.rotation[inside], location=None if c.location is None else c.location[inside])
        for c in pose.curves()
    ]


def _stays(source: bpy.types.Action | None, first: int, end: int) -> tuple[bool, bool]:
    """Does the action animate frames before and after a range?"""
    if source is None or not compat.fcurves_of(source):
        return False, False
    begins, stops = source.frame_range
    return begins < first, stops >= end


def _without_first(reading: Reading) -> Reading:
    return replace(
        reading,
        rotations=reading.rotations[1:],
        root_translation=reading.root_translation[1:],
        above={name: matrices[1:] for name, matrices in reading.above.items()},
        between={name: turns[1:] for name, turns in reading.between.items()},
        object_moves=reading.object_moves[1:],
    )


@contextmanager
def _active(rig: bpy.types.Object, action: bpy.types.Action | None, slot: str) -> Iterator[None]:
    """With an action as the rig's own, whichever it has, so that roots and objects are seen as that one moves them."""
    data = rig.animation_data
    if data is None:
        yield
        return
    shown, shown_slot = data.action, compat.slot_of(data)
    if shown == action:
        yield
        return
    compat.use(data, action, slot)
    try:
        yield
    finally:
        compat.use(data, shown, shown_slot)
