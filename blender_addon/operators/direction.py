# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a range of what the target does anew, go on from it, lead to it."""

import bpy

from ..backend.jobs import Job
from ..backend.session import SESSION
from ..keying.scene import scene_fps
from ..rig.target import character_of
from ..shared.errors import MoclipError
from .generate import action_of, check_prompt, edit_job, is_idle, submit
from .polls import has_target, may_apply


class OfTarget:
    """An operator that generates for what the target does already."""

    bl_options = {"REGISTER"}
    needs_action = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_target(cls, context):
            return False
        if cls.needs_action and action_of(character_of(context)) is None:
            cls.poll_message_set("The target has no action: generate a motion first.")
            return False
        return may_apply(cls, context) and is_idle(cls)


class MOCLIP_OT_edit_range(OfTarget, bpy.types.Operator):
    """Make the range of the target's action anew by the prompt; what is before and after it stays as it is"""

    bl_idname = "moclip.edit_range"
    bl_label = "Regenerate Range"

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        return submit(
            self,
            lambda: edit_job(context, check_prompt(settings.prompt), settings.range_start, settings.range_end),
        )


class MOCLIP_OT_continue_motion(OfTarget, bpy.types.Operator):
    """Go on by the prompt from the pose, place and speed that the target has at the current frame, or where its
    action ends if that is sooner; what the new motion replaces stays in the old action"""

    bl_idname = "moclip.continue_motion"
    bl_label = "Continue"
    needs_action = False

    def execute(self, context: bpy.types.Context) -> set[str]:
        action, first = action_of(character_of(context)), context.scene.frame_current
        if action is not None:
            first = min(first, int(action.frame_range[1]) + 1)
        prompt = context.scene.moclip.prompt
        return submit(self, lambda: edit_job(context, check_prompt(prompt), first, None))


class MOCLIP_OT_lead_in(OfTarget, bpy.types.Operator):
    """Lead by the prompt to the pose and place in which the target's action begins; it ends where that begins"""

    bl_idname = "moclip.lead_in"
    bl_label = "Lead In"

    before_scene: bpy.props.BoolProperty(
        name="Before the Scene",
        description="Let it begin before the scene's first frame, where there is no room for it after that",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        action, prompt = action_of(character_of(context)), context.scene.moclip.prompt
        end = int(action.frame_range[0])

        def make() -> Job:
            seconds = None if self.before_scene else _room(context, action.name, end)
            return edit_job(context, check_prompt(prompt), None, end, seconds)

        return submit(self, make)


def _room(context: bpy.types.Context, name: str, end: int) -> float | None:
    """How long a motion may be that ends at a frame and begins in the scene; None where any length will do.

    Raises MoclipError where the panel asks for more, or there is hardly any.
    """
    scene, settings, limits = context.scene, context.scene.moclip, SESSION.limits
    room = max(0.0, (end - scene.frame_start) / scene_fps(scene))
    if settings.use_auto_seconds and room >= limits.longest_seconds:
        return None
    wanted = settings.seconds if not settings.use_auto_seconds else limits.shortest_seconds
    if wanted > room + 1e-6:
        raise MoclipError(
            f"'{name}' begins at frame {end}, and the scene at {scene.frame_start}: a motion of {wanted:.1f} seconds "
            "would begin before the scene.",
            hint="Move the action later in time, or let it begin before the scene.",
            code="no_room",
            action="before_scene",
        )
    if not settings.use_auto_seconds:
        return None
    # The model's own choice might be longer than there is room for.
    return int(min(room, settings.seconds) * limits.fps + 1e-6) / limits.fps


class MOCLIP_OT_range_from_preview(bpy.types.Operator):
    """Take the timeline's preview range as the range"""

    bl_idname = "moclip.range_from_preview"
    bl_label = "From Preview Range"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.use_preview_range:
            cls.poll_message_set("Set a preview range in the timeline first (P).")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        scene.moclip.range_start = scene.frame_preview_start
        scene.moclip.range_end = scene.frame_preview_end + 1
        return {"FINISHED"}
