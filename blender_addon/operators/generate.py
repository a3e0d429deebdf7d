# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from .. import timer
from ..errors import MoclipError
from ..jobs import Job, Target
from ..keyframes import place_of
from ..rig.mapping import map_rig
from ..session import SESSION
from .reporting import fail
from .start_backend import start

LONGEST_TEXT = 2000


class MOCLIP_OT_generate(bpy.types.Operator):
    """Generate the motion that the prompt describes and key it on the target, from the current frame on"""

    bl_idname = "moclip.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SESSION.job is not None or SESSION.batch.running:
            cls.poll_message_set("A motion is being generated already.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            job = _job(context)
            SESSION.submit(job)
            start()
        except MoclipError as error:
            SESSION.job = None
            return fail(self, error)
        SESSION.say("INFO", "")
        timer.wake()
        return {"FINISHED"}


def check_prompt(prompt: str) -> str:
    """The prompt with single spaces. Raises MoclipError for one that is empty or too long."""
    text = " ".join(prompt.split())
    if not text:
        raise MoclipError("The prompt is empty.", hint="Describe a motion in English.", code="bad_prompt")
    if len(text) > LONGEST_TEXT:
        raise MoclipError(
            f"The prompt is longer than {LONGEST_TEXT} characters.", hint="Shorten it.", code="bad_prompt"
        )
    return text


def _job(context: bpy.types.Context) -> Job:
    """Raises MoclipError for what would fail only after the wait."""
    settings = context.scene.moclip
    text = check_prompt(settings.prompt)
    if settings.target is not None:
        if settings.target.type != "ARMATURE":
            raise MoclipError(
                f"'{settings.target.name}' is not an armature.", hint="Choose another target.", code="bad_rig"
            )
        map_rig(settings.target)
    stands = settings.target is not None and settings.start_at == "CHARACTER"
    return Job(
        text=text,
        seconds=None if settings.use_auto_seconds else round(settings.seconds, 2),
        seed=settings.seed,
        target=Target.of(settings.target) if settings.target else None,
        scene=context.scene.name,
        start=context.scene.frame_current,
        file_number=SESSION.file_number,
        place=place_of(settings.target) if stands else None,
        variations=settings.variations,
    )
