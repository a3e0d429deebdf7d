# SPDX-License-Identifier: Apache-2.0
"""Install the add-on, make the armature, generate, key, dress the scene, save. Run by Blender's Python.

Task: zip, text, seconds (or null), seed, blend and motion (paths to write).
"""

import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cameras  # noqa: E402
import in_blender  # noqa: E402
import stage_set  # noqa: E402
from in_blender import Stage, tell  # noqa: E402


def demo(task: dict) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 20
    with Stage("install add-on"):
        addon = in_blender.Addon(task["zip"])
    with Stage("create armature"):
        bpy.ops.moclip.create_armature()
    with Stage("start backend"):
        addon.start_backend()
    with Stage("generate and keyframe"):
        rig = addon.generate(task["text"], task["seconds"], task["seed"])
    clip = addon.clip
    tell(warnings=list(clip.warnings), seconds_of_motion=clip.seconds, blender=bpy.app.version_string)
    np.savez(
        task["motion"], rotations=clip.rotations, root_translation=clip.root_translation, fps=clip.fps, seed=clip.seed
    )
    with Stage("save demo.blend"):
        scene = bpy.context.scene
        scene.frame_start, scene.frame_end = 1, len(clip.rotations)
        stage_set.add_body(rig)
        stage_set.add_floor()
        stage_set.add_light()
        cameras.add_camera(rig, scene.frame_start, scene.frame_end)
        rig.hide_render = True
        scene.frame_set(1)
        bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1 beside it
        bpy.ops.wm.save_as_mainfile(filepath=task["blend"], compress=True)
    addon.close()


in_blender.run(demo)
