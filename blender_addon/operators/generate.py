# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable

import bpy

from ..backend import timer
from ..backend.jobs import Job, Target
from ..backend.session import SESSION
from ..editing.kept import filled
from ..editing.range_edit import read_edit
from ..keying.keyframes import check_editable, place_of
from ..keying.scene import at_frame, scene_fps
from ..rig import obstacles
from ..rig import root as travel
from ..rig.mapping import map_rig
from ..rig.rest import RigRest
from ..rig.target import character_of, target_of
from ..shared.errors import MoclipError
from .reporting import fail
from .start_backend import start


class MOCLIP_OT_generate(bpy.types.Operator):
    """Generate the motion that the prompt describes and key it on the target, from the current frame on; frames of the
    target's action that are kept are met"""

    bl_idname = "moclip.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return is_idle(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return submit(self, lambda: _job(context))


def _job(context: bpy.types.Context) -> Job:
    """A motion of its own, or one between frames that are kept of what the target does."""
    settings = context.scene.moclip
    text, rig = check_prompt(settings.prompt), target_of(context)
    length = None if settings.use_auto_seconds else round(settings.seconds * scene_fps(context.scene))
    span = filled((one.frame for one in settings.kept), context.scene.frame_current, length)
    if span is None or rig is None or action_of(rig) is None:
        return make_job(context, text)
    if settings.use_loop or settings.path is not None:
        against = "repeats" if settings.use_loop else f"follows '{settings.path.name}'"
        raise MoclipError(
            f"A motion that {against} cannot meet frames that are kept.",
            hint="Keep no frames, or take that setting out of Fit.",
            code="bad_range",
        )
    return edit_job(context, text, *span, anew=True)


def action_of(rig: bpy.types.Object) -> bpy.types.Action | None:
    return rig.animation_data.action if rig.animation_data else None


def is_idle(operator: type[bpy.types.Operator]) -> bool:
    """For polls: is nothing being generated?"""
    if SESSION.job is not None or SESSION.batch.running:
        operator.poll_message_set("A motion is being generated already.")
        return False
    if SESSION.retargeting:
        operator.poll_message_set("The last motion is being applied.")
        return False
    return True


def submit(operator: bpy.types.Operator, make: Callable[[], Job]) -> set[str]:
    """Make a job and send it as soon as the backend is there; what cannot be is told at once."""
    job: Job | None = None
    try:
        job = make()
        # First: a backend with a job is not left for one with other settings, such as another model.
        start()
        SESSION.submit(job)
    except MoclipError as error:
        if SESSION.job is job:
            SESSION.job = None
        return fail(operator, error)
    SESSION.say("INFO", "")
    timer.wake()
    return {"FINISHED"}


def check_prompt(prompt: str) -> str:
    """The prompt with single spaces. Raises MoclipError for one that is empty or too long."""
    text = " ".join(prompt.split())
    if not text:
        raise MoclipError("The prompt is empty.", hint="Describe a motion in English.", code="bad_prompt")
    longest = SESSION.limits.text_characters
    if len(text) > longest:
        raise MoclipError(f"The prompt is longer than {longest} characters.", hint="Shorten it.", code="bad_prompt")
    return text


def check_target(target: bpy.types.Object | None, root: str = travel.HIPS) -> None:
    """Raises MoclipError for a target that no motion can be keyed on; none at all is made when the motion comes.

    root: who is to carry the travel.
    """
    if target is None:
        return
    if target.type != "ARMATURE":
        raise MoclipError(f"'{target.name}' is not an armature.", hint="Choose another target.", code="bad_rig")
    check_editable(target)
    bone_of = map_rig(target)
    RigRest(target, bone_of)  # refuses rests that nobody can stand in
    obstacles.check(target, bone_of, root)


def make_job(context: bpy.types.Context, text: str, **changed) -> Job:
    """A job by the panel's settings, but for `changed`. Raises MoclipError for what would fail only after the wait."""
    settings, start = context.scene.moclip, changed.get("start", context.scene.frame_current)
    target = character_of(context) if "edit" in changed else target_of(context)
    check_target(target, travel.HIPS if "edit" in changed else settings.root)
    place = None
    if target is not None and settings.start_at == "CHARACTER" and "edit" not in changed:
        with at_frame(context.scene, start):
            place = place_of(target)
    asked = {
        "text": text,
        "seconds": None if settings.use_auto_seconds else round(settings.seconds, 2),
        "seed": settings.seed,
        "target": Target.of(target) if target else None,
        "scene": context.scene.name,
        "start": start,
        "file_number": SESSION.file_number,
        "place": place,
        "variations": settings.variations,
    }
    return Job(**asked | changed)


def edit_job(
    context: bpy.types.Context, text: str, first: int | None, end: int | None, seconds: float | None = None,
    anew: bool = False,
) -> Job:  # fmt: skip
    """A job that makes the frames first..end-1 anew; an open end is as long as the panel, or `seconds`, says.

    anew: as of `read_edit`. Raises MoclipError.
    """
    scene, rig = context.scene, character_of(context)
    check_target(rig)
    changed = {} if seconds is None else {"seconds": seconds}
    if first is not None and end is not None:
        changed["seconds"] = _seconds_of(first, end, scene_fps(scene))
    kept = [one.frame for one in scene.moclip.kept]
    edit = read_edit(rig, scene, first, end, SESSION.limits.fps, kept, anew)
    if len(edit.kept) > SESSION.limits.anchors:
        raise MoclipError(
            f"{len(edit.kept)} frames are to be kept from {first} to {end}.",
            hint=f"Keep at most {SESSION.limits.anchors}, or choose a shorter range.",
            code="bad_range",
        )
    return make_job(context, text, edit=edit, start=first if first is not None else scene.frame_current, **changed)


def _seconds_of(first: int, end: int, fps: float) -> float:
    """As long as whole frames of the model make it. Raises MoclipError for a range that is too short or too long."""
    seconds, limits = (end - first) / fps, SESSION.limits
    if not limits.between_seconds - 1e-6 <= seconds <= limits.longest_seconds + 1e-6:
        raise MoclipError(
            f"The range from frame {first} to {end} lasts {seconds:.2f} seconds.",
            hint=f"Choose one of {limits.between_seconds} to {limits.longest_seconds} seconds.",
            code="bad_range",
        )
    return round(seconds * limits.fps) / limits.fps
