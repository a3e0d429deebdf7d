# SPDX-License-Identifier: Apache-2.0
"""Render frames of a .blend file. Run by Blender's Python.

Task: blend, engine ("WORKBENCH" or "CYCLES"), width, height, textures (show materials' pictures), shots: a list of
{frames (list), pattern (path with {:04d}), camera and only (a camera's name and those of the collections that are
rendered, both null: the scene as it is)}.
"""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

import in_blender  # noqa: E402
from in_blender import Failed, tell  # noqa: E402


def _use_workbench(scene: bpy.types.Scene, textures: bool) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "TEXTURE" if textures else "MATERIAL"
    shading.show_shadows, shading.shadow_intensity = True, 0.35
    shading.background_type, shading.background_color = "VIEWPORT", (0.86, 0.87, 0.88)
    scene.display.light_direction = (0.35, 0.45, 0.82)
    # The pictures are scaled down afterwards: cheaper than samples where no GPU draws them.
    scene.display.render_aa = "FXAA"
    scene.view_settings.exposure = 0.5


def _use_cycles(scene: bpy.types.Scene, _textures: bool) -> None:
    bpy.ops.preferences.addon_enable(module="cycles")
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples = "CPU", 16
    scene.cycles.use_denoising = False


def _show_only(scene: bpy.types.Scene, shot: dict) -> None:
    if shot["only"] is None:
        return
    for collection in scene.collection.children:
        collection.hide_render = collection.name not in shot["only"]
    scene.camera = bpy.data.objects[shot["camera"]]


def render(task: dict) -> None:
    bpy.ops.wm.open_mainfile(filepath=task["blend"])
    scene = bpy.context.scene
    {"WORKBENCH": _use_workbench, "CYCLES": _use_cycles}[task["engine"]](scene, task["textures"])
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = task["width"], task["height"]
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    done, total = 0, sum(len(shot["frames"]) for shot in task["shots"])
    for shot in task["shots"]:
        _show_only(scene, shot)
        for number, frame in enumerate(shot["frames"]):
            scene.frame_set(frame)
            scene.render.filepath = shot["pattern"].format(number)
            bpy.ops.render.render(write_still=True)
            if not Path(scene.render.filepath).is_file():
                raise Failed(f"The picture '{scene.render.filepath}' was not written.")
            done += 1
            tell(progress=done / total, what="rendering")


in_blender.run(render)
