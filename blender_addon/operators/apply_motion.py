# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..backend.jobs import Job
from ..backend.session import SESSION
from ..editing.range_edit import apply_edit
from ..keying import before, history
from ..keying.keyframes import Fit, apply_clip
from ..keying.scene import at_frame
from ..motion.clip import Clip
from ..motion.fit import Place
from ..rig import obstacles
from ..rig.create import create_armature
from ..rig.held import Held
from ..rig.mapping import map_rig
from ..shared.errors import MoclipError
from . import reporting
from .pins import pins_of
from .polls import may_apply
from .reporting import fail


class _OfHeldMotion:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if SESSION.held is None:
            cls.poll_message_set("Generate a motion first.")
            return False
        return may_apply(cls, context)


class MOCLIP_OT_apply_motion(_OfHeldMotion, bpy.types.Operator):
    """Key the last generated motion on the target armature as a new action; the old action is kept"""

    bl_idname = "moclip.apply_motion"
    bl_label = "Apply Last Motion"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _apply_held(self, context)


class MOCLIP_OT_show_take(_OfHeldMotion, bpy.types.Operator):
    """Key another take of the last prompt in place of the one that is shown; accepted takes stay"""

    bl_idname = "moclip.show_take"
    bl_label = "Show Take"

    step: bpy.props.IntProperty(name="Step", description="How many takes to go on", default=1)

    def execute(self, context: bpy.types.Context) -> set[str]:
        before_it = SESSION.shown
        SESSION.shown = (before_it + self.step) % len(SESSION.takes)
        result = _apply_held(self, context)
        if result == {"CANCELLED"}:
            SESSION.shown = before_it
        return result


def _apply_held(operator: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
    job, clip = SESSION.held
    scene, rig, start, place = context.scene, None, context.scene.frame_current, None
    if job.file_number == SESSION.file_number:
        scene, start = bpy.data.scenes.get(job.scene, scene), job.start
        rig = job.target.find() if job.target else None
        place = job.place if rig is not None else None
    rig = rig or scene.moclip.target
    try:
        if rig is None:
            rig = create_armature(context)
        action = _key(rig, job, clip, scene, start, place)
    except MoclipError as error:
        return fail(operator, error)
    scene.moclip.target = rig
    limits = [o for o in obstacles.found(rig, map_rig(rig), scene.moclip.root) if not o.stops]
    held = action[history.KEY].get("pins", "")
    told = [action[history.KEY].get("path", ""), held, *clip.warnings, *(limit.told for limit in limits)]
    level, mend = "WARNING" if clip.warnings or limits or held else "INFO", limits[0].action if limits else ""
    message = f"Keyed '{action.name}' on '{rig.name}': {clip.seconds:.1f} s. {' '.join(told).strip()}"
    SESSION.say(level, message.strip(), mend)
    reporting.failed = None
    return {"FINISHED"}


def _key(
    rig: bpy.types.Object, job: Job, clip: Clip, scene: bpy.types.Scene, start: int, place: Place | None
) -> bpy.types.Action:
    earlier = before.taken(rig, scene)
    previous = earlier.action
    # Roots and objects are taken over as they are where the motion starts.
    pins = () if job.as_strip or job.edit else pins_of(rig, scene)
    with at_frame(scene, start):
        if job.edit is None:
            action = apply_clip(rig, clip, scene, start, _how(scene.moclip, place, job, pins))
        else:
            action = apply_edit(rig, clip, scene, job.edit, scene.moclip.foot_lock)
    history.stand_in(action, earlier, scene)
    action[history.KEY]["job"] = job.id
    if job.as_strip:
        return history.accept(rig, as_strip=True)
    if history.is_ours(previous) and previous[history.KEY].get("job") == job.id:
        if not previous[history.KEY].get("accepted"):
            bpy.data.actions.remove(previous)
    return action


def _how(settings: bpy.types.PropertyGroup, place: Place | None, job: Job, pins: tuple[Held, ...]) -> Fit:
    return Fit(
        root=settings.root,
        pins=pins,
        place=place if settings.start_at == "CHARACTER" else None,
        path=None if job.as_strip else settings.path,
        foot_lock=settings.foot_lock,
        loop=settings.use_loop,
        degrees=settings.key_error if settings.use_fewer_keys else 0.0,
    )
