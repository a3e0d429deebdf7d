# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable

import bpy

from ..backend import timer
from ..backend.jobs import Job, Target
from ..backend.session import SESSION
from ..keying.keyframes import check_editable, place_of
from ..keying.scene import at_frame
from ..rig import obstacles
from ..rig import root as travel
from ..rig.mapping import map_rig
from ..rig.rest import RigRest
from ..rig.target import character_of, target_of
from ..shared.errors import MoclipError
from .reporting import fail
from .start_backend import start


class MOCLIP_OT_generate(bpy.types.Operator):
    """Generate the motion that the prompt describes and key it on the target, from the current frame on"""

    bl_idname = "moclip.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return is_idle(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return submit(self, lambda: make_job(context, check_prompt(context.scene.moclip.prompt)))


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
    try:
        job = make()
        SESSION.submit(job)
        start()
    except MoclipError as error:
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
