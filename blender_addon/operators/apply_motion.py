# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..errors import MoclipError
from ..keyframes import apply_clip
from ..rig.create import create_armature
from ..session import MODES_TO_APPLY_IN, SESSION
from .reporting import fail


class MOCLIP_OT_apply_motion(bpy.types.Operator):
    """Key the last generated motion on the target armature as a new action; the old action is kept"""

    bl_idname = "moclip.apply_motion"
    bl_label = "Apply Last Motion"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return SESSION.held is not None and context.mode in MODES_TO_APPLY_IN

    def execute(self, context: bpy.types.Context) -> set[str]:
        job, clip = SESSION.held
        scene, rig, start = context.scene, None, context.scene.frame_current
        if job.file_number == SESSION.file_number:
            scene, start = bpy.data.scenes.get(job.scene, scene), job.start
            rig = job.target.find() if job.target else None
        rig = rig or scene.moclip.target
        try:
            if rig is None:
                rig = create_armature(context)
            action = apply_clip(rig, clip, scene, start)
        except MoclipError as error:
            return fail(self, error)
        scene.moclip.target = rig
        warnings = " ".join(clip.warnings)
        level = "WARNING" if warnings else "INFO"
        SESSION.say(level, f"Keyed '{action.name}' on '{rig.name}': {clip.seconds:.1f} s. {warnings}".strip())
        return {"FINISHED"}
