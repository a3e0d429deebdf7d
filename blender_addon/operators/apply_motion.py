# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

from ..errors import MoclipError
from ..fit import Place
from ..keyframes import Fit, apply_clip
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
        scene, rig, start, place = context.scene, None, context.scene.frame_current, None
        if job.file_number == SESSION.file_number:
            scene, start = bpy.data.scenes.get(job.scene, scene), job.start
            rig = job.target.find() if job.target else None
            place = job.place if rig is not None else None
        rig = rig or scene.moclip.target
        try:
            if rig is None:
                rig = create_armature(context)
            action = apply_clip(rig, clip, scene, start, _how(scene.moclip, place))
        except MoclipError as error:
            return fail(self, error)
        scene.moclip.target = rig
        warnings = " ".join(clip.warnings)
        level = "WARNING" if warnings else "INFO"
        SESSION.say(level, f"Keyed '{action.name}' on '{rig.name}': {clip.seconds:.1f} s. {warnings}".strip())
        return {"FINISHED"}


def _how(settings: bpy.types.PropertyGroup, place: Place | None) -> Fit:
    return Fit(
        root=settings.root,
        place=place if settings.start_at == "CHARACTER" else None,
        foot_lock=settings.foot_lock,
        loop=settings.use_loop,
        degrees=settings.key_error if settings.use_fewer_keys else 0.0,
    )
