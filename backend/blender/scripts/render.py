# SPDX-License-Identifier: Apache-2.0
"""Render frames of a .blend file. Run by Blender's Python.

Task: blend, engine ("WORKBENCH" or "CYCLES"), frames (list), width, height, pattern (path with {:04d}).
"""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

import in_blender  # noqa: E402
from in_blender import Failed, tell  # noqa: E402


def _use_workbench(scene: bpy.types.Scene) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_shadows, shading.shadow_intensity = True, 0.35
    shading.background_type, shading.background_color = "VIEWPORT", (0.86, 0.87, 0.88)
    scene.display.light_direction = (0.35, 0.45, 0.82)
    # The pictures are scaled down afterwards: cheaper than samples where no GPU draws them.
    scene.display.render_aa = "FXAA"
    scene.view_settings.exposure = 0.5


def _use_cycles(scene: bpy.types.Scene) -> None:
    bpy.ops.preferences.addon_enable(module="cycles")
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples = "CPU", 16
    scene.cycles.use_denoising = False


def render(task: dict) -> None:
    bpy.ops.wm.open_mainfile(filepath=task["blend"])
    scene = bpy.context.scene
    {"WORKBENCH": _use_workbench, "CYCLES": _use_cycles}[task["engine"]](scene)
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = task["width"], task["height"]
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    for number, frame in enumerate(task["frames"]):
        scene.frame_set(frame)
        scene.render.filepath = task["pattern"].format(number)
        bpy.ops.render.render(write_still=True)
        if not Path(scene.render.filepath).is_file():
            raise Failed(f"The picture '{scene.render.filepath}' was not written.")
        tell(progress=(number + 1) / len(task["frames"]), what="rendering")


in_blender.run(render)
