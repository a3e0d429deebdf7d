# SPDX-License-Identifier: GPL-3.0-or-later
"""Accept, reject, try again, recall."""

from contextlib import suppress

import bpy

from ..backend.jobs import Job
from ..backend.session import SESSION
from ..keying import history
from ..library import record
from ..rig import root as travel
from ..rig.target import character_of
from ..shared.errors import MoclipError
from .generate import check_prompt, check_target, is_idle, make_job, submit
from .polls import has_target, may_apply
from .reporting import fail, tell
from .use_motion import use


class _OfTarget:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_target(cls, context) and may_apply(cls, context)


class OfMotion(_OfTarget):
    wanted = staticmethod(history.shown)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        try:
            cls.wanted(character_of(context))
        except MoclipError as error:
            cls.poll_message_set(str(error))
            return False
        return True


class MOCLIP_OT_accept(OfMotion, bpy.types.Operator):
    """Keep the motion that is shown, as the action of the character or as a strip in its NLA"""

    bl_idname = "moclip.accept"
    bl_label = "Accept"

    as_strip: bpy.props.BoolProperty(
        name="To NLA",
        description="Make it a strip, over what the character did before, which becomes a strip too",
        default=False,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            action = history.accept(character_of(context), self.as_strip)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Kept '{action.name}'{' as a strip' if self.as_strip else ''}.")


class MOCLIP_OT_reject(OfMotion, bpy.types.Operator):
    """Remove the new motion; the character has again what it had before"""

    bl_idname = "moclip.reject"
    bl_label = "Reject"
    wanted = staticmethod(history.new_motion)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            name = history.reject(character_of(context))
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Removed '{name}'.")


class MOCLIP_OT_try_again(bpy.types.Operator):
    """Generate the same prompt, script or range as the next variant"""

    bl_idname = "moclip.try_again"
    bl_label = "Try Again"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_idle(cls):
            return False
        if SESSION.done is None and not context.scene.moclip.prompt.strip():
            cls.poll_message_set("Write a prompt first.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        return submit(self, lambda: _again(context))


def _again(context: bpy.types.Context) -> Job:
    """The last job with the next seed, on its character, from where it began; its prompt may have been edited since.

    In another file, or where its character is gone, what the panel asks for.
    """
    settings, last = context.scene.moclip, SESSION.done
    again = last.again(seed=(last.seed + last.variations) % 2**31) if last else None
    rig = again.target.find() if again and again.target else None
    if again is None or (again.target is not None and rig is None):
        return make_job(context, check_prompt(settings.prompt), seed=(settings.seed + settings.variations) % 2**31)
    check_target(rig, travel.HIPS if again.edit else settings.root)
    if SESSION.directed is None:
        again.variations, again.text = settings.variations, check_prompt(settings.prompt or again.text)
        again.seconds = None if settings.use_auto_seconds else round(settings.seconds, 2)
    return again


class MOCLIP_OT_recall(_OfTarget, bpy.types.Operator):
    """Make this motion the action of the target again"""

    bl_idname = "moclip.recall"
    bl_label = "Recall"

    action: bpy.props.StringProperty(
        name="Action", description="Name of a motion that MoCLIP made; empty is the newest"
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return f"{cls.__doc__}: {properties.action}" if properties.action else cls.__doc__

    def execute(self, context: bpy.types.Context) -> set[str]:
        newest = next(iter(history.motions()), None)
        action = bpy.data.actions.get(self.action) if self.action else newest
        try:
            if not history.is_ours(action):
                named = f"motion '{self.action}'" if self.action else "motion in this file"
                raise MoclipError(f"There is no {named}.", hint="Generate one first.", code="no_motion")
            history.recall(character_of(context), action, context.scene)
        except MoclipError as error:
            if error.code == "other_rig" and record.is_kept(action):
                # An asset of the library that Blender itself brought into the file.
                return use(self, context, lambda: record.clip_in(action))
            return fail(self, error)
        # Its owner may have edited it, or it is larger than Blender's.
        with suppress(KeyError, TypeError, ValueError, OverflowError):
            context.scene.moclip.seed = int(action[history.KEY]["seed"])
        return tell(self, f"'{action.name}' is back on '{character_of(context).name}'.")
