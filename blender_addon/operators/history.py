# SPDX-License-Identifier: GPL-3.0-or-later
"""Accept, reject, try again, recall."""

import bpy

from ..backend.jobs import Job
from ..backend.session import SESSION
from ..keying import history
from ..shared.errors import MoclipError
from .generate import check_prompt, check_target, is_idle, make_job, submit
from .polls import has_target, may_apply
from .reporting import fail, tell


class _OfTarget:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_target(cls, context) and may_apply(cls, context)


class OfNewMotion(_OfTarget):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        try:
            history.new_motion(context.scene.moclip.target)
        except MoclipError as error:
            cls.poll_message_set(str(error))
            return False
        return True


class MOCLIP_OT_accept(OfNewMotion, bpy.types.Operator):
    """Keep the new motion, as the action of the character or as a strip in its NLA"""

    bl_idname = "moclip.accept"
    bl_label = "Accept"

    as_strip: bpy.props.BoolProperty(
        name="To NLA", description="Make it a strip, over what the character did before", default=False
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            action = history.accept(context.scene.moclip.target, self.as_strip)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Kept '{action.name}'{' as a strip' if self.as_strip else ''}.")


class MOCLIP_OT_reject(OfNewMotion, bpy.types.Operator):
    """Remove the new motion; the character has again what it had before"""

    bl_idname = "moclip.reject"
    bl_label = "Reject"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            name = history.reject(context.scene.moclip.target)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"Removed '{name}'.")


class MOCLIP_OT_try_again(bpy.types.Operator):
    """Generate the same prompt, script or range with the next seed"""

    bl_idname = "moclip.try_again"
    bl_label = "Try Again"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_idle(cls):
            return False
        if SESSION.directed is None and not context.scene.moclip.prompt.strip():
            cls.poll_message_set("Write a prompt first.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        seed = settings.seed + settings.variations

        def make() -> Job:
            if SESSION.directed is None:
                return make_job(context, check_prompt(settings.prompt), seed=seed)
            check_target(SESSION.directed.target and SESSION.directed.target.find())
            return SESSION.directed.again(seed)

        result = submit(self, make)
        if result == {"FINISHED"}:
            settings.seed = seed
        return result


class MOCLIP_OT_recall(_OfTarget, bpy.types.Operator):
    """Make this motion the action of the target again"""

    bl_idname = "moclip.recall"
    bl_label = "Recall"

    action: bpy.props.StringProperty(
        name="Action", description="Name of a motion that MoCLIP made; empty is the newest"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        newest = next(iter(history.motions()), None)
        action = bpy.data.actions.get(self.action) if self.action else newest
        try:
            if not history.is_ours(action):
                named = f"motion '{self.action}'" if self.action else "motion in this file"
                raise MoclipError(f"There is no {named}.", hint="Generate one first.", code="no_motion")
            history.recall(context.scene.moclip.target, action, context.scene)
        except MoclipError as error:
            return fail(self, error)
        return tell(self, f"'{action.name}' is back on '{context.scene.moclip.target.name}'.")
