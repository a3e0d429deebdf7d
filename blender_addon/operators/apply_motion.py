# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import dataclass

import bpy

from ..backend.jobs import Job, Target
from ..backend.session import SESSION
from ..editing.range_edit import apply_edit
from ..keying import before, history
from ..keying.keyframes import Fit, apply_clip
from ..keying.scene import at_frame, go_to_motion
from ..motion.clip import Clip
from ..motion.fit import Place
from ..preview.stage import STAGE
from ..rig import obstacles
from ..rig.create import create_armature
from ..rig.held import Held
from ..rig.mannequin import create_mannequin
from ..rig.mapping import map_rig
from ..rig.target import choose, target_of
from ..shared.errors import MoclipError
from ..ui.properties import BY_IK, remember_prompt
from . import reporting
from .pins import pins_of
from .polls import are_several, may_apply
from .reporting import fail

_LARGEST = 2**31 - 1
"""That an integer of Blender's can be; a seed of a file may be larger."""


class OfHeldMotion:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if SESSION.held is None:
            cls.poll_message_set("Generate a motion first.")
            return False
        return may_apply(cls, context)


class MOCLIP_OT_apply_motion(OfHeldMotion, bpy.types.Operator):
    """Key the last generated motion again, where it began, by what Fit says now; the old action is kept"""

    bl_idname = "moclip.apply_motion"
    bl_label = "Apply Last Motion"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return apply_held(self, context, _take_now())


class MOCLIP_OT_show_take(OfHeldMotion, bpy.types.Operator):
    """Key another take of the last prompt in place of the one that is shown; accepted takes stay"""

    bl_idname = "moclip.show_take"
    bl_label = "Show Take"

    step: bpy.props.IntProperty(name="Step", description="How many takes to go on", default=1)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and are_several(cls, len(SESSION.takes))

    def execute(self, context: bpy.types.Context) -> set[str]:
        return apply_held(self, context, (_take_now() + self.step) % len(SESSION.takes))


def _take_now() -> int:
    """The take that is seen: the ghost that is chosen, or, as Ctrl+Z or Recall may have changed it since it was keyed,
    the one that plays; else the last that was keyed."""
    if STAGE.is_on:
        return STAGE.chosen
    job, _ = SESSION.held
    rig = job.target.find() if job.target else None
    playing = SESSION.take_of(rig.animation_data.action) if rig is not None and rig.animation_data else None
    return SESSION.shown if playing is None else playing


@dataclass(frozen=True)
class Destination:
    """Where the held motion goes: a scene, its frame of the first key, a rig, or None where one is made, and where that
    stands (None: as it does at rest). for_all: a rig that is made is for all takes of the job."""

    scene: bpy.types.Scene
    start: int
    rig: bpy.types.Object | None
    place: Place | None
    for_all: bool


def destination_of(context: bpy.types.Context) -> Destination:
    job = SESSION.held[0]
    here = job.file_number == SESSION.file_number
    scene = bpy.data.scenes.get(job.scene, context.scene) if here else context.scene
    start = job.start if here else scene.frame_current
    rig = job.target.find() if here and job.target else None
    place = job.place if rig is not None else None
    makes = here and rig is None and (job.target is None or job.made)
    if rig is None and not makes:
        rig = target_of(context)
    return Destination(scene, start, rig, place, makes)


def apply_held(operator: bpy.types.Operator, context: bpy.types.Context, take: int) -> set[str]:
    """Key a take of the last job; ghosts of it go."""
    job, clip = SESSION.held[0], SESSION.takes[take]
    to = destination_of(context)
    scene, rig = to.scene, to.rig
    try:
        if rig is None:
            rig = _make(context, job)
            if to.for_all:
                # Its other takes are for the same one.
                job.target, job.made = Target.of(rig), True
        action = _key(rig, job, clip, scene, to.start, to.place)
    except MoclipError as error:
        return fail(operator, error)
    STAGE.clear()
    SESSION.shown = take
    action[history.KEY]["take"] = take
    if not job.as_strip:
        if not (scene.moclip.pin_target and scene.moclip.target):
            choose(scene, rig)
        scene.moclip.seed = min(clip.seed, _LARGEST)
        if not job.script:
            remember_prompt(scene.moclip, clip.text)
    limits = [o for o in obstacles.found(rig, map_rig(rig), scene.moclip.root) if not o.stops]
    held = action[history.KEY].get("pins", "")
    told = [action[history.KEY].get("path", ""), held, *clip.warnings, *(limit.told for limit in limits)]
    level, mend = "WARNING" if clip.warnings or limits or held else "INFO", limits[0].action if limits else ""
    message = f"Keyed '{action.name}' on '{rig.name}': {clip.seconds:.1f} s. {' '.join(told).strip()}"
    SESSION.say(level, message.strip(), mend)
    reporting.failed = None
    return {"FINISHED"}


def _make(context: bpy.types.Context, job: Job) -> bpy.types.Object:
    """A new character, selected so that what comes next is for it too; a batch leaves the selection as it was."""
    layer = context.view_layer
    active, selected = layer.objects.active, list(layer.objects.selected)
    rig = create_armature(context) if context.scene.moclip.new_character == "BONES" else create_mannequin(context)
    if job.as_strip:
        rig.select_set(False)
        for obj in selected:
            obj.select_set(True)
        layer.objects.active = active
    return rig


def _key(
    rig: bpy.types.Object, job: Job, clip: Clip, scene: bpy.types.Scene, start: int, place: Place | None
) -> bpy.types.Action:
    earlier = before.taken(rig, scene)
    previous = earlier.action
    # Roots and objects are taken over as they are where the motion starts.
    pins = () if job.as_strip or job.edit else pins_of(rig, scene)
    with at_frame(scene, start):
        if job.edit is None:
            action = apply_clip(rig, clip, scene, start, how_of(scene.moclip, place, job, pins))
        else:
            action = apply_edit(rig, clip, scene, job.edit, scene.moclip.foot_lock)
    if not job.as_strip:
        go_to_motion(scene, *_frames_of(action))
    history.stand_in(action, earlier, scene)
    action[history.KEY]["job"] = job.id
    if job.as_strip:
        return history.accept(rig, as_strip=True)
    if history.is_ours(previous) and previous[history.KEY].get("job") == job.id:
        if not previous[history.KEY].get("accepted"):
            name = previous.name
            bpy.data.actions.remove(previous)
            action.name = name  # not with the number that it got beside the one it replaces
    return action


def _frames_of(action: bpy.types.Action) -> tuple[int, int]:
    """The first and the last frame that a motion was made for: of a range that was made anew, that alone."""
    told = action[history.KEY]
    if "first" in told:
        return int(told["first"]), int(told["end"]) - 1
    first, last = action.frame_range
    return round(first), round(last)


def how_of(settings: bpy.types.PropertyGroup, place: Place | None, job: Job, pins: tuple[Held, ...]) -> Fit:
    """How a motion of a job is fitted, by the settings as they are now; a loop of the library repeats but on a path."""
    return Fit(
        root=settings.root,
        pins=pins,
        place=place if settings.start_at == "CHARACTER" else None,
        path=None if job.as_strip else settings.path,
        pace=settings.path_pace,
        facing=settings.path_facing,
        foot_lock=settings.foot_lock,
        loop=settings.use_loop or (job.repeats and settings.path is None),
        ik=BY_IK[settings.limbs_by],
        degrees=settings.key_error if settings.use_fewer_keys else 0.0,
    )
