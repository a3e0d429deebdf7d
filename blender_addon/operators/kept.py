# SPDX-License-Identifier: GPL-3.0-or-later
"""Mark frames that stay as they are when the range around them is made anew."""

from collections.abc import Iterable

import bpy

from ..editing.kept import chosen
from ..rig.target import character_of
from .timeline import selected_frames


class MOCLIP_OT_keep_frame(bpy.types.Operator):
    """Keep the character's pose at the current frame when a range or a line around it is made anew; again to let go"""

    bl_idname = "moclip.keep_frame"
    bl_label = "Keep This Frame"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        frames = {one.frame for one in context.scene.moclip.kept} ^ {context.scene.frame_current}
        _keep(context, frames)
        return {"FINISHED"}


class MOCLIP_OT_keep_keys(bpy.types.Operator):
    """Keep the character's poses at the keys that are selected, and at no other frames"""

    bl_idname = "moclip.keep_keys"
    bl_label = "Keep Selected Keys"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not len(selected_frames(character_of(context))):
            cls.poll_message_set("Select keys of the character in the Dope Sheet.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        _keep(context, chosen(selected_frames(character_of(context))))
        return {"FINISHED"}


class MOCLIP_OT_keep_none(bpy.types.Operator):
    """Keep no frame any more: a range is made anew as a whole"""

    bl_idname = "moclip.keep_none"
    bl_label = "Keep No Frames"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.moclip.kept:
            cls.poll_message_set("No frame is kept.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        _keep(context, ())
        return {"FINISHED"}


def _keep(context: bpy.types.Context, frames: Iterable[int]) -> None:
    kept = context.scene.moclip.kept
    kept.clear()
    for frame in sorted(frames):
        kept.add().frame = frame
